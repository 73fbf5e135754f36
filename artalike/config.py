"""Settings: flag, then ``ARTALIKE_SECTION__KEY``, then the file, then the default.

Each layer is checked by itself, so that an error names the flag, variable or key as the person wrote it.
`config.toml` at the repository root lists every setting; a test holds it against this module.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast, get_origin

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, ValidationError

from artalike import __version__
from artalike.errors import SettingError

ENVIRONMENT_PREFIX: Final = "ARTALIKE_"
DEFAULT_FILE: Final = Path("config.toml")

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]

Spell = Callable[..., str]
"""How a layer spells a setting, from its section and, where there is one, its key."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(Section):
    role: Literal["all", "web", "crawl"] = "all"
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    log: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    drain_seconds: Positive = 20.0
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()


class Admin(Section):
    token: str = Field("", repr=False)


class Storage(Section):
    data: Path = Path("data")
    catalog: str = Field("", pattern=r"^(postgres(ql)?://\S+)?$", repr=False)
    commit_items: Count = 64
    commit_seconds: Positive = 0.25
    readers: Count = 3
    thumbnails: str = Field("", pattern=r"^(s3://[^/\s]+(/[^\s]*)?)?$")
    thumbnails_endpoint: str = Field("", pattern=r"^(https?://[^\s?#@]+)?$")
    thumbnails_serve: Literal["proxy", "redirect"] = "proxy"
    thumbnails_key: str = Field("", repr=False)
    thumbnails_secret: str = Field("", repr=False)


class Crawl(Section):
    user_agent: str = Field(f"artalike/{__version__}", pattern=r"^artalike/[!-~]")
    contact: str = ""
    allow_private: bool = False
    host_rate: NotNegative = 1.0
    host_concurrency: Count = 2
    host_rules: str = ""
    depth: int = Field(1, ge=0)
    max_documents: Count = 10_000
    max_found: Count = 5_000_000
    languages: tuple[str, ...] = Field(("en",), min_length=1)
    open_access_only: bool = True
    attempts: Count = 4
    backoff_seconds: Positive = 5.0
    backoff_max_seconds: Positive = 3600.0
    robots_hours: Positive = 24.0


class DownloadSettings(Section):
    workers: Count = 32
    connect_seconds: Positive = 10.0
    read_seconds: Positive = 20.0
    total_seconds: Positive = 120.0
    preferred_side: Count = 1024
    max_bytes: Count = 64_000_000
    max_document_bytes: Count = 50_000_000
    max_redirects: int = Field(5, ge=0)
    buffer_bytes: Count = 256_000_000


class Imaging(Section):
    max_pixels: Count = 120_000_000
    max_side: Count = 20_000
    min_side: Count = 16
    thumbnail_widths: tuple[Count, ...] = Field((256, 640), min_length=1)
    thumbnail_quality: int = Field(85, ge=1, le=100)
    threads: Count = 2


class EmbeddingSettings(Section):
    model: str = "efficientnet_lite2"
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    compile: Literal["auto", "off"] = "auto"
    batch_size: Count | Literal["auto"] = "auto"
    batch_seconds: NotNegative = 0.05
    threads: int = Field(0, ge=0)

    @property
    def batch(self) -> int:
        """Pictures at once. Eight of them stay in a processor's cache: more are slower there."""
        return 8 if self.batch_size == "auto" else self.batch_size

    @property
    def cores(self) -> int:
        """Batches beside each other at most."""
        return self.threads or os.cpu_count() or 1


class Index(Section):
    engine: Literal["faiss", "milvus"] = "faiss"
    uri: str = Field("http://127.0.0.1:19530", pattern=r"^https?://[^\s@?#]+$")
    token: str = Field("", repr=False)
    collection: str = Field("artalike", pattern=r"^[A-Za-z_][0-9A-Za-z_]{0,63}$")
    index_type: Literal["HNSW", "IVF_FLAT", "FLAT"] = "HNSW"
    consistency: Literal["strong", "session", "bounded", "eventually"] = "bounded"
    recall: float = Field(0.99, gt=0, le=1)
    factory: str = ""
    snapshot_adds: Count = 10_000
    snapshot_seconds: Positive = 300.0


class Gallery(Section):
    title: str = "Artalike"
    page_size: int = Field(60, ge=1, le=200)
    fetch_queries: bool = False
    max_upload_bytes: Count = 20_000_000
    query_seconds: Positive = 10.0
    queries_per_minute: int = Field(300, ge=0)
    contact: str = ""
    map: bool = True
    full_images: Literal["on", "off"] = "on"


Base = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]


class Museums(Section):
    """Base addresses of the museums' interfaces, without a slash at their end."""

    met: Base = "https://collectionapi.metmuseum.org/public/collection/v1"
    louvre: Base = "https://collections.louvre.fr"
    aic: Base = "https://api.artic.edu/api/v1"
    cleveland: Base = "https://openaccess-api.clevelandart.org/api"
    rijksmuseum: Base = "https://data.rijksmuseum.nl"
    commons: Base = "https://commons.wikimedia.org/w"


class Settings(Section):
    """Every setting, checked and frozen. The sections' defaults are the program's defaults."""

    server: Server = Server()
    admin: Admin = Admin()
    storage: Storage = Storage()
    crawl: Crawl = Crawl()
    museums: Museums = Museums()
    download: DownloadSettings = DownloadSettings()
    imaging: Imaging = Imaging()
    embedding: EmbeddingSettings = EmbeddingSettings()
    index: Index = Index()
    gallery: Gallery = Gallery()


def load(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    flag_names: Mapping[str, str] | None = None,
) -> Settings:
    """Settings from all layers.

    ``file`` must exist when given; without it `config.toml` in the current folder is read if it is there.
    ``flags`` are ``{section: {key: text}}``; ``flag_names`` maps ``section.key`` to the flag's spelling.

    Raises :class:`SettingError` that names the flag, variable or key, the value, and what was expected.
    """
    merged: dict[str, dict[str, Any]] = {}
    path = file if file is not None else DEFAULT_FILE
    if file is not None or path.is_file():
        _merge(merged, _from_file(path))
    _merge(merged, _from_environment(os.environ if environment is None else environment))
    names = flag_names or {}
    _merge(merged, _from_texts(flags or {}, lambda section, key: names.get(f"{section}.{key}", f"--{key}")))
    return Settings.model_validate(merged)


def _from_file(path: Path) -> Settings:
    try:
        with path.open("rb") as stream:
            data = tomllib.load(stream)
    except OSError as error:
        raise SettingError(f"--config {path}: {error.strerror}; expected a readable TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"--config {path}: not TOML: {error}") from error
    try:
        # Through JSON: only there does pydantic's strict mode take arrays for tuples and text for paths.
        return Settings.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        raise _explain(error, lambda location: f"{path}: {location}") from error


def _from_environment(environment: Mapping[str, str]) -> Settings:
    sections: dict[str, dict[str, str]] = {}
    for name, value in environment.items():
        section, separator, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if name.startswith(ENVIRONMENT_PREFIX) and separator:
            sections.setdefault(section, {})[key] = value
    return _from_texts(sections, lambda *names: (ENVIRONMENT_PREFIX + "__".join(names)).upper())


def _from_texts(sections: Mapping[str, Mapping[str, Any]], spell: Spell) -> Settings:
    texts: dict[str, dict[str, Any]] = {}
    lists: dict[str, dict[str, Any]] = {}
    for section, keys in sections.items():
        for key, value in keys.items():
            if _is_list(section, key):
                lists.setdefault(section, {})[key] = [item.strip() for item in str(value).split(",")]
            else:
                texts.setdefault(section, {})[key] = value
    merged: dict[str, dict[str, Any]] = {}
    try:
        _merge(merged, Settings.model_validate_strings(texts))
        _merge(merged, Settings.model_validate(lists))  # pydantic's strings mode takes no lists
    except ValidationError as error:
        raise _explain(error, lambda location: spell(*location.split(".")[:2])) from error
    return Settings.model_validate(merged)


def _is_list(section: str, key: str) -> bool:
    if section not in Settings.model_fields:
        return False
    field = _section(section).model_fields.get(key)
    return field is not None and get_origin(field.annotation) is tuple


def _is_secret(section: str, key: str = "") -> bool:
    field = _section(section).model_fields.get(key)
    return field is not None and not field.repr


def _section(name: str) -> type[Section]:
    return cast("type[Section]", Settings.model_fields[name].annotation)


def _merge(into: dict[str, dict[str, Any]], layer: Settings) -> None:
    for section, keys in layer.model_dump(exclude_unset=True).items():
        into.setdefault(section, {}).update(keys)


def _explain(error: ValidationError, spell: Callable[[str], str]) -> SettingError:
    first = error.errors(include_url=False)[0]
    location = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        section = str(first["loc"][0])
        known = sorted(Settings.model_fields if len(first["loc"]) == 1 else _section(section).model_fields)
        return SettingError(f"{spell(location)}: unknown setting; expected one of {', '.join(known)}")
    message = first["msg"][0].lower() + first["msg"][1:]
    if _is_secret(*location.split(".")[:2]):
        return SettingError(f"{spell(location)}: {message}")
    return SettingError(f"{spell(location)} = {first['input']!r}: {message}")

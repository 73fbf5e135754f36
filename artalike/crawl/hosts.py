"""What the owners of well-known hosts ask of crawlers, as data: `hosts.toml` beside this module, and the user's own.

::

    ["api.example.org"]         # this host, at any port; "*.example.org" is every host below example.org, "*" all
    rate = 1.0                  # requests a second, 0 for no limit; crawl.host_rate where it is left out
    concurrency = 1             # requests at once; crawl.host_concurrency where it is left out
    headers = { "X-Crawler" = "{user_agent}" }   # sent with each request; the braces stand for our User-Agent
    interfaces = ["/api/"]      # paths offered to programs, though robots.txt closes them to crawlers of pages
    source = "https://…"        # where its owner says so

The first that fits counts: of the user's file before ours, of a host by its name before one by ``*``, of the longer
``*`` before the shorter. It stands in place of the settings, also where these would be slower; a robots.txt that asks
for more time still has it. A user's ``["*"]`` with nothing below it leaves everything to the settings.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from artalike.crawl import urls
from artalike.errors import SettingError

PACKAGED: Final = Path(__file__).with_name("hosts.toml")
USER_AGENT: Final = "{user_agent}"

# Ours to set, or credentials: visitors' questions carry a rule's headers, too, and must not borrow the owner's rights.
_RESERVED: Final = frozenset(
    {"host", "user-agent", "accept-encoding", "connection", "content-length", "transfer-encoding"}
    | {"cookie", "authorization", "proxy-authorization"}
)
_PORT: Final = re.compile(r":[0-9]+$")
_DOT: Final = re.compile(r"\.")
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]{0,500}")


def _plain_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _RESERVED or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"{name!r} is no header that may be added, or has a value that is not plain text")
    return MappingProxyType(dict(headers))


class HostRule(BaseModel):
    """How one host is asked. ``rate`` is requests a second, 0 for no limit; None leaves it to the settings.

    ``interfaces`` are paths that the host's owner offers to programs, whatever its robots.txt, which speaks to
    crawlers of pages, says of them; one that ends in a slash is all below it. A Crawl-delay is kept there, too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float | None = Field(None, ge=0, allow_inf_nan=False)
    concurrency: int | None = Field(None, ge=1)
    headers: Annotated[Mapping[str, str], AfterValidator(_plain_headers)] = Field(default_factory=dict)
    interfaces: Sequence[Annotated[str, Field(pattern=r"^/[!-~]+$")]] = ()
    source: str = ""

    @property
    def limits(self) -> bool:
        """Whether the host's owner has named a number."""
        return self.rate is not None or self.concurrency is not None

    def offers(self, url: str) -> bool:
        """Whether a canonical address lies in one of the interfaces."""
        path = urlsplit(url).path
        return any(path == known or (known[-1] == "/" and path.startswith(known)) for known in self.interfaces)


class HostRules:
    """Rules by pattern, from several files in the order in which they count."""

    def __init__(self, *files: Mapping[str, HostRule]) -> None:
        self._files = files

    def of(self, host: str) -> HostRule | None:
        """The rule for a host as :func:`~artalike.crawl.urls.host_of` has it; a port makes no difference."""
        if not any(self._files):
            return None
        name = _PORT.sub("", host)
        patterns = [name, *(f"*{name[dot.start() :]}" for dot in _DOT.finditer(name)), "*"]
        return next((rules[pattern] for rules in self._files for pattern in patterns if pattern in rules), None)


def load(file: str = "") -> HostRules:
    """The rules of ``file``, where one is named, and those that come with the program. Blocks.

    Raises SettingError that names the file, the host and the key.
    """
    packaged = _read(PACKAGED)
    return HostRules(_read(Path(file).expanduser()), packaged) if file else HostRules(packaged)


def _read(path: Path) -> Mapping[str, HostRule]:
    try:
        with path.open("rb") as stream:
            data = tomllib.load(stream)
    except OSError as error:
        raise SettingError(f"crawl.host_rules = {str(path)!r}: {error.strerror}; expected a TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"crawl.host_rules = {str(path)!r}: not TOML: {error}") from error
    return {_pattern(path, name): _rule(path, name, keys) for name, keys in data.items()}


def _pattern(path: Path, name: str) -> str:
    if name == "*":
        return name
    star = "*." if name.startswith("*.") else ""
    host = name.removeprefix("*.")
    try:
        known = urls.host_of(urls.canonical(f"http://{host}/"))
    except ValueError:
        known = ""
    if not known or _PORT.search(known) or "/" in host:
        raise SettingError(
            f"{path}: [{name!r}]: expected a host's name without a port, *.name for those below it, or *"
        )
    return star + known


def _rule(path: Path, name: str, keys: Any) -> HostRule:
    try:
        return HostRule.model_validate(keys, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join([repr(name), *map(str, first["loc"])])
        if first["type"] == "extra_forbidden":
            known = ", ".join(HostRule.model_fields)
            raise SettingError(f"{path}: {place}: unknown key; expected one of {known}") from error
        message = first["msg"][0].lower() + first["msg"][1:]
        raise SettingError(f"{path}: {place} = {first['input']!r}: {message}") from error

"""The files under ``/static``, held in memory and cached by browsers for as long as they stay the same.

The pages ask for them by an address that holds a digest of them all, so relative imports between modules keep it
and no file is ever mixed with one of another version. Without the digest they are checked on every use.
"""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from aiohttp import hdrs, web

from artalike.errors import NotFound

TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
# As the house writes them: one statement a line or a few, double quotes, nothing else on the first of its lines.
_IMPORT: Final = re.compile(r'^(?:import|export)\b[^"\';()]*\bfrom "([^"]+)";$', re.MULTILINE)
_SHEETS_MOST: Final = 20
FOR_EVER: Final = "public, max-age=31536000, immutable"
CHECKED: Final = "no-cache"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and compressed."""

    body: bytes
    packed: bytes
    type: str
    etag: str


class Assets:
    """All files of one folder with a type in :data:`TYPES`. They cannot be reached by any other path."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """``files`` maps a path below the folder, with slashes, to the file's bytes."""
        self._assets = {path: _asset(path, body) for path, body in files.items()}
        self._joined: dict[str, Asset] = {}
        self._needed: dict[str, list[str]] = {}
        digest = hashlib.sha256()
        for path, asset in sorted(self._assets.items()):
            digest.update(f"{path}\0{asset.etag}\0".encode())
        self.version: Final = digest.hexdigest()[:12]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads the disk."""
        paths = [path for path in folder.rglob("*") if path.suffix in TYPES and path.is_file()]
        return cls({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})

    def url(self, path: str) -> str:
        """The address of a file for pages. Raises KeyError for one that is not there."""
        if path not in self._assets:
            raise KeyError(path)
        return f"/static/{self.version}/{path}"

    def sheet(self, *names: str) -> str:
        """The address of style sheets of ``css/``, by their names, as one file in this order.

        Raises KeyError for one that is not there.
        """
        path = f"css/{'+'.join(names)}.css"
        if path not in self._joined:
            joined = self._join(path)
            if joined is None:
                raise KeyError(path)
            self._joined[path] = joined
        return f"/static/{self.version}/{path}"

    def modules(self, path: str) -> list[str]:
        """The addresses of a module and of all that it needs, each once: a browser can ask for them at once.

        Raises KeyError where one is not there.
        """
        if path not in self._needed:
            self._needed[path] = [self.url(each) for each in self._imports(path)]
        return self._needed[path]

    def response(self, request: web.Request, path: str) -> web.Response:
        """The file at ``path``, with or without the version in front. Raises NotFound."""
        version, _, rest = path.partition("/")
        current = version == self.version
        name = rest if current else path
        asset = self._assets.get(name) or self._joined.get(name) or self._join(name)
        if asset is None:
            raise NotFound(f"there is no file /static/{path[:200]}")
        headers = {
            hdrs.CACHE_CONTROL: FOR_EVER if current else CHECKED,
            hdrs.ETAG: f'"{asset.etag}"',
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
        }
        if any(tag.value == asset.etag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            return web.Response(body=asset.packed, content_type=asset.type, headers=headers)
        return web.Response(body=asset.body, content_type=asset.type, headers=headers)

    def _imports(self, path: str) -> list[str]:
        found: dict[str, None] = {}
        waiting = [path]
        while waiting:
            path = waiting.pop()
            if path not in found:
                found[path] = None
                names = _IMPORT.findall(self._assets[path].body.decode())
                waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in names]
        return list(found)

    def _join(self, path: str) -> Asset | None:
        """``css/a+b.css`` is what both hold. Also when no page has been made yet since the start."""
        match = re.fullmatch(r"css/([\w+-]+)\.css", path)
        names = match[1].split("+") if match else []
        parts = [self._assets.get(f"css/{name}.css") for name in names[:_SHEETS_MOST]]
        if not parts or len(set(names)) < len(names) or len(names) > len(parts):
            return None
        bodies = [part.body for part in parts if part is not None]
        return _asset(path, b"\n".join(bodies)) if len(bodies) == len(names) else None


def _asset(path: str, body: bytes) -> Asset:
    return Asset(
        body=body,
        packed=gzip.compress(body, mtime=0),
        type=TYPES[Path(path).suffix],
        etag=hashlib.sha256(body).hexdigest()[:24],
    )

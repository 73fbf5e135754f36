"""The files under ``/static``, held in memory and cached by browsers for as long as they stay the same.

The pages ask for them by an address that holds a digest of them all, so relative imports between modules keep it
and no file is ever mixed with one of another version. Without the digest they are checked on every use.
"""

from __future__ import annotations

import gzip
import hashlib
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

    def under(self, prefix: str) -> list[str]:
        """Addresses of all files whose path begins with ``prefix``, in order."""
        return [self.url(path) for path in sorted(self._assets) if path.startswith(prefix)]

    def response(self, request: web.Request, path: str) -> web.Response:
        """The file at ``path``, with or without the version in front. Raises NotFound."""
        version, _, rest = path.partition("/")
        current = version == self.version
        asset = self._assets.get(rest if current else path)
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


def _asset(path: str, body: bytes) -> Asset:
    return Asset(
        body=body,
        packed=gzip.compress(body, mtime=0),
        type=TYPES[Path(path).suffix],
        etag=hashlib.sha256(body).hexdigest()[:24],
    )

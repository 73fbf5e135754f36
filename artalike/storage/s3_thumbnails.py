"""Thumbnails in a bucket that speaks S3: ``<prefix>/ab/cd/<sha256>/<width>.jpg``.

By obstore (https://developmentseed.org/obstore/), whose requests run on threads of its own, are tried again with
back-off, and give up. What the other side writes about an error may name the key that signed the request: of its
words only the code is ever repeated (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import anyio
import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from artalike.config import Storage
from artalike.errors import DiskFull, SettingError, StorageError, StorageUnavailable
from artalike.storage.ports import ADDRESS_SECONDS, RemoteThumbnail

if TYPE_CHECKING:
    from obstore import GetOptions, GetResult
    from obstore.store import ClientConfig, RetryConfig, S3Config

SUFFIX: Final = ".jpg"
ATTRIBUTES: Final = {"Content-Type": "image/jpeg", "Cache-Control": "public, max-age=31536000, immutable"}

CHUNK: Final = 64 << 10
AT_ONCE: Final = 32
FEW: Final = 256
"""Up to so many pictures are asked for one by one; of more, all that lie between the first and the last are listed."""

_CLIENT: Final[ClientConfig] = {
    "allow_http": True,  # whether it is encrypted is what the endpoint says
    "connect_timeout": timedelta(seconds=3),
    "read_timeout": timedelta(seconds=20),
    "timeout": timedelta(minutes=5),  # a visitor may take a picture slowly
}
_RETRY: Final[RetryConfig] = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
}

_CODES: Final = tuple(map(re.compile, (r"<Code>(\w+)</Code>", r"\(code: (\w+)\)", r"status code: (\d{3})\b")))
_FULL: Final = frozenset({"507", "InsufficientStorage", "QuotaExceeded", "StorageFull", "XMinioStorageFull"})


class ThumbnailBucket:
    """Implements :class:`artalike.storage.ports.Thumbnails`. Use :meth:`open`.

    An object is there whole or not at all, and the same bytes always have the same name, so that writing twice does
    no harm. What fails passes or can be mended (the network, the bucket's rules), and is StorageUnavailable.
    """

    def __init__(self, store: S3Store, place: str, *, redirects: bool) -> None:
        self._store = store
        self._place = place
        self._redirects = redirects
        self._origin: str | None = None
        self._places = anyio.CapacityLimiter(AT_ONCE)  # of work that nobody waits for at a page

    @classmethod
    async def open(cls, settings: Storage) -> ThumbnailBucket:
        """The bucket that ``settings.thumbnails`` names, asked once. Raises SettingError, StorageError."""
        bucket, _, prefix = settings.thumbnails.removeprefix("s3://").partition("/")
        place = settings.thumbnails + (f" at {settings.thumbnails_endpoint}" if settings.thumbnails_endpoint else "")
        store = S3Store(bucket, prefix=prefix, config=_config(settings), client_options=_CLIENT, retry_config=_RETRY)
        thumbnails = cls(store, place, redirects=settings.thumbnails_serve == "redirect")
        with thumbnails._translated():
            await anext(aiter(obstore.list(store, chunk_size=1)), None)
            if thumbnails._redirects:
                url = await obstore.sign_async(store, "GET", "any", timedelta(seconds=1))
                thumbnails._origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        return thumbnails

    @property
    def origin(self) -> str | None:
        """The origin (RFC 6454) that browsers are sent to; None where all goes through this server."""
        return self._origin

    async def write(self, sha256: bytes, thumbnails: Mapping[int, bytes]) -> None:
        """Store the encoded JPEG of each width. Raises DiskFull or StorageUnavailable."""
        async with self._places:
            with self._translated():
                await asyncio.gather(*(self._put(_key(sha256, width), data) for width, data in thumbnails.items()))

    async def find(self, sha256: bytes, width: int) -> RemoteThumbnail | None:
        """The one of this width, or else the nearest larger one, or else the largest there is."""
        found = await self._get(_key(sha256, width)) or await self._get(await self._nearest(sha256, width))
        return None if found is None else self._remote(*found)

    async def address(self, sha256: bytes, width: int, *, head: bool = False) -> str | None:
        """Where a browser finds by itself what :meth:`find` would; it can ask there for ADDRESS_SECONDS."""
        if not self._redirects:
            return None
        key: str | None = _key(sha256, width)
        with self._translated():
            try:
                await obstore.head_async(self._store, _key(sha256, width))
            except FileNotFoundError:
                key = await self._nearest(sha256, width)
            if key is None:
                return None
            signed: str = await obstore.sign_async(
                self._store, "HEAD" if head else "GET", key, timedelta(seconds=ADDRESS_SECONDS)
            )
            return signed

    async def largest(self, sha256: bytes) -> bytes | None:
        """The bytes of the largest there is. Raises StorageUnavailable."""
        async with self._places:
            widths = await self._widths(sha256)
            return await self._bytes(_key(sha256, max(widths))) if widths else None

    async def read(self, sha256: bytes) -> dict[int, bytes]:
        """All widths there are. Raises StorageUnavailable."""
        async with self._places:
            found = {width: await self._bytes(_key(sha256, width)) for width in await self._widths(sha256)}
        return {width: data for width, data in found.items() if data is not None}

    async def delete(self, sha256: bytes) -> None:
        """Remove all widths. Raises StorageUnavailable."""
        async with self._places:
            keys = [_key(sha256, width) for width in await self._widths(sha256)]
            if keys:
                with self._translated():
                    await obstore.delete_async(self._store, keys)

    async def missing(self, sha256s: Sequence[bytes]) -> list[bytes]:
        """Those of ``sha256s`` that have no thumbnail of any width, in their order. Raises StorageUnavailable."""
        there = await (self._asked if len(sha256s) <= FEW else self._listed)(set(sha256s))
        return [sha256 for sha256 in sha256s if sha256 not in there]

    async def _put(self, key: str, data: bytes) -> None:
        await obstore.put_async(self._store, key, data, attributes=ATTRIBUTES, use_multipart=False)

    async def _asked(self, sha256s: set[bytes]) -> set[bytes]:
        there: set[bytes] = set()

        async def ask(sha256: bytes) -> None:
            async with self._places:
                if await self._widths(sha256):
                    there.add(sha256)

        await asyncio.gather(*(ask(sha256) for sha256 in sha256s))
        return there

    async def _listed(self, sha256s: set[bytes]) -> set[bytes]:
        """By their names, which are listed in their order: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
        there: set[bytes] = set()
        last = max(sha256s)
        # Not from the first itself: some servers then leave out what lies below it.
        before = _folder(min(sha256s))[:-1]
        with self._translated():
            async for objects in obstore.list(self._store, offset=before, chunk_size=1000):
                found = {sha256 for sha256, _ in map(_parsed, (one["path"] for one in objects)) if sha256}
                there |= found & sha256s
                if found and max(found) > last:
                    break
        return there

    async def _widths(self, sha256: bytes) -> list[int]:
        """Ascending."""
        with self._translated():
            objects = await obstore.list(self._store, _folder(sha256)).collect_async()
        return sorted(width for name, width in map(_parsed, (one["path"] for one in objects)) if name == sha256)

    async def _nearest(self, sha256: bytes, width: int) -> str | None:
        widths = await self._widths(sha256)
        return _key(sha256, next((w for w in widths if w >= width), widths[-1])) if widths else None

    async def _get(self, key: str | None, start: int = 0, stop: int | None = None) -> tuple[str, GetResult] | None:
        if key is None:
            return None
        with self._translated():
            try:
                options: GetOptions = {} if stop is None else {"range": (start, stop)}
                return key, await obstore.get_async(self._store, key, options=options)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

    async def _bytes(self, key: str) -> bytes | None:
        found = await self._get(key)
        with self._translated():
            return None if found is None else bytes(await found[1].bytes_async())

    def _remote(self, key: str, found: GetResult) -> RemoteThumbnail:
        size, modified = found.meta["size"], found.meta["last_modified"]

        async def body(start: int, stop: int) -> AsyncIterator[bytes]:
            whole = (start, stop) == (0, size)
            part = (key, found) if whole else await self._get(key, start, stop)
            if part is None:
                raise StorageError(f"{self._place}: {key} went while it was being read")
            with self._translated():
                async for chunk in part[1].stream(min_chunk_size=CHUNK):
                    yield chunk

        etag = (found.meta["e_tag"] or "").removeprefix("W/").strip('"')
        return RemoteThumbnail(size, etag or f"{int(modified.timestamp()):x}-{size:x}", modified, body)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            raise _error(str(error), self._place) from None


def _config(settings: Storage) -> S3Config:
    """What is not set here, obstore takes from the environment: AWS_ACCESS_KEY_ID, AWS_REGION and so on."""
    config: S3Config = {}
    if settings.thumbnails_endpoint:
        config["endpoint"] = settings.thumbnails_endpoint
        # Of Amazon's machines a key can be had that is set nowhere.
        if not (settings.thumbnails_key or os.environ.get("AWS_ACCESS_KEY_ID")):
            raise SettingError(
                f"storage.thumbnails = {settings.thumbnails!r}: expected its keys in storage.thumbnails_key and "
                "storage.thumbnails_secret, or in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
    if settings.thumbnails_key:
        config["access_key_id"] = settings.thumbnails_key
        config["secret_access_key"] = settings.thumbnails_secret
    return config


def _folder(sha256: bytes) -> str:
    name = sha256.hex()
    return f"{name[:2]}/{name[2:4]}/{name}"


def _key(sha256: bytes, width: int) -> str:
    return f"{_folder(sha256)}/{width}{SUFFIX}"


def _parsed(key: str) -> tuple[bytes, int]:
    """Content and width; empty and 0 of what somebody else has put there."""
    *_, name, file = ("", *key.split("/"))
    width = file.removesuffix(SUFFIX)
    if len(name) != 64 or not width.isdecimal() or not file.endswith(SUFFIX):
        return b"", 0
    try:
        return bytes.fromhex(name), int(width)
    except ValueError:
        return b"", 0


def _error(text: str, place: str) -> StorageUnavailable:
    found = next(filter(None, (pattern.search(text) for pattern in _CODES)), None)
    if found is not None:
        return (DiskFull if found[1] in _FULL else StorageUnavailable)(f"{place}: it answers {found[1]}")
    if "169.254.169.254" in text or "credential" in text.lower():
        return StorageUnavailable(f"{place}: no keys; expected them in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    return StorageUnavailable(f"{place}: it cannot be reached, or did not answer in time")

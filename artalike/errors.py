"""Every error that Artalike raises on purpose.

A library's exception is translated into one of these once, where it arises; whatever else reaches the
top is a bug. The message names the thing, the value, and what was expected, in one line.

::

    ArtalikeError
    ├── UsageError              the caller asked wrongly: exit status 2, HTTP 400
    │   ├── SettingError        a flag, variable or key
    │   ├── SourceError         a source that cannot be understood
    │   └── QueryError          a request's parameters
    ├── StartError              the process cannot start or go on: exit status 1
    │   ├── FolderInUse         another process owns the data folder
    │   ├── FolderTooNew        the data folder was written by a newer Artalike
    │   ├── ModelMismatch       the collection was embedded by another model
    │   ├── ModelUnavailable    the model's weights cannot be had
    │   └── PortBusy            the address cannot be listened on
    ├── NotModified             what was asked for is as it was: no failure, nothing to do
    ├── NotFound                no such image, seed or thumbnail: HTTP 404
    ├── Unauthorized            an admin call without the token: HTTP 401
    ├── Overloaded              too much at once, try later: HTTP 503
    │   └── IndexUnavailable    the server of the vectors does not answer; searches wait for it, ingest does not
    ├── ArchiveError            an exported folder is not whole, or none
    ├── LayoutError             the map could not be computed; it is tried again later
    ├── StorageError            the disk or the database refused
    │   ├── StorageUnavailable  it cannot be reached, or takes nothing now; writing is tried again later
    │   │   └── DiskFull        no space left
    │   └── SnapshotError       a snapshot is torn or of another index; it is rebuilt
    └── ItemError               one picture or document failed; nothing else does
        ├── FetchError          it could not be had
        ├── DecodeError         its bytes are not a picture we take
        ├── ParseError          its bytes are not a document we read
        └── EmbedError          the network could not embed it

An :class:`ItemError` carries a ``kind`` from :class:`FailureKind`, which is what the catalog counts and
the admin page groups by, and says whether another try may help.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class FailureKind(StrEnum):
    """Why one picture or document failed. The value is stored and shown; never rename one."""

    MISSING_FILE = "missing_file"
    DNS = "dns"
    DNS_TEMPORARY = "dns_temporary"
    CONNECTION = "connection"
    TLS = "tls"
    TIMEOUT = "timeout"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    REDIRECT_LOOP = "redirect_loop"
    BAD_URL = "bad_url"
    PRIVATE_ADDRESS = "private_address"
    ROBOTS = "robots"
    ROBOTS_UNREACHABLE = "robots_unreachable"
    OPTED_OUT = "opted_out"
    BLOCKED = "blocked"
    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    BAD_DOCUMENT = "bad_document"
    EMBEDDING = "embedding"
    INTERNAL = "internal"


WORTH_RETRYING: Final = frozenset(
    {FailureKind.MISSING_FILE, FailureKind.DNS_TEMPORARY, FailureKind.CONNECTION, FailureKind.TLS, FailureKind.TIMEOUT}
    | {FailureKind.RATE_LIMITED, FailureKind.SERVER_ERROR, FailureKind.ROBOTS_UNREACHABLE, FailureKind.TRUNCATED}
    | {FailureKind.EMBEDDING, FailureKind.INTERNAL}
)
"""Kinds of failure that may pass by themselves; a refusal, or bytes that are no picture, will be the same tomorrow."""


class ArtalikeError(Exception):
    """The root. ``str(error)`` is one line fit for a person."""


class UsageError(ArtalikeError):
    """The caller asked wrongly; asking again the same way fails again."""


class SettingError(UsageError):
    """A setting has an unknown name, a wrong type, or a value out of range."""


class SourceError(UsageError):
    """A source string of no known kind; the message lists the kinds."""


class QueryError(UsageError):
    """A request's parameter is wrong."""


class StartError(ArtalikeError):
    """The process cannot start, or cannot go on."""


class FolderInUse(StartError):
    """Another process holds the data folder's lock."""


class FolderTooNew(StartError):
    """The catalog's schema is newer than this program."""


class ModelMismatch(StartError):
    """The collection's vectors come from another model than the one asked for."""


class ModelUnavailable(StartError):
    """A model's weights cannot be read or downloaded."""


class PortBusy(StartError):
    """The address to listen on is taken or not ours."""


class NotModified(ArtalikeError):
    """A conditional request was answered with 304: what lies there is what was there the last time."""


class NotFound(ArtalikeError):
    """There is no such thing, or there is no more."""


class Unauthorized(ArtalikeError):
    """The admin token is missing or wrong."""


class Overloaded(ArtalikeError):
    """More work than the server takes on at once.

    ``retry_after`` is in seconds.
    """

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class IndexUnavailable(Overloaded):
    """The server that holds the vectors does not answer, or not yet. What it has not been told waits in the catalog."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after=5.0)


class ArchiveError(ArtalikeError):
    """An exported folder cannot be read: it is torn, unfinished, or something else."""


class LayoutError(ArtalikeError):
    """The process that lays the map out has failed; the last map stays."""


class StorageError(ArtalikeError):
    """The disk or the database refused an operation."""


class StorageUnavailable(StorageError):
    """What stores for us cannot be reached or refuses for now. Nothing shown is lost; ingest waits and tries again."""


class DiskFull(StorageUnavailable):
    """No space is left. Nothing shown is lost; the write is tried again when there is room."""


class SnapshotError(StorageError):
    """An index snapshot cannot be used; the index is rebuilt from the catalog."""


class ItemError(ArtalikeError):
    """One picture or document failed.

    ``kind`` is what it is counted under. ``retryable`` says whether another try may help;
    ``retry_after`` is the wait in seconds that the other side asked for, where it did.
    """

    def __init__(
        self, kind: FailureKind, message: str, *, retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after


class FetchError(ItemError):
    """The bytes could not be had."""


class DecodeError(ItemError):
    """The bytes are not a picture that we take."""


class ParseError(ItemError):
    """The bytes are not a document that we read."""


class EmbedError(ItemError):
    """The network could not embed this picture."""


def spokesman(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """One of our own errors in ``group``, to speak for it; anything else is a bug, and keeps the whole story."""
    ours = group.subgroup(ArtalikeError)
    while isinstance(ours, BaseExceptionGroup):
        ours = ours.exceptions[0]  # type: ignore[assignment]  # a leaf in the end
    return ours or group

"""Addresses in one spelling, so that the same address is always the same text.

The rules are RFC 3986 §6.2.2 and §6.2.3 with the leniency of browsers (WHATWG URL): what :func:`canonical` returns is
ASCII, names its host plainly, and reads the same to every parser.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import string
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes, urljoin, urlsplit

from yarl import URL

WEB_SCHEMES: Final = ("http", "https")
MAX_LENGTH: Final = 8000
"""Characters. Servers commonly refuse request lines above 8 KiB."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_UNRESERVED: Final = frozenset(string.ascii_letters + string.digits + "-._~")
_PATH_SAFE: Final = "/:@!$&'()*+,;=~%"
_QUERY_SAFE: Final = _PATH_SAFE + "?[]"
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~/=&-]*")
_EDGES: Final = "".join(map(chr, range(0x21)))
_BREAKS: Final = {ord(character): None for character in "\t\n\r"}
_INVALID: Final = "invalid:"
_MEMBER: Final = re.compile(r"member=([^&]{1,8000})&offset=([0-9]{1,18})")


class TarMember(NamedTuple):
    """A file inside a tar: its name there, and where its header begins, in bytes."""

    name: str
    offset: int


def canonical(text: str) -> str:
    """The one spelling of an absolute ``http``, ``https`` or ``file`` address, without its fragment.

    The query of a ``file`` address is dropped, too, unless it is that of :func:`from_member`.

    Raises ValueError that says what is wrong.
    """
    text = _stripped(text)
    parts = urlsplit(_bounded(text))
    if parts.scheme == "file":
        return _bounded(_canonical_file(parts.netloc, parts.path, parts.query))
    if parts.scheme not in WEB_SCHEMES:
        raise ValueError("not an http or https address")
    if "@" in parts.netloc:
        raise ValueError("carries a user name or password")
    host = _canonical_host(parts.hostname or "")
    if parts.port is not None and parts.port != _DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{parts.port}"
    path = _without_dots(_requoted(parts.path, _PATH_SAFE))
    query = f"?{_requoted(parts.query, _QUERY_SAFE)}" if parts.query else ""
    return _bounded(f"{parts.scheme}://{host}{path}{query}")


def join(base: str, reference: str) -> str | None:
    """The address that ``reference`` means inside the document at ``base``, canonical.

    None for what is not an address of a document: fragments, ``data:``, ``javascript:``, ``mailto:``, and a
    ``file:`` named from the web.
    """
    reference = _stripped(reference)
    if not reference or reference.startswith("#"):
        return None
    head, question, query = reference.partition("?")
    try:
        url = canonical(urljoin(base, head.replace("\\", "/") + question + query))
    except ValueError:
        return None
    return None if is_local(url) and not is_local(base) else url


def web(text: str) -> str | None:
    """The canonical form of ``text`` when it is an ``http`` or ``https`` address, else None."""
    try:
        url = canonical(text)
    except ValueError:
        return None
    return url if is_web(url) else None


def is_text(text: str) -> bool:
    """Whether ``text`` can be stored and sent; a path, or an argument of a command, may hold bytes that are no text."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def has_scheme(text: str) -> bool:
    """Whether ``text`` begins like an absolute address."""
    return _SCHEME.match(text.lstrip()) is not None


def is_local(url: str) -> bool:
    """Whether the address lies on this machine."""
    return url.startswith("file:")


def is_web(url: str) -> bool:
    """Whether the address is ``http`` or ``https``."""
    return url.startswith(("http://", "https://"))


def from_path(path: Path) -> str:
    """``file:`` address of a path, without ``..``; a name that is not UTF-8 keeps its bytes, percent-encoded."""
    return Path(os.path.normpath(path.absolute())).as_uri()


def to_path(url: str) -> Path:
    """The path that a ``file:`` address names."""
    return Path(os.fsdecode(unquote_to_bytes(urlsplit(url).path)))


def from_member(path: Path, name: str, offset: int) -> str:
    """The address of a file inside the tar at ``path``, by which it is read without reading what lies before it.

    ``file:///x.tar?member=NAME&offset=N``: no path has a plain ``?`` in its address, so that none can be mistaken.
    """
    return from_path(path) + _member_query(TarMember(name, offset))


def member_of(url: str) -> TarMember | None:
    """What :func:`from_member` was given, or None for any other address."""
    return _parsed_member(urlsplit(url).query) if is_local(url) else None


def invalid(reason: str) -> str:
    """An address that stands for something that is none, so that it is counted where addresses are."""
    return _INVALID + quote(reason[:500], safe="", errors="replace")


def invalid_reason(url: str) -> str | None:
    """What :func:`invalid` was given, or None for any other address."""
    return unquote(url.removeprefix(_INVALID)) if url.startswith(_INVALID) else None


def host_of(url: str) -> str:
    """Host, and port where it is not the default, of a canonical address; empty for a local file."""
    return urlsplit(url).netloc


def origin_of(url: str) -> str:
    """Scheme, host and port of a canonical address (RFC 6454)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def same_site(one: str, other: str) -> bool:
    """Whether two canonical addresses are of one site: the same host, with or without ``www.``."""
    return host_of(one).removeprefix("www.") == host_of(other).removeprefix("www.")


def suffixes(text: str) -> tuple[str, ...]:
    """The lower-case extensions at the end of an address's or local path's last part, as (".csv", ".gz")."""
    path = urlsplit(text).path if is_web(text) or is_local(text) else text
    _, *found = path.rpartition("/")[2].lstrip(".").lower().split(".")
    return tuple(f".{suffix}" for suffix in found[-2:])


def _stripped(text: str) -> str:
    # As browsers do: line breaks inside an address are layout, control characters around it are noise.
    return text.strip(_EDGES).translate(_BREAKS)


def _bounded(text: str) -> str:
    # As it is written and as it is spelled: percent-encoded it may be nine times as long.
    if len(text) > MAX_LENGTH:
        raise ValueError(f"longer than {MAX_LENGTH} characters")
    return text


def _canonical_file(host: str, path: str, query: str) -> str:
    if host not in {"", "localhost"}:
        raise ValueError("a file address of another machine")
    if not path.startswith("/"):
        raise ValueError("a file address without an absolute path")
    url = from_path(to_path(f"file://{quote(path, safe=_PATH_SAFE, errors='replace')}"))
    member = _parsed_member(quote(query, safe=_QUERY_SAFE, errors="replace"))
    return url if member is None else url + _member_query(member)


def _parsed_member(query: str) -> TarMember | None:
    match = _MEMBER.fullmatch(query)
    name = b"" if match is None else unquote_to_bytes(match[1])
    if match is None or b"\0" in name:
        return None
    return TarMember(name.decode("utf-8", "surrogateescape"), int(match[2]))


def _member_query(member: TarMember) -> str:
    name = quote(member.name.encode("utf-8", "surrogateescape"), safe="/")
    return f"?member={name}&offset={member.offset}"


@lru_cache(4096)
def _canonical_host(host: str) -> str:
    if not host:
        raise ValueError("has no host")
    if ":" in host:
        address = ipaddress.IPv6Address(host)
        if address.scope_id:
            raise ValueError("an address with a scope")
        return f"[{address.compressed}]"
    # yarl's is the IDNA encoding that aiohttp will use.
    name = (URL.build(scheme="http", host=host).raw_host or "").lower().removesuffix(".")
    if _NUMBER.fullmatch(name):
        return _dotted(name)
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise ValueError(f"has a host that is no name: {host[:100]!r}")
    return name


def _dotted(name: str) -> str:
    # The C library, and so every browser, reads 2130706433, 0x7f.1 and 0177.0.0.1 as 127.0.0.1.
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        raise ValueError(f"has a host that is neither a name nor an address: {name[:100]!r}") from None


def _requoted(text: str, safe: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    quoted = quote(_STRAY_PERCENT.sub("%25", text).encode("utf-8", _errors_for(text)), safe=safe)
    return _ESCAPE.sub(_plain_if_unreserved, quoted)


def _errors_for(text: str) -> str:
    # aiohttp hands on undecodable bytes of a Location header as U+DC80 to U+DCFF; other lone surrogates are noise.
    lone = any("\ud800" <= character <= "\udfff" for character in text)
    escaped = all("\udc80" <= character <= "\udcff" for character in text if "\ud800" <= character <= "\udfff")
    return "surrogateescape" if lone and escaped else "replace"


def _plain_if_unreserved(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept[-1:] = []
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)

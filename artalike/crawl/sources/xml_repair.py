"""Makes XML of what its author took for XML: what feeds get wrong most often, put right by looking at the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.entities import html5
from typing import Final
from xml.sax.saxutils import escape

MAX_PREFIXES: Final = 50

_REFERENCE: Final = re.compile(r"&(?:(#(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6})|[A-Za-z][A-Za-z0-9]{1,31});)?")
_XML_OWN: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})
_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DECLARATION: Final = re.compile(r"\s*<\?xml[^>]{0,500}\?>")
_ROOT: Final = re.compile(r"<[A-Za-z_][\w.:-]{0,100}")
_PREFIX: Final = re.compile(r"</?([A-Za-z_][\w.-]{0,40}):")
_DECLARED: Final = re.compile(r"\sxmlns:([A-Za-z_][\w.-]{0,40})\s*=")
KNOWN: Final = {
    "media": "http://search.yahoo.com/mrss/",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "atom": "http://www.w3.org/2005/Atom",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "creativeCommons": "http://backend.userland.com/creativeCommonsRssModule",
}


def repaired(source: str) -> str:
    """``source`` with HTML's entities as characters, lone ``&`` escaped, and every prefix declared.

    Without a declaration of its encoding. It may still be broken.
    """
    source = _DECLARATION.sub("", _FORBIDDEN.sub("", source), count=1)
    return _with_prefixes("".join(_pieces(source)))


def lacks_declarations(data: bytes) -> bool:
    """Whether a prefix that everybody knows is used and not declared. lxml then drops it, and says nothing."""
    return any(b"<%b:" % name in data and b"xmlns:%b" % name not in data for name in map(str.encode, KNOWN))


def _pieces(source: str) -> Iterator[str]:
    at = 0
    while at < len(source):
        start = source.find("<![CDATA[", at)
        end = source.find("]]>", start) if start >= 0 else -1
        if end < 0:
            yield _REFERENCE.sub(_reference, source[at:])
            return
        yield _REFERENCE.sub(_reference, source[at:start])
        yield source[start : end + 3]
        at = end + 3


def _reference(match: re.Match[str]) -> str:
    name = match[1]
    if name is None:
        return "&amp;"
    if name in _XML_OWN:
        return match[0]
    if name.startswith("#"):
        number = int(f"0{name[1:]}", 16) if name[1] in "xX" else int(name[1:])
        allowed = number in {9, 10, 13} or 0x20 <= number <= 0xD7FF or 0xE000 <= number <= 0xFFFD or number >= 0x10000
        return match[0] if allowed and number <= 0x10FFFF else "\ufffd"
    character = html5.get(f"{name};")
    return f"&amp;{name};" if character is None else escape(character)


def _with_prefixes(source: str) -> str:
    root = _ROOT.search(source)
    if root is None:
        return source
    used = {match[1] for match in _PREFIX.finditer(source)}
    declared = {match[1] for match in _DECLARED.finditer(source)}
    missing = sorted(used - declared - {"xml"})[:MAX_PREFIXES]
    said = "".join(f' xmlns:{prefix}="{KNOWN.get(prefix, f"urn:unknown:{prefix}")}"' for prefix in missing)
    return source[: root.end()] + said + source[root.end() :]

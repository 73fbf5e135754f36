"""Damages valid documents: bytes are flipped, cut, repeated and spliced; JSON gets absurd values, holes and depth.

A mutation is a list of numbers, so that hypothesis can choose and shrink it, and a seed can repeat it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

MAX_BYTES: Final = 200_000
"""A mutated document is no longer than this."""

Step = tuple[int, int, int]
"""Which operation, where, and with what; any numbers from 0 to 2**32."""

# What parsers stumble over: marks of formats, ends of ranges, other alphabets, halves of characters.
TOKENS: Final = (
    *(
        b"",
        b"\0",
        b"\xff",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\xf0\x9f",
        b"\r",
        b"\n\n",
        b"\t",
        b" " * 50,
    ),
    *(
        b"<",
        b">",
        b"</",
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>",
        b"&a;",
        b"&#0;",
        b"&#xD800;",
    ),
    *(b"<script>", b"<style>", b"<base href=//x>", b"<title>", b"<svg>", b"<?xml version='1.0' encoding='utf-7'?>"),
    *(b"<meta charset=utf-16>", b"<meta charset=idna>", b"<image:image>", b"<url><loc>", b"<item><enclosure url='"),
    *(b"http://", b"https://[::1", b"http://a:99999/", b"file:///etc/passwd", b"//", b"\\\\", b"data:,", b"?", b"#"),
    *(b"%", b"%00", b"%ff", b"..", b"/../", b"@", b":", b";", b",", b"=", b'"', b"'", b"`", b"{", b"}", b"[", b"]"),
    *(b"0", b"-1", b"1e999", b"NaN", b"-Infinity", b"9" * 40, b"9" * 5000, b"1.7976931348623157e308", b"\xd9\xa3"),
    *(b"null", b"true", b'{"a":', b"[[[[", b'"\\ud800"', b'"\\u0000"', b"0000-00-00", b"9999-12-31T23:59:60+99:99"),
    *(b"\x1f\x8b\x08\x00", b"PAR1", b"II*\x00", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF", b"Exif\0\0"),
    *(b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\xff" * 8, b"\x00" * 512, "İß\u0130\u202e\ufeff\U0001f600".encode()),
)

ABSURD: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 10**400, 2**63, 1.5, float("nan"), float("inf"), "", " ", "x" * 3000, "\ud800", "\0"),
    *(
        [],
        {},
        [[]],
        [None],
        [{}],
        {"": ""},
        {"id": {}},
        {"id": [1]},
        [1, "a", None, {}],
        "http://[",
        "//a",
        "#",
        "../x",
    ),
    *(
        "file:///etc/passwd",
        "javascript:alert(1)",
        "invalid:\ud800\0",
        "http://a/\ud800",
        "9999-99-99",
        "0001-01-01T00:00:00+14:00",
        "-",
    ),
    *({"en": [1]}, {"@value": {}}, {"@none": None}, [["a"]], "<b>&#0;</b>", "\u202egpj", "1" * 5000, [0] * 200),
)


def mutated(sample: bytes, others: Sequence[bytes], steps: Sequence[Step]) -> bytes:
    """``sample`` after ``steps``; ``others`` are what it may be spliced with."""
    data = sample
    for operation, where, what in steps:
        # Byte by byte, JSON soon becomes none; what reads its values is behind that.
        is_json = data[:1] in {b"{", b"["} and operation % 8 < 6
        change = _json if is_json else _OPERATIONS[(operation >> 3) % len(_OPERATIONS)]
        data = change(data, others, where, what)[:MAX_BYTES]
    return data


def _flip(data: bytes, _: Sequence[bytes], where: int, what: int) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[where % len(data)] ^= 1 << what % 8
    return bytes(changed)


def _set(data: bytes, _: Sequence[bytes], where: int, what: int) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    # Most decisions are made at the beginning.
    changed[where % (min(len(data), 128) if where & 1 else len(data))] = what % 256
    return bytes(changed)


def _cut(data: bytes, _: Sequence[bytes], where: int, what: int) -> bytes:
    return data[: where % (len(data) + 1)]


def _remove(data: bytes, _: Sequence[bytes], where: int, what: int) -> bytes:
    start = where % (len(data) + 1)
    return data[:start] + data[start + what % 64 :]


def _insert(data: bytes, _: Sequence[bytes], where: int, what: int) -> bytes:
    start = where % (len(data) + 1)
    return data[:start] + TOKENS[what % len(TOKENS)] + data[start:]


def _repeat(data: bytes, _: Sequence[bytes], where: int, what: int) -> bytes:
    start = where % (len(data) + 1)
    piece = data[start : start + 1 + what % 40]
    return data[:start] + piece * (2 + (what >> 8) % 400) + data[start:]


def _splice(data: bytes, others: Sequence[bytes], where: int, what: int) -> bytes:
    other = others[what % len(others)] if others else data
    return data[: where % (len(data) + 1)] + other[(what >> 8) % (len(other) + 1) :]


def _nest(data: bytes, _: Sequence[bytes], where: int, what: int) -> bytes:
    opening, closing = ((b"[", b"]"), (b'{"a":', b"}"), (b"<div>", b"</div>"), (b"(", b")"))[what % 4]
    times = 1 + (what >> 8) % 3000
    return opening * times + data + closing * (times if where & 1 else 0)


def _json(data: bytes, _: Sequence[bytes], where: int, what: int) -> bytes:
    """One value of a JSON document is replaced, taken out, doubled or wrapped."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    places = _places(document)
    if not places:
        return json.dumps(ABSURD[what % len(ABSURD)]).encode()
    holder, key = places[where % len(places)]
    absurd = ABSURD[(what >> 2) % len(ABSURD)]
    match what % 4:
        case 0 | 1:
            holder[key] = absurd
        case 2:
            holder[key] = [holder[key]] if isinstance(holder[key], dict) else {"id": holder[key], "@value": absurd}
        case _:
            del holder[key]
    try:
        return json.dumps(document).encode()
    except (ValueError, RecursionError):
        return data


def _places(document: Any) -> list[tuple[Any, Any]]:
    places: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting and len(places) < 5000:
        node = waiting.pop()
        if isinstance(node, dict):
            places += [(node, key) for key in node]
            waiting += node.values()
        elif isinstance(node, list):
            places += [(node, index) for index in range(len(node))]
            waiting += node
    return places


_OPERATIONS: Final = (_flip, _set, _cut, _remove, _insert, _insert, _repeat, _splice, _nest)

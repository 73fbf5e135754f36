"""What fuzzing has found, and must not find again."""

from __future__ import annotations

import pytest

from tests.fuzz import samples
from tests.fuzz.engine import check
from tests.fuzz.targets import targets

INFO = {"@context": "http://iiif.io/api/image/2/context.json", "@id": "http://i.example/1", "height": 10}
FOUND = {
    "parentheses in Retry-After were a recursion as deep as the header is long": ("headers", b"(" * 8000),
    "semicolons in Content-Type held the event loop for half a second": ("headers", b";" * 8000),
    "parentheses in Content-Type were a recursion, too": ("headers", b"(" * 300),
    "a space that does not break is no srcset without an address": ("srcset", "\u00a0".encode()),
    "a pattern of nothing but wildcards walked the whole machine": ("strings of sources", b"/*" * 50 + b"/x.tar"),
    "a character reference of 5,000 digits was more than Python reads": ("texts", b"&#" + b"9" * 5000 + b";"),
    "an integer of 400 digits is no number of pixels": ("iiif", samples.as_json({**INFO, "width": 10**400})),
    "a line break in a column's name came into the message": ("list on this machine", b'" c\nx\n"\n'),
    "an address may be too long only when it is percent-encoded": (
        "addresses",
        b"http://a.example/" + b"\xc3\xbc" * 2000,
    ),
}


@pytest.mark.parametrize(("name", "data"), FOUND.values(), ids=FOUND.keys())
def test_is_fixed(name: str, data: bytes) -> None:
    target = targets()[name]
    assert check(target, data) < 0.2

"""The text of a page, whatever encoding it is in and whatever it says that it is in."""

from __future__ import annotations

import codecs
import re
from typing import Final

# What encodings a document may name: no codec of Python that is none (idna, unicode_escape) or is unsafe (utf-7).
_ENCODING: Final = re.compile(
    r"utf-(?:8|16|32)(?:-[lb]e|-sig)?|iso8859-\d+|cp\d+|koi8-[rut]|mac-\w+|tis-620|kz1048|ptcp154"
    r"|euc_(?:jp|jis_2004|jisx0213|kr)|shift_jis\w*|iso2022_\w+|johab|gbk|gb2312|gb18030|hz|big5(?:hkscs)?"
)
# As the WHATWG Encoding standard does, because pages mean these when they say the others.
_MEANT: Final = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "iso8859-11": "cp874",
    "euc_kr": "cp949",
}
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

_DECLARATION: Final = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,400}?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{1,40})""", re.IGNORECASE
)


def text_of(data: bytes, charset: str | None) -> str:
    """A page's text: by its byte order mark, then ``charset``, then what it says itself, then by what fits."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace").removeprefix("\ufeff")
    for name in (charset, _declared(data)):
        known = _known_encoding(name)
        if known is not None:
            return data.decode(known, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _declared(data: bytes) -> str | None:
    found = _DECLARATION.search(data, 0, 4096)
    if found is None:
        return None
    name = found[1].decode("ascii", "replace")
    # A page that is read as ASCII up to here cannot be UTF-16, whatever it says (HTML §13.2.3.2).
    return "utf-8" if name.lower().startswith("utf-16") else name


def _known_encoding(name: str | None) -> str | None:
    try:
        encoding = codecs.lookup((name or "").strip()).name
    except (LookupError, ValueError, UnicodeError):
        return None
    encoding = _MEANT.get(encoding, encoding)
    return encoding if _ENCODING.fullmatch(encoding) else None

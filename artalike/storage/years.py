"""Years that a museum's words for a date mean: "ca. 1503-19", "fin du XVIIIe siècle", "5. Jh. v. Chr."

English, French, German and Dutch are read. Years are counted as historians do: 1 BC is -1, and there is no year 0. What
words leave open is given room: "ca." five years to either side, "before" and "after" ten, early, middle and late are
thirds. A text that names several times, such as a design and its print, spans them all.

It reads whatever the web sends, so it looks at the beginning only, with patterns that never go back far, and never
raises.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

LENGTH_MOST: Final = 200
LATEST: Final = 2100
EARLIEST: Final = -100_000
CIRCA: Final = 5
OPEN: Final = 10

Years = tuple[int, int]
"""The first and the last, both included."""


@lru_cache(maxsize=4096)  # a museum's dates are much alike
def years(text: str | None) -> Years | None:
    """The span of years that ``text`` names; None where it names none."""
    spans: list[_Span] = []
    for token in _tokens(_plain(text or "")):
        _take(token, spans)
    found = [years for span in spans if (years := span.years()) is not None]
    if not found:
        return None
    return min(first for first, _ in found), max(last for _, last in found)


@dataclass(slots=True)
class _Span:
    """``first`` to ``last``, as counted in its era: before Christ they still run the other way."""

    first: int
    last: int
    part: tuple[int, int] = (1, 1)
    circa: bool = False
    open_to: str = ""
    bc: bool | None = None
    short: bool = False
    joined: bool = False

    def years(self) -> Years | None:
        first, last = (-self.last, -self.first) if self.bc else (self.first, self.last)
        if not self.first or (self.short and self.bc is None):
            return None
        number, of = self.part
        length = last - first + 1
        first, last = first + length * (number - 1) // of, first + length * number // of - 1
        room = CIRCA if self.circa else 0
        first -= OPEN if self.open_to == "before" else room
        last += OPEN if self.open_to == "after" else room
        if not EARLIEST <= first <= last <= LATEST + OPEN:
            return None
        return _without_zero(first, self.bc), _without_zero(last, self.bc)


def _without_zero(year: int, bc: bool | None) -> int:
    if bc:
        return year if year < 0 else year + 1
    return year if year > 0 else year - 1


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    first: int = 0
    last: int = 0
    word: str = ""


def _take(token: _Token, spans: list[_Span]) -> None:
    """Let a token change the spans read so far. An unfinished one, still without years, is the last of them."""
    last = spans[-1] if spans else None
    unfinished = last is not None and last.first == 0
    match token.kind:
        case "era":
            bc = token.word == "bc"
            if last is None or unfinished or last.bc is not None:
                _open(spans).bc = bc
                return
            for span in reversed(spans):
                if span.bc is not None:
                    break
                span.bc = bc
        case "part":
            _open(spans).part = (token.first, token.last)
        case "circa":
            _open(spans).circa = True
        case "open":
            _open(spans).open_to = token.word
        case "to":
            if last is not None and not unfinished:
                spans.append(_Span(0, 0, circa=last.circa, joined=True))
        case "year":
            _add_year(token.first, len(token.word), spans)
        case "ordinal":
            _open(spans, first=token.first, last=-1)
            spans.append(_Span(0, 0, joined=True))
        case _:
            _add_long(token, spans)


def _open(spans: list[_Span], *, first: int = 0, last: int = 0) -> _Span:
    """The unfinished span, a new one where there is none; filled with ``first`` and ``last``."""
    if not spans or spans[-1].first != 0:
        spans.append(_Span(0, 0))
    spans[-1].first, spans[-1].last = first, last
    return spans[-1]


def _add_year(year: int, digits: int, spans: list[_Span]) -> None:
    joined = bool(spans) and spans[-1].first == 0 and spans[-1].joined
    before = spans[-2] if joined and len(spans) > 1 else None
    if digits <= 2 and before is not None and 100 <= before.first == before.last:
        base = 10**digits
        year_of_century = before.first - before.first % base + year
        if year_of_century > before.first and before.bc is None:  # "1503-19"
            _open(spans, first=year_of_century, last=year_of_century)
            return
        if digits == 2 and 1 <= year <= 12 and before.bc is None:  # "1889-06", a month
            spans.pop()
            return
    span = _open(spans, first=year, last=year)
    span.short = digits <= 2


def _add_long(token: _Token, spans: list[_Span]) -> None:
    """A century, a millennium or a decade; ordinals before a century, "XVe-XVIe siècle", are centuries too."""
    if token.kind == "century":
        for span in spans:
            if span.last == -1:
                number = span.first
                span.first, span.last = (number - 1) * 100 + 1, number * 100
    _open(spans, first=token.first, last=token.last)


def _plain(text: str) -> str:
    """Lower case without accents, with one dash."""
    text = " ".join(unicodedata.normalize("NFKD", text[:LENGTH_MOST]).casefold().split())
    text = "".join(character for character in text if not unicodedata.combining(character))
    return re.sub(r"[‐‑‒–—―−⁓~]", "-", text).replace("’", "'")


_ROMAN: Final = {"i": 1, "v": 5, "x": 10}
_WORDS: Final = {
    **dict.fromkeys(("first", "premier", "premiere", "erste", "ersten", "eerste"), 1),
    **dict.fromkeys(("second", "seconde", "deuxieme", "zweite", "zweiten", "tweede"), 2),
    **dict.fromkeys(("third", "troisieme", "dritte", "dritten", "derde"), 3),
    **dict.fromkeys(("fourth", "quatrieme", "vierte", "vierten", "vierde"), 4),
    **dict.fromkeys(("last", "dernier", "derniere", "letzte", "letzten", "letztes", "laatste"), 0),
}
_NUMBER: Final = rf"(?:\d{{1,2}}|[ivx]{{1,6}}|{'|'.join(_WORDS)})"
_SUFFIX: Final = r"(?:\s?(?:st|nd|rd|th|er|ere|eme|ieme|e|de|ste|te|ten|d)\b|\.|°)?"
_FRACTIONS: Final = {
    **dict.fromkeys(("half", "moitie", "halfte", "helft"), 2),
    **dict.fromkeys(("third", "tiers", "drittel", "derde"), 3),
    **dict.fromkeys(("quarter", "quart", "viertel", "kwart"), 4),
}
_PARTS: Final = {
    **dict.fromkeys(("early", "debut", "beginning", "anfang", "fruhes", "begin", "vroeg", "vroege"), 1),
    **dict.fromkeys(("mid", "middle", "milieu", "mitte", "midden"), 2),
    **dict.fromkeys(("late", "fin", "end", "ende", "spates", "eind", "einde", "laat"), 3),
}
_CENTURY: Final = r"(?:century|centuries|cent\b\.?|c\b\.?(?!\s?\d)|siecles?|s\.|jahrhunderts?|jhdt|jhd?s?\b|eeuw)"

_TOKEN: Final = re.compile(
    rf"""
    (?P<iso>\b\d{{4}}-[01]\d-[0-3]\d)
  | (?P<dotted>\b[0-3]?\d[./][01]?\d[./](?=\d{{4}}\b))
  | (?P<bc>\b(?:b\.?\s?c\.?(?:\s?e\b\.?)?|av(?:ant|\.)?\s?j\.?\s?-?\s?c\b\.?
      |v(?:or|oor|\.)?\s?chr(?:istus)?\b\.?)(?![a-z]))
  | (?P<ad>\b(?:a\.?\s?d\b\.?|c\.?\s?e\b\.?|ap(?:res|r\.|\.)?\s?j\.?\s?-?\s?c\b\.?|n(?:ach|a|\.)?\s?chr(?:istus)?\b\.?))
  | (?P<fraction>\b(?P<nth>{_NUMBER}){_SUFFIX}\s?-?\s?(?P<share>{"|".join(_FRACTIONS)})\b)
  | (?P<century>\b(?P<cent>{_NUMBER}){_SUFFIX}\s?-?\s?{_CENTURY})
  | (?P<millennium>\b(?P<mill>{_NUMBER}){_SUFFIX}\s?(?:millennium|millenaire|jahrtausend|jt\b))
  | (?P<ordinal>\b(?:\d{{1,2}}(?:st|nd|rd|th|eme|e|de|ste)|[ivx]{{1,6}}(?:e|eme|er))\b(?!\s?[a-z]{{3,}}\s\d)
      |\b\d{{1,2}}\.(?=\s?(?:-|/|bis|und)\s?(?:anfang|mitte|ende)?\s?\d{{1,2}}\.\s?j))
  | (?P<decade>\b(?P<ten>\d{{3}})(?:0'?s\b|0er\b|-(?=\W|$)|[?_x](?=\W|$))|\b(?:annees|jaren)\s(?P<ten2>\d{{3}})0\b)
  | (?P<hundred>\b(?P<hun>\d{{2}})(?:--|\?\?|__|xx)(?=\W|$))
  | (?P<circa>\b(?:circa|about|around|approximately|vers|environ|um|gegen|rond|omstreeks|ongeveer|ca?)(?=\b|\d)\.?)
  | (?P<before>\b(?:before|avant|vor|voor|bis|no\slater\sthan)\b(?=\D{{0,6}}\d))
  | (?P<after>\b(?:after|apres|nach|na|since|ab)\b(?=\D{{0,6}}\d))
  | (?P<part>\b(?:{"|".join(_PARTS)})\b)
  | (?P<to>-|/|\b(?:to|through|until|till|au|a|et|and|und|en|tot|or|ou|oder|of)\b)
  | (?P<long>\d{{5,}}|\d[\d.,]*[.,]\d{{3,}})
  | (?P<day>\b[0-3]?\d(?:st|nd|rd|th|er|\.)?(?=\s
      (?:jan|feb|fev|mar|mrt|mai|may|mei|apr|avr|jun|jui|jul|aug|aou|sep|oct|okt|oit|nov|dec|dez)))
  | (?P<year>(?<!\d)\d{{1,4}}(?!\w))
  | (?P<other>[a-z]+\d*\s?[0-3]?\d?(?:st|nd|rd|th)?(?=,\s?\d{{4}}\b)|[a-z]+\d*)
    """,
    re.VERBOSE,
)


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        kind = next(name for name in _KINDS if match[name] is not None)
        token = _token(kind, match)
        if token is not None:
            yield token


_KINDS: Final = (
    *("iso", "dotted", "bc", "ad", "fraction", "century", "millennium", "ordinal", "decade", "hundred", "circa"),
    *("before", "after", "part", "to", "long", "day", "year", "other"),
)


def _token(kind: str, match: re.Match[str]) -> _Token | None:  # noqa: PLR0911  # a return for each kind of word
    word = match[0]
    match kind:
        case "iso":
            return _Token("year", int(word[:4]), word=word[:4])
        case "bc" | "ad":
            return _Token("era", word=kind)
        case "before" | "after":
            return _Token("open", word=kind)
        case "circa" | "to":
            return _Token(kind)
        case "fraction":
            of = _FRACTIONS[match["share"]]
            number = _number(match["nth"]) or of
            return _Token("part", number, of) if number <= of else None
        case "part":
            return _Token("part", _PARTS[word], 3)
        case "century" | "millennium":
            length = 100 if kind == "century" else 1000
            number = _number(match["cent"] or match["mill"])
            return _Token(kind, (number - 1) * length + 1, number * length) if number else None
        case "ordinal":
            number = _number(re.sub(r"(st|nd|rd|th|eme|e|de|ste|er|\.)$", "", word))
            return _Token("ordinal", number) if number else None
        case "decade":
            ten = int(match["ten"] or match["ten2"]) * 10
            is_hundred = ten % 100 == 0 and word.endswith("s")
            return _Token("decade", ten, ten + (99 if is_hundred else 9)) if ten else None
        case "hundred":
            return _Token("decade", int(match["hun"]) * 100, int(match["hun"]) * 100 + 99)
        case "year":
            return _Token("year", int(word), word=word) if int(word) else None
    return None


def _number(word: str) -> int:
    """An ordinal in digits, Roman digits or letters; 0 for the last, or for nonsense."""
    if word.isdecimal():
        return int(word)
    if word in _WORDS:
        return _WORDS[word]
    values = [_ROMAN[letter] for letter in word]
    total = sum(-value if value < max(values[i:]) else value for i, value in enumerate(values))
    return max(total, 0)

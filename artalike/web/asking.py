"""The address of an answer to a question of several parts, which people share; read and written.

``/search?like=12&like=34~0.5&unlike=7&text=red+vase&creator=Monet``: ``like`` and ``unlike`` name pictures by id or
address, ``text`` and ``without`` are words to look for and to stay away from, and a weight follows behind a tilde.
Words that begin as an address does are one: there is one box for both. ``static/js/ask/parts.js`` reads the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from pydantic import ValidationError

from artalike.search.filters import Filters
from artalike.web.params import ADDRESS, PARTS_MOST, QuestionBody, QuestionPart
from artalike.web.questions import TEXTS_MOST

_WEIGHED: Final = re.compile(r"(.*)~([0-9]{1,4}(?:\.[0-9]{1,4})?)", re.DOTALL)
_ID: Final = re.compile(r"[1-9][0-9]{0,14}")
_WORD: Final = re.compile(r"[^\W_]")
NAMES: Final = frozenset({"like", "unlike", "text", "without", "picture", "unlike_picture", "seed"})
"""Of parameters that say what is asked, beside the filters."""
_TITLE_LENGTH: Final = 80
_AWAY: Final = {"like": False, "text": False, "unlike": True, "without": True}


def read(parameters: Iterable[tuple[str, str]]) -> QuestionBody:
    """What an address asks for. Whatever in it cannot be asked for is passed over, and so is what is too much."""
    parts: dict[bool, list[QuestionPart]] = {False: [], True: []}
    known = set[tuple[int | None, str | None, str | None]]()
    texts = 0
    for name, value in parameters:
        part = _part(name, value) if name in _AWAY else None
        if part is None or (part.id, part.url, part.text) in known:
            continue
        known.add((part.id, part.url, part.text))
        texts += part.text is not None
        if len(parts[_AWAY[name]]) < PARTS_MOST and (part.text is None or texts <= TEXTS_MOST):
            parts[_AWAY[name]].append(part)
    return QuestionBody(like=parts[False], unlike=parts[True])


def page(body: QuestionBody, filters: Filters) -> str:
    """The plainest address for people of what ``body`` asks for; of all pictures where that is nothing."""
    narrowed = filters.model_dump(mode="json", exclude_defaults=True)
    if not any(part.weight != 0 for part in body.like):
        path, asked = "/", list[tuple[str, str]]()
    elif [(part.id is not None, part.weight) for part in (*body.like, *body.unlike)] == [(True, None)]:
        path, asked = f"/similar/{body.like[0].id}", []
    else:
        path, asked = "/search", [*_written(body.like, "like", "text"), *_written(body.unlike, "unlike", "without")]
    query = urlencode([*asked, *narrowed.items()])
    return f"{path}?{query}" if query else path


def title(body: QuestionBody) -> str:
    """What is asked, in words, where a picture can only be counted."""
    words = ", ".join(part.text for part in body.like if part.text is not None)
    pictures = sum(part.text is None for part in body.like)
    counted = "" if not pictures else "one picture" if pictures == 1 else f"{pictures} pictures"
    return " and ".join(filter(None, (words[:_TITLE_LENGTH], counted)))


@dataclass(frozen=True, slots=True)
class Chip:
    """One thing of what is asked, in words or as the image ``id``, and the address without it."""

    label: str
    id: int | None
    away: bool
    without: str


def chips(body: QuestionBody, filters: Filters, *, of: int | None = None) -> list[Chip]:
    """All of what is asked; the one image that similar ones are shown ``of`` has no chip."""
    if of is not None:
        body = QuestionBody(like=[QuestionPart(id=of)])
    found = []
    for name in ("like", "unlike"):
        for part in () if of is not None else getattr(body, name):
            rest = [other for other in getattr(body, name) if other is not part]
            without = page(body.model_copy(update={name: rest}), filters)
            found.append(Chip(part.text or part.url or "", part.id, name == "unlike", without))
    for name, value in filters.model_dump(mode="json", exclude_defaults=True).items():
        if name != "tolerance":
            gone = {"color", "tolerance"} if name == "color" else {name}
            without = page(body, Filters.of(filters.model_dump(exclude=gone, exclude_defaults=True)))
            found.append(Chip(f"{name.replace('_', ' ')}: {value}", None, False, without))
    return found


def _part(name: str, value: str) -> QuestionPart | None:
    weighed = _WEIGHED.fullmatch(value)
    text, weight = (weighed[1], float(weighed[2])) if weighed else (value, None)
    text = " ".join(text.split())
    try:
        if name in {"like", "unlike"} and _ID.fullmatch(text):
            return QuestionPart(id=int(text), weight=weight)
        if ADDRESS.match(text):
            return QuestionPart(url=text, weight=weight)
        return QuestionPart(text=text[:1000], weight=weight) if _WORD.search(text) else None
    except ValidationError:
        return None


def _written(parts: Iterable[QuestionPart], picture: str, words: str) -> Iterator[tuple[str, str]]:
    for part in parts:
        value = part.text or part.url or str(part.id)
        weight = part.weight
        if weight is None and _WEIGHED.fullmatch(value):  # words that end as a weight does are followed by their own
            weight = 1 if picture == "like" else round(2 / 3, 4)
        yield (picture if part.text is None else words, value if weight is None else f"{value}~{weight:g}")

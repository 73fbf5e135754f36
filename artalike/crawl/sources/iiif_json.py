"""Reading of IIIF's JSON, whatever types it has where the specification wants others.

Presentation API 2 names things ``@id``, ``@type``, ``@value`` and ``@language``; 3 has ``id``, ``type`` and language
maps. Both are read by the same functions, because real documents mix them.
https://iiif.io/api/presentation/2.1/#json-ld-considerations, https://iiif.io/api/presentation/3.0/#4-json-ld-considerations
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from artalike.crawl import text, urls

MAX_LIST: Final = 100_000
MAX_LANGUAGES: Final = 100
MAX_VALUES: Final = 50
"""Values of one text in one language: the longest lists are of subjects."""

_LARGEST_SIDE: Final = 10_000_000
_NO_LANGUAGE: Final = "none"
_PREFIXES: Final = re.compile(r".*[:/#]", re.DOTALL)

Json = dict[str, Any]


def listed(value: Any) -> list[Any]:
    """``value`` as a list: one thing is a list of one."""
    if isinstance(value, list):
        return value[:MAX_LIST]
    return [] if value is None else [value]


def objects(value: Any) -> Iterator[Json]:
    """The objects in ``value``, one or a list."""
    return (item for item in listed(value) if isinstance(item, dict))


def kind_of(resource: Json) -> str:
    """The type without its namespace, lower-case: ``sc:Manifest`` and ``Manifest`` are ``manifest``; "" for none."""
    for key in ("type", "@type"):
        for name in listed(resource.get(key)):
            if isinstance(name, str):
                return _PREFIXES.sub("", name[:200]).lower()
    return ""


def identifier(value: Any) -> str | None:
    """What a resource or a reference to one is called."""
    if isinstance(value, dict):
        value = next((found for key in ("id", "@id") if isinstance(found := value.get(key), str)), None)
    return value if isinstance(value, str) and value else None


def address(value: Any, base: str) -> str | None:
    """Where a resource lies that the document at ``base`` names; None where it cannot be had.

    A document on this machine may name what lies beside and below it, and no other file.
    """
    name = identifier(value)
    url = urls.join(base, name) if name is not None else None
    if url is None or urls.is_web(url):
        return url
    return url if urls.to_path(url).is_relative_to(urls.to_path(base).parent) else None


def number(value: Any) -> int | None:
    """A positive whole number of pixels, also where it is written as text or as 600.0; else None."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 9:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Neither infinity nor NaN is in between, and no float is made of an integer of any length.
    return int(value) if 1 <= value <= _LARGEST_SIDE else None


def strings(value: Any) -> list[str]:
    """The texts in ``value``, one or a list."""
    return [item for item in listed(value) if isinstance(item, str) and item.strip()]


def translations(value: Any) -> dict[str, list[str]]:
    """A text by language, lower-case; what is in none is under ``none``."""
    found: dict[str, list[str]] = {}
    for item in listed(value)[: MAX_LANGUAGES * MAX_VALUES]:
        if not isinstance(item, dict):
            _add(found, _NO_LANGUAGE, item)
        elif "@value" in item:
            language = item.get("@language")
            _add(found, language if isinstance(language, str) else "", item["@value"])
        else:
            for language, values in islice(item.items(), MAX_LANGUAGES):
                _add(found, language, values)
    return found


def texts(value: Any, languages: Sequence[str]) -> list[str]:
    """The values of a text in the first of ``languages`` that it is in, without HTML.

    ``en`` means ``en-GB``, too, and the other way round. Of a text in none of them, what is in no language, or else the
    first.
    """
    found = translations(value)
    names = [*(language.lower() for language in languages), _NO_LANGUAGE]
    chosen = next((found[name] for name in names if name in found), None)
    if chosen is None or chosen is found.get(_NO_LANGUAGE):
        primary = (values for name in names for key, values in found.items() if _primary(key) == _primary(name))
        chosen = next(primary, next(iter(found.values()), []))
    return [plain for value in chosen if (plain := text.from_html(value))]


def text_of(value: Any, languages: Sequence[str]) -> str | None:
    """The values of :func:`texts` on one line."""
    return joined(texts(value, languages))


def joined(values: Iterable[str]) -> str | None:
    """Different values on one line."""
    return text.plain("; ".join(dict.fromkeys(values)))


def _add(found: dict[str, list[str]], language: str, values: Any) -> None:
    name = language.strip().lower().removeprefix("@") or _NO_LANGUAGE
    for value in listed(values)[:MAX_VALUES]:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)  # noqa: PLW2901  # a year is often written as a number
        if isinstance(value, str) and value.strip() and (name in found or len(found) < MAX_LANGUAGES):
            kept = found.setdefault(name, [])
            if len(kept) < MAX_VALUES:
                kept.append(value)


def _primary(language: str) -> str:
    return language.partition("-")[0]

"""Links that lead nowhere new: sites that, on purpose or by mistake, have a page at every address that one makes up.

Nobody can know that an address is one of infinitely many; these are the signs that crawlers go by (Google's "Large site
owner's guide to managing your crawl budget" on faceted navigation, session identifiers and infinite spaces; Heritrix's
``PathologicalPathDecideRule`` and ``TooManyPathSegmentsDecideRule``). For links from page to page, never for pictures:
a picture missed is worse than a page too many.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote, urlsplit

MAX_LENGTH: Final = 2000
MAX_SEGMENTS: Final = 16
MAX_PARAMETERS: Final = 8
REPEATS: Final = 3
"""How often in a row the same segments make a path a circle."""
MAX_ALIKE: Final = 3
"""How often one segment may be in a path: a wrong relative link or two make paths of the same few words for ever."""
LONGEST_CIRCLE: Final = 4
"""Segments of a circle that are looked for."""
MAX_VARIANTS: Final = 50
"""Links from one page that differ in their queries alone."""
YEARS_AHEAD: Final = 2
YEARS_BACK: Final = 30
"""How far a calendar is leafed through."""

_SESSIONS: Final = re.compile(
    r"(?:php|j|asp|cf|x|o?s)?sess(?:ion)?_?id.*|aspsessionid\w*|cfid|cftoken|oscsid|zenid|utm_\w+|fbclid|gclid",
    re.IGNORECASE,
)
_MAYBE_SESSION: Final = re.compile(r"(?:sid|s|token)=[0-9a-f]{16,}", re.IGNORECASE)
_IN_PATH: Final = re.compile(r";jsessionid=[^/?;]*|/\(S\([0-9a-z]+\)\)", re.IGNORECASE)
# Another order, or another look, of what the page without it shows.
_ORDERS: Final = frozenset(
    {"sort", "sortby", "sort_by", "sortorder", "sort_order", "order", "orderby", "order_by", "dir", "direction", "asc"}
    | {"desc", "view", "display", "layout", "mode", "per_page", "perpage", "pagesize", "page_size", "limit"}
)
_CALENDAR: Final = re.compile(r"/(?:calendars?|kalender|agenda|calendrier|calendario)(?:[/.?-]|$)", re.IGNORECASE)
_EVENTS: Final = re.compile(r"/events?(?:[/.?-]|$)", re.IGNORECASE)
_MONTHS: Final = frozenset({"month", "monat", "mois", "mes", "cal_month", "calmonth", "ical", "tribe-bar-date", "week"})
# 2031, 2031-05, 203105 or 20310501.
_MONTH: Final = r"(?:0[1-9]|1[0-2])"
_YEAR: Final = re.compile(rf"(?<![0-9])([1-9][0-9]{{3}})(?:(?![0-9])|{_MONTH}(?:[0-3][0-9])?(?![0-9]))")
_YEAR_AND_MONTH: Final = re.compile(rf"(?<![0-9])([1-9][0-9]{{3}})[-/.]?{_MONTH}(?:[-/.]?[0-3][0-9])?(?![0-9])")


def followed(links: Iterable[str], page: str) -> Iterator[str]:
    """Of the canonical addresses that ``page`` links to, those worth a request, without session identifiers.

    Of what differs in its order alone only the first is, and none that shows the page itself in another order.
    """
    seen = {_place(without_session(page))}
    variants: Counter[str] = Counter()
    for link in links:
        url = without_session(link)
        place, path = _place(url), url.partition("?")[0]
        if place in seen or is_endless(url) or variants[path] == MAX_VARIANTS:
            continue
        seen.add(place)
        variants[path] += "?" in url
        yield url


def without_session(url: str) -> str:
    """The address without what only says who asks: session identifiers and the marks of campaigns."""
    head, question, query = url.partition("?")
    if ";" in head or "/(" in head:
        head = _IN_PATH.sub("", head)
    if not question:
        return head
    kept = [part for part in query.split("&") if not _is_session(part)]
    return f"{head}?{'&'.join(kept)}" if kept else head


def is_endless(url: str) -> bool:
    """Whether a canonical address looks like one of infinitely many."""
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    return (
        len(url) > MAX_LENGTH
        or len(segments) > MAX_SEGMENTS
        or parts.query.count("&") >= MAX_PARAMETERS
        or max(Counter(segments).values(), default=0) > MAX_ALIKE
        or _is_circle(segments)
        or _is_far_away(parts.path, parts.query)
    )


def _is_circle(segments: list[str]) -> bool:
    """Whether up to LONGEST_CIRCLE segments follow themselves again and again, as ``/a/b/a/b/a/b`` do."""
    for length in range(1, LONGEST_CIRCLE + 1):
        alike = 0
        for one, other in zip(segments, segments[length:], strict=False):
            alike = alike + 1 if one == other else 0
            if alike == length * (REPEATS - 1):
                return True
    return False


def _is_far_away(path: str, query: str) -> bool:
    """Whether this is a calendar's page for a time of which it knows nothing."""
    named = [part.partition("=") for part in query.lower().split("&")]
    values = unquote(" ".join(value for _, _, value in named))
    found: list[str] = []
    if (calendar := _CALENDAR.search(path)) is not None:
        found = _YEAR.findall(f"{unquote(path[calendar.start() :])} {values}")
    elif (events := _EVENTS.search(path)) is not None:  # where a number alone is an event's own
        found = _YEAR_AND_MONTH.findall(f"{unquote(path[events.start() :])} {values}")
    elif any(name in _MONTHS for name, _, _ in named):
        found = _YEAR.findall(values)
    now = datetime.now(UTC).year
    return any(not now - YEARS_BACK <= int(year) <= now + YEARS_AHEAD for year in found)


def _is_session(parameter: str) -> bool:
    return bool(_SESSIONS.fullmatch(parameter.partition("=")[0]) or _MAYBE_SESSION.fullmatch(parameter))


def _place(url: str) -> str:
    """The address with its parameters in one order, and without those that say in which order it shows things."""
    head, _, query = url.partition("?")
    kept = sorted(part for part in query.split("&") if part.partition("=")[0].lower() not in _ORDERS)
    return f"{head}?{'&'.join(kept)}"

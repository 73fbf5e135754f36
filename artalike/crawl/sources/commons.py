"""Wikimedia Commons by the MediaWiki Action API (www.mediawiki.org/wiki/API:Imageinfo, API:Categorymembers).

Addresses of scaled pictures come from the API alone, and only at the widths that Commons keeps
(www.mediawiki.org/wiki/Common_thumbnail_sizes). A category is read anew at each crawl: the API can list its members by
the time of their addition, but not those with a new version or new metadata; a new version is known by its SHA-1.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from anyio import to_thread

from artalike.crawl import text, urls
from artalike.crawl.sources import museum
from artalike.crawl.sources.base import Document, Found, Reach
from artalike.crawl.sources.museum import text_of
from artalike.crawl.sources.options import Options
from artalike.errors import FailureKind, FetchError, ParseError
from artalike.records import Candidate, Metadata, Task

WIDTHS: Final = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)
"""The standard widths, in pixels ($wgThumbnailSteps of Wikimedia's configuration)."""
MAX_TITLE: Final = 255
"""Bytes of a page's name (www.mediawiki.org/wiki/Manual:Page_title)."""
BATCH: Final = 50
"""Files asked for at once; the API scales no more in one answer."""
MAX_ANSWERS: Final = 200_000

_HOSTS: Final = frozenset({"commons.wikimedia.org", "commons.m.wikimedia.org"})
_NAMESPACES: Final = {"category": "Category", "file": "File", "image": "File"}
_NO_TITLE: Final = re.compile(r"[\x00-\x1f\x7f#<>\[\]|{}\ud800-\udfff\ufffd]")
_TYPES: Final = frozenset(
    {"image/jpeg", "image/png", "image/gif", "image/webp", "image/tiff", "image/avif", "image/bmp", "image/x-bmp"}
)
# Names of licences as templates on Commons give them ("cc-by-sa-4.0", "CC BY 2.0 de", "Public domain", "pd"). Others
# that are free as well (GFDL, Free Art License, …) ask for more than a line beside the picture.
_OPEN: Final = re.compile(
    r"(?:cc0|cc-zero|pd|public domain|no restrictions|cc-pd-mark)(?:[ -].*)?|cc[ -]by(?:[ -]sa)?(?:[ -][0-9].*)?",
    re.IGNORECASE | re.DOTALL,
)
_CLOSED: Final = re.compile(r"(?:^|[ -])(?:nc|nd)(?:[ -]|$)", re.IGNORECASE)
_HIDDEN: Final = re.compile(r"<style\b|<(?:div|span)[^<>]{0,200}display:\s?none", re.IGNORECASE)
_PROPERTIES: Final = "url|size|mime|sha1|archivename|extmetadata"
_LATER: Final = {"maxlag": FailureKind.RATE_LIMITED, "ratelimited": FailureKind.RATE_LIMITED}
_LONGEST_VALUE: Final = 20_000
_LONGEST_LAG: Final = 600


class CommonsSource:
    """A category with those below it within ``depth``, or one file. The cursor is the API's ``continue``, as JSON."""

    kind = "commons"
    looks_like = "commons:Category:…, commons:File:… or the address of either page at commons.wikimedia.org"
    yields = "the files of a category and of those below it, with their licences"
    takes = ("depth", "open_access", "languages")
    schemes = ()

    def match(self, text: str) -> str | None:
        name, colon, title = text.strip().partition(":")
        if colon and name.lower() == self.kind and not title.startswith("//"):
            # A category may be named alone.
            found = _canonical_title(title if ":" in title else f"Category:{title}")
        else:
            url = urls.web(text)
            found = _canonical_title(_title_in_address(url)) if url and urls.host_of(url) in _HOSTS else None
        return f"{self.kind}:{found}" if found else None

    def recognizes(self, document: Document) -> bool:
        return False

    async def expand(self, task: Task, reach: Reach) -> AsyncGenerator[Found, None]:
        title = _canonical_title(task.url.partition(":")[2] if museum.is_root(task) else _title_in_address(task.url))
        if title is None:
            raise ParseError(FailureKind.BAD_DOCUMENT, f"{task.url}: names no category or file")
        answers = _Answers(task, reach, title)
        cursor, seen = task.cursor, set[int]()
        for _ in range(MAX_ANSWERS):
            answer = await answers.ask(cursor)
            candidates = await to_thread.run_sync(answers.candidates, answer)
            if not candidates and not cursor and museum.is_root(task) and not _pages(answer):
                raise FetchError(FailureKind.NOT_FOUND, f"{task.url}: no such page, or no files in it")
            following = _cursor(answer)
            yield Found(candidates, following)
            if following is None or hash(following) in seen:
                return
            seen.add(hash(following))
            cursor = following


class _Answers:
    """What the API says of one page, by the task's options."""

    def __init__(self, task: Task, reach: Reach, title: str) -> None:
        settings, options = reach.settings, Options.of(task.options)
        self._task = task
        self._reach = reach
        self._title = title
        self._base = settings.museums.commons
        self._open_only = museum.only_open_access(task, settings)
        self._deeper = task.depth < (settings.crawl.depth if options.depth is None else options.depth)
        language = (settings.crawl.languages if options.languages is None else options.languages or ("en",))[0]
        side = settings.download.preferred_side
        self._width = next((width for width in WIDTHS if width >= side), WIDTHS[-1])
        self._query = {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "maxlag": "5",
            "prop": "imageinfo",
            "iiprop": _PROPERTIES,
            "iiurlwidth": str(self._width),
            "iiextmetadatalanguage": language,
            **self._pages_asked(),
        }

    def _pages_asked(self) -> dict[str, str]:
        if self._title.startswith("File:"):
            return {"titles": self._title}
        kinds = "file|subcat" if self._deeper else "file"
        return {
            "generator": "categorymembers",
            "gcmtitle": self._title,
            "gcmtype": kinds,
            "gcmlimit": str(BATCH),
        }

    async def ask(self, cursor: str | None) -> dict[str, Any]:
        """One answer. Raises FetchError, retryable when the API wants to be asked later; ParseError."""
        query = self._query | _continued(cursor)
        url = f"{self._base}/api.php?{urlencode(query, errors='replace')}"
        answer = await museum.read_json(self._reach, url)
        error = answer.get("error")
        if error is not None:
            raise _refusal(url, error)
        if self._title.startswith("File:"):
            answer.pop("continue", None)  # to the file's older versions
        return answer

    def candidates(self, answer: Mapping[str, Any]) -> list[Candidate]:
        """Pictures, and the categories below this one."""
        found = []
        for page in _pages(answer):
            title = page.get("title")
            if not isinstance(title, str):
                continue
            if title.startswith("Category:"):
                if self._deeper:
                    found.append(Candidate(self._address(title), "commons", depth=self._task.depth + 1))
                continue
            candidate = self._picture(title, page.get("imageinfo"))
            if candidate is not None:
                found.append(candidate)
        return found

    def _address(self, title: str) -> str:
        return f"{self._base}/index.php?title={quote(title.replace(' ', '_'), errors='replace')}"

    def _picture(self, title: str, versions: Any) -> Candidate | None:
        info = versions[0] if isinstance(versions, list) and versions else None
        # Without information the page comes again in a later answer; with an archive's name it is an older version.
        if not isinstance(info, dict) or info.get("archivename") or text_of(info, "mime") not in _TYPES:
            return None
        told = _told(info.get("extmetadata"))
        if self._open_only and not _is_open(told):
            return None
        width = info.get("width")
        is_larger = isinstance(width, int) and width > self._width
        url = text_of(info, "thumburl", "url") if is_larger else text_of(info, "url")
        if url is None:
            return None
        return Candidate(
            url,
            depth=self._task.depth,
            metadata=_metadata(title, info, told),
            revision=(text_of(info, "sha1") or "")[:100] or None,
        )


def _metadata(title: str, info: Mapping[str, Any], told: Mapping[str, str]) -> Metadata:
    creator = told.get("Artist")
    rights = told.get("LicenseShortName") or told.get("UsageTerms")
    name = title.partition(":")[2]
    credited = ", ".join(part for part in (creator, rights, "via Wikimedia Commons") if part)
    facts = {key: info[key] for key in ("width", "height", "size", "mime", "sha1") if key in info}
    return Metadata(
        title=told.get("ObjectName") or name.rpartition(".")[0] or name,
        creator=creator,
        date=told.get("DateTimeOriginal") or told.get("DateTime"),
        medium=told.get("Medium"),
        rights=": ".join(part for part in (rights, told.get("LicenseUrl")) if part) or None,
        attribution=told.get("Attribution") or credited,
        page_url=text_of(info, "descriptionurl"),
        extra={"file": title, **facts, **told},
    )


def _told(extmetadata: Any) -> dict[str, str]:
    """The texts of ``extmetadata``, which are HTML, by their names."""
    if not isinstance(extmetadata, dict):
        return {}
    told: dict[str, str] = {}
    for name, entry in list(extmetadata.items())[: text.MAX_EXTRA]:
        value = entry.get("value") if isinstance(entry, dict) else None
        if isinstance(value, str | int | float) and (plain := text.from_html(_visible(str(value)))):
            told[name] = plain
    return told


def _visible(html: str) -> str:
    # Templates add style sheets, and statements for machines in hidden elements, which are not nested.
    first, *hidden = _HIDDEN.split(html[:_LONGEST_VALUE])
    return first + "".join(piece.partition("</")[2].partition(">")[2] for piece in hidden)


def _is_open(told: Mapping[str, str]) -> bool:
    if told.get("NonFree"):
        return False
    names = [name for key in ("License", "LicenseShortName") if (name := told.get(key))]
    return any(_OPEN.fullmatch(name) and not _CLOSED.search(name) for name in names)


def _pages(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    query = answer.get("query")
    pages = query.get("pages") if isinstance(query, dict) else None
    found = pages if isinstance(pages, list) else []
    return [page for page in found if isinstance(page, dict) and not page.get("missing")]


def _cursor(answer: Mapping[str, Any]) -> str | None:
    following = answer.get("continue")
    if not isinstance(following, dict) or not following:
        return None
    cursor = json.dumps(following, sort_keys=True)
    if len(cursor) > urls.MAX_LENGTH:
        raise ParseError(FailureKind.BAD_DOCUMENT, f"a continuation of {len(cursor)} characters")
    return cursor


def _continued(cursor: str | None) -> dict[str, str]:
    """The parameters of the next answer (API:Continue): all that the last one gave, and none of ours changed by it."""
    given = json.loads(cursor) if cursor else {}
    return {name: str(value) for name, value in given.items() if name.endswith("continue") or name == "iistart"}


def _refusal(url: str, error: Any) -> FetchError:
    told = error if isinstance(error, dict) else {}
    code = str(told.get("code"))[:100]
    reason = text.plain(str(told.get("info", error))[:500])
    lag = told.get("lag")
    seconds = float(lag) if isinstance(lag, int | float) and 5 < lag < _LONGEST_LAG else 5.0
    later = code in _LATER or code.startswith(("readonly", "internal_api_error"))
    return FetchError(
        _LATER.get(code, FailureKind.SERVER_ERROR if later else FailureKind.REFUSED),
        f"{url}: {code}: {reason}",
        retryable=later,
        retry_after=seconds if code == "maxlag" else None,
    )


def _title_in_address(url: str) -> str:
    """The title in the address of a page of a wiki, ``/wiki/TITLE`` or ``?title=TITLE``; "" in any other."""
    parts = urlsplit(url)
    if parts.path.endswith("/index.php"):
        return parse_qs(parts.query).get("title", [""])[0]
    return unquote(parts.path.removeprefix("/wiki/")) if parts.path.startswith("/wiki/") else ""


def _canonical_title(title: str) -> str | None:
    """A category's or file's title as MediaWiki spells it; None for one of any other page."""
    namespace, _, name = " ".join(title.replace("_", " ").split()).partition(":")
    known, name = _NAMESPACES.get(namespace.strip().lower()), name.strip()
    if known is None or not name or _NO_TITLE.search(name) or len(name.encode("utf-8", "replace")) > MAX_TITLE:
        return None
    return f"{known}:{name[0].upper()}{name[1:]}"

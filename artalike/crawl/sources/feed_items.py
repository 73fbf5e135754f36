"""What one item of a feed leads to: its pictures with what is said of them, or else the page that it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Final

from artalike.crawl import text, urls
from artalike.crawl.sources.content import is_picture_address
from artalike.crawl.sources.feed_xml import Part
from artalike.crawl.sources.findings import Findings, filled
from artalike.crawl.sources.html import read_page
from artalike.crawl.sources.sizes import Choice, Version, choose, longer
from artalike.errors import ParseError
from artalike.records import Candidate, Metadata

MAX_PICTURES: Final = 500
"""Pictures of one item."""

_UNREADABLE: Final = frozenset({"image/svg+xml", "image/x-icon", "image/vnd.microsoft.icon"})
_ARTICLE: Final = ("content:encoded", "content", "description", "summary")
_RIGHTS: Final = ("media:license", "cc:license", "link license", "dc:rights", "media:copyright", "rights", "copyright")
_CREATOR: Final = ("media:credit", "dc:creator", "author", "itunes:author")
_PUBLISHED: Final = ("published", "pubdate", "dc:created", "dc:date", "issued", "created", "updated", "dc:modified")
_CHANGED: Final = ("updated", "dc:modified", "modified", "pubdate", "published", "dc:date")
# RSS wants "name@example.org (A Name)" for an author; an address is no name, and nobody's business.
_MAIL: Final = re.compile(r"\S*@\S*")
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT")
_ABOUT: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"


def key_of(item: Part) -> str | None:
    """What the item is known by, at each reading."""
    return item.first("guid", "id") or item.attributes.get(_ABOUT) or link_of(item)


def link_of(item: Part) -> str | None:
    """The address of the page that the item is about."""
    named = item.first("link alternate", "link")
    guid = item.first("guid", "id")
    found = urls.join(item.base, named) if named else None
    return found or (urls.web(guid) if guid else None)


def page_of(item: Part, depth: int) -> Candidate | None:
    """The page that the item is about, to be read again when the item has changed."""
    link = link_of(item)
    if link is None or not urls.is_web(link):
        return None
    if is_picture_address(link):
        return Candidate(link, depth=depth, metadata=_said(item))
    changed = item.first(*_CHANGED)
    return Candidate(link, "page", depth=depth, revision=text.plain(changed[:100]) if changed else None)


def pictures_of(item: Part, feed: Part, preferred_side: int) -> list[Candidate]:
    """The pictures of an item, with what it, and else the feed, says of them.

    One picture in the article beside others that the item names is taken for a smaller version of the first of those:
    that is how photo sites write their feeds. More than one are pictures of their own.
    """
    found = Findings()
    _add_media(found, item, preferred_side)
    named = len(found)
    article = _in_article(item, preferred_side)
    thumbnails = list(_thumbnails(item, preferred_side))
    if named and len(article) == 1:
        thumbnails = thumbnails or [article[0].url]
    else:
        for candidate in article:
            found.add(candidate)
    if not len(found):
        for address in thumbnails[:1]:
            found.add(Candidate(address))
    said = filled(_said(item), _of_feed(feed))
    all_found = [candidate for candidate in found.all(said) if _is_taken(candidate.url)]
    if len(all_found) == 1 and thumbnails[:1] not in ([], [all_found[0].url]):
        all_found = [replace(all_found[0], thumbnail_url=all_found[0].thumbnail_url or thumbnails[0])]
    return all_found[:MAX_PICTURES]


def _add_media(found: Findings, item: Part, preferred_side: int) -> None:
    for part in item.media:
        if part.kind == "media:thumbnail" or part.kind.startswith("itunes:"):
            continue
        versions = [each for each in (part.media if part.kind == "media:group" else [part]) if _is_picture(each)]
        choice = _chosen(versions, item.base, preferred_side)
        if choice is None or not _is_taken(choice.url):
            continue
        said = filled(_said(versions[0]), _said(part))
        small = next(_thumbnails(part, preferred_side), None) or next(_thumbnails(versions[0], preferred_side), None)
        small = None if small == choice.url else small
        found.add(Candidate(choice.url, thumbnail_url=small, metadata=said), full_url=choice.full_url)


def _is_taken(url: str) -> bool:
    # WordPress names the face of an author as a medium of what that author has written.
    return urls.is_web(url) and "gravatar.com/avatar/" not in url


def _thumbnails(part: Part, preferred_side: int) -> Iterator[str]:
    """The small versions that an item or medium names: the one to take first, then the rest."""
    small = [each for each in part.media if each.kind in {"media:thumbnail", "itunes:image"}]
    choice = _chosen(small, part.base, preferred_side)
    if choice is not None:
        yield choice.url
    for medium in part.media:
        inside = [each for each in medium.media if each.kind == "media:thumbnail"]
        choice = _chosen(inside, part.base, preferred_side)
        if choice is not None:
            yield choice.url


def _chosen(parts: Sequence[Part], base: str, preferred_side: int) -> Choice | None:
    versions = [
        Version(address, longer(part.attributes.get("width"), part.attributes.get("height")))
        for part in parts
        if (address := _address(part, base)) is not None
    ]
    return choose(versions, preferred_side)


def _address(part: Part, base: str) -> str | None:
    named = next((value for name in ("url", "href", "src") if (value := part.attributes.get(name))), "")
    address = urls.join(base, named)
    return address if address is not None and urls.is_web(address) else None


def _is_picture(part: Part) -> bool:
    kind, medium = part.attributes.get("type", "").strip().lower(), part.attributes.get("medium", "").lower()
    if kind and kind != "application/octet-stream":
        return kind.startswith("image/") and kind not in _UNREADABLE
    address = _address(part, part.base)
    return address is not None and (medium == "image" or (not medium and is_picture_address(address)))


def _in_article(item: Part, preferred_side: int) -> list[Candidate]:
    article = item.first(*_ARTICLE)
    if article is None or "<" not in article:
        return []
    link = link_of(item)
    base = link if link is not None and urls.is_web(link) else item.base
    try:
        page = read_page(article.encode("utf-8", "replace"), "utf-8", base, preferred_side=preferred_side)
    except ParseError:
        return []
    return list(islice(page.pictures.all(Metadata()), MAX_PICTURES))


def _said(part: Part) -> Metadata:
    link = link_of(part) if part.kind in {"item", "entry"} else None
    description = part.first("media:description") or part.first(*reversed(_ARTICLE))
    keywords = [word for name in ("category", "dc:subject", "media:keywords") for word in part.values.get(name, [])]
    extra = {
        "description": _plain(description),
        "keywords": [plain for word in keywords if (plain := _plain(word))],
        "guid": _plain(part.first("guid", "id")),
    }
    return Metadata(
        title=_plain(part.first("media:title", "title", "dc:title")),
        creator=_creators(part),
        date=_date(part.first(*_PUBLISHED)),
        rights=_plain(part.first(*_RIGHTS)),
        attribution=_plain(part.first("media:publisher", "dc:publisher")),
        page_url=link if link is not None and urls.is_web(link) else None,
        extra={name: value for name, value in extra.items() if value},
    )


def _of_feed(feed: Part) -> Metadata:
    title = _plain(feed.first("title"))
    return Metadata(
        creator=_creators(feed), rights=_plain(feed.first(*_RIGHTS)), extra={"feed": title} if title else {}
    )


def _creators(part: Part) -> str | None:
    for name in _CREATOR:
        found = [plain for value in part.values.get(name, [])[:10] if (plain := _name(value))]
        if found:
            return ", ".join(dict.fromkeys(found))
    return None


def _name(value: str) -> str | None:
    plain = _plain(value)
    return _MAIL.sub("", plain).strip(" ()<>,;") or None if plain else None


def _plain(value: str | None) -> str | None:
    return text.from_html(value) if value else None


def _date(value: str | None) -> str | None:
    """The day in ISO 8601: RSS writes dates as mails do (RFC 822), the others as they are wanted (RFC 3339)."""
    plain = _plain(value)
    if plain is None:
        return None
    try:
        return parsedate_to_datetime(plain).date().isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return plain.partition("T")[0] if _ISO.match(plain) else plain

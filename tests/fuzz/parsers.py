"""The parsers by themselves: those of headers, addresses, texts, pictures and of what visitors send."""

from __future__ import annotations

import io
import json
import math
import zlib
from functools import cache
from typing import Any, Final

from multidict import CIMultiDict
from PIL import Image
from pydantic import ValidationError

from artalike.config import Imaging
from artalike.crawl import directives, robots, text, transport, urls
from artalike.crawl.backoff import parse_retry_after
from artalike.crawl.guard import AddressGuard, is_public
from artalike.crawl.sources import content, detect, jsonld, museum, rows
from artalike.crawl.sources.charset import text_of
from artalike.crawl.sources.html import read_page
from artalike.crawl.sources.options import check_options
from artalike.crawl.sources.sizes import choose
from artalike.crawl.sources.srcset import versions
from artalike.errors import SourceError
from artalike.imaging import decode
from artalike.records import Metadata
from artalike.search import cursors
from artalike.search.random_pages import RandomCursor
from artalike.search.ranked import RankedCursor
from artalike.web import params
from tests.fuzz import samples
from tests.fuzz.engine import Pattern, Target
from tests.imaging.pictures import FORMATS, PREPROCESS, encoded, photo

IMAGING: Final = Imaging(max_pixels=1_000_000, thumbnail_widths=(32,))
URL: Final = "http://a.example/dir/page?q=1"

_CHARSETS: Final = (
    None,
    "utf-8",
    "utf-16",
    "shift_jis",
    "iso-8859-1",
    "hz",
    "gb18030",
    "idna",
    "utf-7",
    "x\0",
    "\ud800",
)


def _string(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape" if len(data) % 2 else "surrogatepass" if _is_wtf(data) else "replace")


def _is_wtf(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _page(data: bytes) -> None:
    page = read_page(data, _CHARSETS[len(data) % len(_CHARSETS)], URL, preferred_side=1024)
    for candidate in page.pictures.all(Metadata()):
        assert urls.canonical(candidate.url) == candidate.url
    for link in page.links:
        assert urls.canonical(link) == link


def _jsonld(data: bytes) -> None:
    for candidate, full_url in jsonld.pictures(_string(data), 1024):
        assert isinstance(candidate.url, str)
        assert full_url is None or isinstance(full_url, str)
        json.dumps(dict(text.clean(candidate.metadata).extra), allow_nan=False)


def _srcset(data: bytes) -> None:
    for shown in (None, 640.0):
        found = [*versions(_string(data), shown)]
        choice = choose(found, 1024)
        assert choice is None or choice.url in {version.url for version in found}


def _robots(data: bytes) -> None:
    rules = robots._parse(data, "http://a.example/robots.txt")
    assert 0.0 <= rules.crawl_delay <= robots.LONGEST_CRAWL_DELAY
    for url in ("http://a.example/", "http://a.example/private/x?y=%2F", "http://a.example/" + "a" * 200):
        rules.allows(url)
    assert all(urls.is_web(sitemap) for sitemap in rules.sitemaps)


def _directives(data: bytes) -> None:
    value = _string(data)
    found = directives.from_headers(value.split("\n")) | directives.from_meta("robots", value)
    assert found <= directives.KEEPS_PICTURES_OUT | directives.KEEPS_LINKS_OUT


def _headers(data: bytes) -> None:
    """The headers of an answer, as aiohttp hands them on."""
    # aiohttp refuses longer fields (8190 bytes).
    value = data[:8190].decode("utf-8", "surrogateescape")
    wait = parse_retry_after(value)
    assert wait is None or (math.isfinite(wait) and wait >= 0)
    headers = CIMultiDict({"Content-Type": value, "ETag": value, "Last-Modified": value})
    kind, charset = transport._content_type(headers)
    assert kind == kind.lower()
    assert charset is None or isinstance(charset, str)
    for name, told in transport.condition(transport._validators(headers)).items():
        assert not set(f"{name}{told}") & set("\r\n\0")


def _addresses(data: bytes) -> None:
    written = _string(data)
    for url in (urls.web(written), urls.join(URL, written), urls.join("file:///srv/a/b.html", written)):
        if url is None:
            continue
        url.encode("ascii")
        assert urls.canonical(url) == url
        for of_it in (urls.host_of(url), urls.origin_of(url), urls.same_site(url, URL), *urls.suffixes(url)):
            assert of_it is not None
        if urls.is_local(url):
            urls.to_path(url)
    try:
        AddressGuard(allow_private=False).check(written)
    finally:
        is_public(written)
        assert urls.invalid_reason(urls.invalid(written)) is not None


def _texts(data: bytes) -> None:
    written = _string(data)
    for cleaned in (text.plain(written), text.from_html(written), text.reason(ValueError(written))):
        assert cleaned is None or (len(cleaned) <= text.MAX_TEXT and "\n" not in cleaned and "\0" not in cleaned)
        (cleaned or "").encode()


def _clean(data: bytes) -> None:
    try:
        extra = json.loads(data)
    except (ValueError, RecursionError):
        return
    metadata = text.clean(Metadata(title=str(extra)[:9000], extra=extra if isinstance(extra, dict) else {"x": extra}))
    assert len(json.dumps(metadata.extra, allow_nan=False).encode()) < 20_000_000


def _charsets(data: bytes) -> None:
    for charset in _CHARSETS:
        text_of(data, charset)


def _contents(data: bytes) -> None:
    content.is_image(data)
    for stream in (data, samples.packed(data[:5000]), b"\x1f\x8b" + data):
        with content.opened(URL, stream, 100_000) as opened:
            for line in content.lines(opened):
                assert len(line) <= content.LONGEST_LINE
        rows.format_of_document("", stream)


def _picture(data: bytes) -> None:
    artwork = decode(data, PREPROCESS, IMAGING)
    assert artwork.model_input.shape == (64, 64, 3)
    assert artwork.thumbnails[32]


def _sources(data: bytes) -> None:
    written = _string(data)[: params.URL_LENGTH]
    try:
        detect(written)
    except SourceError as error:
        str(error).encode("utf-8", "surrogateescape")
        raise


def _options(data: bytes) -> None:
    options = _object(data)
    if options is not None:
        check_options(options)


def _requests(data: bytes) -> None:
    values = _object(data)
    for model in (params.RandomQuery, params.SearchQuery, params.SimilarQuery, params.SeedBody, params.SeedChange):
        try:
            model.model_validate(values)
        except ValidationError as error:
            str(error)


def _cursors(data: bytes) -> None:
    written = data.decode("utf-8", "surrogateescape")
    kind = RankedCursor if len(data) % 2 else RandomCursor
    cursors.decode(written, kind, salt="x")


def _museum(data: bytes) -> None:
    record = museum.parse_json(data, URL)
    for name in record:
        for read in (museum.text_of, museum.records_of, museum.texts_of, museum.number_of, museum.record_of):
            read(record, name)
        museum.changed_since(record[name], "2024-01-01T00:00:00+00:00")
        museum.address(URL, museum.text_of(record, name))


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@cache
def pictures() -> tuple[bytes, ...]:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    small = photo(48, 40)
    plain = [encoded(small, name) for name in FORMATS]
    profile = encoded(small, "JPEG", icc_profile=_profile(), exif=exif, progressive=True)
    return (
        *plain,
        profile,
        encoded(small, "PNG", exif=exif, icc_profile=_profile()),
        encoded(small, "GIF", save_all=True, append_images=[photo(48, 40, seed=1)]),
        encoded(small, "TIFF", compression="tiff_lzw", exif=exif),
        encoded(small, "TIFF", compression="jpeg"),
        encoded(small.convert("CMYK"), "TIFF", compression="tiff_adobe_deflate"),
        encoded(Image.new("I;16", (40, 40), 30_000), "TIFF"),
        encoded(small.convert("F"), "TIFF"),
        encoded(small.convert("P"), "PNG", transparency=b"\0\x80"),
        encoded(small.convert("1"), "PNG"),
        encoded(small.convert("CMYK"), "JPEG", progressive=True),
        encoded(small.convert("RGBA"), "WEBP", lossless=True, exif=exif),
        encoded(small.convert("L"), "BMP"),
    )


def _segments() -> tuple[Pattern, ...]:
    """Pictures with no end of what stands beside the pixels: comments, EXIF, profiles, boxes."""
    jpeg, png, _, gif, avif, *_ = pictures()
    start = gif.index(b",")  # of the first frame
    return (
        (jpeg[:2], b"\xff\xfe\x00\x06text", jpeg[2:]),
        (jpeg[:2], b"\xff\xe1\x00\x10Exif\0\0II*\0\x08\0\0\0", jpeg[2:]),
        (jpeg[:2], b"\xff\xe2\x00\x12ICC_PROFILE\0\x01\x01ab", jpeg[2:]),
        (jpeg[:2], b"\xff\xed\x00\x1aPhotoshop 3.0\x008BIM\0\0\0\0\0\0", jpeg[2:]),
        (png[:33], _chunk(b"tEXt", b"k\0v"), png[33:]),
        (png[:33], _chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2000))), png[33:]),
        (png[:33], _chunk(b"iTXt", b"k\0\0\0\0\0v"), png[33:]),
        (gif[:start], b"!\xfe\x04text\0", gif[start:]),
        (gif[:start], b"!\xff\x0bXMP DataXMP\x01a\0", gif[start:]),
        (gif[:-1], gif[start:-1], b";"),
        (avif, b"\0\0\0\x08free", b""),
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _profile() -> bytes:
    from PIL import ImageCms  # noqa: PLC0415  # lcms is loaded for the one profile

    stream = io.BytesIO()
    stream.write(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    return stream.getvalue()


_MARKUP: Final[tuple[Pattern, ...]] = (
    (b"", b"<div>", b""),
    (b"", b"<a href=x>", b""),
    (b"", b"<img src=x.jpg>", b""),
    (b"<figure>", b"<img src=x.jpg>", b"<figcaption>x</figcaption>"),
    (b"<picture>", b"<source srcset=a>", b"<img>"),
    (b"", b"<figure><picture><img src=x>", b""),
    (b"<p ", b"a=b ", b">"),
    (b"<a href='", b"../", b"'>x</a>"),
    (b"<img srcset='", b"a,", b"'>"),
    (b"<img srcset='", b"a 1x 2x ", b"'>"),
    (b"", b"<meta name=robots content=noai>", b""),
    (b"", b"<meta", b""),
    (b"<meta ", b"charset ", b""),
    (b"", b"<base href=/x>", b""),
    (b"<title>", b"<b>", b""),
    (b"", b"&amp", b""),
    (b"", b"<!--", b""),
    (b"", b"<script type=ld+json>{}</script>", b""),
    (b"<script type=ld+json>", b'{"image":[', b"</script>"),
    (b"", b"<table><tr><td>", b""),
)
_WORDS: Final[tuple[Pattern, ...]] = tuple(
    (b"", unit, b"")
    for unit in (
        b"<",
        b">",
        b"<a",
        b"&",
        b"&#",
        b"&#1;",
        b" ",
        b"\xe2\x80\xae",
        b"a b",
        b"%",
        b"%2",
        b",",
        b":",
        b";",
        b"\0",
        b"(",
        b'"',
        b"\\",
        b"; a=b",
    )
)
_PATHS: Final = (b"/", b"../", b"./", b"%", b"%41", b"\xc3\xbc", b"?", b"\\", b" ", b"@", b"\t")
_URLS: Final[tuple[Pattern, ...]] = (
    *((b"http://a.example/", unit, b"") for unit in _PATHS),
    (b"http://", b"a.", b"/"),
    (b"http://", b"1.", b"/"),
    (b"http://[", b":", b"]/"),
    (b"", b"a:", b""),
    (b"http://", b"@", b""),
)


def targets() -> list[Target]:
    """The parsers that need no site around them."""
    return [
        Target("html", _page, (samples.HTML,), _MARKUP),
        Target(
            "json-ld",
            _jsonld,
            (
                b'{"@type": "ImageObject", "contentUrl": "a.jpg", "creator": [{"name": "K"}], "license": "x"}',
                b'[{"@graph": [{"image": ["a.jpg", {"@type": "ImageObject", "url": "b"}], "thumbnailUrl": "t.jpg"}]}];',
            ),
            ((b"", b"[", b""), (b"[", b'{"image":"a"},', b"{}]"), (b"[", b"[],", b"[]]"), (b"", b'{"image":', b"")),
        ),
        Target("srcset", _srcset, (b"a.jpg 1x, b.jpg 2x", b"a.jpg 320w 200h,b,c.jpg 640w"), _WORDS),
        Target(
            "robots.txt",
            _robots,
            (samples.ROBOTS,),
            (
                (b"User-agent: *\n", b"Disallow: /a*b\n", b""),
                (b"User-agent: *\nDisallow: /", b"*a", b"$"),
                (b"", b"User-agent: x\n", b"Disallow: /\n"),
                (b"", b"Sitemap: x\n", b""),
                (b"User-agent: artalike\nDisallow: ", b"%", b""),
                (b"", b"\n", b""),
                (b"", b"a", b""),
                (b"", b":", b""),
            ),
        ),
        Target(
            "directives",
            _directives,
            (b"noai, artalike: noindex, unavailable_after: 25 Jun 2010 15:00:00 PST", b"none"),
            _WORDS,
        ),
        Target(
            "headers",
            _headers,
            (
                b"120",
                b"Fri, 31 Dec 1999 23:59:59 GMT",
                b'text/html; charset="utf-8"',
                b'W/"abc"',
                b"image/jpeg;a=b;charset=x",
            ),
            _WORDS,
        ),
        Target(
            "addresses",
            _addresses,
            (
                b"HTTP://\xc3\xbc.Example:80/a/../b%2f?x=\xc3\xa9#f",
                b"//b.example/x.jpg",
                b"../up?q",
                b"http://0x7f.1/",
                b"file:///a/b",
                b"http://[::ffff:1.2.3.4]:8080/x",
                b"https://xn--bcher-kva.example/%7e",
                b"file:///a.tar?member=x&offset=512",
            ),
            _URLS,
        ),
        Target("texts", _texts, (b"<b>A</b> &amp; B &#8364; \xe2\x80\xaex", "ü\n\tλ\u200b".encode()), _WORDS),
        Target(
            "metadata",
            _clean,
            (b'{"a": [1, {"b": "c"}], "d": null, "e": 1.5}', *samples.MET),
            ((b'{"a":', b"[", b""), (b'{"a":[', b'{"a":1},', b"{}]}")),
        ),
        Target(
            "charsets", _charsets, (samples.HTML, "ü".encode("utf-16"), b"<meta charset=hz>~{<:Ky2;S{#,~}"), _MARKUP[:3]
        ),
        Target(
            "streams",
            _contents,
            (samples.TXT, samples.packed(samples.TXT), b"\xff\xd8\xff"),
            ((b"", b"\n", b""), (b"", b"a", b""), (b"", b"\xff", b"")),
        ),
        Target("pictures", _picture, pictures(), _segments()),
        Target(
            "strings of sources",
            _sources,
            (
                b"met:department=11",
                b"commons:Category:\xc3\xbc",
                b"http://a.example/x.jpg",
                b"./x.csv",
                b"~/x",
                b"louvre:",
                b"/tmp/*.tar",
                b"https://commons.wikimedia.org/wiki/File:A%26B.jpg",
                b"rijksmuseum:type=painting&creator=x",
            ),
            (
                (b"commons:", b"_", b"a"),
                (b"met:", b"a=b&", b""),
                (b"/", b"a/", b"*.tar"),
                (b"http://a/", b"sitemap", b""),
            ),
        ),
        Target(
            "options",
            _options,
            (b'{"depth": 2, "open_access": true, "languages": ["en"], "recrawl": "6h", "url_col": "URL"}',),
        ),
        Target(
            "requests",
            _requests,
            (
                b'{"limit": "20", "offset": 3, "seed": 5, "cursor": "x"}',
                b'{"source": "http://a.example", "kind": "page", "options": {}}',
                b'{"state": "paused", "rate": 1.5, "recrawl": "1d"}',
            ),
        ),
        Target(
            "cursors",
            _cursors,
            (cursors.encode(RandomCursor(v=1, seed=5, last=10, at=2), salt="x").encode(),),
            ((b"", b"A", b""), (b"A.", b"A", b""), (b"", b".", b"")),
        ),
        Target("museums' records", _museum, (*samples.MET, *samples.AIC, *samples.CLEVELAND, *samples.LOUVRE[1:])),
    ]

"""Valid documents of every format, to be damaged."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from functools import cache
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tests.city.commons import Media, _page
from tests.city.rijksmuseum import CC0, Work, _records

HTML: Final = """<!DOCTYPE html><html lang=en><head><meta charset="utf-8"><title>A &amp; B</title>
<meta name="robots" content="noai, nofollow"><meta property="og:image" content="/og.jpg"><base href="/gallery/">
<link rel="image_src" href="x.png"><script type="application/ld+json">{"@context": "https://schema.org",
"@graph": [{"@type": "VisualArtwork", "name": "Söñ", "creator": {"name": ["K", {"@id": "x"}]}, "image":
{"@type": "ImageObject", "contentUrl": "big.jpg", "thumbnailUrl": ["s.jpg"], "license": "CC0"}}]}</script></head>
<body><figure><a href="full.jpg"><picture><source srcset="a.webp 1x, b.webp 2x" type="image/webp">
<img data-src="lazy.jpg" srcset="s.jpg 320w, m.jpg 640w" src="data:image/gif;base64,R0" alt="alt"></picture></a>
<figcaption>A <b>caption</b></figcaption></figure><a href="/next?page=2" rel="ugc">next</a><area href="m.tiff">
<img src="//cdn.example/ü%20x.jpg"><svg><image href="q.png"/></svg></body></html>""".encode()

OPEN_HTML: Final = HTML.replace(b"noai, nofollow", b"all")

SITEMAP: Final = b"""<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"><url><loc>http://a.example/p?x=1&amp;y=2</loc>
<lastmod>2024-01-02T03:04:05+00:00</lastmod><image:image><image:loc>http://a.example/1.jpg</image:loc><image:title>T
</image:title><image:license>CC</image:license></image:image></url><url><loc>http://a.example/2.png</loc></url></urlset>"""

SITEMAP_INDEX: Final = b"""<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap>
<loc>http://a.example/ark:/53355/cl010062370</loc><lastmod>2024-01-02</lastmod></sitemap><url><loc>
http://a.example/en/ark:/53355/cl010062370</loc></url></sitemapindex>"""

RSS: Final = b"""<?xml version="1.0"?><rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"
xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>F</title><link>http://a.example/</link><ttl>60</ttl>
<item><guid isPermaLink="false">1</guid><title>T</title><link>http://a.example/1</link><dc:creator>C</dc:creator>
<pubDate>Tue, 02 Jan 2024 03:04:05 GMT</pubDate><enclosure url="http://a.example/1.jpg" type="image/jpeg" length="9"/>
<media:group><media:content url="http://a.example/b.png" medium="image" width="9" height="8"><media:credit>K
</media:credit><media:thumbnail url="http://a.example/t.png" width="2"/></media:content></media:group>
<description>&lt;img src="http://a.example/c.jpg"&gt;</description></item></channel></rss>"""

ATOM: Final = b"""<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:x</id><title>F</title><link rel="next" href="?p=2"/>
<updated>2024-01-02T03:04:05Z</updated><entry><id>urn:1</id><title type="html">&lt;b&gt;T</title><link href="/1"/>
<link rel="enclosure" type="image/png" href="/1.png"/><author><name>K</name></author><updated>2024-01-02T00:00:00Z
</updated><content type="html">&lt;img src="x.jpg"&gt;</content></entry></feed>"""

CSV: Final = b'url,title,artist,date,extra\r\nhttp://a.example/1.jpg,"T, ""x""",K,1642,9\r\nrel.png,"two\nlines",,,\r\n'
TSV: Final = CSV.replace(b",", b"\t")
JSONL: Final = b'{"url": "http://a.example/1.jpg", "title": "T", "x": {"y": [1, null]}}\n{"url": 3}\n\n[]\n'
TXT: Final = "# c\nhttp://a.example/1.jpg\n\nhttp://ü.example/é.png\r\n".encode()

ROBOTS: Final = b"""# c\nUser-agent: *\nDisallow: /private*/x$\nAllow: /\nCrawl-delay: 1.5\nRequest-rate: 1/5s
\nUser-agent: artalike\nDisallow: /*.gif$\nVisit-time: 0600-0845\nSitemap: http://a.example/sitemap.xml\n"""


@cache
def parquet() -> bytes:
    table = pa.table(
        {
            "url": ["http://a.example/1.jpg", None, "x"],
            "title": pa.array(["T", "ü", None]).dictionary_encode(),
            "n": [1, 2, 3],
            "deep": [{"a": [1.5]}, None, {"a": None}],
        }
    )
    stream = io.BytesIO()
    pq.write_table(table, stream, row_group_size=2)
    return stream.getvalue()


@cache
def tar(fmt: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=fmt) as archive:
        for name, content in (
            ("000.jpg", b"\xff\xd8\xff"),
            ("000.txt", "a caption, ü".encode()),
            ("000.json", b'{"url": "http://a.example/1.jpg", "caption": "c", "status": "success", "n": [1]}'),
            (f"{'long/' * 30}ü.png", b"\x89PNG"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("001.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return stream.getvalue()


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


@cache
def rijksmuseum() -> tuple[bytes, ...]:
    search = {"orderedItems": [{"id": "http://id.rijksmuseum.nl/2", "type": "HumanMadeObject"}], "next": {"id": "?p=2"}}
    return (as_json(search), *map(as_json, _records(Work(1, rights=CC0)).values()))


@cache
def commons() -> tuple[bytes, ...]:
    files = [Media(1, "File:A.jpg", ()), Media(2, "File:B.tif", (), license="cc0", mime="image/tiff", width=20)]
    pages: list[dict[str, Any]] = [_page(media, {"iiurlwidth": "1280"}, told=True) for media in files]
    answer = {
        "continue": {"gcmcontinue": "file|4d|1", "continue": "gcmcontinue||"},
        "query": {"pages": [*pages, {"ns": 14, "title": "Category:B"}]},
    }
    error = {"error": {"code": "maxlag", "info": "Waiting", "lag": 5.5}}
    return as_json(answer), as_json(error)


MET: Final = (
    as_json({"total": 2, "objectIDs": [1, 2]}),
    as_json(
        {
            "objectID": 1,
            "isPublicDomain": True,
            "primaryImage": "https://images.metmuseum.org/a/original/1.jpg",
            "primaryImageSmall": "https://images.metmuseum.org/a/web-large/1.jpg",
            "additionalImages": ["https://images.metmuseum.org/a/original/2.jpg"],
            "title": "T",
            "artistDisplayName": "K",
            "objectDate": "1642",
            "medium": "oil",
            "creditLine": "Gift",
            "objectURL": "https://www.metmuseum.org/art/collection/search/1",
            "constituents": [{"name": "K", "role": "Artist"}],
            "tags": None,
        }
    ),
)
LOUVRE: Final = (
    SITEMAP_INDEX,
    as_json(
        {
            "arkId": "cl010062370",
            "url": "https://collections.louvre.fr/ark:/53355/cl010062370",
            "modified": "2024-01-02",
            "title": "T",
            "denominationTitle": [{"value": "tableau"}, "x"],
            "creator": [{"label": "K", "attributionLevel": "", "creatorRole": ""}],
            "displayDateCreated": "1503",
            "materialsAndTechniques": "huile",
            "image": [
                {"urlImage": "https://c.example/1.jpg", "UrlThumbnail": "https://c.example/t.jpg", "copyright": "©"}
            ],
        }
    ),
)
AIC: Final = (
    as_json(
        {
            "pagination": {"total": 2, "total_pages": 2, "current_page": 1},
            "config": {"iiif_url": "https://www.artic.edu/iiif/2", "website_url": "http://www.artic.edu"},
            "data": [
                {
                    "id": 1,
                    "title": "T",
                    "is_public_domain": True,
                    "image_id": "b3974542-b9b4-7568-fc4b-966738f61d78",
                    "alt_image_ids": ["b3974542-b9b4-7568-fc4b-966738f61d79"],
                    "artist_display": "K\nFrench",
                    "date_display": "1642",
                    "medium_display": "oil",
                    "credit_line": "Gift",
                    "copyright_notice": None,
                    "updated_at": "2024-01-02T03:04:05-05:00",
                    "thumbnail": {"width": 3000, "height": 2000, "alt_text": "a", "lqip": "data:"},
                }
            ],
        }
    ),
)
CLEVELAND: Final = (
    as_json(
        {
            "info": {"total": 1, "parameters": {"skip": 0, "limit": 100}},
            "data": [
                {
                    "id": 1,
                    "share_license_status": "CC0",
                    "title": "T",
                    "creators": [{"description": "K (Dutch)", "role": "artist"}],
                    "creation_date": "1642",
                    "technique": "oil",
                    "creditline": "Gift",
                    "copyright": None,
                    "url": "https://clevelandart.org/art/1",
                    "updated_at": "2024-01-02 03:04:05.123000",
                    "images": {
                        "web": {"url": "https://c.example/w.jpg", "width": "893", "height": "600", "filesize": "1"},
                        "print": {"url": "https://c.example/p.jpg", "width": "3400", "height": "2000"},
                        "full": {"url": "https://c.example/f.tif", "width": "9000", "height": "6000"},
                    },
                    "alternate_images": [{"web": {"url": "https://c.example/a.jpg", "width": "893", "height": "1"}}],
                }
            ],
        }
    ),
)

_SERVICE2: Final = {
    "@context": "http://iiif.io/api/image/2/context.json",
    "@id": "http://i.example/1",
    "profile": [
        "http://iiif.io/api/image/2/level1.json",
        {"formats": ["jpg"], "maxWidth": 2000, "supports": ["sizeByW"]},
    ],
    "sizes": [{"width": 600, "height": 400}, {"width": 1200, "height": 800}],
    "width": 6000,
    "height": 4000,
    "tiles": [{"width": 512, "scaleFactors": [1, 2, 4]}],
}
IIIF: Final = (
    as_json(
        {
            "@context": "http://iiif.io/api/presentation/2/context.json",
            "@id": "http://a.example/manifest",
            "@type": "sc:Manifest",
            "label": [{"@value": "T", "@language": "en"}, "x"],
            "metadata": [{"label": "Creator", "value": [{"@value": "K", "@language": "nl"}]}],
            "attribution": "<b>Us</b>",
            "license": "http://creativecommons.org/publicdomain/zero/1.0/",
            "related": {"@id": "http://a.example/page", "format": "text/html"},
            "sequences": [
                {
                    "canvases": [
                        {
                            "@id": "http://a.example/c1",
                            "@type": "sc:Canvas",
                            "label": "p. 1",
                            "width": 6000,
                            "height": 4000,
                            "thumbnail": {"@id": "http://i.example/1/full/!200,200/0/default.jpg"},
                            "images": [
                                {
                                    "motivation": "sc:painting",
                                    "resource": {
                                        "@id": "http://i.example/1/full/full/0/default.jpg",
                                        "@type": "dctypes:Image",
                                        "format": "image/jpeg",
                                        "width": 6000,
                                        "height": 4000,
                                        "service": _SERVICE2,
                                    },
                                }
                            ],
                        }
                    ]
                }
            ],
        }
    ),
    as_json(
        {
            "@context": "http://iiif.io/api/presentation/3/context.json",
            "id": "http://a.example/m3",
            "type": "Manifest",
            "label": {"en": ["T"], "none": ["U"]},
            "summary": {"en": ["S"]},
            "metadata": [{"label": {"en": ["Date"]}, "value": {"en": ["1642"], "nl": ["1642"]}}],
            "requiredStatement": {"label": {"en": ["Attribution"]}, "value": {"en": ["Us"]}},
            "rights": "http://rightsstatements.org/vocab/NoC-US/1.0/",
            "provider": [{"id": "http://a.example", "type": "Agent", "label": {"en": ["Us"]}}],
            "homepage": [{"id": "http://a.example/h", "type": "Text", "label": {"en": ["h"]}, "format": "text/html"}],
            "thumbnail": [{"id": "http://i.example/t.jpg", "type": "Image", "width": 90}],
            "items": [
                {
                    "id": "http://a.example/c3",
                    "type": "Canvas",
                    "width": 1200,
                    "height": 1800,
                    "items": [
                        {
                            "type": "AnnotationPage",
                            "items": [
                                {
                                    "type": "Annotation",
                                    "motivation": "painting",
                                    "target": "http://a.example/c3",
                                    "body": {
                                        "type": "Choice",
                                        "items": [
                                            {
                                                "id": "http://i.example/3/full/max/0/default.jpg",
                                                "type": "Image",
                                                "format": "image/jpeg",
                                                "service": [
                                                    {
                                                        "id": "http://i.example/3",
                                                        "type": "ImageService3",
                                                        "profile": "level1",
                                                    }
                                                ],
                                            }
                                        ],
                                    },
                                }
                            ],
                        }
                    ],
                }
            ],
            "structures": [{"type": "Range", "items": [{"type": "Canvas", "id": "http://a.example/c3"}]}],
        }
    ),
    as_json(
        {
            "id": "http://a.example/col",
            "type": "Collection",
            "label": {"en": ["C"]},
            "items": [
                {"id": "http://a.example/m3", "type": "Manifest"},
                {"id": "http://a.example/c", "type": "Collection"},
            ],
            "first": "http://a.example/col?p=1",
            "next": "http://a.example/col?p=2",
        }
    ),
    as_json(
        {
            "@id": "http://a.example/col2",
            "@type": "sc:Collection",
            "manifests": [{"@id": "http://a.example/m", "@type": "sc:Manifest", "label": "T"}],
            "collections": [{"@id": "http://a.example/c", "@type": "sc:Collection"}],
            "members": [{"@id": "http://a.example/m2", "@type": "sc:Manifest"}],
        }
    ),
    as_json(
        {
            "@context": "http://iiif.io/api/discovery/1/context.json",
            "id": "http://a.example/activity/all-changes",
            "type": "OrderedCollection",
            "totalItems": 3,
            "last": {"id": "http://a.example/activity/page-1", "type": "OrderedCollectionPage"},
        }
    ),
    as_json(
        {
            "id": "http://a.example/activity/page-1",
            "type": "OrderedCollectionPage",
            "prev": {"id": "http://a.example/activity/page-0", "type": "OrderedCollectionPage"},
            "orderedItems": [
                {"type": "Refresh", "startTime": "2023-01-04T00:00:00Z"},
                {
                    "type": "Update",
                    "object": {"id": "http://a.example/m3", "type": "Manifest"},
                    "endTime": "2024-01-02T00:00:00Z",
                },
                {
                    "type": "Delete",
                    "object": {"id": "http://a.example/m", "type": "Manifest"},
                    "endTime": "2024-01-03T00:00:00Z",
                },
                {
                    "type": "Move",
                    "object": {"id": "http://a.example/m4", "type": "Manifest"},
                    "target": {"id": "http://a.example/m5", "type": "Manifest"},
                    "endTime": "2024-01-04T00:00:00Z",
                },
            ],
        }
    ),
    as_json(
        {
            "@context": "http://iiif.io/api/image/3/context.json",
            "id": "http://i.example/9",
            "type": "ImageService3",
            "protocol": "http://iiif.io/api/image",
            "profile": "level2",
            "width": 6000,
            "height": 4000,
            "maxWidth": 3000,
            "maxArea": 9000000,
            "sizes": [{"width": 750, "height": 500}],
            "extraFormats": ["png"],
            "rights": "http://creativecommons.org/licenses/by/4.0/",
        }
    ),
    as_json(_SERVICE2),
)
CHANGES: Final = IIIF[4]
"""A stream of changes, whose last page is the sample behind it."""

"""A house that publishes through IIIF, in all the versions that are out there, shaped after the specifications.

- https://iiif.io/api/presentation/2.1/: ``sc:Collection`` with ``collections``, ``manifests`` and ``members``, paged by
  ``first`` and ``next``; ``sc:Manifest`` with ``sequences``, ``canvases`` and ``images``; ``oa:Choice``.
- https://iiif.io/api/presentation/3.0/: ``items``, language maps, ``rights``, ``requiredStatement``, ``homepage``.
- https://iiif.io/api/image/1.1/, https://iiif.io/api/image/2.1/, https://iiif.io/api/image/3.0/ with their compliance
  levels: what a service does not promise is answered with 400, and upscaling (``^``) always.
- https://iiif.io/api/discovery/1.0/: a stream of activities that grows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web

from tests.city.city import picture

HOST: Final = "iiif.city"
ROOT: Final = f"http://{HOST}"
CC0: Final = "http://creativecommons.org/publicdomain/zero/1.0/"
BY: Final = "http://creativecommons.org/licenses/by/4.0/"
BY_NC: Final = "http://creativecommons.org/licenses/by-nc/4.0/"
IN_COPYRIGHT: Final = "http://rightsstatements.org/vocab/InC/1.0/"
NO_COPYRIGHT: Final = "http://rightsstatements.org/vocab/NoC-US/1.0/"
STREAM: Final = "/activity/all-changes"
ON_A_PAGE: Final = 3

_P2: Final = "http://iiif.io/api/presentation/2/context.json"
_P3: Final = "http://iiif.io/api/presentation/3/context.json"
_DISCOVERY: Final = "http://iiif.io/api/discovery/1/context.json"
_CONTEXTS: Final = {
    1: "http://library.stanford.edu/iiif/image-api/1.1/context.json",
    2: "http://iiif.io/api/image/2/context.json",
    3: "http://iiif.io/api/image/3/context.json",
}

Json = dict[str, Any]
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Scan:
    """An image with its service. ``told`` is how much of its ``info.json`` manifests repeat."""

    number: int
    version: int = 3
    level: int = 2
    size: Size = (600, 400)
    sizes: tuple[Size, ...] = ()
    max_width: int | None = None
    max_area: int | None = None
    told: tuple[str, ...] = ("profile",)
    in_manifest: bool = True
    """Whether manifests give the size of the whole."""

    @property
    def id(self) -> str:
        return f"{ROOT}/image/{self.number}"

    @property
    def whole(self) -> str:
        size = "max" if self.version == 3 else "full"
        return f"{self.id}/full/{size}/0/{'native' if self.version == 1 else 'default'}.jpg"

    def info(self) -> Json:
        """Its ``info.json``."""
        limits = {"maxWidth": self.max_width, "maxArea": self.max_area}
        limits = {name: value for name, value in limits.items() if value}
        sizes = {"sizes": [{"width": width, "height": height} for width, height in self.sizes]} if self.sizes else {}
        whole: Json = {"@context": _CONTEXTS[self.version], "width": self.size[0], "height": self.size[1]}
        if self.version == 1:
            profile = f"http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level{self.level}"
            return whole | {"@id": self.id, "profile": profile}
        if self.version == 2:
            level = f"http://iiif.io/api/image/2/level{self.level}.json"
            protocol = {"protocol": "http://iiif.io/api/image", "profile": [level, limits] if limits else [level]}
            return whole | {"@id": self.id} | protocol | sizes
        protocol = {"protocol": "http://iiif.io/api/image", "profile": f"level{self.level}"}
        return whole | {"id": self.id, "type": "ImageService3"} | protocol | limits | sizes

    def service(self) -> Json:
        """What a manifest says of the service."""
        names = {"@context", "@id", "id", "type", *self.told}
        return {name: value for name, value in self.info().items() if name in names}

    def resource(self) -> Json:
        """The image as a manifest of Presentation API 2 has it."""
        size = {"width": self.size[0], "height": self.size[1]} if self.in_manifest else {}
        return {
            "@id": self.whole,
            "@type": "dctypes:Image",
            "format": "image/jpeg",
            "service": self.service(),
        } | size

    def body(self) -> Json:
        """The image as a manifest of Presentation API 3 has it."""
        size = {"width": self.size[0], "height": self.size[1]} if self.in_manifest else {}
        return {"id": self.whole, "type": "Image", "format": "image/jpeg", "service": [self.service()]} | size

    def given(self, size: str, quality: str) -> Size | None:
        """The size of the answer, None where this is not promised."""
        if quality != ("native.jpg" if self.version == 1 else "default.jpg"):
            return None
        width, height = self.size
        if size == ("max" if self.version == 3 else "full"):
            result = (width, height)
        elif (listed := self._listed(size)) is not None:
            result = listed
        elif size.startswith("!") and self.level == 2:
            box = [int(side) for side in size[1:].split(",")]
            factor = min(1.0, box[0] / width, box[1] / height)
            result = (round(width * factor), round(height * factor))
        elif size.endswith(",") and size[:-1].isdigit() and self.level >= 1:
            result = (int(size[:-1]), max(1, round(height * int(size[:-1]) / width)))
        else:
            return None
        too_wide = result[0] > min(width, self.max_width or width)
        return None if too_wide or result[0] * result[1] > (self.max_area or width * height) else result

    def _listed(self, size: str) -> Size | None:
        return next((s for s in self.sizes if size == (f"{s[0]},{s[1]}" if self.version == 3 else f"{s[0]},")), None)


def manifest2(name: str, scans: list[Scan], **said: Any) -> Json:
    """A manifest of Presentation API 2 with a canvas for each scan."""
    canvases = [
        {
            "@id": f"{ROOT}/iiif/{name}/canvas/{number}",
            "@type": "sc:Canvas",
            "label": f"p. {number}",
            "width": 1200,
            "height": 800,
            "images": [{"@type": "oa:Annotation", "motivation": "sc:painting", "resource": scan.resource()}],
        }
        for number, scan in enumerate(scans, start=1)
    ]
    return {
        "@context": _P2,
        "@id": f"{ROOT}/iiif/{name}/manifest",
        "@type": "sc:Manifest",
        "label": name,
        "sequences": [{"@type": "sc:Sequence", "canvases": canvases}],
    } | said


def canvas3(name: str, number: int, *bodies: Json, **said: Any) -> Json:
    """A canvas of Presentation API 3 on which these are painted."""
    url = f"{ROOT}/v3/{name}/canvas/{number}"
    annotations = [{"type": "Annotation", "motivation": "painting", "body": body, "target": url} for body in bodies]
    return {
        "id": url,
        "type": "Canvas",
        "label": {"none": [f"p. {number}"]},
        "width": 1200,
        "height": 800,
        "items": [{"id": f"{url}/page", "type": "AnnotationPage", "items": annotations}],
    } | said


def manifest3(name: str, canvases: list[Json], **said: Any) -> Json:
    """A manifest of Presentation API 3."""
    return {
        "@context": _P3,
        "id": f"{ROOT}/v3/{name}/manifest.json",
        "type": "Manifest",
        "label": {"en": [name]},
        "items": canvases,
    } | said


def reference2(name: str) -> Json:
    return {"@id": f"{ROOT}/iiif/{name}/manifest", "@type": "sc:Manifest", "label": name}


def reference3(name: str) -> Json:
    return {"id": f"{ROOT}/v3/{name}/manifest.json", "type": "Manifest", "label": {"en": [name]}}


class IiifHouse:
    """``documents`` are by path, ``scans`` by number, ``activities`` oldest first; ``refused`` is what got a 400.

    ``headers`` come with every document; ``statuses`` are answered at paths instead of anything else.
    """

    hosts = (HOST,)

    def __init__(self) -> None:
        self.documents: dict[str, Json] = {}
        self.scans: dict[int, Scan] = {}
        self.activities: list[Json] = []
        self.refused: list[str] = []
        self.headers: dict[str, str] = {}
        self.statuses: dict[str, int] = {}

    def put(self, document: Json) -> str:
        """Publish a document at its own address, which is returned."""
        url: str = document.get("id") or document["@id"]
        self.documents[url.removeprefix(ROOT)] = document
        return url

    def scan(self, number: int, **said: Any) -> Scan:
        """Put an image on the image server."""
        self.scans[number] = Scan(number, **said)
        return self.scans[number]

    def happens(self, kind: str, url: str | None, at: str, **said: Any) -> None:
        """Append an activity to the stream."""
        thing = {"object": {"id": url, "type": "Manifest"}} if url else {}
        self.activities.append({"type": kind, "endTime": at, **thing, **said})

    def work(self, name: str, number: int) -> str:
        """Publish a manifest with one picture. Its address."""
        return self.put(manifest3(name, [canvas3(name, 1, self.scan(number).body())], rights=CC0))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path in self.statuses:
            return web.Response(status=self.statuses[path])
        if path.startswith(STREAM):
            return web.json_response(self._stream(path.removeprefix(STREAM).strip("/")), headers=self.headers)
        if path.startswith("/image/"):
            return self._image(request.raw_path, *path.split("/")[2:])
        if path.startswith("/files/"):
            return picture(int(path.split("/")[2].partition(".")[0]))
        if path not in self.documents:
            raise web.HTTPNotFound
        return web.json_response(self.documents[path], content_type="application/ld+json", headers=self.headers)

    def _image(self, path: str, number: str, *rest: str) -> web.StreamResponse:
        if int(number) not in self.scans:
            raise web.HTTPNotFound
        scan = self.scans[int(number)]
        if rest == ("info.json",):
            return web.json_response(scan.info())
        region, size, rotation, quality = rest
        given = scan.given(size, quality) if (region, rotation) == ("full", "0") else None
        if given is None:
            self.refused.append(path)
            raise web.HTTPBadRequest
        return picture(scan.number, given)

    def _stream(self, page: str) -> Json:
        pages = max(1, -(-len(self.activities) // ON_A_PAGE))
        if not page:
            ends = {name: self._page(at) for name, at in (("first", 0), ("last", pages - 1))}
            return {"@context": _DISCOVERY, "id": ROOT + STREAM, "type": "OrderedCollection"} | ends
        number = int(page)
        items = self.activities[number * ON_A_PAGE : (number + 1) * ON_A_PAGE]
        links = {"prev": self._page(number - 1)} if number else {}
        return {
            "@context": _DISCOVERY,
            "id": f"{ROOT}{STREAM}/{number}",
            "type": "OrderedCollectionPage",
            "partOf": {"id": ROOT + STREAM, "type": "OrderedCollection"},
            "orderedItems": items,
        } | links

    def _page(self, number: int) -> Json:
        return {"id": f"{ROOT}{STREAM}/{number}", "type": "OrderedCollectionPage"}


def second(house: IiifHouse) -> str:
    """Fill a house with a collection of Presentation API 2: nested, paged and inline. The address of its top."""
    wave = manifest2(
        "wave",
        [house.scan(1, version=2)],
        label=[{"@value": "神奈川沖浪裏", "@language": "ja"}, {"@value": "The <i>Great</i> Wave", "@language": "en"}],
        metadata=[
            {"label": [{"@value": "Künstler:in", "@language": "de"}, {"@value": "Artist", "@language": "en"}],
             "value": [{"@value": "葛飾北斎", "@language": "ja"}, {"@value": "Hokusai", "@language": "en"}]},
            {"label": "Date", "value": 1831},
            {"label": "Technique(s)", "value": ["<p>Woodblock print</p>", "ink &amp; colour on paper"]},
            {"label": "Inventory number", "value": "JP1847"},
        ],
        license=CC0,
        attribution="<span>The House of <b>IIIF</b></span>",
        description="A wave.",
        related=[f"{ROOT}/api/wave.xml", {"@id": f"{ROOT}/works/wave", "format": "text/html"}],
        thumbnail={"@id": f"{ROOT}/files/1.jpg"},
    )  # fmt: skip
    house.put(wave)
    house.put(manifest2("native", [house.scan(2, version=1, level=1, size=(400, 600))], license=NO_COPYRIGHT))
    house.put(manifest2("static", [house.scan(3, version=2, level=0, sizes=((75, 50), (150, 100), (600, 400)))]))
    small = house.scan(4, version=2, max_width=90, told=("profile",))
    pages = manifest2("choice", [small, house.scan(5, version=2, level=1)], license=BY)
    other = house.scan(6, version=2, size=(60, 40))
    pages["sequences"][0]["canvases"][1]["images"][0]["resource"] = {
        "@type": "oa:Choice",
        "default": house.scans[5].resource() | {"label": "recto"},
        "item": [other.resource() | {"label": "X-ray"}, "rdf:nil"],
    }
    house.put(pages)
    house.put(manifest2("modern", [house.scan(7, version=2)], license=IN_COPYRIGHT))
    house.put(manifest2("shy", [house.scan(8, version=2)], license=[BY_NC]))

    prints = f"{ROOT}/iiif/collection/prints"
    common = {"@context": _P2, "@type": "sc:Collection", "label": "Prints"}
    house.put(common | {"@id": prints, "total": 3, "first": f"{prints}/0"})
    house.put(
        common
        | {"@id": f"{prints}/0", "within": prints, "next": f"{prints}/1"}
        | {"manifests": [reference2("native"), reference2("static")]}
    )
    house.put(common | {"@id": f"{prints}/1", "within": prints, "manifests": [f"{ROOT}/iiif/choice/manifest"]})
    inline = common | {
        "@id": f"{ROOT}/iiif/collection/inline",
        "members": [reference2("modern"), reference2("shy")],
    }
    return house.put(
        common
        | {"@id": f"{ROOT}/iiif/collection/top", "collections": [{"@id": prints, "@type": "sc:Collection"}, inline]}
        | {"manifests": [reference2("wave")], "members": [reference2("wave")]}
    )


def third(house: IiifHouse) -> str:
    """Fill a house with a collection of Presentation API 3: nested, paged and inline. The address of its top."""
    video = {"id": f"{ROOT}/files/film.mp4", "type": "Video", "format": "video/mp4"}
    book = manifest3(
        "book",
        [
            canvas3("book", 1, house.scan(11).body(), placeholderCanvas=canvas3("book", 9, house.scan(19).body())),
            canvas3("book", 2, house.scan(12, level=1, size=(400, 600)).body(), homepage=[{"id": f"{ROOT}/works/f1v"}]),
            canvas3("book", 3, video),
            canvas3("book", 4, house.scans[11].body()),
        ],
        label={"de": ["Stundenbuch"], "fr-CH": ["Livre d'heures"]},
        rights=BY,
        requiredStatement={"label": {"en": ["Attribution"]}, "value": {"de": ["Stiftung"], "fr": ["Fondation"]}},
        summary={"none": ["Vellum."]},
        provider=[{"id": f"{ROOT}/about", "type": "Agent", "label": {"en": ["House"]}}],
        homepage=[{"id": f"{ROOT}/works/book", "type": "Text", "format": "text/html"}],
        metadata=[
            {"label": {"de": ["Autor(in)"], "fr": ["Auteur"]}, "value": {"de": ["Meister"], "fr": ["Maître"]}},
            {"label": {"fr": ["Date de création"]}, "value": {"none": ["um 1450"]}},
        ],
    )
    house.put(book)
    sizes = ((60, 40), (120, 80), (600, 400))
    plates = [
        house.scan(13, level=0, sizes=sizes, told=("profile", "sizes")).body(),
        house.scan(14, level=1, max_area=5000, told=("profile", "width", "height", "maxArea")).body(),
        replace(house.scan(15), told=(), in_manifest=False).body(),
        {"id": f"{ROOT}/files/16.jpg", "type": "Image", "format": "image/jpeg"},
        {"id": f"{ROOT}/files/17.jp2", "type": "Image", "format": "image/jp2"},
        house.scan(18, level=2, sizes=((110, 73),), told=("profile", "sizes")).body() | {"format": "image/jp2"},
    ]
    house.put(manifest3("plates", [canvas3("plates", number, body) for number, body in enumerate(plates, start=1)]))

    here = f"{ROOT}/v3/collection"
    common: Json = {"@context": _P3, "type": "Collection", "label": {"en": ["Books"]}}
    house.put(common | {"id": f"{here}/paged", "items": [], "view": {"next": f"{here}/page-2"}})
    house.put(common | {"id": f"{here}/page-2", "items": [reference3("plates")], "view": {}})
    inline = {"id": f"{here}/inline", "type": "Collection", "items": [reference3("book")]}
    paged = {"id": f"{here}/paged", "type": "Collection", "label": {"en": ["Plates"]}}
    return house.put(common | {"id": f"{here}/top", "items": [inline, paged]})

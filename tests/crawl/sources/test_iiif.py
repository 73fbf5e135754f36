"""Manifests and collections of both versions, from the house of IIIF and from hostile hands."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from artalike.config import Crawl
from artalike.crawl import urls
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources import detect
from artalike.crawl.sources.iiif_json import texts
from artalike.crawl.sources.iiif_labels import field_of
from artalike.crawl.sources.iiif_presentation import MAX_NESTING
from artalike.crawl.sources.iiif_rights import is_open
from artalike.errors import FailureKind, ParseError, SourceError
from artalike.records import Candidate
from tests.city.city import City
from tests.city.iiif import (
    BY,
    BY_NC,
    CC0,
    HOST,
    IN_COPYRIGHT,
    NO_COPYRIGHT,
    ROOT,
    IiifHouse,
    Scan,
    canvas3,
    manifest2,
    manifest3,
    second,
    third,
)
from tests.crawl.conftest import expanded, of_kind, settings_for, task_for, until_error
from tests.crawl.sources.visits import batches
from tests.running import running, settled
from tests.running import settings_for as service_settings

SIDE = 128


@pytest.fixture
def house() -> IiifHouse:
    return IiifHouse()


@pytest.fixture
async def fetcher(house: IiifHouse) -> AsyncIterator[Fetcher]:
    settings = settings_for(download={"preferred_side": SIDE})
    async with City(house) as city, Fetcher.open(settings, resolver=city.resolver) as fetcher:
        yield fetcher


async def pictures(fetcher: Fetcher, document: dict[str, Any], house: IiifHouse, **task: Any) -> list[Candidate]:
    return await expanded(task_for(house.put(document), "iiif", **task), fetcher)


async def crawl(house: IiifHouse, top: str, data: Path, **options: Any) -> tuple[dict[str, Any], list[str]]:
    """The images of a whole crawl by the paths of their addresses, and what the house was asked for."""
    settings = service_settings(data, download={"preferred_side": SIDE})
    async with City(house) as city, running(settings, resolver=city.resolver) as service:
        await service.add_seed(top, options=options)
        await settled(service)
        assert await service.frontier.failure_groups() == []
        images = await service.images.images((await service.images.embedded_ids()).tolist())
        return {image.url.removeprefix(ROOT): image for image in images}, [asked.path for asked in city.asked(HOST)]


async def test_a_collection_of_version_2_gives_its_pictures_at_polite_sizes(house: IiifHouse, tmp_path: Path) -> None:
    images, asked = await crawl(house, second(house), tmp_path)
    assert set(images) == {
        "/image/1/full/!128,128/0/default.jpg",
        "/image/2/full/85,/0/native.jpg",
        "/image/3/full/150,/0/default.jpg",
        "/image/4/full/!90,60/0/default.jpg",
        "/image/5/full/128,/0/default.jpg",
        "/image/6/full/!60,60/0/default.jpg",
    }
    assert house.refused == []
    assert [path for path in asked if "info.json" in path] == ["/image/3/info.json"]
    assert len(asked) == len(set(asked)) == 6 + 1 + 4 + 6, asked

    wave = images["/image/1/full/!128,128/0/default.jpg"].metadata
    assert (wave.title, wave.creator, wave.date) == ("The Great Wave", "Hokusai", "1831")
    assert wave.medium == "Woodblock print; ink & colour on paper"
    assert (wave.rights, wave.attribution) == (CC0, "The House of IIIF")
    assert wave.page_url == f"{ROOT}/works/wave"
    assert wave.extra["manifest"] == f"{ROOT}/iiif/wave/manifest"
    assert wave.extra["full_url"] == f"{ROOT}/image/1/full/full/0/default.jpg"
    assert wave.extra["summary"] == "A wave."
    assert {"label": "Inventory number", "value": "JP1847"} in wave.extra["metadata"]
    titles = {path.split("/")[2]: image.metadata.title for path, image in images.items()}
    assert titles["2"] == "native"
    assert titles["4"] == "choice, p. 1"
    assert (titles["5"], titles["6"]) == ("choice, p. 2, recto", "choice, p. 2, X-ray")


async def test_a_collection_of_version_3_gives_its_pictures_at_polite_sizes(house: IiifHouse, tmp_path: Path) -> None:
    images, asked = await crawl(house, third(house), tmp_path, languages=["fr"])
    assert set(images) == {
        "/image/11/full/!128,128/0/default.jpg",
        "/image/12/full/85,/0/default.jpg",
        "/image/13/full/120,80/0/default.jpg",
        "/image/14/full/86,/0/default.jpg",
        "/image/15/full/!128,128/0/default.jpg",
        "/files/16.jpg",
        "/image/18/full/110,73/0/default.jpg",
    }
    assert house.refused == []
    assert [path for path in asked if "info.json" in path] == ["/image/15/info.json"]
    assert len(asked) == len(set(asked)) == 7 + 1 + 5, asked

    first, second_page = (
        images[f"/image/{name}/0/default.jpg"].metadata for name in ("11/full/!128,128", "12/full/85,")
    )
    assert (first.title, first.creator, first.date) == ("Livre d'heures, p. 1", "Maître", "um 1450")
    assert (first.rights, first.attribution) == (BY, "Fondation")
    assert (first.page_url, second_page.page_url) == (f"{ROOT}/works/book", f"{ROOT}/works/f1v")
    assert (first.extra["summary"], first.extra["provider"]) == ("Vellum.", "House")


async def test_a_setting_widens_what_is_taken(house: IiifHouse, tmp_path: Path) -> None:
    images, _ = await crawl(house, second(house), tmp_path, open_access=False)
    rights = {path.split("/")[2]: image.metadata.rights for path, image in images.items()}
    assert (rights["7"], rights["8"]) == (IN_COPYRIGHT, BY_NC)


async def test_a_manifest_that_is_refused_says_why_where_it_was_asked_for(house: IiifHouse, fetcher: Fetcher) -> None:
    second(house)
    url = f"{ROOT}/iiif/modern/manifest"
    found, error = await until_error(task_for(url, "iiif"), fetcher)
    assert (found, error.kind) == ([], FailureKind.OPTED_OUT)
    assert IN_COPYRIGHT in str(error)
    assert await expanded(task_for(url, "iiif", depth=1), fetcher) == []
    assert len(await expanded(task_for(url, "iiif", options={"open_access": False}), fetcher)) == 1
    closed = fetcher.settings.model_copy(update={"crawl": Crawl(allow_private=True, open_access_only=False)})
    fetcher._settings = closed
    assert len(await expanded(task_for(url, "iiif"), fetcher)) == 1


async def test_nearer_statements_of_rights_come_before_farther_ones(house: IiifHouse, fetcher: Fetcher) -> None:
    bodies = [house.scan(number).body() for number in range(4)]
    canvases = [
        canvas3("mixed", 0, bodies[0] | {"rights": CC0}),
        canvas3("mixed", 1, bodies[1], rights=BY),
        canvas3("mixed", 2, bodies[2]),
        canvas3("mixed", 3, bodies[3] | {"rights": IN_COPYRIGHT}, rights=CC0),
    ]
    found = await pictures(fetcher, manifest3("mixed", canvases, rights=BY_NC), house)
    assert [candidate.metadata.rights for candidate in found] == [CC0, BY]


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        ([], True),
        ([CC0], True),
        (["https://creativecommons.org/publicdomain/mark/1.0/"], True),
        (["https://creativecommons.org/licenses/by-sa/4.0/deed.de"], True),
        ([BY_NC], False),
        (["https://creativecommons.org/licenses/by-nd/3.0/"], False),
        (["CC BY-NC-SA 4.0"], False),
        (["CC BY 4.0"], True),
        (["CC0 1.0 Universal"], True),
        (["Wellcome Collection. Attribution-NonCommercial 4.0 International (CC BY-NC 4.0)"], False),
        (["Attribution-NonCommercial 4.0 International"], False),
        (["For non-commercial use only."], False),
        ([NO_COPYRIGHT], True),
        (["https://rightsstatements.org/page/CNE/1.0/?language=en"], True),
        (["http://rightsstatements.org/vocab/InC-EDU/1.0/"], False),
        (["© 2020 The Museum. All rights reserved."], False),
        (["This work is in copyright"], False),
        (["The work is no longer in copyright"], True),
        (["Not in copyright"], True),
        (["© The Museum"], True),
        (["Alle Rechte vorbehalten"], False),
        ([CC0, "Website © 2020, all rights reserved"], True),
        ([CC0, IN_COPYRIGHT], False),
        (["https://museum.example/terms"], True),
    ],
)
def test_what_is_open_to_everyone(statements: list[str], verdict: bool) -> None:
    assert is_open(statements) is verdict


@pytest.mark.parametrize(
    ("value", "languages", "expected"),
    [
        ("Plain", ["en"], ["Plain"]),
        (["One", "Two"], ["en"], ["One", "Two"]),
        ({"@value": "Eins", "@language": "de"}, ["en"], ["Eins"]),
        ([{"@value": "Eins", "@language": "de"}, {"@value": "One", "@language": "en"}], ["en"], ["One"]),
        ([{"@value": "Eins", "@language": "de"}, "One"], ["fr"], ["One"]),
        ({"en-GB": ["Colour"], "fr": ["Couleur"]}, ["en"], ["Colour"]),
        ({"en": ["Colour"], "fr": ["Couleur"]}, ["en-US"], ["Colour"]),
        ({"en": ["Colour"], "en-US": ["Color"]}, ["en-US", "en"], ["Color"]),
        ({"de": ["Farbe"], "none": ["–"]}, ["fr", "en"], ["–"]),
        ({"de": ["Farbe"], "@none": ["–"]}, ["fr"], ["–"]),
        ({"de": ["Farbe"], "ja": ["色"]}, ["fr", "en"], ["Farbe"]),
        ({"de": ["Farbe"], "ja": ["色"]}, ["en", "ja"], ["色"]),
        ({"EN": "<b>Bold</b> &amp; plain"}, ["en"], ["Bold & plain"]),
        (1856, ["en"], ["1856"]),
        ({"en": [1856, None, {}, ["x"], True]}, ["en"], ["1856"]),
        (None, ["en"], []),
        ({}, ["en"], []),
        ([], ["en"], []),
    ],
)
def test_a_text_is_had_in_the_language_asked_for(value: Any, languages: list[str], expected: list[str]) -> None:
    assert texts(value, languages) == expected


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ("Creator", "creator"),
        ("Author(s):", "creator"),
        ("Künstler/in", "creator"),
        ("Künstler/innen", "creator"),
        ("  Date   of\ncreation ", "date"),
        ("Date de création :", "date"),
        ("Materials and Techniques", "medium"),
        ("Licence d’utilisation", "rights"),
        ("Credit Line", "attribution"),
        ("作者", "creator"),
        ("Shelfmark", None),
        ("", None),
    ],
)
def test_labels_are_known_in_many_languages_and_spellings(label: str, field: str | None) -> None:
    assert field_of(label) == field


async def test_what_is_nested_too_deep_is_not_followed(house: IiifHouse, fetcher: Fetcher) -> None:
    collection = {"id": f"{ROOT}/c", "type": "Collection", "items": [{"id": f"{ROOT}/d", "type": "Collection"}]}
    assert len(await pictures(fetcher, collection, house, depth=MAX_NESTING - 1)) == 1
    assert await pictures(fetcher, collection, house, depth=MAX_NESTING) == []
    assert await pictures(fetcher, collection, house, options={"depth": 0}) == []
    # A page of a collection is no deeper than the collection.
    paged = {"id": f"{ROOT}/c", "type": "Collection", "first": f"{ROOT}/c/1", "next": {"id": f"{ROOT}/c/2"}}
    found = await pictures(fetcher, paged, house, depth=MAX_NESTING)
    assert [(candidate.url, candidate.depth) for candidate in found] == [(f"{ROOT}/c/{n}", MAX_NESTING) for n in (1, 2)]


async def test_inline_collections_and_manifests_are_read_where_they_are(house: IiifHouse, fetcher: Fetcher) -> None:
    inner: dict[str, Any] = manifest2("inline", [house.scan(1, version=2)])
    for number in range(5):
        inner = {"@id": f"{ROOT}/c/{number}", "@type": "sc:Collection", "members": [inner, f"{ROOT}/m/{number}"]}
    found = await pictures(fetcher, inner, house)
    assert of_kind(found, "image") == [f"{ROOT}/image/1/full/!128,128/0/default.jpg"]
    assert sorted((c.url[-1], c.depth) for c in found if c.kind == "iiif") == [(str(n), 5 - n) for n in range(5)]


async def test_when_a_thing_was_changed_is_its_revision(house: IiifHouse, fetcher: Fetcher) -> None:
    items = [{"id": f"{ROOT}/m", "type": "Manifest", "modified": "2024-05-01T00:00:00Z"}]
    found = await pictures(fetcher, {"id": f"{ROOT}/c", "type": "Collection", "items": items}, house)
    assert [candidate.revision for candidate in found] == ["2024-05-01T00:00:00Z"]


async def test_an_expansion_goes_on_behind_its_cursor(house: IiifHouse, fetcher: Fetcher) -> None:
    unknown = [replace(house.scan(number), told=(), in_manifest=False) for number in range(25)]
    url = house.put(manifest2("long", unknown))
    found = await batches(task_for(url, "iiif"), fetcher)
    assert [(len(each.candidates), each.cursor) for each in found] == [(10, "10"), (10, "20"), (5, "25")]
    rest = await batches(task_for(url, "iiif", cursor="20"), fetcher)
    assert [each.candidates for each in rest] == [found[2].candidates]


async def test_services_that_do_not_answer_are_not_asked_for_ever(house: IiifHouse) -> None:
    silent = [Scan(number, told=(), in_manifest=False) for number in range(20)]
    house.scans.clear()
    url = house.put(manifest2("silent", silent))
    async with City(house) as city, Fetcher.open(settings_for(), resolver=city.resolver) as fetcher:
        found = await expanded(task_for(url, "iiif"), fetcher)
        asked = [asked.path for asked in city.asked(HOST) if "info.json" in asked.path]
    assert [candidate.url for candidate in found] == [scan.whole for scan in silent]
    assert len(asked) == 3


async def test_a_picture_without_a_service_is_taken_as_it_is_or_as_its_thumbnail(
    house: IiifHouse, fetcher: Fetcher
) -> None:
    large: dict[str, Any] = {
        "id": f"{ROOT}/files/1.tif",
        "type": "Image",
        "format": "image/tiff",
        "width": 9000,
        "height": 9000,
    }
    jp2 = {"id": f"{ROOT}/files/2.jp2", "type": "Image"}
    thumbnails: list[dict[str, Any]] = [
        {"id": f"{ROOT}/t/1.jpg", "width": 160, "height": 120},
        {"id": f"{ROOT}/t/2.jpg", "width": 100, "height": 80},
        {"id": f"{ROOT}/t/3.jpg", "service": [house.scan(3).info()]},
        {"id": f"{ROOT}/t/4.jpg"},
    ]
    bodies: list[dict[str, Any]] = [large, large | {"id": f"{ROOT}/files/3.tif"}, jp2, jp2]
    canvases = [
        canvas3("thumbs", number, body, thumbnail=[thumbnail])
        for number, (body, thumbnail) in enumerate(zip(bodies, thumbnails, strict=True))
    ]
    found = await pictures(fetcher, manifest3("thumbs", canvases), house)
    assert [candidate.url.removeprefix(ROOT) for candidate in found] == [
        "/t/1.jpg",
        "/files/3.tif",
        "/image/3/full/!128,128/0/default.jpg",
    ]
    assert [candidate.thumbnail_url for candidate in found] == [f"{ROOT}/t/{number}.jpg" for number in (1, 2, 3)]


async def test_the_info_of_a_service_is_one_picture(house: IiifHouse, fetcher: Fetcher) -> None:
    for version in (1, 2, 3):
        house.scan(version, version=version, level=1)
        found = await expanded(task_for(f"{ROOT}/image/{version}/info.json", "iiif"), fetcher)
        assert [candidate.url for candidate in found] == [
            f"{ROOT}/image/{version}/full/128,/0/{'native' if version == 1 else 'default'}.jpg"
        ]
    closed = house.scan(4).info() | {"id": f"{ROOT}/closed/info.json", "rights": IN_COPYRIGHT}
    house.put(closed)
    with pytest.raises(ParseError, match="not open to everyone"):
        await expanded(task_for(f"{ROOT}/closed/info.json", "iiif"), fetcher)


async def test_a_manifest_on_this_machine_names_only_what_lies_beside_it(tmp_path: Path, fetcher: Fetcher) -> None:
    bodies = [{"id": name, "type": "Image", "format": "image/jpeg"} for name in ("a.jpg", "/etc/passwd", "../b.jpg")]
    manifest = manifest3("local", [canvas3("local", number, body) for number, body in enumerate(bodies)])
    path = tmp_path / "x.json"
    path.write_text(json.dumps(manifest))
    root = await to_thread.run_sync(detect, str(path))
    assert (root.kind, root.url) == ("iiif", urls.from_path(path))
    found = await expanded(task_for(root.url, "iiif"), fetcher)
    assert [candidate.url for candidate in found] == [urls.from_path(tmp_path / "a.jpg")]
    assert "full_url" not in found[0].metadata.extra


async def test_what_a_page_turns_out_to_be_is_read_as_that(house: IiifHouse, fetcher: Fetcher) -> None:
    second(house)
    house.put(house.scan(1, version=2).info() | {"id": f"{ROOT}/hidden"})
    third(house)
    for path in ("/iiif/wave/manifest", "/v3/collection/top", "/activity/all-changes", "/hidden"):
        found = await expanded(task_for(ROOT + path, "page"), fetcher)
        assert [(candidate.kind, candidate.url) for candidate in found] == [("iiif", ROOT + path)]


@pytest.mark.parametrize(
    "text",
    [
        "https://x.org/iiif/book1/manifest",
        "https://x.org/iiif/book1/manifest.json",
        "https://x.org/iiif/3/object:1/manifest",
        "https://iiif.x.org/presentation/v2/b18035723",
        "https://iiif.x.org/manifests/object/299843",
        "https://x.org/iiif/collection/top",
        "https://x.org/iiif/image1/info.json",
        "https://x.org/activity/all-changes",
    ],
)
def test_an_address_that_says_so_is_of_this_kind(text: str) -> None:
    root = detect(text)
    assert (root.kind, root.url) == ("iiif", text)


@pytest.mark.parametrize(
    "text",
    [
        "https://viewer.org/?manifest=https://x.org/m.json",
        "https://viewer.org/uv.html#?c=0&manifest=https%3A%2F%2Fx.org%2Fm.json&cv=2",
        "https://viewer.org/mirador/?iiif-content=https://x.org/m.json",
    ],
)
def test_the_address_of_a_viewer_leads_to_what_it_shows(text: str) -> None:
    root = detect(text)
    assert (root.kind, root.url) == ("iiif", "https://x.org/m.json")


@pytest.mark.parametrize("text", ["https://x.org/collections/12.html", "https://x.org/?manifest=x", "https://x.org/a"])
def test_other_addresses_are_not(text: str) -> None:
    assert detect(text).kind == "page"


def test_other_files_are_not(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"about": "https://iiif.io/api/presentation/3/"}')
    with pytest.raises(SourceError):
        detect(str(path))


@pytest.mark.parametrize("body", ["", "[]", "<html>", '{"type": "Canvas"}', "{}", "[" * 100_000, '{"type": ["Manifest'])
async def test_what_is_no_manifest_is_called_that(body: str, tmp_path: Path, fetcher: Fetcher) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(body)
    _, error = await until_error(task_for(urls.from_path(path), "iiif"), fetcher)
    assert error.kind is FailureKind.BAD_DOCUMENT
    assert "\n" not in str(error)


async def test_a_remark_bears_on_rights_only_where_no_statement_does(house: IiifHouse, fetcher: Fetcher) -> None:
    closed = {"label": "Terms", "value": {"en": ["© The House. All rights reserved."]}}
    plain = {"label": "Source", "value": {"en": ["Photo: the House"]}}

    def work(**said: Any) -> dict[str, Any]:
        return manifest3("work", [canvas3("work", 1, house.scan(1).body(), requiredStatement=plain)], **said)

    assert len(await pictures(fetcher, work(), house)) == 1
    assert len(await pictures(fetcher, work(rights=CC0, requiredStatement=closed), house)) == 1
    for said in ({"rights": IN_COPYRIGHT}, {"requiredStatement": closed}):
        assert await pictures(fetcher, work(**said), house, depth=1) == []


async def test_what_a_canvas_says_comes_before_what_its_manifest_says(house: IiifHouse, fetcher: Fetcher) -> None:
    near = {"label": "Artist", "value": "Near"}
    far = [{"label": "Artist", "value": "Far"}, {"label": "Date", "value": "1900"}]
    canvas = canvas3("work", 1, house.scan(1).body(), metadata=[near])
    (found,) = await pictures(fetcher, manifest3("work", [canvas], metadata=far), house)
    assert (found.metadata.creator, found.metadata.date) == ("Near", "1900")
    assert found.metadata.extra["metadata"] == [near, *far]


async def test_the_whole_at_a_service_that_is_not_named_is_not_fetched_where_a_part_can_be_had(
    house: IiifHouse, fetcher: Fetcher
) -> None:
    bodies = [house.scan(1).body(), house.scan(2, version=2).resource(), Scan(3).body(), house.scan(4).body()]
    for body in bodies:
        del body["service"]
    bodies[3] |= {"width": 200, "height": 100}
    found = await pictures(fetcher, manifest3("bare", [canvas3("bare", 1, *bodies)]), house)
    assert [candidate.url.removeprefix(f"{ROOT}/image/") for candidate in found] == [
        "1/full/!128,128/0/default.jpg",
        "2/full/!128,128/0/default.jpg",
        "3/full/max/0/default.jpg",
        "4/full/max/0/default.jpg",
    ]


@pytest.mark.parametrize(
    ("tag", "path", "kinds"),
    [
        ("noai", "/iiif/wave/manifest", None),
        ("noindex", "/iiif/wave/manifest", {"image"}),
        ("nofollow", "/iiif/wave/manifest", {"image"}),
        ("nofollow", "/v3/collection/top", None),
        ("noai", "/v3/collection/top", {"iiif"}),
        ("nofollow", "/activity/all-changes", None),
        ("noindex", "/activity/all-changes", {"iiif"}),
    ],
)
async def test_opting_out_is_heeded(
    house: IiifHouse, fetcher: Fetcher, tag: str, path: str, kinds: set[str] | None
) -> None:
    second(house)
    third(house)
    house.happens("Create", f"{ROOT}/iiif/wave/manifest", "2024-01-01T00:00:00Z")
    house.headers = {"X-Robots-Tag": tag}
    task = task_for(ROOT + path, "iiif")
    if kinds is None:
        found, error = await until_error(task, fetcher)
        assert (found, error.kind) == ([], FailureKind.OPTED_OUT)
    else:
        assert {candidate.kind for candidate in await expanded(task, fetcher)} == kinds


async def test_a_host_that_asks_to_come_later_is_not_asked_for_larger_things(
    house: IiifHouse, fetcher: Fetcher
) -> None:
    scans = [replace(house.scan(number), told=(), in_manifest=False) for number in range(4)]
    url = house.put(manifest2("busy", scans))
    house.put({"id": f"{ROOT}/image/2/info.json"})
    house.statuses["/image/2/info.json"] = 429
    found, error = await until_error(task_for(url, "iiif"), fetcher)
    assert error.kind is FailureKind.RATE_LIMITED
    assert [candidate.url[-27:] for candidate in found] == ["full/!128,128/0/default.jpg"] * 2


async def test_what_is_not_open_any_more_leaves(house: IiifHouse, tmp_path: Path) -> None:
    works = [house.work(f"w{number}", number) for number in (1, 2)]
    canvases = [canvas3("w3", number, house.scan(30 + number).body(), rights=CC0) for number in range(2)]
    works.append(house.put(manifest3("w3", canvases)))
    items = [{"id": url, "type": "Manifest"} for url in works]
    top = house.put({"id": f"{ROOT}/v3/collection/top", "type": "Collection", "items": items})
    settings = service_settings(tmp_path, download={"preferred_side": SIDE})
    async with City(house) as city, running(settings, resolver=city.resolver) as service:
        seed_id = await service.add_seed(top)
        await settled(service)
        assert len(await service.images.embedded_ids()) == 4
        house.documents["/v3/w1/manifest.json"]["rights"] = IN_COPYRIGHT
        canvases[1]["rights"] = IN_COPYRIGHT
        assert await service.frontier.crawl_again(seed_id)
        await settled(service)
        images = await service.images.images((await service.images.embedded_ids()).tolist())
    assert sorted(image.metadata.title or "" for image in images) == ["w2", "w3, p. 0"]


async def test_each_picture_that_is_painted_is_found_once(house: IiifHouse, fetcher: Fetcher) -> None:
    bodies = [house.scan(number).body() for number in (1, 2)]
    first, again = (canvas3("work", number, *bodies) for number in (1, 2))
    again["items"][0]["items"].append({"motivation": "commenting", "body": house.scan(3).body()})
    again["items"][0]["items"].append({"motivation": ["painting"], "body": house.scan(4).body()})
    found = await pictures(fetcher, manifest3("work", [first, again]), house)
    assert [candidate.url.split("/")[4] for candidate in found] == ["1", "2", "4"]

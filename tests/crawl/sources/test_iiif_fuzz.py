"""Whatever a document holds, it is read or refused, and in time."""

from __future__ import annotations

import json
import time
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artalike.crawl.sources.iiif import IiifSource, _read
from artalike.crawl.sources.iiif_changes import Walk, _batch, beginning
from artalike.crawl.sources.iiif_json import Json
from artalike.crawl.sources.iiif_presentation import MAX_PICTURES, Reading, Wishes, read
from artalike.errors import ParseError
from tests.city.iiif import ROOT, STREAM, IiifHouse, second, third
from tests.crawl.conftest import task_for
from tests.crawl.sources.visits import anything, check_all

WISHES = Wishes(languages=("en", "fr"), side=128, open_access=False)


def _documents() -> list[Json]:
    house = IiifHouse()
    second(house)
    third(house)
    return [*house.documents.values(), *(scan.info() for scan in house.scans.values())]


DOCUMENTS = _documents()


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Every container in a document with every key or index in it."""
    found, waiting = [], [document]
    while waiting:
        inner = waiting.pop()
        keys = list(inner) if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        for key in keys:
            found.append((inner, key))
            waiting.append(inner[key])
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Json:
    """A document of the house with anything in a few of its places, or parts of it in the place of others."""
    document = deepcopy(draw(st.sampled_from(DOCUMENTS)))
    for _ in range(draw(st.integers(0, 4))):
        places = _places(document)
        inner, key = places[draw(st.integers(0, len(places) - 1))]
        other, its = places[draw(st.integers(0, len(places) - 1))]
        inner[key] = draw(anything | st.just(deepcopy(other[its])) | st.just([deepcopy(other[its])] * 3))
    return document


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(mutated())
def test_any_document_gives_pictures_and_documents_or_is_refused(document: Json) -> None:
    url = f"{ROOT}/m.json"
    try:
        reading = _read(document, url, task_for(url, "iiif"), WISHES)
    except ParseError:
        return
    assert isinstance(reading, Reading)
    check_all(finding.candidate for finding in reading.findings)
    json.dumps([dict(finding.candidate.metadata.extra) for finding in reading.findings])


ACTIVITY = {
    "type": "Move",
    "object": {"id": f"{ROOT}/m", "type": "Manifest"},
    "target": {"id": f"{ROOT}/n", "type": "Manifest"},
    "endTime": "2024-01-01T00:00:00Z",
}
PAGE = {"type": "OrderedCollectionPage", "orderedItems": [ACTIVITY] * 2, "prev": {"id": f"{ROOT}/p"}, "partOf": {}}


@st.composite
def mutated_page(draw: st.DrawFn) -> Json:
    page = deepcopy(PAGE)
    for _ in range(draw(st.integers(0, 4))):
        places = _places(page)
        inner, key = places[draw(st.integers(0, len(places) - 1))]
        inner[key] = draw(anything)
    return page


@settings(max_examples=200, deadline=None)
@given(mutated_page(), st.none() | st.text(max_size=30) | st.just('{"newest": "2024-01-01T00:00:00Z", "last": null}'))
def test_any_page_of_changes_is_walked(page: Json, checkpoint: str | None) -> None:
    url = ROOT + STREAM
    walk = beginning(PAGE, url, checkpoint)
    changes = _batch(page, url, walk, 1)
    check_all(changes.added)
    assert all(address.startswith("http://") for address in changes.gone)
    assert Walk.of(walk.cursor()) == walk


@given(st.text(max_size=200), st.binary(max_size=50))
def test_any_text_and_bytes_can_be_asked_about(text: str, data: bytes) -> None:
    from artalike.crawl.sources.base import Document  # noqa: PLC0415  # only here

    IiifSource().match(text)
    IiifSource().match(f"https://x.org/iiif/?manifest={text}")
    IiifSource().recognizes(Document("https://x.org/", data))


def test_what_nests_as_deep_as_json_can_is_walked() -> None:
    deep: Json = {"type": "Collection", "items": []}
    body: Any = {"type": "Image", "id": "a.jpg"}
    for _ in range(900):
        deep = {"type": "Collection", "items": [deep]}
        body = {"type": "Choice", "items": [body]}
    read(deep, f"{ROOT}/c", depth=0, wishes=WISHES)
    painting = {"type": "Canvas", "items": [{"items": [{"body": body}]}]}
    read({"type": "Manifest", "items": [painting]}, f"{ROOT}/m", depth=0, wishes=WISHES)


def test_a_large_document_is_read_in_time_and_kept_small() -> None:
    picture = {"items": [{"items": [{"body": [{"id": f"{n}.jpg", "type": "Image"} for n in range(3)]}]}]}
    canvases = [
        {"type": "Canvas", "label": {f"l{language}": ["x"] for language in range(5)}}
        | json.loads(json.dumps(picture).replace(".jpg", f"-{number}.jpg"))
        for number in range(MAX_PICTURES)
    ]
    pairs = [{"label": "x" * 1000, "value": ["y" * 1000] * 10} for _ in range(200)]
    started = time.monotonic()
    reading = read({"type": "Manifest", "items": canvases, "metadata": pairs}, f"{ROOT}/m", depth=0, wishes=WISHES)
    assert len(reading.findings) == MAX_PICTURES
    assert sum(len(json.dumps(dict(f.candidate.metadata.extra))) for f in reading.findings) < 10_000_000
    assert time.monotonic() - started < 20

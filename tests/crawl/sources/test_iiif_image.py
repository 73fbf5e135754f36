"""The size that an image service is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from artalike.crawl.sources.iiif_image import ImageService, Size

BASE = "https://x.org/m.json"
V2 = "http://iiif.io/api/image/2/level{}.json"
LARGE = {"width": 6000, "height": 4000}
SIZES = {"sizes": [{"width": 150, "height": 100}, {"width": 900, "height": 600}, {"width": 6000, "height": 4000}]}


def asked(service: Any, size: Size | None = None, *, told: bool = False, side: int = 1024) -> str | None:
    """The path behind the service's address, for a picture of ``size``."""
    if isinstance(service, dict) and "@id" not in service and "id" not in service:
        service = {"id": "https://x.org/i/1"} | service
    found = ImageService.of(service, BASE)
    assert found is not None
    url = (ImageService.described(service, found.id, told=True) if told else found).polite(side, size)
    return None if url is None else url.removeprefix("https://x.org/i/1/full/").replace("/0/default.jpg", "")


@pytest.mark.parametrize(
    ("service", "size", "expected"),
    [
        ({"type": "ImageService3", "profile": "level2"}, None, "!1024,1024"),
        ({"type": "ImageService3", "profile": "level2"}, (6000, 4000), "!1024,1024"),
        ({"type": "ImageService3", "profile": "level2"}, (600, 400), "!600,600"),
        ({"type": "ImageService3", "profile": "level1"}, (6000, 4000), "1024,"),
        ({"type": "ImageService3", "profile": "level1"}, (4000, 6000), "682,"),
        ({"type": "ImageService3", "profile": "level1"}, (60, 40), "60,"),
        ({"type": "ImageService3", "profile": "level1"}, None, None),
        ({"type": "ImageService3", "profile": "level1", **LARGE}, None, "1024,"),
        ({"type": "ImageService3", "profile": "level1", **LARGE, **SIZES}, None, "900,600"),
        ({"type": "ImageService3", "profile": "level0"}, (6000, 4000), None),
        ({"type": "ImageService3", "profile": "level0", **SIZES}, (6000, 4000), "900,600"),
        ({"type": "ImageService3", "profile": "level0", "extraFeatures": ["sizeByW"]}, (6000, 4000), "1024,"),
        ({"type": "ImageService3", "profile": "level0", "extraFeatures": ["sizeByWh"]}, (6000, 4000), "1024,682"),
        ({"type": "ImageService3", "profile": "level0", "extraFeatures": ["sizeByConfinedWh"]}, None, "!1024,1024"),
        ({"type": "ImageService3", "profile": "level2", "maxWidth": 500}, (6000, 4000), "!500,333"),
        ({"type": "ImageService3", "profile": "level2", "maxWidth": 500}, (4000, 6000), "!333,500"),
        ({"type": "ImageService3", "profile": "level2", "maxWidth": 500, "maxHeight": 200}, (6000, 4000), "!300,200"),
        ({"type": "ImageService3", "profile": "level2", "maxArea": 60000}, (6000, 4000), "!300,200"),
        ({"type": "ImageService3", "profile": "level2", "maxArea": 90000}, None, "!300,300"),
        ({"type": "ImageService3", "profile": "level2", "maxWidth": 800}, None, "!800,800"),
        ({"@context": "http://iiif.io/api/image/2/context.json", "profile": V2.format(2)}, None, "!1024,1024"),
        ({"profile": V2.format(1)}, (6000, 4000), "1024,"),
        ({"profile": [V2.format(1), {"supports": ["sizeByConfinedWh"]}]}, None, "!1024,1024"),
        ({"profile": [V2.format(2), {"maxWidth": 600}]}, (6000, 4000), "!600,400"),
        ({"profile": V2.format(0), **LARGE, **SIZES}, None, "900,"),
        ({"profile": V2.format(0)}, None, None),
        ({"profile": {"id": V2.format(2)}}, None, "!1024,1024"),
        ({}, (6000, 4000), None),
        ("https://x.org/i/1", (6000, 4000), None),
        ("https://x.org/i/1/info.json", None, None),
        ({"id": "https://x.org/i/1/", "profile": "level2"}, None, "!1024,1024"),
    ],
)
def test_a_size_is_chosen_from_what_a_manifest_says(service: Any, size: Size | None, expected: str | None) -> None:
    assert asked(service, size) == expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({"type": "ImageService3", "profile": "level0", **LARGE}, "max"),
        ({"profile": V2.format(0), **LARGE}, "full"),
        ({"profile": V2.format(0), **LARGE, **SIZES}, "900,"),
        # Whole pictures within one tile: of 6000 × 4000, an eighth is 750 × 500.
        ({"profile": V2.format(0), **LARGE, "tiles": [{"width": 1024, "scaleFactors": [1, 2, 4, 8, 16]}]}, "750,"),
        ({"profile": V2.format(0), **LARGE, "tiles": [{"width": 512, "scaleFactors": [1, 2, 4, 8, 16]}]}, "375,"),
        ({"profile": V2.format(0), **LARGE, "tiles": [{"width": 512, "scaleFactors": [1, 2]}]}, "full"),
        ({"profile": V2.format(1), **LARGE}, "1024,"),
        ({"profile": V2.format(2), **LARGE}, "!1024,1024"),
        (LARGE, "full"),
        ({"width": "6000", "height": 4000.0, "profile": V2.format(1)}, "1024,"),
        ({"width": -6000, "height": True, "profile": V2.format(1)}, "full"),
    ],
)
def test_the_info_of_a_service_always_leads_to_a_size(service: Any, expected: str) -> None:
    assert asked(service, told=True) == expected


@pytest.mark.parametrize(("side", "expected"), [(100, "150,"), (1024, "900,"), (4000, "6000,"), (50, "150,")])
def test_of_listed_sizes_the_nearest_is_taken(side: int, expected: str) -> None:
    assert asked({"profile": V2.format(0), **LARGE, **SIZES}, side=side) == expected


def test_version_1_has_its_own_words() -> None:
    profile = "http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level{}"
    service = {"@id": "https://x.org/i/1", "profile": profile.format(1)}
    assert asked(service, (6000, 4000)) == "1024,/0/native.jpg"
    first = {"@id": "https://x.org/i/1", "profile": "http://library.stanford.edu/iiif/image-api/compliance.html#level2"}
    assert asked(first) == "!1024,1024/0/native.jpg"
    told = service | LARGE | {"profile": profile.format(0), "scale_factors": [1, 2, 4, 8]}
    assert asked(told, told=True) == "750,/0/native.jpg"


@pytest.mark.parametrize(
    "service",
    [
        {"@context": "http://iiif.io/api/auth/1/context.json", "@id": "https://x.org/login"},
        {"profile": "http://iiif.io/api/search/1/search", "@id": "https://x.org/search"},
        {"type": "AuthCookieService1", "@id": "https://x.org/login"},
        {"profile": V2.format(2)},
        {"profile": V2.format(2), "@id": "file:///etc/passwd"},
        {"profile": V2.format(2), "@id": "javascript:alert(1)"},
        {"profile": V2.format(2), "@id": 7},
        7,
        None,
        [],
        [[{}]],
    ],
)
def test_what_is_no_image_service_is_none(service: Any) -> None:
    assert ImageService.of(service, BASE) is None


def test_the_image_service_is_found_among_others() -> None:
    login = {"@context": "http://iiif.io/api/auth/1/context.json", "@id": "https://x.org/login"}
    image = {"@id": "https://x.org/i/1", "profile": V2.format(2), "service": login}
    assert asked([login, image]) == "!1024,1024"

"""The gallery can be installed as an app under its own title."""

from __future__ import annotations

import asyncio
import io

import pytest
from PIL import Image as Pillow

from tests.fakes import make_services
from tests.web.conftest import Serve

TITLE = 'Möwe & "Söhne" <b>\u202e'


@pytest.mark.parametrize("has_map", [True, False])
async def test_the_manifest_tells_of_this_gallery(serve: Serve, has_map: bool) -> None:
    client = await serve(make_services(3, gallery={"title": TITLE, "map": has_map}))
    async with client.get("/app.webmanifest") as response:
        assert response.status == 200
        assert response.content_type == "application/manifest+json"
        assert "manifest-src 'self'" in response.headers["Content-Security-Policy"]
        about = await response.json(content_type=None)
    assert about["name"] == about["short_name"] == TITLE
    assert (about["id"], about["start_url"], about["scope"], about["display"]) == ("/", "/", "/", "standalone")
    assert [shortcut["name"] for shortcut in about["shortcuts"]] == ["Map"] * has_map + ["Boards", "Shuffle"]
    for shortcut in about["shortcuts"]:
        async with client.get(shortcut["url"]) as response:
            assert response.status == 200 or shortcut["name"] == "Map"  # the fakes have no map laid out


async def test_its_icons_are_of_the_sizes_that_it_says_and_maskable_ones_fill_any_mask(serve: Serve) -> None:
    client = await serve(make_services(0))
    async with client.get("/app.webmanifest") as response:
        icons = (await response.json(content_type=None))["icons"]
    assert {(icon["sizes"], icon["purpose"]) for icon in icons} >= {
        (sizes, purpose) for sizes in ("192x192", "512x512") for purpose in ("any", "maskable")
    }
    for icon in icons:
        async with client.get(icon["src"]) as response:
            assert response.status == 200
            assert response.content_type == icon["type"]
            body = await response.read()
        if icon["type"] != "image/png":
            continue
        drawn = await asyncio.to_thread(_drawn, body)
        assert f"{drawn.width}x{drawn.height}" == icon["sizes"]
        assert (drawn.getpixel((0, 0)) == drawn.getpixel((drawn.width // 2, 2))) is (icon["purpose"] == "maskable")
        # Within the safe zone, a circle of 80 % of the width: https://www.w3.org/TR/appmanifest/#icon-masks
        ground, middle = drawn.getpixel((drawn.width // 2, 2)), drawn.width / 2
        outside = [
            drawn.getpixel((x, y))
            for x in range(0, drawn.width, 4)
            for y in range(0, drawn.height, 4)
            if (x - middle) ** 2 + (y - middle) ** 2 > (0.4 * drawn.width) ** 2
        ]
        assert icon["purpose"] != "maskable" or set(outside) == {ground}


def _drawn(body: bytes) -> Pillow.Image:
    return Pillow.open(io.BytesIO(body)).convert("RGBA")

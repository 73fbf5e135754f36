"""What the gallery's benchmark reads off the pages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from benchmarks import visit
from tests.browser.conftest import ARGUMENTS
from tests.browser.server import GalleryServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_visit_tells_when_pictures_are_there_and_what_they_cost(
    gallery: GalleryServer, chromium: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery.add(300)
    monkeypatch.setattr(visit, "CLICKS", 1)
    monkeypatch.setattr(visit, "GESTURE_SECONDS", 0.5)

    def visited() -> dict[str, Any]:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            figures: dict[str, Any] = visit.clicked(visit.Visit(browser, gallery.url, 1200, 800, 1))
            figures |= visit.scrolled(visit.Visit(browser, gallery.url, 1200, 800, 1), 0.02, 100)
            browser.close()
            return figures

    figures = await asyncio.to_thread(visited)
    assert 0 < figures["click_tile_ms"] <= figures["click_ms"]
    assert figures["click_after_ms"] > 0
    assert figures["scroll_shift"] < 0.02
    assert 100 < figures["nodes"] < 1500
    assert figures["met"] >= 60
    assert figures["busiest_task_cpu_ms"] > 0
    assert 0 < figures["heap_first_mb"] <= figures["heap_last_mb"] + 1

"""JavaScript modules without their pages: run in the browser's engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

from tests.browser.server import GalleryServer

ASSERT = "const assert = (holds, what) => { if (!holds) throw new Error(what); };"


class Script:
    """Runs the body of a function of ``argument``; an error that it throws fails the test."""

    def __init__(self, page: Page, prelude: str) -> None:
        self._page = page
        self._prelude = f"{ASSERT} {prelude}"

    async def __call__(self, body: str, argument: Any = None) -> Any:
        """What it returns, as JSON has it."""
        return await self._page.evaluate(f"async (argument) => {{ {self._prelude} {body}\n }}", argument)


@asynccontextmanager
async def scripting(browser: Browser, folder: Path, prelude: str) -> AsyncIterator[Script]:
    """Scripts of a gallery's server, before each of which ``prelude`` runs. ``folder`` is for the server's files."""
    server = GalleryServer(folder)
    await server.start()
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(f"{server.url}/similar/0")  # a page of this server without a script of its own
        yield Script(page, prelude)
    await server.stop()

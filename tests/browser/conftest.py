"""A browser for tests: Chromium as the system has it, and pages that fail a test when anything in them complains.

``browser`` and ``page`` know no server: a test gives them an address. ``gallery`` starts the web over fakes.
All of them live in the session's event loop: a module of browser tests says

    pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

from tests.browser.server import GalleryServer

# The shell is the same engine without a window around the page, which costs a third of the time.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
# Chromium takes the last list of features to be off, which would be Playwright's. Beside what is in that one: the
# suggestions under the address bar, a page of their own for each window, which nobody sees here.
FEATURES_OFF = (
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxPopup",
)
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", f"--disable-features={','.join(FEATURES_OFF)}"]
WAIT = 30_000  # milliseconds: for what comes at once where nothing else runs

# Turns what a Content-Security-Policy refuses into a complaint, also where Chromium logs none.
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


class Complaints:
    """Errors that pages logged or threw. Those that a test provokes are named by it beforehand."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._expected: list[str] = []

    def expect(self, part: str) -> None:
        """Errors whose text holds ``part`` are what this test is about."""
        self._expected.append(part)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._texts.append(str(error)))

    def check(self) -> None:
        unexpected = [text for text in self._texts if not any(part in text for part in self._expected)]
        assert not unexpected, "the page complained: " + " | ".join(unexpected)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._texts.append(message.text)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the system's Chromium."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no Chromium here: none of {', '.join(NAMES)} is on the PATH")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """One browser for all tests."""
    expect.set_options(timeout=WAIT)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    complaints = Complaints()
    yield complaints
    complaints.check()


NewContext = Callable[..., Any]


@pytest_asyncio.fixture(loop_scope="session")
async def new_context(browser: Browser, complaints: Complaints) -> AsyncIterator[NewContext]:
    """Opens browser contexts, as ``Browser.new_context`` does, whose pages are watched."""
    contexts: list[BrowserContext] = []

    async def open_context(**options: Any) -> BrowserContext:
        context = await browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
        contexts.append(context)
        context.set_default_timeout(WAIT)
        context.on("page", complaints.watch)
        await context.add_init_script(REPORT_VIOLATIONS)
        return context

    yield open_context
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(new_context: NewContext) -> AsyncIterator[Page]:
    """A page of 1200 × 800 in a context of its own."""
    context = await new_context()
    yield await context.new_page()


@pytest_asyncio.fixture(loop_scope="session")
async def gallery(tmp_path: Path) -> AsyncIterator[GalleryServer]:
    """The web over fakes, started and still empty."""
    server = GalleryServer(tmp_path)
    await server.start()
    yield server
    await server.stop()

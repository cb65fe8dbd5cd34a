"""A gateway to look at, and a browser to look with.

Chromium and the store's server are started once, and so these tests share an event loop. Each
test has an empty store, a gateway of its own, and a browser context of its own.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from services.gateway.routes import pages
from services.serving import listen, serve
from services.settings import GatewaySettings
from services.storage.client import Store, open_store
from services.storage.event_log import Log

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PATIENCE_SECONDS = 30.0
"""On a busy machine a race is folded in more than five seconds."""

expect.set_options(timeout=1000 * PATIENCE_SECONDS)


async def holds(page: Page, function: str, arg: Any = None) -> None:
    """Wait until a function of JavaScript returns true in the page.

    Page.wait_for_function evaluates a string in the page, which its security policy forbids.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await page.evaluate(function, arg):
        assert time.monotonic() < deadline, f"never true: {function}, {arg}"
        await asyncio.sleep(0.02)


class Served:
    """A projector and a gateway on a store, at one address, which can go away and come back."""

    def __init__(self, store: Store, settings: GatewaySettings | None = None) -> None:
        self.log = Log(store)
        self._store = store
        self._settings = settings or GatewaySettings()
        self._port = 0
        self._serving: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """Where it is, or was."""
        return f"http://127.0.0.1:{self._port}"

    async def begin(self) -> None:
        """Serve; at the port of before, if there was one."""
        listener = listen("127.0.0.1", self._port)
        self._port = listener.getsockname()[1]
        started = asyncio.Event()
        self._serving = asyncio.create_task(
            serve(self._store, self._settings, listener, listening=started.set)
        )
        await started.wait()

    async def end(self) -> None:
        """Go away; subscribers are cut off."""
        if self._serving is not None:
            self._serving.cancel()
            await asyncio.wait([self._serving])
            self._serving = None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in the event loop that the browser lives in."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def empty_store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    """A store for the browser's tests alone; ``store`` empties it."""
    async with open_store(data=tmp_path_factory.mktemp("store")) as store:
        yield store


@pytest_asyncio.fixture(loop_scope="session")
async def store(empty_store: Store) -> Store:
    """A store without sessions."""
    if not pages.built():
        pytest.skip("the timing screen was not built (`make screen`)")
    await empty_store.redis.flushall()
    return empty_store


@pytest_asyncio.fixture(loop_scope="session")
async def served(store: Store) -> AsyncIterator[Served]:
    """A gateway with a projector."""
    served = Served(store)
    await served.begin()
    yield served
    await served.end()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The machine's Chromium."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"there is no browser here: none of {', '.join(BROWSERS)}")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=QUIET)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A full-HD page that raises no error and sends requests to its gateway alone."""
    wrong: list[str] = []
    page = await browser.new_page(viewport={"width": 1920, "height": 1080})
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith("http://127.0.0.1:") else wrong.append(request.url)
        ),
    )
    yield page
    for context in browser.contexts:  # also those of other pages that the test opened
        await context.close()
    assert wrong == []

"""The timing screen in the machine's Chromium: frames a second, memory, the first picture.

Sixty cars, twenty updates a second, every row and column of a full-HD page; an update is
the delta of one event. Ours are the frames a second that the page draws, against those of
an empty page in the same browser, which is what the machine has to give. Then an hour of
updates (72,000) is fed at twenty times that speed, and what the page holds after it is
compared with what it held before, rubbish collected. The first picture is timed from the
navigation to the frame with the first row, in a browser that has nothing of the page kept.

The updates are folded and served in another process, by the gateway's own parts.
"""

from __future__ import annotations

import asyncio
import gzip
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import uvloop
from fastapi import FastAPI, WebSocket
from playwright.async_api import Browser, CDPSession, Page, async_playwright

from bench.fanout import FedTail
from bench.measure import report
from bench.synthetic import synthetic_race
from projections.timeline import Timeline
from projections.views.frame import Frame, Token
from projections.views.frame_builder import FrameBuilder
from projections.views.session_line import clock_running
from services.clocks import now_ms
from services.gateway.live.filters import Filter
from services.gateway.live.query import split_names
from services.gateway.live.session_tail import SessionTail
from services.gateway.live.subscription import SubscriptionOptions
from services.gateway.live.transport import serve_websocket, subscribe
from services.gateway.routes import pages
from services.serving import listen, server_of
from tests.browser.conftest import BROWSERS, QUIET

CARS = 60
PER_SECOND = 20
SECONDS = 20
HOUR = 3600 * PER_SECOND
TIMES = 20
BEGUN = 800
"""Events before the first picture: the field is under way."""

LOADS = 5
FULL_HD: Any = {"width": 1920, "height": 1080}
ROW = "tbody.field tr[data-car]"

# -- The gateway's part, in a process of its own ---------------------------------------------


def frames() -> Iterator[Frame]:
    """A snapshot of a race under way, then a delta an event, made as they are asked for."""
    events = synthetic_race(cars=CARS, hours=25)
    timeline, builder = Timeline(), FrameBuilder()
    timeline.add(events[:BEGUN])
    builder.advance(timeline.race)
    yield _frame(timeline, 0, builder.state)
    for number, event in enumerate(events[BEGUN:], start=1):
        timeline.add([event])
        yield _frame(timeline, number, builder.advance(timeline.race))


def _frame(timeline: Timeline, number: int, data: dict[str, Any]) -> Frame:
    race, at = timeline.race, int(now_ms())
    kind: Any = "delta" if number else "snapshot"
    return Frame(Token(1, f"{number}-0"), at, race.at, clock_running(race), kind, data)


def application(tail: SessionTail) -> FastAPI:
    """The page, and the one session that it shows."""
    app = FastAPI()

    @app.get("/sessions/{session}")
    async def line(session: str) -> dict[str, int]:  # noqa: ARG001 (of the path)
        return {"learned_at_ms": int(now_ms()), "age_ms": 0}

    @app.get("/replays")
    async def replays() -> list[str]:
        return []

    @app.websocket("/sessions/{session}/live")
    async def live(websocket: WebSocket, session: str) -> None:  # noqa: ARG001 (of the path)
        await websocket.accept()
        topics = split_names(websocket.query_params.getlist("topics"))
        await serve_websocket(websocket, tail, subscribe(tail, SubscriptionOptions(Filter(topics))))

    pages.install(app)
    return app


async def serve() -> None:
    """Serve the page; feed so many updates at the rate that each line of the input names."""
    coming = frames()
    tail = FedTail(None, "bench")  # type: ignore[arg-type]  # it reads no store
    tail.publish(next(coming))
    listener = listen("127.0.0.1", 0)
    server = server_of(application(tail))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    print(listener.getsockname()[1], flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        count, rate = map(int, line.split())
        sent, began = tail.sent, time.perf_counter()
        for number in range(count):
            ahead = began + number / rate - time.perf_counter()
            await asyncio.sleep(max(0.0, ahead))
            tail.publish(next(coming))
        print(tail.sent - sent, flush=True)
    tail.end()
    server.should_exit = True
    await serving


class Feed:
    """The process that serves the page."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.address = f"http://127.0.0.1:{port}/?session=bench"

    async def updates(self, count: int, rate: int) -> int:
        """Feed so many, so many a second; how many messages the page was sent."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"%d %d\n" % (count, rate))
        return await _number(self._process)


async def _number(process: asyncio.subprocess.Process) -> int:
    assert process.stdout is not None
    return int(await process.stdout.readline())


@asynccontextmanager
async def feeding() -> AsyncIterator[Feed]:
    """The process, for as long as it is needed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.screen", "serve"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Feed(process, await _number(process))
    finally:
        process.kill()
        await process.wait()


# -- What is measured in the page ------------------------------------------------------------

FRAMES = """seconds => new Promise(done => {
    const frames = [];
    const end = performance.now() + seconds * 1000;
    const frame = at => {
        frames.push(at);
        if (at < end) requestAnimationFrame(frame);
        else done(frames);
    };
    requestAnimationFrame(frame);
})"""

FIRST_PICTURE = f"""() => new Promise(done => {{
    const look = () => document.querySelector({ROW!r})
        ? requestAnimationFrame(() => done(performance.now()))
        : requestAnimationFrame(look);
    look();
}})"""


async def frame_times(page: Page, seconds: float) -> list[float]:
    """Milliseconds from each frame to the next."""
    times: list[float] = await page.evaluate(FRAMES, seconds)
    return [after - before for before, after in pairwise(times)]


async def held(devtools: CDPSession) -> dict[str, float]:
    """What the page holds, without rubbish: bytes, nodes, listeners."""
    for _ in range(2):
        await devtools.send("HeapProfiler.collectGarbage")
    metrics = await devtools.send("Performance.getMetrics")
    return {metric["name"]: metric["value"] for metric in metrics["metrics"]}


async def first_picture(browser: Browser, address: str) -> float:
    """Milliseconds from the navigation to the first row, nothing kept from before."""
    async with await browser.new_context(viewport=FULL_HD) as context:
        page = await context.new_page()
        await page.goto(address, wait_until="commit")
        shown: float = await page.evaluate(FIRST_PICTURE)
        return shown


def bundle_kb() -> float:
    """All that was built, as it would be sent compressed, in kB."""
    files = [path for path in pages.FILES.rglob("*") if path.is_file()]
    return round(sum(len(gzip.compress(path.read_bytes())) for path in files) / 1000, 1)


# -- All of it -------------------------------------------------------------------------------


async def rate_of(page: Page, feed: Feed) -> list[float]:
    """The frames of a page that is fed at the usual speed."""
    updates = asyncio.create_task(feed.updates(SECONDS * PER_SECOND, PER_SECOND))
    times = await frame_times(page, SECONDS)
    await updates
    return times


async def measure(browser: Browser, feed: Feed) -> None:
    """Measure, and print one line."""
    loads = [await first_picture(browser, feed.address) for _ in range(LOADS)]
    page = await browser.new_page(viewport=FULL_HD)
    await page.goto("about:blank")
    against = await frame_times(page, SECONDS / 4)
    await page.goto(feed.address)
    await page.locator(ROW).nth(CARS - 1).wait_for()
    ours = await rate_of(page, feed)
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable")
    before = await held(devtools)
    began = time.perf_counter()
    updates = await feed.updates(HOUR, PER_SECOND * TIMES)
    seconds = time.perf_counter() - began
    after = await held(devtools)
    mine, theirs = (1000 / statistics.fmean(times) for times in (ours, against))
    report(
        "screen",
        mine,
        theirs,
        mine / theirs,
        "frames/s",
        cars=CARS,
        slowest_frame_ms=round(max(ours), 1),
        frame_p99_ms=round(statistics.quantiles(ours, n=100)[98], 1),
        updates=updates,
        updates_per_second=round(updates / seconds),
        page_mb=round(after["JSHeapUsedSize"] / 1e6, 2),
        page_grew_mb=round((after["JSHeapUsedSize"] - before["JSHeapUsedSize"]) / 1e6, 2),
        nodes_grew=int(after["Nodes"] - before["Nodes"]),
        listeners_grew=int(after["JSEventListeners"] - before["JSEventListeners"]),
        first_picture_ms=round(statistics.median(loads)),
        bundle_kb=bundle_kb(),
    )


async def main() -> None:
    """Begin the feed and the browser."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None or not pages.built():
        missing = "browser" if found is None else "built screen (`make screen`)"
        print(f"screen: there is no {missing} here", file=sys.stderr)
        return
    async with feeding() as feed, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=QUIET)
        await measure(browser, feed)
        await browser.close()


if __name__ == "__main__":
    uvloop.run(serve() if sys.argv[1:] == ["serve"] else main())

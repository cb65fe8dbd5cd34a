"""The replay bar in a real browser, each moment held to the gateway's view of it."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from events import AnyEvent, encode
from events.clock import format_clock
from projections.timeline import Timeline
from projections.views.moments import moment_of
from replay.entries import EVENT_FIELD, LogEntry
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage.client import Store
from services.terminal.tower_columns import short_tags
from tests.browser.conftest import Served, holds
from tests.browser.test_screen import ALL_COLUMNS, append, cells, expected, shows, standing
from tests.builders import Story
from tests.races import petit_le_mans_2007

SESSION = "petit"
SECRET, TOKEN = new_token("director", Role.CONTROL)
LEARNED_MS = 1_791_700_000_000


@functools.cache
def race() -> list[AnyEvent]:
    """The 2007 Petit Le Mans."""
    return list(petit_le_mans_2007())


@pytest_asyncio.fixture(loop_scope="session")
async def directed(store: Store) -> AsyncIterator[Served]:
    """A gateway that knows a director by a token, and lets everyone look."""
    served = Served(store, GatewaySettings(tokens=Tokens([TOKEN])))
    await served.begin()
    yield served
    await served.end()


async def answer_of(served: Served, path: str, **query: str) -> Any:
    """What the gateway answers."""
    async with httpx.AsyncClient(base_url=served.address, trust_env=False, timeout=30) as client:
        answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def looks_at(page: Page, ms: int, reach: float = 0) -> int:
    """Wait until the page shows a moment of the past, or one within reach; which one."""
    await holds(
        page,
        """([ms, reach]) => {
            const at = document.querySelector(".timing").dataset.at;
            const head = document.querySelector(".rail").getAttribute("aria-valuenow");
            const waits = document.querySelector(".replay").getAttribute("aria-busy") === "true";
            return !waits && at === head && Math.abs(Number(at) - ms) <= reach;
        }""",
        [ms, reach],
    )
    at = await page.locator(".timing").get_attribute("data-at")
    assert at is not None
    return int(at)


async def agrees(page: Page, served: Served, session: str, **query: str) -> None:
    """Every cell of the tower is what the gateway's view of the moment says."""
    view = await answer_of(served, f"/sessions/{session}/standings", **query)
    tags = short_tags(view["session"]["classes"])
    lines = view["session"]["timing_lines"]
    shown = await cells(page)
    assert list(shown) == [row["car"] for row in view["rows"]]
    for row in view["rows"]:
        assert standing(shown[row["car"]]) == expected(row, lines, tags), row["car"]


async def scrub(page: Page, start: float, end: float) -> int:
    """Drag the playhead between two parts of the rail; the moment that it stands at."""
    rail = page.locator(".rail")
    box = await rail.bounding_box()
    assert box is not None
    length = int(await rail.get_attribute("aria-valuemax") or 0)
    await page.mouse.move(box["x"] + box["width"] * start, box["y"] + 8)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * end, box["y"] + 8, steps=4)
    await page.mouse.up()
    return await looks_at(page, round(length * end), reach=length / box["width"] * 7)


@pytest.mark.slow
async def test_scrubs_and_jumps(page: Page, browser: Browser, served: Served) -> None:
    """Scrubbed both ways, jumped to caution 9, and sent as a link, each moment is the gateway's."""
    await page.set_viewport_size(ALL_COLUMNS)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    position = await append(served, race())
    timeline = Timeline()
    timeline.add(race())
    caution = {number: moment_of(f"caution:{number}", timeline.race) for number in (8, 9)}
    await page.goto(f"{served.address}/?session={SESSION}")
    await shows(page, position)
    await expect(page.locator(".mark.caution")).to_have_count(9)
    for start, end in ((0.99, 0.42), (0.42, 0.07), (0.07, 0.8)):
        at = await scrub(page, start, end)
        await agrees(page, served, SESSION, at=format_clock(at))
    await expect(page.locator(".link .what")).to_have_text("past")

    await page.get_by_label("Go to a moment").fill("caution:9")
    await page.keyboard.press("Enter")
    await looks_at(page, caution[9])
    await agrees(page, served, SESSION, at="caution:9")
    await expect(page.locator("h1")).to_contain_text("Caution 9")
    await page.locator(".rail").focus()
    await page.keyboard.press("ArrowLeft")
    await looks_at(page, caution[9] - 10_000)
    await page.get_by_label("What the jumps go to").select_option("cautions")
    await page.locator(".rail").focus()
    await page.keyboard.press("[")
    await looks_at(page, caution[8])
    await page.keyboard.press("]")
    await looks_at(page, caution[9])
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()

    await page.get_by_label("Go to a moment").fill("caution:9")
    await page.keyboard.press("Enter")
    await looks_at(page, caution[9])
    await page.get_by_role("button", name="Copy link").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = await page.evaluate("navigator.clipboard.readText()")
    assert link.endswith(f"?session={SESSION}&at={format_clock(caution[9])}")
    other = await browser.new_page(viewport=ALL_COLUMNS)
    await other.goto(link)
    await looks_at(other, caution[9])
    assert await cells(other) == await cells(page)
    assert await other.locator("h1").text_content() == await page.locator("h1").text_content()

    await page.get_by_role("button", name="As it was shown").click()
    alert = page.locator(".replay").get_by_role("alert")
    await expect(alert).to_contain_text("imported in one go")
    await page.keyboard.press("l")
    await expect(page.locator(".timing")).not_to_have_attribute("data-at", str(caution[9]))
    await shows(page, position)
    assert "at=" not in page.url


async def test_as_it_was_shown(page: Page, served: Served) -> None:
    """A lap that was voided later counts as it was shown, and not as corrected."""
    story = Story().opened("1", "2", lines=("FL",))
    story.laps("1", 3).laps("2", 2)
    wrong = next(event for event in story.events if getattr(event, "lap", 0) == 3)
    story.flag("green", 240_000)
    learned = {event: event.at for event in story.events}
    learned[story.void(wrong, at=300_000)] = 300_000
    entries = [
        LogEntry(f"{LEARNED_MS + at}-{number}", (EVENT_FIELD, encode(event)))
        for number, (event, at) in enumerate(sorted(learned.items(), key=lambda one: one[1]))
    ]
    await served.log.append_at_positions(SESSION, entries)
    await page.goto(f"{served.address}/?session={SESSION}&at=0:03:20")
    await looks_at(page, 200_000)
    assert (await cells(page))["1"]["laps"] == "2"
    await page.get_by_role("button", name="As it was shown").click()
    await expect(page.locator("tbody.field tr[data-car='1'] td[data-column='laps']")).to_have_text(
        "3"
    )
    assert page.url.endswith("&at=0:03:20&known_at=at")
    await page.reload()
    await looks_at(page, 200_000)
    assert (await cells(page))["1"]["laps"] == "3"


@pytest.mark.slow
async def test_what_runs_is_left_where_it_is(page: Page, served: Served) -> None:
    """Space leaves a session that runs where its newest event is; `l` goes on with what comes."""
    story = Story().opened("1", "2", lines=("FL",)).laps("1", 3)
    await append(served, story.events)
    await page.goto(f"{served.address}/?session={SESSION}")
    await expect(page.locator("tbody.field tr").first).to_be_visible()
    await expect(page.locator(".replay")).to_have_count(0)
    await page.keyboard.press("h")
    await page.keyboard.press("Space")
    await looks_at(page, 180_000)
    position = await append(served, story.lap("2", 1, 190_000).events)
    await page.keyboard.press("l")
    await shows(page, position)
    assert (await cells(page))["2"]["laps"] == "1"


@pytest.mark.slow
async def test_a_replay_is_shared(page: Page, browser: Browser, directed: Served) -> None:
    """Begun from the screen and steered by one, a replay is the same to all, to its playhead."""
    await append(directed, race()[:8000])
    await page.set_viewport_size(ALL_COLUMNS)
    await page.goto(f"{directed.address}/?session={SESSION}#access_token={SECRET}")
    await expect(page.locator("tbody.field tr").first).to_be_visible()
    await page.keyboard.press("h")
    await page.get_by_label("Go to a moment").fill("1:00:00")
    await page.keyboard.press("Enter")
    await looks_at(page, 3_600_000)
    await page.get_by_role("button", name="Replay for all").click()
    bar = page.locator(".replay")
    await expect(bar).to_have_attribute("data-mode", "replay")
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    (replay,) = await answer_of(directed, "/replays")
    name = replay["replay"]
    assert (replay["source"], replay["playing"]) == (SESSION, False)

    viewer = await browser.new_page(viewport=ALL_COLUMNS)
    await viewer.goto(f"{directed.address}/?session={name}")
    for moment, ms in (("0:40:00", 2_400_000), ("1:10:00", 4_200_000)):
        await page.get_by_label("Go to a moment").fill(moment)
        await page.keyboard.press("Enter")
        for one in (page, viewer):
            await expect(one.locator(".clock b")).to_have_text(moment)
            await agrees(one, directed, name)
            await expect(one.locator(".rail")).to_have_attribute("aria-valuenow", str(ms))
        passed = (await answer_of(directed, f"/sessions/{name}/markers"))["rows"]
        assert max(row["at_ms"] for row in passed) <= ms
        for one in (page, viewer):  # the page steps among the markers that it has by now
            await expect(one.locator(".mark")).to_have_count(len(passed))

    await page.get_by_label("Speed").select_option("20×")
    await expect(viewer.get_by_label("Speed")).to_have_value("20")
    assert (await answer_of(directed, f"/replays/{name}"))["speed"] == 20
    await page.get_by_role("button", name="To the marker before").click()
    before = max(row["at_ms"] for row in passed if row["at_ms"] < 4_200_000)
    await expect(viewer.locator(".rail")).to_have_attribute("aria-valuenow", str(before))
    await viewer.get_by_role("button", name="Play", exact=True).click()
    await expect(viewer.locator(".replay").get_by_role("alert")).to_contain_text("token")
    assert not (await answer_of(directed, f"/replays/{name}"))["playing"]

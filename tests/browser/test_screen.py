"""The timing screen in a real browser, held to the gateway that it shows."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, ViewportSize, expect

from events import AnyEvent, encode
from replay.entries import LogEntry
from services.formatting import gap_text, lap_time_text
from services.terminal.tower_columns import penalty_text, short_tags, state_of
from tests.browser.conftest import Served
from tests.builders import Story
from tests.races import petit_le_mans_2007

SESSION = "petit"
BATCH = 2000
SOME = 5400
"""Events up to more than an hour: each class has a leader and a best lap, and it is green."""

LONG_AGO_MS = 1_191_700_000_000

ALL_COLUMNS: ViewportSize = {"width": 2560, "height": 1440}
"""A page on which all columns of the view are shown unless the viewer says otherwise."""

Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def race() -> list[AnyEvent]:
    """The 2007 Petit Le Mans."""
    return list(petit_le_mans_2007())


async def append(served: Served, events: Iterable[AnyEvent]) -> str:
    """Append in batches; the last position."""
    given = list(events)
    position = ""
    for first in range(0, len(given), BATCH):
        position = (await served.log.append(SESSION, given[first : first + BATCH])).position
    return position


async def look(page: Page, served: Served, more: str = "") -> None:
    """Open the screen."""
    await page.goto(f"{served.address}/?session={SESSION}{more}")


async def shows(page: Page, position: str) -> None:
    """Wait until the page shows the log up to a position."""
    await page.wait_for_selector(f".timing[data-position$=':{position}']", timeout=30_000)


async def view(served: Served, name: str) -> dict[str, Any]:
    """A view of the gateway's."""
    async with httpx.AsyncClient(base_url=served.address, trust_env=False, timeout=30) as client:
        answer = await client.get(f"/sessions/{SESSION}/{name}")
    assert answer.status_code == 200
    given: dict[str, Any] = answer.json()
    return given


async def cells(page: Page) -> dict[str, dict[str, str]]:
    """The tower's texts by car and column, signs left out, in the order of the rows."""
    read = """rows => rows.map(row => [row.dataset.car, Object.fromEntries(
        [...row.querySelectorAll("td")].map(cell => {
            const plain = cell.cloneNode(true);
            plain.querySelectorAll(".sign, .unseen").forEach(one => one.remove());
            return [cell.dataset.column, plain.textContent];
        })
    )])"""
    return dict(await page.eval_on_selector_all("tbody.field tr[data-car]", read))


def standing(of: Mapping[str, str]) -> dict[str, str]:
    """The cells without what runs on by itself: the time in the lane, the marks of moves."""
    return {
        name: text.partition(" ")[0] if name == "state" else text
        for name, text in of.items()
        if name != "moved"
    }


def behind_best(row: Row) -> str:
    """How much slower the last lap was than the best of the car."""
    last, best = row["last_lap_ms"], row["best_lap_ms"]
    if last is None or best is None:
        return ""
    return "best" if last <= best else f"+{gap_text({'laps': 0, 'ms': last - best})}"


def expected(row: Row, lines: Iterable[str], tags: Mapping[str | None, str]) -> dict[str, str]:
    """The cells of a row of the gateway's standings, as the terminal's tower writes them."""
    penalties = {one["id"]: one for one in row["penalties"]}
    leads, leads_class = row["position"] == 1, row["class_position"] == 1
    sectors = zip(lines, row["last_sectors_ms"], strict=True)
    return {
        "position": str(row["position"]),
        "class": tags[row["class"]],
        "class_position": str(row["class_position"]),
        "driver": row["driver"] or "",
        "team": row["team"] or "",
        "vehicle": row["vehicle"] or "",
        "laps": str(row["laps"]),
        "gap": gap_text(row["gap"], leads=leads),
        "interval": gap_text(row["interval"], leads=leads),
        "class_gap": gap_text(row["class_gap"], leads=leads_class),
        "last": lap_time_text(row["last_lap_ms"]),
        "last_diff": behind_best(row),
        "best": lap_time_text(row["best_lap_ms"]),
        "pace": lap_time_text(row["pace_ms"]),
        "stint": str(row["stint_laps"]),
        "stops": str(row["stops"]),
        "state": state_of({**row, "penalties": penalties}),
        "penalties": penalty_text(penalties.values()).text,
        **{
            f"sector {line}": ""
            if ms is None
            else f"{ms / 1000:.3f}"
            if ms < 60_000
            else lap_time_text(ms)
            for line, ms in sectors
        },
    }


async def agrees(page: Page, served: Served) -> None:
    """Every cell of the tower is what the gateway's view says."""
    given = await view(served, "standings")
    tags = short_tags(given["session"]["classes"])
    lines = given["session"]["timing_lines"]
    shown = await cells(page)
    assert list(shown) == [row["car"] for row in given["rows"]]
    for row in given["rows"]:
        assert standing(shown[row["car"]]) == expected(row, lines, tags), row["car"]


@pytest.mark.slow
async def test_follows_a_session_to_its_end(
    page: Page, served: Served, race: list[AnyEvent]
) -> None:
    """The screen follows a race, and its every cell agrees with the gateway's view."""
    await page.set_viewport_size(ALL_COLUMNS)
    await append(served, race[:10])
    await look(page, served)
    for upto in (3000, 20_000, 27_500):
        position = await append(served, race[:upto])
        await shows(page, position)
        await agrees(page, served)
    await shows(page, await append(served, race))
    await agrees(page, served)
    await expect(page.locator("h1")).to_contain_text("Chequered flag")
    feed = (await view(served, "control"))["rows"]
    newest = page.locator(".feed li")
    await expect(newest.locator("span")).to_have_text([one["text"] for one in feed[:60]])
    assert await page.evaluate("document.scrollingElement.scrollHeight <= innerHeight")


@pytest.mark.slow
async def test_classes_search_and_pins(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """By the keyboard alone: a class, a search, a pin, a column; what was chosen is remembered."""
    position = await append(served, race[:SOME])
    await look(page, served)
    await shows(page, position)
    rows = (await view(served, "standings"))["rows"]
    await page.keyboard.press("4")  # overall, by class, LMP1, LMP2
    shown = await cells(page)
    in_class = [row for row in rows if row["class"] == "LMP2"]
    assert list(shown) == [row["car"] for row in in_class]
    assert shown[in_class[1]["car"]]["gap"] == gap_text(in_class[1]["class_gap"])
    await page.keyboard.press("g")
    assert len(await cells(page)) == len(rows)
    await expect(page.locator("tr.heading")).to_have_text(["LMP1", "LMP2", "GT1", "GT2"])
    await page.keyboard.press("o")
    await page.keyboard.press("/")
    await page.keyboard.type("corvette")
    found = {row["car"] for row in rows if "Corvette" in f"{row['team']} {row['vehicle']}"}
    assert set(await cells(page)) == found
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    for _ in range(3):
        await page.keyboard.press("j")
    await page.keyboard.press("p")
    third = rows[2]["car"]
    await expect(page.locator("tbody.pins tr[data-car]")).to_have_attribute("data-car", third)
    await page.keyboard.press("v")
    await page.get_by_label("Lap of the best").check()
    await page.keyboard.press("Escape")
    await page.reload()
    await shows(page, position)
    await expect(page.locator("tbody.pins tr[data-car]")).to_have_attribute("data-car", third)
    assert (await cells(page))[third]["best_lap"] == str(rows[2]["best_lap"])
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Help")).to_be_visible()


async def test_cut_and_resumed(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """Cut off, the screen says so and keeps its picture; it comes again with its token."""
    await page.set_viewport_size(ALL_COLUMNS)
    position = await append(served, race[:5000])
    opened: list[str] = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    await look(page, served)
    await shows(page, position)
    before = {car: standing(of) for car, of in (await cells(page)).items()}
    await served.end()
    await expect(page.locator(".timing")).to_have_attribute("data-link", "lost")
    await expect(page.get_by_role("alert")).to_contain_text("Connection lost")
    dimmed = "() => getComputedStyle(document.querySelector('.band')).backgroundColor"
    assert await page.evaluate(dimmed) == "rgb(58, 63, 70)"  # its flag may hold no longer
    clock = await page.locator(".clock b").text_content()
    assert {car: standing(of) for car, of in (await cells(page)).items()} == before
    assert await page.locator(".clock b").text_content() == clock
    later = await append(served, race[:6000])
    await served.begin()
    await shows(page, later)
    await expect(page.locator(".timing")).to_have_attribute("data-link", "live")
    await expect(page.get_by_role("alert")).to_be_hidden()
    assert opened[-1].endswith(position)
    await agrees(page, served)


async def test_stale(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """A picture of long ago, of a clock that runs, is unmistakable, until something comes."""
    started = race[:2000]
    entries = [
        LogEntry(f"{LONG_AGO_MS + number}-0", (b"event", encode(event)))
        for number, event in enumerate(started)
    ]
    await served.log.append_at_positions(SESSION, entries)
    await look(page, served)
    await shows(page, entries[-1].position)
    timing = page.locator(".timing")
    await expect(timing).to_have_attribute("data-freshness", "stale")
    await expect(page.get_by_role("alert")).to_contain_text("Stale")
    clock = await page.locator(".clock b").text_content()
    given = await view(served, "standings")
    assert clock is not None
    assert given["session"]["stale"]
    hours, minutes, seconds = map(int, clock.split(":"))
    stands = given["session"]["clock_ms"] + given["session"]["patience_ms"]
    assert (hours * 60 + minutes) * 60 + seconds == stands // 1000
    await shows(page, await append(served, race[:2001]))
    await expect(timing).to_have_attribute("data-freshness", "fresh")
    await expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.slow
async def test_sixty_cars_fit(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """Sixty cars stand on a full-HD page without scrolling, and so do thirty."""
    (opened, *rest) = race
    entries = [event for event in rest if event.type == "entry_added"]
    more = [
        entry.model_copy(update={"car": f"{entry.car}B", "source_seq": 90_000 + number})
        for number, entry in enumerate(entries)
    ]
    field = (entries + more)[:60]
    await look(page, served)
    rows, place = page.locator("tbody.field tr[data-car]"), page.locator(".tower-place")
    for count in (30, 60):
        await shows(page, await append(served, [opened, *field[:count]]))
        await expect(rows).to_have_count(count)
        assert await place.evaluate("place => place.scrollHeight <= place.clientHeight")
        assert await place.evaluate("place => place.scrollWidth <= place.clientWidth")


CUT = """() => [document.documentElement, document.querySelector(".tower-place"),
    ...document.querySelectorAll(".band, .band > div, .replay, td[data-column='state'], td.right")]
    .filter(one => one.scrollWidth > one.clientWidth || one.matches(".band, .replay") &&
        one.scrollHeight > one.clientHeight)
    .map(one => (one.dataset.column || one.className || one.localName))"""
"""What is wider than it can be: nothing that tells where a car is, or what it owes, may be."""


@pytest.mark.slow
@pytest.mark.parametrize("font", ["own", "other"])
async def test_nothing_is_cut_off(
    page: Page, served: Served, race: list[AnyEvent], font: str
) -> None:
    """Whatever the size of the page, and also where its font does not come, everything that
    tells where a car is has room, and so has the clock; where there is no room for all, sectors
    and bests are missing."""
    if font == "other":
        await page.route("**/*.woff2", lambda route: route.abort())
    in_lane = next(n for n, event in enumerate(race) if n > 9000 and event.type == "pit_entered")
    position = await append(served, race[: in_lane + 1])
    await look(page, served)
    await shows(page, position)
    await expect(page.locator("html")).to_have_attribute("data-font", font)
    await expect(page.locator(".band .since")).to_contain_text("for ")
    for width, height in ((1920, 1080), (1600, 900), (1366, 768), (390, 844)):
        await page.set_viewport_size({"width": width, "height": height})
        await expect(page.locator("td[data-column='state'].pit").first).to_be_visible()
        heading = page.get_by_role("columnheader", name="Penalties")
        await expect(heading).to_have_count(0 if width < 700 else 1)
        assert await page.evaluate(CUT) == [], (width, height)


PHONE: ViewportSize = {"width": 390, "height": 844}

ON_A_PHONE = """() => {
    const place = document.querySelector(".tower-place").getBoundingClientRect();
    const whole = [...document.querySelectorAll("tbody.field tr[data-car]")]
        .map(row => row.getBoundingClientRect())
        .filter(({ top, bottom }) => top >= place.top && bottom <= place.bottom);
    const small = [...document.querySelectorAll(":is(.controls, .replay) :is(button, input)")]
        .filter(one => one.checkVisibility())
        .filter(one => one.getBoundingClientRect().height < 44 && !one.matches(".replay input"));
    return {
        rows: whole.length,
        least: Math.min(...whole.map(({ height }) => height)),
        band: document.querySelector(".band").getBoundingClientRect().height,
        small: small.map(one => one.textContent),
        wide: document.documentElement.scrollWidth > innerWidth,
    };
}"""


@pytest.mark.slow
async def test_a_phone_has_names_and_twelve_cars(
    page: Page, served: Served, race: list[AnyEvent]
) -> None:
    """Rows have two lines with the family name, and everything is as large as a finger."""
    await page.set_viewport_size(PHONE)
    position = await append(served, race[:SOME])
    await look(page, served)
    await shows(page, position)
    await page.keyboard.press("h")  # with the replay bar, whatever the default
    await expect(page.locator(".replay")).to_be_visible()
    found = await page.evaluate(ON_A_PHONE)
    assert found["rows"] >= 12
    assert found["least"] >= 44
    assert found["band"] == 40
    assert found["small"] == []
    assert not found["wide"]
    leader = (await view(served, "standings"))["rows"][0]
    name = page.locator("tbody.field tr[data-car] td[data-column='driver']").first
    assert leader["driver"].endswith(await name.text_content() or "-")
    await expect(name).to_be_visible()


@pytest.mark.slow
async def test_the_font_comes_along(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """Names and figures are of the font that is shipped, all digits are equally wide, and
    letters beyond Latin 1 are fetched where a name has them."""
    entry = next(event for event in race if event.type == "entry_added")
    other = entry.model_copy(update={"car": "99", "source_seq": 90_000, "team": "Ševčík"})
    query: list[str] = []
    page.on("request", lambda request: query.append(request.url))
    await look(page, served)
    await shows(page, await append(served, race[:10]))
    assert len([url for url in query if "-latin-ext-" in url]) == 0
    async with page.expect_request(lambda request: "-latin-ext-" in request.url):
        await shows(page, await append(served, [other]))
    widths = await page.evaluate(
        """() => [400, 600, 700].flatMap(weight => [..."0123456789"].map(digit => {
            const span = document.createElement("span");
            Object.assign(span.style, {fontWeight: weight, fontSize: "100px", position: "fixed"});
            span.textContent = digit;
            document.body.append(span);
            const { width } = span.getBoundingClientRect();
            span.remove();
            return width;
        }))"""
    )
    assert set(widths) == {54}


async def test_sessions_are_listed(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """Without a session the page lists those there are; one that is unknown is named."""
    position = await append(served, race[:100])
    await served.log.append("another", Story().opened("1").events)
    await page.goto(served.address)
    card = page.get_by_role("link", name="Petit Le Mans 2007")
    await expect(card).to_contain_text("American Le Mans Series · ")
    await expect(card.locator(".leader i")).to_have_text(["LMP1", "LMP2", "GT1", "GT2"])
    await card.click()
    await shows(page, position)
    await page.goto(f"{served.address}/?session=nowhere")
    await expect(page.get_by_role("alert").filter(has_text="nowhere")).to_be_visible()
    await expect(page.get_by_role("status")).to_have_text("No such session")
    await expect(page.get_by_text("Connection lost")).to_have_count(0)
    await expect(page.get_by_role("link", name="Petit Le Mans 2007")).to_be_visible()


@pytest.mark.slow
async def test_a_reader_sees_it(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """The tower is a table whose columns and rows have names, for those who listen to it."""
    position = await append(served, race[:SOME])
    await look(page, served)
    await shows(page, position)
    table = page.get_by_role("table", name="Running order")
    heading = table.get_by_role("columnheader", name="Interval to the car ahead")
    await expect(heading).to_have_count(1)
    await expect(table.get_by_role("rowheader")).to_have_count(len(await cells(page)))
    await expect(page.get_by_role("status")).to_contain_text("Green")
    best = [row for row in (await view(served, "fastest-laps"))["rows"] if row["rank"] == 1]
    cell = table.locator(f"tr[data-car='{best[0]['car']}'] td[data-column='best']")
    await expect(cell).to_contain_text("best of all")


@pytest.mark.slow
async def test_the_demonstration_is_shown(page: Page, tmp_path: Path) -> None:
    """The demonstration prints an address at which a browser sees it."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("lapstream")),
        *("demo", "--speed", "30", "--data", str(tmp_path / "store")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        (address,) = [
            word
            for _ in range(2)
            for word in (await process.stderr.readline()).decode().split()
            if word.startswith("http://")
        ]
        await page.goto(address)
        await expect(page.locator("tbody.field tr[data-car]").first).to_be_visible()
        await expect(page.locator(".timing")).to_have_attribute("data-link", "live")
    finally:
        process.terminate()
        await process.wait()

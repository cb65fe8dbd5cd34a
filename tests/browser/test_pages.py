"""The pages of a car, a battle and the race in a real browser, held to the gateway's views."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from events import AnyEvent, PenaltyImposed, SessionEnded
from services.formatting import gap_text, lap_time_text
from tests.browser.conftest import Served
from tests.browser.test_screen import SESSION, append, look, shows
from tests.races import petit_le_mans_2007

SOME = 4000
"""Events up to about an hour, with a caution and a penalty."""

SHORT = 2500
"""Events up to the first caution's end or so: a short race."""

Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def race() -> list[AnyEvent]:
    """The 2007 Petit Le Mans."""
    return list(petit_le_mans_2007())


async def view(served: Served, name: str, **params: Any) -> list[Row]:
    """The rows of a view of the gateway's."""
    async with httpx.AsyncClient(base_url=served.address, trust_env=False, timeout=30) as client:
        answer = await client.get(f"/sessions/{SESSION}/{name}", params=params)
    assert answer.status_code == 200, answer.text
    rows: list[Row] = answer.json()["rows"]
    return rows


async def table(page: Page, caption: str) -> list[dict[str, str]]:
    """The cells of a table by their columns, what only readers hear left out."""
    found = page.get_by_role("table", name=caption)
    await expect(found.locator("tbody tr[data-key]").first).to_be_visible()
    rows: list[dict[str, str]] = await found.locator("tbody tr[data-key]").evaluate_all(
        """rows => rows.map(row => Object.fromEntries(
            [...row.querySelectorAll("[data-column]")].map(cell => {
                const plain = cell.cloneNode(true);
                plain.querySelectorAll(".unseen").forEach(one => one.remove());
                return [cell.dataset.column, plain.textContent.trim()];
            })
        ))"""
    )
    return rows


async def listed(page: Page) -> dict[str, str]:
    """The list beside a chart: each car's value."""
    rows = page.locator("table.cars tbody tr[data-car]")
    found: list[tuple[str, str]] = await rows.evaluate_all(
        "rows => rows.map(row => [row.dataset.car, row.lastElementChild.textContent.trim()])"
    )
    return dict(found)


def requests_of(page: Page) -> dict[str, list[str]]:
    """What the address says."""
    return parse_qs(urlsplit(page.url).query)


def clock(ms: int) -> str:
    """As the pages write the session clock."""
    seconds = ms // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


@pytest.mark.slow
async def test_by_the_keyboard_from_the_tower(
    page: Page, served: Served, race: list[AnyEvent]
) -> None:
    """Each page opens by a key, each part by a number; the browser goes back the same way."""
    position = await append(served, race[:SOME])
    await look(page, served)
    await shows(page, position)
    order = [row["car"] for row in await view(served, "standings")]
    for _ in range(3):
        await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator(".car-head .number")).to_have_text(order[2])
    assert requests_of(page) == {"session": [SESSION], "page": ["car"], "cars": [order[2]]}
    await page.keyboard.press("j")
    await expect(page.locator(".car-head .number")).to_have_text(order[3])
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("table", name="Running order")).to_be_visible()
    await page.keyboard.press("r")
    await expect(page.get_by_role("button", name="Lap chart")).to_have_attribute(
        "aria-pressed", "true"
    )
    parts = ("chart", "gaps", "strategy", "cautions", "pits", "control", "result", "points")
    for number, part in enumerate(parts, start=1):
        await page.keyboard.press(str(number))
        await expect(page.locator(".part")).to_have_attribute("data-part", part)
    await page.keyboard.press("b")
    await expect(page.get_by_role("table", name="Battle")).to_be_visible()
    await page.go_back()
    await expect(page.locator(".part")).to_have_attribute("data-part", "points")
    await page.go_back()
    await expect(page.get_by_role("table", name="Running order")).to_be_visible()
    await page.keyboard.press("?")
    help_page = page.get_by_role("dialog", name="Help")
    await expect(help_page.get_by_text("the page of the selected car")).to_be_visible()


async def test_the_car_page(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """Laps, stints, pit visits, drivers and reasons are those of the gateway's views."""
    position = await append(served, race[:SOME])
    await look(page, served, "&page=car&cars=7")
    await shows(page, position)
    laps = await view(served, "laps", car="7")
    given = await table(page, "Laps")
    assert [row["lap"] for row in given] == [str(row["lap"]) for row in reversed(laps)]
    for cells, row in zip(given, reversed(laps), strict=True):
        assert cells["time"] == lap_time_text(row["lap_time_ms"])
        assert cells["position"] == str(row["position"])
        assert cells["driver"] == row["driver"]
        assert (cells["pit"] == "PIT") is row["pit"]
        sectors = [cells[line] for line in ("S1", "S2", "FL")]
        assert sectors == [f"{ms / 1000:.3f}" if ms < 60_000 else lap_time_text(ms)
                           for ms in row["sectors_ms"]]  # fmt: skip
    stints = await view(served, "stints", car="7")
    assert [row["laps"] for row in await table(page, "Stints")] == [
        str(row["laps"]) for row in reversed(stints)
    ]
    pits = await view(served, "pits", car="7")
    assert [(row["lap"], row["in"]) for row in await table(page, "Pit visits")] == [
        (str(row["lap"]), clock(row["entered_ms"])) for row in reversed(pits)
    ]
    drivers = await view(served, "drivers", car="7")
    assert [row["time"] for row in await table(page, "Drivers")] == [
        clock(row["drive_time_ms"]) for row in drivers
    ]
    reasons = [row["text"] for row in await view(served, "explain", car="7")]
    message = page.locator("section[aria-label^='Why'] li p:first-child")
    await expect(message).to_have_text(reasons)
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("ArrowLeft")
    before = laps[-2]
    await expect(page.locator(".at-cursor")).to_contain_text(f"lap {before['lap']}:")


async def test_the_race_page(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """Places and gaps lap by lap, stints, cautions, pits and the feed are those of the views."""
    position = await append(served, race[:SOME])
    await look(page, served, "&page=race")
    await shows(page, position)
    await expect(page.locator(".plot canvas")).to_be_visible()
    chart = await view(served, "chart")
    last = max(row["first_lap"] + len(row["at_ms"]) - 1 for row in chart)
    for _ in range(6):
        await page.keyboard.press("ArrowLeft")
    lap = last - 5
    await expect(page.get_by_role("table", name=f"Lap {lap}", exact=True)).to_be_visible()
    assert await listed(page) == {row["car"]: at_lap(row, lap, "positions", "P") for row in chart}
    await page.keyboard.press("2")
    gaps = {row["car"]: row for row in await view(served, "gaps")}
    await expect(page.locator("table.cars tr[data-car='7'] td").last).not_to_have_text("")
    assert await listed(page) == {car: sided(row) for car, row in gaps.items()}
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("f")
    second = (await view(served, "standings"))[1]["car"]
    assert requests_of(page)["to"] == [second]
    await expect(page.locator("table.cars thead th").last).to_have_text(f"Gap to {second}")
    gaps = {row["car"]: row for row in await view(served, "gaps", to=second)}
    leader = page.locator("table.cars tbody tr").first.locator("td").last
    await expect(leader).to_have_text(re.compile("^−"))
    assert await listed(page) == {car: sided(row) for car, row in gaps.items()}
    await page.keyboard.press("Space")
    assert requests_of(page)["cars"] == [second]
    await page.keyboard.press("3")
    stints = await view(served, "stints", car=second)
    bars = page.locator(f"tr[data-car='{second}'] .bar b")
    await expect(bars).to_have_text([str(row["laps"]) for row in stints if row["laps"]])
    await page.keyboard.press("4")
    cautions = await view(served, "cautions")
    assert [(row["number"], row["start"], row["first"]) for row in await table(page, "Cautions")] \
        == [(str(row["number"]), clock(row["start_ms"]), str(row["first_lap"] or ""))
            for row in cautions]  # fmt: skip
    await page.keyboard.press("5")
    pits = sorted(await view(served, "pits"), key=lambda row: -row["entered_ms"])
    assert [(row["car"], row["visit"]) for row in await table(page, "Pit lane")] == [
        (row["car"], str(row["visit"])) for row in pits
    ]
    await page.keyboard.press("6")
    feed = await view(served, "control")
    happened = page.get_by_role("table", name="What happened").locator("tbody tr[data-key]")
    await expect(happened.filter(has_text="lead change").first).to_be_visible()  # of another view
    given = await table(page, "What happened")
    kinds = {row["kind"] for row in given}
    assert {"flag", "local flag", "pit lane", "penalty", "message", "lead change"} <= kinds
    assert [row["text"] for row in given if row["kind"] != "lead change"] == [
        row["text"] for row in feed
    ]
    penalties = await view(served, "penalties")
    assert len(penalties) == len(await table(page, "Penalties"))


def at_lap(row: Row, lap: int, member: str, sign: str) -> str:
    """What a row of the chart has on a lap, as the list writes it."""
    index = lap - row["first_lap"]
    value = row[member][index] if index < len(row[member]) else None
    return "" if value is None else f"{sign}{value}"


def sided(row: Row) -> str:
    """A gap with its side, as the pages write it."""
    if row["side"] == "same":
        return "·"
    text = gap_text(row["gap"])
    return text and f"{'+' if row['side'] == 'behind' else '−'}{text}"


@pytest.mark.slow
async def test_a_battle_and_its_link(
    page: Page, browser: Browser, served: Served, race: list[AnyEvent]
) -> None:
    """Gaps and laps beside each other are those of the views; the link shows the same."""
    position = await append(served, race[:SOME])
    await look(page, served)
    await shows(page, position)
    order = [row["car"] for row in await view(served, "standings")]
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("b")
    await page.get_by_label("Add a car").fill(order[4])
    await page.keyboard.press("Enter")
    fight = [order[0], order[1], order[4]]
    rows = page.get_by_role("table", name="Battle").locator("tbody tr")
    await expect(rows).to_have_count(3)
    assert requests_of(page)["cars"] == [",".join([order[1], order[0], order[4]])]
    gaps = {
        row["car"]: sided(row)
        for row in await view(served, "gaps", to=order[1], car=",".join(fight))
    }
    await expect(rows.last.locator("[data-column=gap]")).to_contain_text(gaps[order[4]])
    given = await table(page, "Battle")
    assert {row["car"]: row["gap"] for row in given} == gaps
    chart = {row["car"]: row for row in await view(served, "chart", to=order[1])}
    laps = await table(page, "Last laps")
    assert_laps(laps, {car: chart[car] for car in fight}, order[1])
    other = await browser.new_page()
    await other.goto(page.url)
    await shows(other, position)
    for name in ("Battle", "Last laps"):
        shown = await page.get_by_role("table", name=name).text_content()
        assert shown is not None
        await expect(other.get_by_role("table", name=name)).to_have_text(shown)
    await other.close()


def assert_laps(laps: Sequence[Row], chart: Mapping[str, Row], to: str) -> None:
    """The laps side by side are those of the chart."""
    assert len(laps) == 12
    for cells in laps:
        for car, row in chart.items():
            index = int(cells["lap"]) - row["first_lap"]
            done = index < len(row["at_ms"])
            time = lap_time_text(row["lap_time_ms"][index]) if done else ""
            assert cells[f"time {car}"].removesuffix(" P") == time
            if car != to and done and row["behind_laps"][index]:
                assert cells[f"gap {car}"].endswith(f"{abs(row['behind_laps'][index])} L")


@pytest.mark.slow
async def test_gaps_from_any_car_and_why(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """On the tower gaps are measured from the selected car; a key and a click tell why."""
    position = await append(served, race[:SOME])
    await look(page, served)
    await shows(page, position)
    standings = await view(served, "standings")
    third = standings[2]["car"]
    for _ in range(3):
        await page.keyboard.press("j")
    await page.keyboard.press("f")
    await expect(page.get_by_role("columnheader", name=f"Gap to car {third}")).to_have_count(1)
    cells = page.locator("tbody.field td[data-column=gap]")
    await expect(cells.first).to_have_text(re.compile("^−"))
    expected = [sided(row) for row in await view(served, "gaps", to=third)]
    assert [text.strip() for text in await cells.all_text_contents()] == expected
    await page.keyboard.press("e")
    reasons = [row["text"] for row in await view(served, "explain", car=third)]
    why = page.get_by_role("dialog", name=f"Why car {third}")
    await expect(why.locator("li p:first-child")).to_have_text(reasons)
    await page.keyboard.press("Escape")
    await expect(why).to_be_hidden()
    await page.keyboard.press("f")
    await expect(cells.nth(1)).to_have_text(gap_text(standings[1]["gap"]))
    await cells.nth(1).click()
    why = page.get_by_role("dialog", name=f"Why car {standings[1]['car']}")
    await expect(why.locator("li").first).to_have_attribute("data-about", "gap")


@pytest.mark.slow
async def test_it_goes_on(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """While the race runs a chart asks for what came since, and never for all of it again."""
    queries: list[dict[str, list[str]]] = []
    page.on(
        "request",
        lambda request: (
            queries.append(parse_qs(urlsplit(request.url).query))
            if urlsplit(request.url).path.endswith("/chart")
            else None
        ),
    )
    await append(served, race[:SOME])
    await look(page, served, "&page=battle&cars=7,1")
    last = page.get_by_role("table", name="Last laps").locator("tbody th").first
    await expect(last).not_to_have_text("")
    await append(served, race[: SOME + 500])
    chart = await view(served, "chart", car="7,1")
    newest = max(row["first_lap"] + len(row["at_ms"]) - 1 for row in chart)
    await expect(last).to_have_text(str(newest), timeout=15_000)
    whole = [query for query in queries if "since_ms" not in query]
    assert len(whole) == 1
    assert len(queries) > 1


@pytest.mark.slow
async def test_the_result_and_the_title(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """Result, revisions with what changed, points and title are those of the views."""
    short = race[:SHORT]
    over = short[-1].at + 1
    await append(served, [*short, SessionEnded(at=over, source="end", source_seq=0)])
    leader = (await view(served, "standings"))[0]["car"]
    members = {"car": leader, "kind": "time", "amount": 90, "reason": "contact"}
    penalty = PenaltyImposed(at=over, source="end", source_seq=1, penalty_id="p1", **members)
    position = await append(served, [penalty])
    await look(page, served, "&page=race&part=result")
    await shows(page, position)
    results = await view(served, "results")
    given = await table(page, "Result")
    assert [(row["car"], row["laps"], row["points"]) for row in given] == [
        (row["car"], str(row["laps"]), str(row["points"])) for row in results
    ]
    revisions = await view(served, "revisions")
    await expect(
        page.get_by_role("table", name="Revisions of the result").locator("tbody tr")
    ).to_have_count(len(revisions))
    await page.get_by_label("before: revision 1").check()
    changed = await table(page, f"What changed from 1 to {len(revisions)}")
    moves = await view(served, "differences", before=1, after=len(revisions))
    assert {row["car"]: row["position"] for row in changed} == {
        row["car"]: f"{row['position_before']} → {row['position_after']}"
        if row["position_before"] != row["position_after"]
        else str(row["position_after"])
        for row in moves
    }
    assert leader in {row["car"] for row in changed}
    await page.get_by_role("button", name=f"why, car {leader}", exact=False).first.click()
    await expect(page.get_by_role("dialog", name=f"Why car {leader}")).to_contain_text("90 s")
    await page.keyboard.press("Escape")
    await page.keyboard.press("8")
    await page.get_by_role("button", name="LMP2").click()
    season = await view(served, "championship", of="drivers", **{"class": "LMP2"})
    for row in [await table(page, "Championship as it stands")]:
        assert [(one["name"], one["points"]) for one in row] == [
            (one["name"], str(one["points"])) for one in season
        ]
    clinch = await view(served, "clinch", of="drivers", **{"class": "LMP2"})
    fighting = [row for row in clinch if row["status"] != "out"]
    assert [row["points"] for row in await table(page, "The title fight")] == [
        str(row["points"]) for row in fighting
    ]
    sentences = page.get_by_role("list", name="What each needs").get_by_role("listitem")
    await expect(sentences).to_have_text(list(dict.fromkeys(row["sentence"] for row in fighting)))


@pytest.mark.slow
async def test_the_title_before_a_race_and_as_it_stands(
    page: Page, served: Served, race: list[AnyEvent]
) -> None:
    """Two totals, each by its name; and what whoever is open needs in this race."""
    position = await append(served, race[:SOME])
    await look(page, served, "&page=race&part=points")
    await shows(page, position)
    await page.get_by_role("button", name="LMP2").click()
    season = await view(served, "championship", of="drivers", **{"class": "LMP2"})
    now = {row["name"]: str(row["points"]) for row in season}
    clinch = await view(served, "clinch", of="drivers", **{"class": "LMP2"})
    fighting = [row for row in clinch if row["status"] != "out"]
    given = await table(page, "The title fight: points before this race, and as it stands")
    assert [(row["names"], row["points"], row["now"]) for row in given] == [
        (", ".join(row["names"]), str(row["points"]), now[row["names"][0]]) for row in fighting
    ]
    assert given[0]["points"] != given[0]["now"]
    sentences = page.get_by_role("list", name="What each needs").get_by_role("listitem")
    await expect(sentences).to_have_text(list(dict.fromkeys(row["sentence"] for row in fighting)))
    assert fighting[0]["sentence"] == (
        "Romain Dumas leads by 37 points, level with Timo Bernhard, with 49 still to be won."
    )


@pytest.mark.slow
async def test_pages_on_a_phone(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """On a phone no page is wider than the phone."""
    position = await append(served, race[:SOME])
    await page.set_viewport_size({"width": 390, "height": 844})
    for more in ("car&cars=7", "battle&cars=7,1", "race", "race&part=strategy", "race&part=result"):
        await look(page, served, f"&page={more}")
        await shows(page, position)
        await expect(page.locator("table.rows").first).to_be_visible()
        assert await page.locator("html").evaluate("one => one.scrollWidth <= one.clientWidth"), (
            more
        )


@pytest.mark.slow
async def test_the_forecast(page: Page, served: Served, race: list[AnyEvent]) -> None:
    """Page and columns have the odds of the gateway's view, say what they are, and why."""
    position = await append(served, race[:SOME])
    await look(page, served, "&page=race&part=forecast")
    await shows(page, position)
    await expect(page.locator(".forecast-mark")).to_have_text("Forecast")
    rows = {row["car"]: row for row in await view(served, "forecast")}
    marks = page.locator("table.forecast tbody tr[data-car]")
    await expect(marks).to_have_count(len(rows))
    found = await marks.evaluate_all(
        "rows => rows.map(row => [row.dataset.car, row.querySelector('.win').textContent.trim()])"
    )
    odds = {car: int(100 * row["win"] + 0.5) for car, row in rows.items()}
    for car, text in found:
        assert text in ("", f"{odds[car]} %", "<1 %", ">99 %"), (car, text)
    car = max(odds, key=lambda one: odds[one])
    await page.get_by_title(f"why car {car} is forecast like this").click()
    dialog = page.get_by_role("dialog", name=f"Forecast: why car {car} has its odds")
    await expect(dialog).to_contain_text(f"Forecast: #{car}, ")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    cells = page.locator("tbody.field td[data-column='forecast win']")
    await expect(cells).to_have_count(0)
    await page.keyboard.press("v")
    await page.get_by_label("Forecast: probability of winning the class").check()
    await page.keyboard.press("Escape")
    cell = page.locator(f"tbody.field tr[data-car='{car}'] td[data-column='forecast win']")
    await expect(cell).to_have_text(f"{odds[car]} %")
    await expect(cell).to_have_attribute("title", re.compile("^Forecast: "))

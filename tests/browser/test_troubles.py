"""What the pages do when something is wrong, wide or alone, in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Route, expect

from events import ResultDeclared, ResultRow
from tests.browser.conftest import Served
from tests.browser.test_keys import story
from tests.browser.test_screen import SESSION, append, look, shows
from tests.builders import Story


@pytest.mark.slow
async def test_what_is_not_made_anew_says_so(page: Page, served: Served) -> None:
    """A table that could not be read again stays, and says from when it is; until it could."""
    found = story().flag("fcy", 185_000)
    position = await append(served, found.events)
    await look(page, served, "&page=race&part=cautions")
    await shows(page, position)
    table = page.get_by_role("table", name="Cautions")
    await expect(table.locator("tbody tr[data-key]")).to_have_count(1)
    await page.route("**/cautions", lambda route: route.fulfill(status=503, json={"detail": "no"}))
    await append(served, found.lap("1", 4, 240_000).events)
    await expect(table.locator("caption")).to_contain_text("as it was at 0:03:05: no")
    await expect(table.locator("tbody tr[data-key]")).to_have_count(1)
    await page.unroute("**/cautions")
    await expect(table.locator("caption")).not_to_contain_text("as it was")


async def test_pages_are_there_without_the_gateway(page: Page, served: Served) -> None:
    """A page that was not looked at yet opens, though the gateway is gone by then."""
    position = await append(served, story().events)
    async with page.expect_response("**/assets/Explain-*.js"):
        await look(page, served)
    await shows(page, position)
    await page.wait_for_load_state("networkidle")
    await served.end()
    await expect(page.locator(".timing")).to_have_attribute("data-link", "lost")
    await page.keyboard.press("r")
    await expect(page.get_by_role("button", name="Lap chart")).to_be_visible()


@pytest.mark.slow
async def test_revisions_are_chosen_on_the_page(page: Page, served: Served) -> None:
    """However much a result rests on, what chooses it is on the page, and all of it is read."""
    found = story().flag("chequered", 170_000).ended(300_000)
    rows = tuple(
        ResultRow(car=car, position=place, status="classified", laps=3)
        for place, car in enumerate("1234", start=1)
    )
    grounds = "words, and more words " * 12
    found.add(ResultDeclared, 310_000, status="provisional", rows=rows, rests_on=grounds)
    position = await append(served, found.events)
    await look(page, served, "&page=race&part=result")
    await shows(page, position)
    radios = page.get_by_role("radio")
    await expect(radios).to_have_count(4)
    for radio in await radios.all():
        await expect(radio).to_be_in_viewport(ratio=1)
    cells = page.locator("td.wrap")
    assert await cells.evaluate_all("all => all.every(one => one.scrollWidth <= one.clientWidth)")


@pytest.mark.slow
async def test_the_only_session_is_shown(page: Page, served: Served) -> None:
    """The bare address leads to the only session there is, and from it a way to the list."""
    position = await append(served, story().events)
    await page.goto(served.address)
    await shows(page, position)
    await expect(page).to_have_url(f"{served.address}/?session={SESSION}")
    await page.get_by_role("link", name="all sessions").click()
    entry = page.get_by_role("listitem").get_by_role("link")
    await expect(entry).to_have_count(1)
    await entry.click()
    await shows(page, position)


@pytest.mark.slow
async def test_sectors_of_the_lap_before(page: Page, served: Served) -> None:
    """The last sector is S3, and those of the lap before are told from those of this one."""
    position = await append(served, story().line("1", "S1", 4, 201_000).events)
    await look(page, served)
    await shows(page, position)
    heading = page.get_by_role("columnheader", name="Sector 3, up to FL")
    await expect(heading.locator("[aria-hidden]")).to_have_text("S3")
    cell = "tbody.field tr[data-car='{}'] td[data-column='sector {}']"
    dim = {
        (car, line): "before"
        in (await page.locator(cell.format(car, line)).get_attribute("class") or "")
        for car in "12"
        for line in ("S1", "S2", "FL")
    }
    assert {one for one, is_dim in dim.items() if is_dim} == {("1", "S2"), ("1", "FL")}


async def test_a_page_that_fails_is_tried_again(page: Page, served: Served) -> None:
    """A part of the pages that does not arrive is named, and a button asks for it again."""
    fails = True

    async def cut(route: Route) -> None:
        await (route.abort() if fails else route.continue_())

    await page.route("**/assets/Pages-*.js", cut)
    await served.log.append("race", Story().opened("1").events)
    await page.goto(f"{served.address}/?session=race&page=race")
    again = page.get_by_role("button", name="Try again")
    await expect(page.get_by_role("alert").filter(has_text="could not be loaded")).to_be_visible()
    fails = False
    await again.click()
    await expect(page.get_by_role("button", name="Lap chart")).to_be_visible()

"""Keys in a real browser: whose they are, and what a moment does that is refused."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Served
from tests.browser.test_screen import SESSION, append, look, shows
from tests.builders import Story


def story() -> Story:
    """Four cars of two classes, a second apart after three laps; it goes on."""
    found = Story().opened("1", "2", lines=("S1", "S2", "FL"), classes=("P", "GT"), car_class="P")
    found.entry("3", "GT").entry("4", "GT")
    for lap in (1, 2, 3):
        for place, car in enumerate("1234"):
            start = (lap - 1) * 60_000 + place * 1_000
            found.line(car, "S1", lap, start + 20_000).line(car, "S2", lap, start + 40_000)
            found.lap(car, lap, start + 60_000)
    return found


async def test_a_field_has_its_keys(page: Page, served: Served) -> None:
    """What is typed into the replay bar, and chosen in its menus, is no command to the tower."""
    position = await append(served, story().events)
    await look(page, served)
    await shows(page, position)
    await page.keyboard.press("h")
    await page.get_by_label("Go to a moment").click()
    await page.keyboard.type("caution:3 v?mopcg1/")
    await expect(page.get_by_label("Go to a moment")).to_have_value("caution:3 v?mopcg1/")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_role("button", name="Overall")).to_have_attribute(
        "aria-pressed", "true"
    )
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("Go to a moment")).not_to_be_focused()
    await page.get_by_label("Speed").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_label("Speed")).to_be_focused()
    await expect(page.locator("tr[aria-current='true']")).to_have_count(0)


async def test_a_dialog_has_the_keys(page: Page, served: Served) -> None:
    """While a dialog is open no key acts behind it; when it goes, the row has the keys at once."""
    position = await append(served, story().events)
    await look(page, served)
    await shows(page, position)
    for key in "jje":
        await page.keyboard.press(key)
    why = page.get_by_role("dialog", name="Why car 2")
    await expect(why).to_be_visible()
    for key in "rjvp?":
        await page.keyboard.press(key)
    assert "page=" not in page.url
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.locator("tbody.field tr[data-car='2']")).to_be_focused()
    await page.keyboard.press("j")
    await expect(page.locator("tbody.field tr[data-car='3']")).to_be_focused()
    await page.keyboard.press("v")
    await page.keyboard.press("m")
    await page.get_by_role("button", name="Close").click()
    await expect(page.get_by_role("complementary", name="Race control")).to_be_visible()
    await expect(page.locator("tbody.field tr[data-car='3']")).to_be_focused()
    await page.keyboard.press("e")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("k")  # at once
    await expect(page.locator("tbody.field tr[data-car='2']")).to_be_focused()
    await expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.slow
async def test_a_moment_that_is_refused(page: Page, served: Served) -> None:
    """It leaves the picture that comes, with its clock; the bar says why, the address nothing."""
    found = story()
    await append(served, found.events)
    await look(page, served, "&at=lap:390")
    refusal = page.locator(".replay").get_by_role("alert")
    await expect(refusal).to_contain_text("lap:390")
    assert "at=" not in page.url
    await expect(page.locator(".link .what")).not_to_have_text("past")
    await page.get_by_label("Go to a moment").click()
    await page.keyboard.type("caution 1\n")
    await expect(refusal).to_contain_text("caution 1")
    await shows(page, await append(served, found.lap("1", 4, 240_000).events))
    laps = page.locator("tbody.field tr[data-car='1'] td[data-column='laps']")
    await expect(laps).to_have_text("4")
    await page.get_by_label("Go to a moment").click()
    await page.keyboard.type("lap:2\n")
    await expect(laps).to_have_text("2")
    await page.get_by_label("Go to a moment").click()
    await page.keyboard.type("lap:77\n")
    await expect(refusal).to_contain_text("lap:77")
    await expect(laps).to_have_text("2")
    await expect(page.locator(".clock b")).to_have_text("0:02:00")
    await expect(page).to_have_url(f"{served.address}/?session={SESSION}&at=lap:2")


@pytest.mark.slow
async def test_what_waits_has_no_clock_that_runs(page: Page, served: Served) -> None:
    """While the picture of a moment is asked for the clock stands, as the rows do."""
    position = await append(served, story().events)
    await look(page, served)
    await shows(page, position)
    await page.keyboard.press("h")
    await page.route("**/picture?*", lambda _: None)  # there is no answer
    await page.get_by_label("Go to a moment").fill("lap:2")
    await page.keyboard.press("Enter")
    await expect(page.locator(".link .what")).to_have_text("past")
    clock = await page.locator(".clock b").text_content()
    await page.wait_for_timeout(1_500)
    assert await page.locator(".clock b").text_content() == clock


@pytest.mark.slow
async def test_an_alarm_moves_nothing(page: Page, served: Served) -> None:
    """A connection that is lost is told once, and no button goes from under the pointer."""
    position = await append(served, story().events)
    await look(page, served)
    await shows(page, position)
    button = page.get_by_role("button", name="Columns")
    row = page.locator("tbody.field tr[data-car='4']")
    before = [await one.bounding_box() for one in (button, row)]
    await served.end()
    alarm = page.get_by_role("alert")
    await expect(alarm).to_contain_text("Connection lost")
    assert [await one.bounding_box() for one in (button, row)] == before
    await button.click(trial=True)
    heard = (
        "alarm => [...alarm.childNodes].filter(one => !one.ariaHidden).map(one => one.textContent)"
    )
    words = await alarm.evaluate(heard)
    await page.wait_for_timeout(1_200)
    assert await alarm.evaluate(heard) == words

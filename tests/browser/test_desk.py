"""The race-control desk in a real browser: what is decided at it, and what is not."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, expect

from events import AnyEvent, decode
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage.client import Store
from tests.browser.conftest import Served
from tests.builders import Story

SESSION = "night"
CONTROL, CONTROL_LINE = new_token("race-control", Role.CONTROL)
VIEWER, VIEWER_LINE = new_token("wall", Role.VIEWER)
SETTINGS = GatewaySettings(tokens=Tokens([CONTROL_LINE, VIEWER_LINE]), private=True)


def story() -> Story:
    """Three cars of two classes, a second apart after three laps."""
    found = Story().opened("1", "2", lines=("S1", "FL"), classes=("P", "GT"), car_class="P")
    found.entry("3", "GT")
    for lap, (place, car) in itertools.product((1, 2, 3), enumerate("123")):
        found.line(car, "S1", lap, lap * 60_000 - 30_000 + place * 1_000)
        found.lap(car, lap, lap * 60_000 + place * 1_000)
    return found


class Desk:
    """The desk of a page, and the session that it decides of."""

    def __init__(self, page: Page, served: Served) -> None:
        self.page = page
        self.served = served
        self.dialog = page.get_by_role("dialog")

    async def enter(self, token: str = CONTROL) -> None:
        """Open the desk with a token."""
        await self.page.goto(f"{self.served.address}/desk?session={SESSION}")
        await self.page.get_by_label("Token of the role control").fill(token)
        await self.page.keyboard.press("Enter")

    async def open(self) -> None:
        """Open the desk, and wait until it is connected."""
        await self.enter()
        await expect(self.page.locator(".desk")).to_have_attribute("data-link", "live")

    async def confirm(self, *, gone: bool = True) -> None:
        """Confirm what is asked."""
        await expect(self.button("Confirm")).to_be_enabled()
        await self.page.keyboard.press("Control+Enter")
        if gone:
            await expect(self.dialog).to_have_count(0)

    def button(self, name: str) -> Locator:
        """A button of the dialog."""
        return self.dialog.get_by_role("button", name=name)

    def row(self, car: str) -> Locator:
        """A car's row of the desk's tower."""
        return self.page.locator(f".cars tr[data-car='{car}']")

    async def fill(self, **fields: str) -> None:
        """Fill in fields of the form by their ids."""
        for name, text in fields.items():
            await self.page.locator(f"#{name.replace('_', '-')}").fill(text)

    async def decided(self) -> list[AnyEvent]:
        """What the log has besides the race."""
        return [
            event
            async for batch in self.served.log.read(SESSION)
            for event in (decode(entry.payload) for entry in batch)
            if event.source != "test"
        ]


@pytest_asyncio.fixture(loop_scope="session")
async def guarded(store: Store) -> AsyncIterator[Served]:
    """A private gateway on a store with a race."""
    served = Served(store, SETTINGS)
    await served.log.append(SESSION, list(story()))
    await served.begin()
    yield served
    await served.end()


@pytest.fixture
def desk(page: Page, guarded: Served) -> Desk:
    """The desk at that gateway."""
    return Desk(page, guarded)


@pytest.mark.slow
async def test_segments(desk: Desk) -> None:
    """One begins, under the next name or another, and ends with its chequered flag."""
    await desk.open()
    await expect(desk.page.locator("#segment-name")).to_have_count(0)
    opened = next(iter(Story().opened(kind="qualifying", classes=("P", "GT"))))
    await desk.served.log.append(SESSION, [opened.model_copy(update={"source_seq": 999})])
    await expect(desk.page.locator("#segment-name")).to_have_value("Q1")
    segment = desk.page.locator(".segment")
    await segment.get_by_role("button", name="Begin").click()
    await expect(desk.dialog).to_contain_text("Q1 begins")
    await desk.confirm()
    await expect(desk.page.locator("#segment-name")).to_have_value("Q2")
    await segment.get_by_role("button", name="End").click()
    await expect(desk.dialog).to_contain_text("End Q1")
    await desk.dialog.get_by_label("FINISH").fill("FINISH")
    await desk.confirm()
    await expect(segment).to_contain_text("over")
    await desk.page.locator("#segment-name").fill("Hyperpole")
    await desk.page.locator("#segment-class").select_option("GT")
    await segment.get_by_role("button", name="Begin").click()
    await desk.confirm()
    await expect(segment).to_contain_text("Hyperpole")
    await expect(segment).not_to_contain_text("over")
    first, _, second = await desk.decided()
    assert (first.type, second.type) == ("segment_started", "segment_started")


@pytest.mark.slow
async def test_a_safety_car_is_seen_elsewhere(desk: Desk, browser: Browser) -> None:
    """Called by keys at the desk it stands in the tower of another page, and is taken back."""
    tower = await browser.new_page()
    await tower.goto(f"{desk.served.address}/?session={SESSION}#access_token={VIEWER}")
    await expect(tower.locator("h1")).to_contain_text("Green")
    await desk.open()
    await desk.page.keyboard.press("s")
    await expect(desk.dialog).to_contain_text("safety car deployed")
    await desk.dialog.get_by_label("Close the pit lane, too").check()
    await desk.confirm()
    await expect(tower.locator("h1")).to_contain_text("Safety car")
    await expect(tower.locator("h1")).to_contain_text("Pits closed")
    flag, car, lane = await desk.decided()
    assert (flag.type, car.type, lane.type) == (
        "flag_shown",
        "safety_car_deployed",
        "pit_lane_closed",
    )
    assert {event.by for event in (flag, car, lane)} == {"race-control"}
    assert flag.at >= 182_000  # the clock has run on from the newest crossing
    await desk.page.keyboard.press("u")
    await expect(desk.button("Confirm")).to_be_disabled()
    await desk.dialog.get_by_label("Why").fill("wrong session")
    await desk.confirm()
    await expect(tower.locator("h1")).to_contain_text("Green")
    await expect(tower.locator("h1")).not_to_contain_text("Caution")
    assert [event.type for event in (await desk.decided())[3:]] == ["event_voided"] * 3
    await tower.close()


@pytest.mark.slow
async def test_a_penalty_from_preview_to_rescission(desk: Desk) -> None:
    """Previewed, imposed, in force; converted, served, rescinded; each is in the book."""
    await desk.open()
    await desk.row("1").get_by_role("button").click()
    await expect(desk.page.locator("#penalty-car")).to_have_value("1")
    await desk.page.locator("#penalty-kind").select_option("time")
    await desk.fill(penalty_amount="5", penalty_reason="Avoidable contact")
    await desk.page.get_by_role("button", name="Preview").click()
    change = desk.dialog.locator("tr[data-car='1']")
    await expect(change).to_contain_text("1 → 3")
    await expect(desk.dialog).to_contain_text("changes the classified order only")
    assert await desk.decided() == []
    await desk.button("Cancel").click()
    assert await desk.decided() == []
    await desk.page.get_by_role("button", name="Preview").click()
    await desk.confirm()
    await expect(desk.row("1")).to_contain_text("=+5")
    booked = desk.page.locator("[data-penalty]")
    await expect(booked).to_have_attribute("data-state", "in force")
    await expect(booked.get_by_role("button", name="Served")).to_have_count(0)
    await expect(booked).to_contain_text("#1: 5 s added to its time (Avoidable contact)")
    await expect(booked).to_contain_text("race-control")
    await booked.get_by_role("button", name="Convert").click()
    await desk.page.locator("#convert-kind").select_option("drive_through")
    await booked.get_by_role("button", name="Preview").click()
    await desk.confirm()
    await expect(booked).to_have_attribute("data-state", "converted")
    await booked.get_by_role("button", name="Served").click()
    await desk.confirm()
    await expect(booked).to_have_attribute("data-state", "served")
    await booked.get_by_role("button", name="Rescind").click()
    await desk.dialog.get_by_label("Why").fill("upheld on appeal")
    await desk.confirm()
    await expect(booked).to_have_attribute("data-state", "rescinded")
    await expect(booked.get_by_role("button")).to_have_count(0)
    await expect(desk.row("1")).not_to_contain_text("DT")
    assert [event.type for event in await desk.decided()] == [
        "penalty_imposed",
        "penalty_converted",
        "penalty_served",
        "penalty_rescinded",
    ]


@pytest.mark.slow
async def test_a_lap_is_voided_and_restored(desk: Desk) -> None:
    """By its number, with what that changes before it is done; undone by another event."""
    await desk.open()
    await desk.page.keyboard.press("a")
    await desk.page.get_by_label("Void the lap").check()
    await desk.fill(lap_car="1", lap_reason="short cut")
    await desk.page.get_by_label("Last laps of car 1").get_by_role("button").first.click()
    await expect(desk.page.locator("#lap-lap")).to_have_value("3")
    await desk.page.locator("#lap-lap").press("Enter")
    await expect(desk.dialog.locator("tr[data-car='1']")).to_contain_text("3 → 2 laps")
    await desk.confirm()
    await expect(desk.row("1").locator("td").first).to_have_text("3")
    done = desk.page.get_by_label("What was decided").locator("li")
    await expect(done.first).to_contain_text("#1: lap 3 voided (short cut)")
    await done.first.get_by_role("button", name="Undo").click()
    await expect(desk.dialog.locator("tr[data-car='1']")).to_contain_text("2 → 3 laps")
    await desk.dialog.get_by_label("Why").fill("it was within limits")
    await desk.confirm()
    await expect(desk.row("1").locator("td").first).to_have_text("1")
    assert [event.type for event in await desk.decided()] == ["event_voided"] * 2


async def test_what_is_wrong_is_named_beside_its_field(desk: Desk) -> None:
    """In the words of the gateway; nothing is asked, and nothing recorded."""
    await desk.open()
    page = desk.page
    preview = page.get_by_role("button", name="Preview")
    await desk.fill(penalty_car="99")
    await preview.click()
    await expect(page.locator("#penalty-car-fault")).to_have_text(
        "no car '99' in this session; there are 1, 2, 3"
    )
    await expect(page.locator("#penalty-car")).to_have_attribute("aria-invalid", "true")
    await page.locator("#penalty-kind").select_option("time")
    await desk.fill(penalty_car="1", penalty_amount="five")
    await preview.click()
    await expect(page.locator("#penalty-amount-fault")).to_contain_text("valid integer")
    await expect(page.locator("#penalty-car-fault")).to_be_empty()
    await page.get_by_role("tab", name="Lap").click()
    await desk.fill(lap_car="2", lap_lap="9")
    await preview.click()
    await expect(page.locator("#lap-lap-fault")).to_have_text(
        "car '2' has no lap 9; it completed 3"
    )
    await page.get_by_role("tab", name="Crossings").click()
    await desk.fill(from_car="1", to_car="2", span_start="noon", span_reason="transponders")
    await preview.click()
    await expect(page.locator("#span-start-fault")).to_contain_text("not an instant")
    await page.get_by_role("tab", name="Result").click()
    await desk.fill(result_rests="the stewards")
    await preview.click()
    await expect(page.locator("#result-rests-fault")).to_contain_text("the race is not over")
    await expect(desk.dialog).to_have_count(0)
    assert await desk.decided() == []


@pytest.mark.slow
async def test_only_a_token_of_control_opens_it(desk: Desk, browser: Browser) -> None:
    """A viewer is told so plainly; a stranger is not let in; the token stays in the tab."""
    page = desk.page
    await desk.enter(VIEWER)
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("This token (wall) has the role viewer")
    await page.get_by_label("Token of the role control").fill("guessed")
    await page.get_by_role("button", name="Open the desk").click()
    await expect(alert).to_contain_text("this token is not known")
    await desk.open()
    await page.reload()
    await expect(page.locator(".desk")).to_have_attribute("data-link", "live")
    assert CONTROL not in await page.evaluate("JSON.stringify({...localStorage}) + document.cookie")
    assert CONTROL not in page.url
    other = await browser.new_page()
    await other.goto(page.url)
    await expect(other.get_by_label("Token of the role control")).to_be_visible()
    await other.close()
    await page.get_by_role("button", name="Give the token back").click()
    await expect(page.get_by_label("Token of the role control")).to_be_visible()
    assert CONTROL not in await page.evaluate("JSON.stringify({...sessionStorage})")


@pytest.mark.slow
async def test_a_double_click_and_a_lost_answer_make_one_event(desk: Desk) -> None:
    """Whatever is sent again has the number it had, so it counts once."""
    await desk.open()
    await desk.page.locator("[data-call='fcy']").dblclick()
    await expect(desk.button("Confirm")).to_be_enabled()
    assert await desk.decided() == []
    await desk.button("Confirm").dblclick()
    await expect(desk.page.locator("h1")).to_contain_text("Full course yellow")
    await expect(desk.dialog).to_have_count(0)
    assert [event.type for event in await desk.decided()] == ["flag_shown"]

    losses = 2

    async def lose(route: Route) -> None:
        """Let the gateway decide, and lose its answer, so many times."""
        nonlocal losses
        if route.request.method == "POST" and losses > 0:
            losses -= 1
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await desk.page.route("**/decisions", lose)
    await desk.page.keyboard.press("g")
    await desk.confirm()
    await expect(desk.page.locator("h1")).to_contain_text("Green")
    assert [event.type for event in await desk.decided()] == ["flag_shown"] * 2
    losses = 3
    await desk.page.keyboard.press("v")
    await desk.confirm(gone=False)
    await expect(desk.dialog).to_contain_text("it is not known whether this was recorded")
    await desk.button("Send again").click()
    await expect(desk.dialog).to_have_count(0)
    assert [event.type for event in await desk.decided()] == ["flag_shown"] * 3
    assert losses == 0


@pytest.mark.slow
async def test_cut_off_nothing_is_sent(desk: Desk) -> None:
    """The desk says so, confirms nothing, and goes on once the gateway is back."""
    await desk.open()
    await desk.page.keyboard.press("s")
    await desk.served.end()
    await expect(desk.page.locator(".desk")).to_have_attribute("data-link", "lost")
    await expect(desk.dialog).to_contain_text("Not connected: nothing can be sent")
    await expect(desk.button("Confirm")).to_be_disabled()
    await desk.page.keyboard.press("Control+Enter")
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.locator(".connection")).to_have_text("Not connected: nothing is sent")
    await desk.served.begin()
    await expect(desk.page.locator(".connection")).to_contain_text("Connected: ", timeout=30_000)
    assert await desk.decided() == []
    await desk.page.keyboard.press("y")
    await desk.confirm()
    assert [event.type for event in await desk.decided()] == ["flag_shown"]


@pytest.mark.slow
async def test_the_end_of_a_race(desk: Desk) -> None:
    """The chequered flag has to be typed; then a result is declared, final only if typed."""
    await desk.open()
    await desk.page.keyboard.press("x")
    await expect(desk.dialog).to_contain_text("Type FINISH to confirm")
    await desk.page.keyboard.press("Control+Enter")
    await desk.dialog.get_by_label("Type FINISH").fill("finish")
    await desk.confirm()
    await expect(desk.page.locator("h1")).to_contain_text("Chequered flag")
    await desk.page.keyboard.press("d")
    await desk.page.get_by_label("Final").check()
    await desk.fill(result_rests="the stewards' decision 14")
    await desk.page.get_by_role("button", name="Preview").click()
    await expect(desk.dialog).to_contain_text("result declared final")
    await expect(desk.button("Confirm")).to_be_disabled()
    await desk.dialog.get_by_label("Type FINAL").fill("FINAL")
    await desk.confirm()
    flag, result = await desk.decided()
    assert (flag.type, result.type) == ("flag_shown", "result_declared")
    assert result.type == "result_declared"
    assert [row.car for row in result.rows] == ["1", "2", "3"]


@pytest.mark.slow
async def test_graphics_are_held(desk: Desk) -> None:
    """An output is frozen by a second click, shows by whom, and is released."""
    async with httpx.AsyncClient(
        base_url=desk.served.address, trust_env=False, timeout=60
    ) as client:
        made = await client.put(
            "/outputs/tower",
            json={"session": SESSION},
            headers={"Authorization": f"Bearer {CONTROL}"},
        )
    assert made.status_code == 200
    await desk.open()
    await desk.page.keyboard.press("o")
    output = desk.page.locator("[data-output='tower']")
    await expect(output).to_contain_text("live")
    await output.get_by_role("button", name="Freeze tower").click()
    await expect(output).to_have_attribute("data-frozen", "false")
    await desk.page.get_by_role("tab", name="Lap").focus()
    await expect(output.get_by_role("button", name="Confirm: freeze tower")).to_have_count(0)
    await output.get_by_role("button", name="Freeze tower").click()
    await output.get_by_role("button", name="Confirm: freeze tower").click()
    await expect(output).to_have_attribute("data-frozen", "true")
    await expect(output).to_contain_text("FROZEN by race-control")
    await output.get_by_role("button", name="Release tower").click()
    await output.get_by_role("button", name="Confirm: release tower").click()
    await expect(output).to_have_attribute("data-frozen", "false")
    assert [event.type for event in await desk.decided()] == ["output_frozen", "output_released"]


@pytest.mark.slow
async def test_one_screen_and_every_control_named(desk: Desk) -> None:
    """On a full-HD page nothing is out of sight; a tablet has no side; all controls have names."""
    await desk.open()
    fits = "document.scrollingElement.scrollHeight <= innerHeight"
    for tab in ("Penalty", "Lap", "Crossings", "Message", "Result", "Graphics"):
        await desk.page.get_by_role("tab", name=tab).click()
        assert await desk.page.evaluate(fits), tab
        nameless = await desk.page.eval_on_selector_all(
            "button, input, select, a",
            """all => all.filter(one => !(one.labels?.length || one.ariaLabel
                || one.textContent.trim())).map(one => one.outerHTML)""",
        )
        assert nameless == [], tab
    for width, height in ((1180, 820), (820, 1180), (390, 844)):
        await desk.page.set_viewport_size({"width": width, "height": height})
        assert await desk.page.locator("html").evaluate("one => one.scrollWidth <= innerWidth")
    small = await desk.page.eval_on_selector_all(
        ".track button, .forms button",
        "all => all.filter(one => one.offsetHeight < 36).map(one => one.textContent)",
    )
    assert small == []


@pytest.mark.slow
async def test_a_local_flag_stands_until_it_is_cleared(desk: Desk, browser: Browser) -> None:
    """Pressed at the desk it is marked there and on the tower, and is in the feed of both pages."""
    tower = await browser.new_page()
    await tower.goto(f"{desk.served.address}/?session={SESSION}#access_token={VIEWER}")
    await desk.open()
    track = desk.page.get_by_role("region", name="Track")
    yellow = track.get_by_role("button", name="Yellow in sector 2")
    clear = track.get_by_role("button", name="Clear in sector 2")
    await expect(yellow).to_have_attribute("aria-pressed", "false")
    await expect(clear).to_be_disabled()
    await yellow.click()
    await desk.confirm()
    await expect(yellow).to_have_attribute("aria-pressed", "true")
    await expect(yellow).to_be_disabled()
    await expect(track.locator(".state", has_text="Sector 2")).to_contain_text("Yellow since 0:03:")
    marks = tower.locator("h1 .local")
    await expect(marks).to_have_text(["S2 Yellow"])
    await expect(tower.locator("h1")).to_contain_text("Green")
    await expect(tower.locator(".feed li").first).to_contain_text("Sector 2: yellow")
    await expect(desk.page.locator("h1 .local")).to_have_text(["S2 Yellow"])
    await track.get_by_role("button", name="Slow zone in sector 1").click()
    await desk.confirm()
    await expect(marks).to_have_text(["S1 Slow zone", "S2 Yellow"])
    await desk.page.get_by_role("button", name="Green, all sectors clear").click()
    await desk.confirm()
    await expect(marks).to_have_count(0)
    await expect(clear).to_be_disabled()
    texts = ["Green flag", "Sector 1: slow zone", "Sector 2: yellow", "Green flag"]
    await expect(tower.locator(".feed li span")).to_have_text(texts)
    page = f"session={SESSION}&page=race&part=control#access_token={VIEWER}"
    await tower.goto(f"{desk.served.address}/?{page}")
    found = tower.get_by_role("table", name="What happened").locator("[data-column=text]")
    await expect(found).to_have_text(texts)
    await tower.close()


@pytest.mark.slow
async def test_what_is_decided_is_in_the_feed(desk: Desk, browser: Browser) -> None:
    """A lap that is voided, and one that counts again: everyone sees why cars moved."""
    tower = await browser.new_page()
    await tower.goto(f"{desk.served.address}/?session={SESSION}#access_token={VIEWER}")
    feed = tower.locator(".feed li span")
    await expect(feed).to_have_text(["Green flag"])
    await desk.open()
    async with httpx.AsyncClient(
        base_url=desk.served.address, headers={"Authorization": f"Bearer {CONTROL}"}
    ) as client:

        async def decide(number: int, **decision: object) -> None:
            body = {"source": "desk-test", "source_seq": number, "decisions": [decision]}
            body["at_ms"] = 183_000 + number
            answer = await client.post(f"/sessions/{SESSION}/decisions", json=body)
            assert answer.status_code == 200, answer.text

        await decide(0, type="event_voided", car="2", lap=3, reason="cut the chicane")
        await decide(1, type="lap_time_deleted", car="3", lap=2, reason="track limits")
    texts = [
        "Car 3: time of lap 2 deleted (track limits)",
        "Car 2: lap 3 voided (cut the chicane)",
        "Green flag",
    ]
    await expect(feed).to_have_text(texts)
    undo = desk.page.locator(".done li", has_text="lap 3 voided").get_by_role("button", name="Undo")
    await undo.click()
    await desk.dialog.get_by_label("Why").fill("it did not")
    await desk.confirm()
    await expect(feed).to_have_text(
        ["Car 2: lap 3 counts again (it did not)", texts[0], "Green flag"]
    )
    await tower.close()

"""Pages for air in a real browser: what they show, how they come and go, and what stays."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from events import AnyEvent, LapCompleted, LapTimeDeleted
from services.formatting import gap_text, lap_time_text
from services.roles import Role, Tokens, new_token
from services.settings import GatewaySettings
from services.storage.client import Store
from tests.browser.conftest import Served
from tests.races import petit_le_mans_2007

SESSION = "petit"
BATCH = 2000
LAST_CAUTION_MS = 31_900_000
"""The ninth caution of the 2007 Petit Le Mans is out."""

TOKEN, LINE = new_token("director", Role.OUTPUT)


@pytest.fixture(scope="module")
def race() -> list[AnyEvent]:
    """The 2007 Petit Le Mans up to its last caution."""
    return [event for event in petit_le_mans_2007() if event.at <= LAST_CAUTION_MS]


class Control(Served):
    """A gateway, and an operator at it."""

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """The answer to a request that is granted."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=self.address, trust_env=False, timeout=60) as client:
            answer = await client.request(method, path, headers=headers, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def add(self, events: Iterable[AnyEvent]) -> str:
        """Append events; the last position."""
        found, position = list(events), ""
        for first in range(0, len(found), BATCH):
            result = await self.log.append(SESSION, found[first : first + BATCH])
            position = result.position
        return position

    async def arrange(self, name: str, view: str, **more: Any) -> None:
        """Create an output."""
        await self.ask("PUT", f"/outputs/{name}", json={"session": SESSION, "view": view, **more})

    async def rows(self, view: str, **query: str) -> list[dict[str, Any]]:
        """The rows of a view of the session."""
        found = await self.ask("GET", f"/sessions/{SESSION}/{view}", params=query)
        return list(found["rows"])


@pytest_asyncio.fixture(loop_scope="session")
async def control(store: Store) -> AsyncIterator[Control]:
    """A control room with a gateway of its own."""
    control = Control(store, GatewaySettings(tokens=Tokens([LINE])))
    await control.begin()
    yield control
    await control.end()


async def look(page: Page, control: Control, output: str, more: str = "") -> None:
    """Open the page of an output."""
    await page.goto(f"{control.address}/graphics?output={output}{more}")


async def shows(page: Page, position: str) -> None:
    """Wait until the page shows the log up to a position, and nothing moves any more."""
    await page.wait_for_selector(f".stage[data-token$=':{position}'] .graphic", state="attached")
    await still(page)


async def still(page: Page) -> None:
    """Wait until whatever comes, goes or glides has done so."""
    await page.evaluate(
        """async () => {
            const frame = () => new Promise(requestAnimationFrame);
            await frame();
            await frame();
            const moving = document.getAnimations().map(one => one.finished);
            await Promise.allSettled(moving);
        }"""
    )


async def texts(page: Page, selector: str) -> list[str]:
    """The texts of some parts, in the order in which they stand on the picture."""
    found: list[str] = await page.eval_on_selector_all(
        selector,
        """parts => parts
            .map(part => [part.getBoundingClientRect().top, part.textContent.trim()])
            .sort((one, other) => one[0] - other[0]).map(([, text]) => text)""",
    )
    return found


async def opaque(browser: Browser, page: Page) -> dict[str, float]:
    """How much of the picture is covered at all: of the whole, and within the safe margin."""
    picture = base64.b64encode(await page.screenshot(omit_background=True)).decode()
    easel = await browser.new_page()
    found: dict[str, float] = await easel.evaluate(
        """async picture => {
            const image = new Image();
            image.src = `data:image/png;base64,${picture}`;
            await image.decode();
            const [width, height] = [image.width, image.height];
            const canvas = new OffscreenCanvas(width, height).getContext("2d");
            canvas.drawImage(image, 0, 0);
            const pixels = canvas.getImageData(0, 0, width, height).data;
            let [covered, outside] = [0, 0];
            for (let at = 3; at < pixels.length; at += 4) {
                if (pixels[at] === 0) continue;
                covered += 1;
                const [x, y] = [((at - 3) / 4) % width, Math.floor((at - 3) / 4 / width)];
                if (x < 95 || x >= width - 95 || y < 53 || y >= height - 53) outside += 1;
            }
            return {width, height, covered: covered / (width * height), outside};
        }""",
        picture,
    )
    await easel.close()
    return found


@pytest.mark.slow
async def test_the_tower_of_a_class(
    browser: Browser, page: Page, control: Control, race: list[AnyEvent]
) -> None:
    """Its lines are the gateway's rows, on a picture that is transparent but for the tower,
    which keeps to the safe area; what changes moves nothing."""
    position = await control.add(race[:5000])
    await control.arrange("tower", "standings")
    await look(page, control, "tower", "&class=lmp2&rows=6")
    await shows(page, position)
    rows = (await control.rows("standings", **{"class": "LMP2"}))[:6]
    assert await texts(page, ".place") == [str(row["class_position"]) for row in rows]
    assert await texts(page, "li .car") == [row["car"] for row in rows]
    expected = [
        ""
        if row["status"] == "retired"
        else "LEADER"
        if number == 0
        else "+" + gap_text(row["class_gap"]).replace(" L", " LAPS").replace("+1 LAPS", "+1 LAP")
        for number, row in enumerate(rows)
    ]
    assert await texts(page, ".gap") == expected
    covered = await opaque(browser, page)
    assert (covered["width"], covered["height"], covered["outside"]) == (1920, 1080, 0)
    assert 0.03 < covered["covered"] < 0.2

    where = """() => [...document.querySelectorAll(".tower, .tower header *, li, li span")].map(
        part => { const {x, y, width, height} = part.getBoundingClientRect();
                  return [x, y, width, height].map(Math.round).join(); }).sort()"""
    before = await page.evaluate(where)
    await shows(page, await control.add(race[5000:5400]))
    assert await texts(page, ".gap") != expected
    assert await page.evaluate(where) == before


@pytest.mark.slow
async def test_played_as_graphics_systems_do(
    browser: Browser, page: Page, control: Control, race: list[AnyEvent]
) -> None:
    """Nothing is seen before it is played and after it was stopped; updates come as XML, as
    JSON text and as an object, and the next part of the list when it is asked for."""
    position = await control.add(race[:2000])
    await control.arrange("tower", "standings")
    await look(page, control, "tower", "&autoplay=0&rows=3")
    await shows(page, position)
    assert (await opaque(browser, page))["covered"] == 0
    first = [row["car"] for row in await control.rows("standings")]
    await page.evaluate("window.play()")
    await still(page)
    assert (await opaque(browser, page))["covered"] > 0.01
    await page.evaluate("window.next()")
    await still(page)
    assert await texts(page, "li .car") == first[3:6]
    xml = '<componentData id="{0}"><data id="text" value="{1}"/></componentData>'
    xml = f"<templateData>{xml.format('f0', 'A &amp; B')}{xml.format('f1', 'GT1')}</templateData>"
    await page.evaluate("xml => window.update(xml)", xml)
    await expect(page.locator("h1")).to_have_text("A & B")
    in_class = [row["car"] for row in await control.rows("standings", **{"class": "GT1"})]
    await expect(page.locator("li")).to_have_count(3)
    await still(page)
    assert await texts(page, "li .car") == in_class[:3]
    await page.evaluate("""window.update('{"f1": "LMP1", "rows": 2}')""")
    await expect(page.locator("li")).to_have_count(2)
    await page.evaluate("window.update({f1: '', f0: ''})")
    await expect(page.locator("h1")).to_have_text("Overall")
    await page.evaluate("window.stop()")
    await still(page)
    assert (await opaque(browser, page))["covered"] == 0
    await control.arrange("tower", "flag")  # the page follows what its output is for
    await page.wait_for_selector(".graphic.flag", state="attached")


async def test_the_template_for_spx(page: Page, control: Control, race: list[AnyEvent]) -> None:
    """It names its fields where SPX reads them, and hands on what is played."""
    await control.add(race[:500])
    await control.arrange("tower", "standings")
    await page.goto(f"{control.address}/assets/lapstream-spx.html")
    fields = await page.evaluate("SPXGCTemplateDefinition.DataFields.map(({field}) => field)")
    assert {"f0", "f1", "f2", "f3", "f4"} < set(fields)
    found = {"f6": control.address, "f7": "tower", "f0": "By SPX", "f3": "4"}
    await page.evaluate("values => { update(JSON.stringify(values)); play(); }", found)
    graphic = page.frame_locator("iframe").locator(".graphic")
    await expect(graphic).to_have_attribute("data-on", "true")
    await expect(graphic.locator("h1")).to_have_text("By SPX")
    await expect(graphic.locator("li")).to_have_count(4)
    await page.evaluate("stop()")
    await expect(graphic).to_have_attribute("data-on", "false")


@pytest.mark.slow
async def test_what_is_on_air_stays(
    browser: Browser, page: Page, control: Control, race: list[AnyEvent]
) -> None:
    """A frozen output stays as it is; so does the picture of a gateway that is gone, which
    says how old it is, and goes on when the gateway is back."""
    story = race[:3000]
    position = await control.add(story[:2000])
    await control.arrange("tower", "standings", delay_ms=0)
    await look(page, control, "tower", "&dim=0.6&check=1")
    await shows(page, position)
    await control.ask("POST", "/outputs/tower/freeze")
    held = await texts(page, "li")
    later = await control.add(story[2000:2500])
    other = await browser.new_page()
    await control.arrange("other", "standings")
    await look(other, control, "other")
    await shows(other, later)
    assert await texts(other, "li") != held
    assert await texts(page, "li") == held
    await control.ask("POST", "/outputs/tower/release")
    await shows(page, await control.log.last_position(SESSION))
    shown, stage = await texts(page, "li"), page.locator(".stage")
    await control.end()
    await expect(stage).to_have_attribute("data-link", "lost")
    await expect(page.locator(".check")).to_contain_text("lost")
    await expect(stage).to_have_css("opacity", "0.6")
    assert await texts(page, "li") == shown
    age = int(await stage.get_attribute("data-age-ms") or 0)
    assert age > 0
    newest = await control.add(story[2500:])
    await control.begin()
    await shows(page, newest)
    await expect(stage).to_have_css("opacity", "1")


async def test_every_template_reports_what_the_gateway_does(
    page: Page, control: Control, race: list[AnyEvent]
) -> None:
    """Of the last caution: battle, flag, pit lane, penalty, fastest lap and championship."""
    position = await control.add(race)
    await control.arrange("battle", "battle", cars=["1", "7"])
    await look(page, control, "battle")
    await shows(page, position)
    by_car = {row["car"]: row for row in await control.rows("standings")}
    assert await texts(page, "li .car") == ["7", "1"]
    assert (await texts(page, "li .gap"))[1] == "+" + gap_text(by_car["1"]["interval"])
    await expect(page.locator("h1")).to_have_text("Battle for 1st")

    await control.arrange("flag", "flag")
    await look(page, control, "flag")
    await shows(page, position)
    await expect(page.locator(".flag")).to_contain_text("Safety car")
    await expect(page.locator(".flag .facts")).to_contain_text("Caution 9")

    await control.arrange("fastest", "fastest")
    await look(page, control, "fastest", "&class=GT2")
    await shows(page, position)
    await expect(page.locator(".graphic")).to_have_attribute("data-on", "false")
    await page.evaluate("window.play()")
    best = next(row for row in await control.rows("fastest-laps") if row["class"] == "GT2")
    await expect(page.locator(".body .car")).to_have_text(best["car"])
    await expect(page.locator(".time b")).to_have_text(lap_time_text(best["lap_time_ms"]))

    await control.arrange("penalty", "penalties")
    await look(page, control, "penalty", "&autoplay=0")
    await shows(page, position)
    await page.evaluate("window.play()")
    (penalty,) = await control.rows("penalties")
    await expect(page.locator(".body .car")).to_have_text(penalty["car"])
    await expect(page.locator(".what b")).to_have_text("Stop and hold 30 s")

    await control.arrange("points", "championship", season="alms-2007", of="teams")
    await look(page, control, "points", "&class=LMP1")
    await shows(page, position)
    found = await control.ask("GET", "/outputs/points/rows")
    mine = [row for row in found if row["class"] == "LMP1"]
    assert await texts(page, "li .gap") == [row["points"] for row in mine]
    assert await texts(page, "li .name") == [row["name"] for row in mine]


@pytest.mark.slow
async def test_the_lane_is_timed(page: Page, control: Control, race: list[AnyEvent]) -> None:
    """A car in the lane has a timer that runs, in a slot that it keeps; whoever left it has
    the time that it took."""
    entered = next(index for index, event in enumerate(race) if event.type == "pit_entered")
    car = race[entered].car  # type: ignore[union-attr]
    left = next(
        index
        for index, event in enumerate(race)
        if index > entered and event.type == "pit_exited" and event.car == car
    )
    position = await control.add(race[: entered + 1])
    await control.arrange("lane", "lane")
    await look(page, control, "lane", f"&cars={car}")
    await shows(page, position)
    timer = page.locator(f".card[data-car='{car}'] .timer")
    before = float(await timer.text_content() or "nan")
    await expect(timer).not_to_have_text(f"{before:.1f}")
    assert float(await timer.text_content() or "nan") > before
    await shows(page, await control.add(race[: left + 1]))
    took = race[left].at - race[entered].at
    minutes, tenths = divmod(took // 100, 600)
    text = f"{minutes}:{tenths / 10:04.1f}" if minutes else f"{tenths / 10:.1f}"
    await expect(timer).to_have_text(text)


@pytest.mark.slow
async def test_keeps_to_the_picture(page: Page, control: Control, race: list[AnyEvent]) -> None:
    """However many rows are asked for, the tower keeps to the safe area; no name is cut; the
    last part of a list is as high as the others; and a class that there is not changes nothing."""
    position = await control.add(race[:5000])
    await control.arrange("tower", "standings")
    await look(page, control, "tower", "&rows=40&name=team&check=1")
    await shows(page, position)
    await expect(page.locator("html")).to_have_attribute("data-font", "own")
    box = await page.locator(".tower").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 1080 - 53
    first = await texts(page, "li .car")
    assert len(first) == 22
    cut = """() => [...document.querySelectorAll("li .name, li .gap")]
        .filter(one => one.scrollWidth > one.clientWidth).map(one => one.textContent)"""
    assert await page.evaluate(cut) == []
    await page.evaluate("window.next()")
    await still(page)
    rest = await texts(page, "li .car")
    assert 0 < len(rest) < len(first)
    assert await page.locator(".tower").bounding_box() == box
    await page.evaluate("""window.update('{"f1": "NOPE"}')""")
    await expect(page.locator(".check")).to_contain_text("no class NOPE here: LMP1, LMP2")
    assert await texts(page, "li .car") == rest
    await expect(page.locator("h1")).to_have_text("Overall")
    await page.evaluate("""window.update('{"f1": "GT2"}')""")
    await expect(page.locator("h1")).to_have_text("GT2")
    await expect(page.locator(".check")).not_to_contain_text("NOPE")


@pytest.mark.slow
async def test_old_news_stays_off_the_air(
    page: Page, control: Control, race: list[AnyEvent]
) -> None:
    """A fastest lap comes on when it is driven; the one before does not when that is deleted,
    nor that of another class when it is asked for."""
    best, driven = 1 << 60, 0
    for number, event in enumerate(race[:12_000]):
        if isinstance(event, LapCompleted) and event.lap_time_ms and event.lap_time_ms < best:
            best, driven = event.lap_time_ms, number
    lap = race[driven]
    assert isinstance(lap, LapCompleted)
    position = await control.add(race[:driven])
    await control.arrange("fastest", "fastest")
    await look(page, control, "fastest", "&hold=600")
    await shows(page, position)
    graphic, car = page.locator(".graphic"), page.locator(".body .car")
    await expect(graphic).to_have_attribute("data-on", "false")
    await page.evaluate("window.update({f1: 'GT2'})")
    await expect(page.locator(".chip")).to_have_text("GT2")
    await expect(graphic).to_have_attribute("data-on", "false")
    await page.evaluate("window.update({f1: ''})")
    await shows(page, await control.add(race[: driven + 1]))
    await expect(car).to_have_text(lap.car)
    await expect(graphic).to_have_attribute("data-on", "true")
    deleted = LapTimeDeleted(
        at=lap.at + 1,
        source="race-control",
        source_seq=1,
        car=lap.car,
        lap=lap.lap,
        reason="track limits",
    )
    await shows(page, await control.add([deleted]))
    await expect(page.locator(".time b")).not_to_have_text(lap_time_text(best))
    await expect(graphic).to_have_attribute("data-on", "false")

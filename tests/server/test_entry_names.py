"""Classes and cars that subscriptions and outputs are of, and what they cannot be asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from services.client import StateFollower, StateUpdate, subscribe
from services.storage.client import Store
from services.storage.event_log import Log
from tests.builders import Story
from tests.server.projecting import projecting
from tests.server.test_outputs import Desk, append, at_desk


@pytest.fixture
async def desk(store: Store, session: str) -> AsyncIterator[Desk]:
    """An operator with a race of two classes; the LMP1 car drives the fastest lap."""
    story = Story().opened("7", car_class="LMP2").entry("1X", "LMP1")
    story.lap("7", 1, 61_000, 61_000).lap("1X", 1, 60_000, 60_000)
    # The first lap of a race is no best lap.
    story.lap("7", 2, 122_000, 61_000).lap("1X", 2, 120_000, 60_000)
    async with projecting(store, session), at_desk(store, session) as (desk, _):
        await append(store, session, story)
        yield desk


async def first(desk: Desk, path: str) -> StateUpdate:
    """The first that an event stream tells."""
    async with desk.client.stream("GET", path) as response:
        assert response.status_code == 200, await response.aread()
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                return StateFollower().apply(line.removeprefix("data: "))
    raise AssertionError("the stream ended")


@pytest.mark.parametrize(
    "query",
    ["classes=lmp2", "class=LMP2", "class=lMp2", "cars=7", "car=7", "class=lmp2&class=LMP1&car=7"],
)
async def test_streams_take_the_names_of_views(desk: Desk, session: str, query: str) -> None:
    """In whatever case, and by whichever of the names."""
    shown = await first(desk, f"/sessions/{session}/stream?{query}")
    assert set(shown.state["standings"]) == {"7"}


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("classes=LMP9", 404, "class"),
        ("class=LMP9", 404, "class"),
        ("cars=7,999", 404, "car"),
        ("delay=5000", 422, "delay"),
        ("clas=LMP2", 422, "clas"),
    ],
)
async def test_what_is_not_there_is_refused(
    desk: Desk, session: str, query: str, status: int, field: str
) -> None:
    """A name that leaves out everything, and a parameter that nobody knows, over both ways."""
    path = f"/sessions/{session}"
    answer = await desk.client.get(f"{path}/stream?{query}")
    assert answer.status_code == status
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    address = str(desk.client.base_url).replace("http", "ws").rstrip("/")
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{address}{path}/live?{query}", proxy=None):
            pass
    assert refused.value.response.status_code == status
    assert field in bytes(refused.value.response.body or b"").decode()


async def test_streams_of_outputs_know_their_parameters(desk: Desk, session: str) -> None:
    """One that nobody knows is refused there, too."""
    await desk.ask("PUT", json={"session": session})
    note = await desk.ask("GET", "/stream?delay_ms=5000", 422)
    assert [fault["field"] for fault in note["errors"]] == ["delay_ms"]
    address = str(desk.client.base_url).replace("http", "ws").rstrip("/")
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{address}{desk.path}/stream?hz=5", proxy=None):
            pass
    assert refused.value.response.status_code == 422


async def test_outputs_spell_as_their_session(desk: Desk, session: str) -> None:
    """Classes and cars become those of the session; what it does not have is refused."""
    made = await desk.ask("PUT", json={"session": session, "classes": ["lmp1"], "cars": ["1x"]})
    assert (made["classes"], made["cars"]) == (["LMP1"], ["1X"])
    assert [row["car"] for row in await desk.rows() if row["car"]] == ["1X"]
    for wanted, value in (({"classes": ["LMP9"]}, "LMP9"), ({"cars": ["7", "999"]}, "999")):
        note = await desk.ask("PUT", status=404, json={"session": session, **wanted})
        (fault,) = note["errors"]
        assert (fault["field"], fault["value"]) == (next(iter(wanted)), value)
    assert (await desk.ask("GET"))["classes"] == ["LMP1"]
    alone = {"session": session, "view": "battle", "cars": ["1x", "1X"]}
    await desk.ask("PUT", status=422, json=alone)


async def test_a_car_that_was_entered_just_now(store: Store, session: str) -> None:
    """It is known as soon as the log has it, before any screen shows it."""
    async with at_desk(store, session) as (desk, _):
        await Log(store).append(session, list(Story().opened("7").entry("8", "GT2")))
        wanted = {"session": session, "cars": ["8"], "classes": ["gt2"]}
        assert (await desk.ask("PUT", json=wanted))["classes"] == ["GT2"]
        await desk.ask("PUT", status=404, json={"session": session, "cars": ["9"]})


async def test_before_anybody_has_entered(store: Store, session: str) -> None:
    """Any name is taken, and is meant whatever its case once somebody has."""
    story = Story().opened()
    async with projecting(store, session), at_desk(store, session) as (desk, url):
        await append(store, session, story)
        made = await desk.ask("PUT", json={"session": session, "classes": ["lmp2"], "rows": 2})
        assert made["classes"] == ["lmp2"]
        messages = subscribe(url, session, cars=["7x"])
        assert (await anext(messages)).state["standings"] == {}
        story.entry("7X", "LMP2").entry("1", "LMP1").lap("7X", 1, 60_000).lap("1", 1, 61_000)
        await append(store, session, story)
        await desk.shows(1)
        assert [row["car"] for row in await desk.rows()] == ["7X", ""]
        shown = await anext(messages)
        assert set(shown.state["standings"]) == {"7X"}
        await messages.aclose()


@pytest.mark.parametrize("view", ["flag", "cautions", "championship"])
async def test_views_of_no_car(desk: Desk, session: str, view: str) -> None:
    """Cars cannot be chosen of what is of none."""
    note = await desk.ask("PUT", status=422, json={"session": session, "view": view, "cars": ["7"]})
    (fault,) = note["errors"]
    assert (fault["field"], fault["value"]) == ("cars", "7")


@pytest.mark.parametrize(
    ("wanted", "note"),
    [
        ({}, [("overall", "1X"), ("LMP1", "1X"), ("LMP2", "7")]),
        ({"cars": ["7"]}, [("LMP2", "7")]),
        ({"cars": ["1X"]}, [("overall", "1X"), ("LMP1", "1X")]),
        ({"classes": ["LMP2"], "cars": ["7"]}, [("LMP2", "7")]),
    ],
)
async def test_fastest_laps_of_chosen_cars(
    desk: Desk, session: str, wanted: dict[str, Any], note: list[tuple[str, str]]
) -> None:
    """Those that they hold, in rows and pushes alike."""
    await desk.ask("PUT", json={"session": session, "view": "fastest", "rows": 9, **wanted})
    rows = [(row["of"], row["car"]) for row in await desk.rows() if row["car"]]
    assert sorted(rows) == sorted(note)
    pushed = desk.pushed()
    fastest = (await anext(pushed)).state["fastest"]
    await pushed.aclose()
    bests = {"overall": fastest.get("overall"), **fastest["classes"]}
    assert {of: best["car"] for of, best in bests.items() if best} == dict(note)

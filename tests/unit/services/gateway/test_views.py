"""Views over HTTP: rows from snapshots, flat rows for graphics, entity tags."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from fastapi import Request, Response

from events.errors import UnknownCar, UnknownClass
from projections import views
from projections.race import Race
from projections.timeline import Timeline
from projections.views.frame import Token
from projections.views.frame_builder import frame_state
from projections.views.freshness import QUIET_MS
from projections.views.session_line import clock_running
from services.gateway.live.channel import Channel
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import FrameBuffer, Snapshot
from services.gateway.routes.schemas import asyncapi, message_schemas
from services.gateway.views import live_rows
from services.gateway.views.flat_rows import SESSION_CELLS, flat_keys, flat_rows
from services.gateway.views.responses import Format, view_response
from services.gateway.views.view_query import TABLES, ViewQuery, ViewResult, select_rows
from services.queries.tables.schemas import frame_schema
from tests.races import petit_le_mans_2007_timeline
from tests.unit.services.gateway.short_race import frames

RECORDED = 1_760_000_000_000
HOURS = [-1, 0, 60_000, 3_600_000, 8_000_000, 8_100_000, 20_000_000, 40_000_000]


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    """The 2007 Petit Le Mans."""
    return petit_le_mans_2007_timeline()


def snapshot_of(race: Race) -> Snapshot:
    """What a screen shows of it."""
    token = Token(1, f"{RECORDED}-0")
    return Snapshot(1, token, RECORDED, race.at, clock_running(race), frame_state(race))


def result_of(race: Race) -> ViewResult:
    """The standings, as they would be answered."""
    snapshot = snapshot_of(race)
    line = live_rows.session_line(snapshot)
    result = live_rows.standings(snapshot.state)
    return ViewResult(
        TABLES["standings"],
        line,
        snapshot.clock_running,
        result,
        snapshot.token.position,
        RECORDED,
    )


@pytest.mark.parametrize("at", HOURS)
@pytest.mark.parametrize("name", sorted(set(live_rows.LIVE_VIEWS) & set(views.VIEWS)))
def test_a_picture_gives_the_rows_of_the_view(timeline: Timeline, name: str, at: int) -> None:
    """What is read from a picture is what the view says of the race, member for member."""
    race = timeline.race_at(at)
    table, view = live_rows.LIVE_VIEWS[name]
    members = [column.name for column in table.columns]
    expected = [{name: row[name] for name in members} for row in views.VIEWS[name](race)]
    assert view(frame_state(race)) == expected


@pytest.mark.parametrize("at", HOURS)
def test_a_picture_gives_the_session_line(timeline: Timeline, at: int) -> None:
    """The line above every table comes from the picture, too."""
    race = timeline.race_at(at)
    assert live_rows.session_line(snapshot_of(race)) == views.session_line(race)


@pytest.mark.parametrize("at", HOURS)
def test_messages_of_a_picture(timeline: Timeline, at: int) -> None:
    """Race control's words are told in order."""
    race = timeline.race_at(at)
    result = [row["text"] for row in live_rows.messages(frame_state(race))]
    assert result == [message.text for message in race.control.messages]


class TestFlatRows:
    """Rows for vMix and the like."""

    @pytest.mark.parametrize("count", [1, 5, 31, 60])
    def test_exactly_as_many_as_wanted(self, timeline: Timeline, count: int) -> None:
        """There are as many rows as were asked for, all with the same keys, all text."""
        result = flat_rows(result_of(timeline.race_at(3_600_000)), RECORDED + 40, count)
        assert len(result) == count
        assert {tuple(row) for row in result} == {tuple(flat_keys(TABLES["standings"]))}
        assert all(isinstance(cell, str) for row in result for cell in row.values())
        assert [row["position"] for row in result[:31]] == [
            str(n + 1) for n in range(min(31, count))
        ]
        assert {row["car"] for row in result[31:]} <= {""}

    def test_no_field_yet(self, timeline: Timeline) -> None:
        """Before there is a car the rows are there, empty, with the session line."""
        result = flat_rows(result_of(timeline.race_at(-1)), RECORDED, 3)
        assert len(result) == 3
        assert result[0]["car"] == ""
        assert result[0]["session_title"]

    def test_the_clock_runs_but_not_away(self, timeline: Timeline) -> None:
        """The clock goes on from the newest event, until the data is stale."""
        result = result_of(timeline.race_at(3_600_000))
        clock = result.line["clock_ms"]
        assert result.running
        patience = result.line["patience_ms"]
        for gone, shown in (
            (0, clock),
            (2000, clock + 2000),
            (QUIET_MS + 1000, clock + QUIET_MS + 1000),
            (patience + 1, clock + patience),
        ):
            row = flat_rows(result, RECORDED + gone, 1)[0]
            seconds = shown // 1000
            assert (
                row["session_clock"]
                == f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            )
            assert row["session_stale"] == ("true" if gone > patience else "false")
            assert row["session_age_ms"] == str(gone)

    def test_nothing_has_no_age(self, timeline: Timeline) -> None:
        """Where nothing was learned yet, as long ago as a delay, there is no age to tell."""
        result = result_of(timeline.race_at(-1))._replace(learned_at=0)
        assert flat_rows(result, RECORDED, 1)[0]["session_age_ms"] == ""

    def test_session_cells(self) -> None:
        """The keys of the session line are those that are documented."""
        keys = flat_keys(TABLES["cautions"])
        assert keys[-len(SESSION_CELLS) :] == [f"session_{name}" for name in SESSION_CELLS]


class TestEtag:
    """The same picture has the same tag."""

    def test_age_is_left_out(self, timeline: Timeline) -> None:
        """A tag says nothing of the time at which it was asked for."""
        result = result_of(timeline.race_at(3_600_000))
        assert result.etag("json") == result.etag("json")
        assert result.etag("json").startswith('W/"')

    def test_anything_else_is_another(self, timeline: Timeline) -> None:
        """Another form, another moment or another position is another tag."""
        result = result_of(timeline.race_at(3_600_000))
        later = result_of(timeline.race_at(3_700_000))
        moved = result._replace(position="1760000000001-0")
        anew = result._replace(epoch=2)  # a replay that was sought back to where it was
        tags = {one.etag("json") for one in (result, later, moved, anew)}
        assert len({result.etag("csv"), *tags}) == 5

    @pytest.mark.parametrize(("form", "rows"), [("csv", None), ("csv", 3), ("json", 3)])
    def test_flat_rows_report_the_clock(
        self, timeline: Timeline, form: Format, rows: int | None
    ) -> None:
        """Whoever has flat rows of a second ago is sent those of now, whose clock has gone on;
        but for their age the same rows have the same tag."""
        result = result_of(timeline.race_at(3_600_000))

        def response_at(gone: int, tag: str = "") -> Response:
            headers = [(b"if-none-match", tag.encode())]
            request = Request({"type": "http", "headers": headers})
            return view_response(request, result, RECORDED + gone, form, rows)

        first = response_at(2001 - result.line["clock_ms"] % 1000)
        tag = first.headers["etag"]
        assert response_at(2999 - result.line["clock_ms"] % 1000, tag).status_code == 304
        later = response_at(3001 - result.line["clock_ms"] % 1000, tag)
        assert later.status_code == 200
        assert first.body != later.body


CARS = {"7": "LMP2", "1": "LMP1", "007": "GT1", "99": None}
ROWS = [{"car": car} for car in CARS]


class TestChoice:
    """Rows of a class, and of cars."""

    @pytest.mark.parametrize(
        ("query", "cars"),
        [
            (ViewQuery(), ["7", "1", "007", "99"]),
            (ViewQuery(car_class="lmp2"), ["7"]),
            (ViewQuery(cars=("007", "1")), ["1", "007"]),
            (ViewQuery(car_class="LMP1", cars=("7",)), []),
        ],
    )
    def test_choice(self, query: ViewQuery, cars: list[str]) -> None:
        """Class and cars must both fit; 007 is not 7."""
        assert [row["car"] for row in select_rows(ROWS, CARS, ("LMP1",), query)] == cars

    def test_unknown(self) -> None:
        """What the session does not have is an error that names it."""
        with pytest.raises(UnknownCar):
            select_rows(ROWS, CARS, (), ViewQuery(cars=("8",)))
        with pytest.raises(UnknownClass):
            select_rows(ROWS, CARS, (), ViewQuery(car_class="GTE"))


class TestDocuments:
    """What is described is what is sent."""

    def test_frames_keep_to_their_schema(self) -> None:
        """Every frame of a race is as its schema says."""
        validator = jsonschema.Draft202012Validator(frame_schema())
        for frame in frames():
            validator.validate(json.loads(frame.encode()))

    def test_messages_keep_to_their_schema(self) -> None:
        """Every kind of message is as its schema says."""
        buffer, channel, before = FrameBuffer(), Channel(Filter(), silent=lambda: True), None
        schemas = message_schemas()
        for frame in frames()[:10]:
            snapshot = buffer.apply(frame)
            assert snapshot is not None
            for message in (
                channel.message(before, snapshot),
                channel.heartbeat(snapshot, snapshot.at + 7),
            ):
                jsonschema.validate(json.loads(message.body), schemas[message.kind])
            before = snapshot

    def test_asyncapi(self) -> None:
        """The document refers to nothing that is not there, and its examples are right."""
        document = asyncapi()
        for reference in _references(document):
            assert _found(document, reference)
        assert set(document["channels"]) == {
            operation["channel"]["$ref"].removeprefix("#/channels/")
            for operation in document["operations"].values()
        }
        for name, message in document["components"]["messages"].items():
            payload = {**document, "$ref": f"#/components/messages/{name}/payload"}
            for example in message.get("examples", ()):
                jsonschema.validate(example["payload"], payload)


def _references(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        if isinstance(document.get("$ref"), str):
            yield document["$ref"]
        document = list(document.values())
    if isinstance(document, list):
        for one in document:
            yield from _references(one)


def _found(document: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document

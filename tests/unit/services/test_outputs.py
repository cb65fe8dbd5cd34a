"""Outputs without a server: their rows, their clock, their tokens."""

from __future__ import annotations

import csv
import io

import pytest

from events.clock import format_clock
from projections.frames import Token
from services.gateway.airing import (
    EPOCHS,
    Showing,
    clock_of,
    filter_of,
    frame_of,
    token_of,
)
from services.gateway.outputs import csv_text, etag, flat_rows
from services.gateway.reel import Reel, Shot, place
from services.outputs import Output, OutputView
from tests.unit.services.gateway_race import frames

TOWER = Output(name="tower", session="petit", view="standings", rows=12)


def newest() -> Shot:
    """The last picture of the race."""
    reel = Reel()
    for frame in frames():
        reel.take(frame)
    assert reel.newest is not None
    return reel.newest


def showing(output: Output = TOWER, after_ms: float = 120, failed: bool = False) -> Showing:
    """What an output shows so long after its newest event was learned."""
    shot = newest()
    at = shot.at + after_ms
    return Showing(output, shot, at - output.delay_ms, at, failed)


@pytest.mark.parametrize("view", ["standings", "cautions", "penalties", "messages", "pits"])
@pytest.mark.parametrize("count", [1, 200])
def test_as_many_rows_as_asked_for(view: OutputView, count: int) -> None:
    """Each with the same keys, all of them text, in JSON as in CSV."""
    keys, rows = flat_rows(showing(TOWER.model_copy(update={"view": view, "rows": count})))
    assert len(rows) == count
    assert all(list(row) == keys for row in rows)
    assert all(isinstance(cell, str) for row in rows for cell in row.values())
    assert list(csv.DictReader(io.StringIO(csv_text(keys, rows)))) == rows


def test_rows_and_pushes_choose_alike() -> None:
    """The cars in the rows are those in the state that subscribers are sent."""
    output = TOWER.model_copy(update={"classes": ("GT2",), "rows": 100})
    _, rows = flat_rows(showing(output))
    sent = filter_of(output).choose(newest().state)
    assert set(sent) == {"session", "standings"}
    assert {row["car"] for row in rows} - {""} == set(sent["standings"])
    assert 0 < len(sent["standings"]) < len(newest().state["standings"])


def test_a_car_that_is_not_there_is_no_error() -> None:
    """Its rows are empty, and still have the session line."""
    _, rows = flat_rows(showing(TOWER.model_copy(update={"cars": ("999",)})))
    assert {row["car"] for row in rows} == {""}
    assert {row["session_title"] for row in rows} == {newest().state["session"]["title"]}


def test_the_clock_is_that_of_the_delay() -> None:
    """A delayed output's clock is behind by its delay, which is no part of its age."""
    output = TOWER.model_copy(update={"delay_ms": 4000})
    row = flat_rows(showing(output, after_ms=5000))[1][0]
    clock = newest().clock_at + 1000
    assert row["session_clock"] == format_clock(clock - clock % 1000).removesuffix(".000")
    assert (row["session_age_ms"], row["session_stale"]) == ("1000", "false")


def test_stale() -> None:
    """A picture is stale once its source is silent for long, not counting the delay, or gone."""
    late = TOWER.model_copy(update={"delay_ms": 60_000})
    patience = newest().state["session"]["patience_ms"]
    assert not showing(after_ms=patience).stale
    assert showing(after_ms=patience + 1).stale
    assert not showing(late, after_ms=60_000 + patience).stale
    assert showing(late, after_ms=60_001 + patience).stale
    assert showing(failed=True).stale
    stopped = showing(after_ms=10**9)
    assert not stopped._replace(shot=newest()._replace(clock_running=False)).stale


def test_the_clock_stops_with_a_silent_source() -> None:
    """It runs on with a moment, never back, and not away from what is not heard of."""
    shot = newest()
    assert clock_of(shot, shot.at + 700) == shot.clock_at + 700
    assert clock_of(shot, shot.at - 700) == shot.clock_at
    patience = shot.state["session"]["patience_ms"]
    assert clock_of(shot, shot.at + patience) == shot.clock_at + patience
    assert clock_of(shot, shot.at + patience + 1) == shot.clock_at
    assert clock_of(shot._replace(clock_running=False), shot.at + 700) == shot.clock_at


def test_the_same_picture_has_the_same_etag() -> None:
    """Whatever its age; staleness, another clock and another form have others."""
    stopped = showing()._replace(shot=newest()._replace(clock_running=False))
    rows, later = (
        flat_rows(stopped)[1],
        flat_rows(stopped._replace(moment=stopped.moment + 5000))[1],
    )
    assert rows != later
    assert etag(rows, "json") == etag(later, "json")
    others = [flat_rows(showing(after_ms=3000))[1], flat_rows(showing(failed=True))[1]]
    tags = {etag(rows, "csv"), *(etag(one, "json") for one in [rows, *others])}
    assert len(tags) == 4


def test_tokens_grow_with_revision_epoch_and_position() -> None:
    """So a subscriber goes on from one at another gateway, and never back."""
    shot = newest()
    ahead = shot._replace(token=Token(shot.token.epoch, "1760000000000-9"))
    anew = shot._replace(token=Token(EPOCHS - 1, "1-0"))
    order = [token_of(ahead, 1), token_of(shot, 1), token_of(anew, 1), token_of(ahead, 2)]
    assert sorted(order, key=place) == order
    assert len(set(order)) == 4


def test_a_picture_of_another_reel() -> None:
    """It is the next one, numbered here, and found by its token."""
    reel, shot = Reel(), newest()
    first = reel.show(shot._replace(token=Token(1, "1-0")))
    second = reel.show(shot)
    assert (first.number, second.number, second.patch) == (1, 2, None)
    assert (reel.newest, reel.after(first), reel.find(shot.token)) == (second, second, second)
    assert frame_of(second).data is shot.state

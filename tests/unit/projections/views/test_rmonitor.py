"""Sessions as RMonitor lines, read back by the reader of RMonitor feeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from events import AnyEvent
from events.formats.rmonitor import Reader, Unreadable
from events.formats.rmonitor_events import Translator
from projections.race import Race
from projections.timeline import Timeline
from projections.views.frame_builder import FrameBuilder
from projections.views.merge_patch import State, apply_patch
from projections.views.rmonitor import RMonitorEncoder, heartbeat, text_cell, time_cell
from projections.views.standings import standings
from replay.importing import import_alkamel
from tests.builders import opened, race_of
from tests.data import DATA, needs_data
from tests.races import petit_le_mans_2007


def read_back(events: Sequence[AnyEvent], step: int = 1) -> tuple[Race, Race]:
    """A session that is served as a feed, ``step`` events at a time, and what a reader makes."""
    timeline, builder, encoder = Timeline(), FrameBuilder(), RMonitorEncoder()
    reader, translator, read = Reader(), Translator(), []
    state: State = {}
    for first in range(0, len(events), step):
        timeline.add(events[first : first + step])
        state = apply_patch(state, builder.advance(timeline.race))
        at = timeline.race.at
        lines = [*encoder.changes(state), heartbeat(state, at, 36_000_000 + at)]
        records = reader.feed("".join(f"{line}\r\n" for line in lines).encode())
        assert not [record for record in records if isinstance(record, Unreadable)]
        read += translator.take(records)
    return timeline.race, race_of(one.event for one in read)  # type: ignore[misc]


def places(race: Race) -> list[tuple[Any, ...]]:
    """Order, laps and best laps."""
    return [(row["car"], row["laps"], row["best_lap_ms"]) for row in standings(race)]


@pytest.mark.parametrize("kind", ["race", "qualifying"])
def test_a_session_is_read_back_to_the_same_places(kind: str) -> None:
    story = opened("7", "8", "9", kind=kind, title="Saturday")  # a reader trusts a title's hint
    for number, car in enumerate("789"):
        at = 0
        for lap in range(1, 4):
            ms = 60_000 + 1000 * ((number + 2 * lap) % 4) + 100 * number
            at += ms
            story.lap(car, lap, at, ms)
    race, read = read_back(sorted(story.events, key=lambda event: event.at))
    assert places(read) == places(race)


@pytest.mark.slow
def test_the_built_in_race_is_read_back_to_the_same_places() -> None:
    events = sorted(petit_le_mans_2007(), key=lambda event: event.at)
    race, read = read_back(events, 40)
    assert places(read) == places(race)


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("tenths", [3, 6, 10])
def test_petit_2024_is_read_back_to_the_same_laps_and_at_its_end_places(tenths: int) -> None:
    # In the middle of a lap the order counts sectors, too, of which a feed has none.
    laps_file = DATA / "imsa/2024/19-road-atlanta/202410121210-race-laps.csv"
    events = sorted(import_alkamel(laps_file), key=lambda event: event.at)
    race, read = read_back(events[: len(events) * tenths // 10], 40)
    assert sorted(places(read)) == sorted(places(race))
    if tenths == 10:
        assert places(read) == places(race)


def test_only_what_changed_is_sent_and_all_of_it_in_a_refresh() -> None:
    race = opened("7", "8").lap("7", 1, 60_000).race()
    state = apply_patch({}, FrameBuilder().advance(race))
    encoder = RMonitorEncoder()
    everything = encoder.refresh(state)
    assert everything
    assert encoder.changes(state) == []
    assert encoder.refresh(state) == everything


@pytest.mark.parametrize(
    ("ms", "cell"),
    [
        (None, '"00:59:59.999"'),
        (3_599_999, '"01:00:00.000"'),
        (90_061_001, '"25:01:01.001"'),
        (-5, '"00:00:00.000"'),
    ],
)
def test_times_are_written_as_feeds_write_them(ms: int | None, cell: str) -> None:
    assert time_cell(ms) == cell


def test_text_can_end_neither_cell_nor_line() -> None:
    assert text_cell('The "Fast"\r\nOnes, Inc.') == "\"The 'Fast' Ones, Inc.\""

"""Whatever a log accepts can be folded and shown: valid events with extreme values.

Cars that were never entered, times at the ends of what JSON holds, years 1 and 9999, laps out
of order, voids of voids, names full of markup: each sequence is folded in two orders, goes
through frames and a checkpoint, and is shown in every table and form.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from events import EVENT_TYPES, AnyEvent, decode, encode
from events.errors import LapstreamError
from projections import views
from projections.race import Race
from projections.results.classification import Convention
from projections.results.decisions import describe
from projections.results.drive_time import drive_times
from projections.results.provisional import own_pack
from projections.results.revisions import revisions
from projections.timeline import Timeline
from projections.views.frame import ClientState, Frame
from projections.views.frame_builder import frame_state
from projections.views.markers import all_markers
from projections.views.session_line import clock_running, session_line
from replay.csv_text import csv_text
from replay.edit_list import RATES, BeyondCalendar, NoWallClock, TooManyEvents, cmx3600, csv_list
from replay.entries import LogEntry
from replay.quarantine import NOTHING
from services.gateway.views.flat_rows import flat_keys, flat_rows
from services.gateway.views.view_query import TABLES, ViewResult
from services.projector.session_fold import SessionFold
from services.queries.explanations import statements
from tests.profiles import examples
from tests.strategies import built

CARS = ("1", "7", "007", "=1+2", "<b>", "A B")
CLASSES = ("GT", "gt", "<script>", "=HYPERLINK(1)")
TEXTS = ("x", "Émile", "\u202eabc", "\x1b[31m", "a\nb", "=1+1", "<img src=x>", "x" * 200, "\u2028")
TIMES = (0, 1, 100, 60_000, 90_000, 90_000, 180_000, 270_000, 3_600_000)
FAR = (-(2**53), -60_000, -1, 10**12, 2**53 - 1, 2**53)
SOURCES = ("timing", "desk", "a b")
DATES = (
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23, minutes=59))),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone(-timedelta(hours=14))),
    datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2007, 10, 6, 11, 15, tzinfo=timezone(-timedelta(hours=4))),
)

_cars = st.sampled_from(CARS)
_texts = st.sampled_from(TEXTS)
_times = st.sampled_from(TIMES) | st.sampled_from(TIMES) | st.sampled_from(FAR)
_laps = st.sampled_from((1, 1, 2, 2, 3, 4, 10_000))
_durations = st.sampled_from((0, 1, 60_000, 90_000, 2**53))

MEMBERS: dict[str, SearchStrategy[Any]] = {
    "at": _times,
    "start": _times,
    "end": _times,
    "completed_at": st.none() | _times,
    "source": st.sampled_from(SOURCES),
    "source_seq": st.integers(0, 40),
    "voided_source": st.sampled_from(SOURCES),
    "voided_seq": st.integers(0, 40),
    "car": _cars,
    "from_car": _cars,
    "to_car": _cars,
    "order": st.lists(_cars, max_size=6).map(tuple),
    "car_class": st.none() | st.sampled_from(CLASSES),
    "classes": st.lists(st.sampled_from(CLASSES), max_size=3).map(tuple),
    "line": st.sampled_from(("S1", "S2", "FL", "SC", "X")),
    "timing_lines": st.sampled_from((("FL",), ("S1", "FL"), ("S1", "S2", "X", "FL"))),
    "lap": _laps,
    "lap_time_ms": st.none() | _durations,
    "penalty_id": st.sampled_from(("p", "q")),
    "rules": st.none() | st.sampled_from(("alms-2007", "imsa-2024", "wec-2024", "nowhere")),
    "zone": st.none() | st.sampled_from(("America/New_York", "Nowhere/X", "../../etc/passwd")),
    "starts_at": st.none() | st.sampled_from(DATES),
    "driver": st.none() | _texts,
    "name": _texts,
    "team": st.none() | _texts,
    "by": st.none() | _texts,
}
"""Members whose values are drawn close enough together that events concern each other."""


def _fitting(field: FieldInfo) -> Callable[[Any], bool]:
    """Whether a value is within what the model declares of the field."""
    declared: Any = Annotated[field.annotation, Field(), *field.metadata]
    adapter: TypeAdapter[Any] = TypeAdapter(declared, config=ConfigDict(strict=True))

    def fits(value: Any) -> bool:
        try:
            adapter.validate_python(value)
        except ValidationError:
            return False
        return True

    return fits


LINE_OF_A_FILE = ("data_doubted", "line")


@functools.cache
def _strategy(name: str) -> SearchStrategy[AnyEvent]:
    fields = EVENT_TYPES[name].model_fields
    members = {
        key: of for key, of in MEMBERS.items() if key in fields and (name, key) != LINE_OF_A_FILE
    }
    members = {key: of.filter(_fitting(fields[key])) for key, of in members.items()}
    if "car" in members and not fields["car"].is_required():
        members["car"] = st.none() | _cars
    if "reason" in fields and fields["reason"].is_required():
        members["reason"] = _texts
    return built(EVENT_TYPES[name], **members)


_OFTEN = ("lap_completed",) * 8 + ("line_passed", "entry_added", "flag_shown", "event_voided") * 2
_KINDS = tuple(name for name in EVENT_TYPES if not name.startswith(("season", "round")))
_events = st.sampled_from((*_KINDS, *_OFTEN)).flatmap(_strategy)


def _accepted(drawn: list[AnyEvent]) -> list[AnyEvent]:
    """Those events that a log takes, each identity once, as they are read from it."""
    kept: dict[tuple[str, int], AnyEvent] = {}
    for event in drawn:
        with contextlib.suppress(LapstreamError):
            kept.setdefault(event.identity, decode(encode(event)))
    return list(kept.values())


sequences = (
    st.integers(0, 40)
    .flatmap(lambda size: st.lists(_events, min_size=size // 2, max_size=size))
    .map(_accepted)
)


@settings(max_examples=examples(150), suppress_health_check=list(HealthCheck), deadline=None)
@given(sequences, st.randoms(use_true_random=False))
def test_whatever_a_log_accepts_can_be_folded_and_shown(
    events: list[AnyEvent], chance: random.Random
) -> None:
    """No fault in fold, frames, checkpoint, tables, explanations, results and edit lists."""
    assume(none_in_quarantine(events))
    timeline = check_folds(events, chance)
    check_tables(timeline.race)
    check_answers(timeline, events)


def log_of(events: list[AnyEvent]) -> list[LogEntry]:
    """The events as a log has them."""
    return [LogEntry(f"{1000 + n}-0", (b"event", encode(one))) for n, one in enumerate(events)]


def none_in_quarantine(events: list[AnyEvent]) -> bool:
    """Whether the events leave none of themselves out."""
    entries = log_of(events)
    return NOTHING.after(entries).positions.isdisjoint(entry.position for entry in entries)


def check_folds(events: list[AnyEvent], chance: random.Random) -> Timeline:
    """Fold a shuffled log: the same as through frames, and from a checkpoint."""
    entries = log_of(events)
    fold, client = SessionFold(quarantine=NOTHING.after(entries)), ClientState()
    while entries:
        size = chance.choice((1, 1, 2, 7, 100))
        step = fold.fold(entries[:size])
        del entries[:size]
        assert step is not None
        assert step.fault is None
        client.apply(Frame.decode(step.frame.encode()))
    shuffled = list(events)
    chance.shuffle(shuffled)
    timeline = Timeline()
    timeline.add(shuffled)
    race = timeline.race
    state = frame_state(race)
    if events:
        assert client.state == json.loads(json.dumps(state))
    assert race.state_hash() == fold.timeline.race.state_hash()
    checkpoint = fold.checkpoint(())
    if checkpoint is not None:
        blocks = {name.encode(): block for name, block in checkpoint.blocks.items()}
        restored = SessionFold.from_checkpoint(checkpoint.data, blocks)
        assert restored is not None
        assert frame_state(restored.timeline.race) == state
    return timeline


def check_tables(race: Race) -> None:
    """Every table is JSON, CSV, text and flat rows."""
    line = session_line(race)
    for name, table in TABLES.items():
        if name not in views.VIEWS:
            continue
        rows = views.VIEWS[name](race)
        assert json.loads(json.dumps(json.loads(table.json(rows)), allow_nan=False)) is not None
        assert len(list(csv.reader(io.StringIO(table.csv(rows))))) == len(rows) + 1
        assert table.lines(rows, 80)
        result = ViewResult(table, line, clock_running(race), rows, "0-0", 5)
        assert csv_text(flat_keys(table), (row.values() for row in flat_rows(result, 1e12, 5)))


def check_answers(timeline: Timeline, events: list[AnyEvent]) -> None:
    """Questions about cars, results, points, drive times, decisions and moments have answers."""
    race = timeline.race
    assert all(describe(timeline, event) for event in events)
    placed = [(f"{1000 + n}-0", event) for n, event in enumerate(events)]
    pack = own_pack(race)
    convention = Convention.of(pack)
    for car in CARS[:3]:
        with contextlib.suppress(LapstreamError):  # a car that is not in the session
            statements(race, placed, car, pack)
    for revision in revisions(placed, convention):
        assert revision is not None
    if pack is not None:
        drive_times(race, pack)
    markers = all_markers(race)
    opened = race.session.opened
    for rate in (RATES["25"], RATES["29.97"]):
        with contextlib.suppress(BeyondCalendar):
            csv_list(markers, opened.starts_at, rate)
        with contextlib.suppress(NoWallClock, BeyondCalendar, TooManyEvents):
            cmx3600(opened.title, markers, opened.starts_at, rate)

"""What is sent to screens: the state of a session as one JSON object, and what changes in it.

``frame_state`` is the object: topics by name, rows as objects keyed by car, id or number.
Views in it hold no nulls (an absent member means null), order is the member ``position``,
and nothing in it ticks: times that run are told by when they began (``..._since_ms``), for
the frame carries the session clock beside its data.

A frame is a ``snapshot`` (the whole state) or a ``delta``: a JSON Merge Patch (RFC 7396)
on the state before. Patches do not compose; a subscriber that fell behind is sent the
difference of two states instead.

Cost: laps and messages of hours ago cost nothing. ``FrameBuilder`` remembers what it has
told, by identity: what a projection keeps in its histories is never changed in place, so
the same object is the same row, also after the race was rewound and folded again. Where it
is told which cars something happened to, it looks at what the others did by themselves no
more; their places and gaps, which change with others, are made anew for each frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Generic, Literal, NamedTuple, TypeVar, cast

from pydantic_core import from_json, to_json

from events import (
    AnyEvent,
    CarRetired,
    CarReturned,
    DriverChanged,
    LapCompleted,
    LinePassed,
    PitEntered,
    PitExited,
    PitStopped,
)
from projections.folds.control import Entry, Message
from projections.folds.pits import Visit
from projections.folds.running_order import Gap
from projections.folds.stewards import Penalty
from projections.race import Race
from projections.views import tables as views

T = TypeVar("T")
State = dict[str, Any]
Patch = dict[str, Any]

VERSION = 2
"""Of the shape of the state. Another shape is told from a snapshot on, in a new epoch."""

TOPICS = (
    "session",
    "standings",
    "cautions",
    "penalties",
    "messages",
    "fastest",
    "pits",
    "drivers",
    "results",
    "control",
)

NEWEST_OF_CONTROL = 60
"""So many entries of race control's feed are told; the view has all."""

OF_ONE_CAR = frozenset(
    {
        LinePassed,
        LapCompleted,
        PitEntered,
        PitStopped,
        PitExited,
        DriverChanged,
        CarRetired,
        CarReturned,
    }
)
"""What changes nothing that another car did by itself."""

FEW = 64
"""Events of which it pays to ask whom they concern."""

# -- JSON Merge Patch ----------------------------------------------------------------------


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> Patch:
    """What makes ``after`` of ``before``; empty where they are equal.

    Both are JSON objects without nulls. A subtree that both share is not looked into.
    """
    if before is after:
        return {}
    patch: Patch = {}
    for name, value in after.items():
        old = before.get(name)
        if old is value:
            continue
        if isinstance(value, dict) and isinstance(old, dict):
            inner = merge_patch(old, value)
            if inner:
                patch[name] = inner
        elif old != value or type(old) is not type(value):
            patch[name] = value
    if len(before) + len(patch) > len(after):  # else nothing can be missing
        for name in before:
            if name not in after:
                patch[name] = None
    return patch


def apply_patch(state: Mapping[str, Any], patch: Mapping[str, Any]) -> State:
    """The state after the patch. ``state`` stays as it is; what did not change is shared."""
    result = dict(state)
    for name, change in patch.items():
        if change is None:
            result.pop(name, None)
        elif isinstance(change, dict):
            old = result.get(name)
            result[name] = apply_patch(old if isinstance(old, dict) else {}, change)
        else:
            result[name] = change
    return result


# -- The state of a session ----------------------------------------------------------------


def frame_state(race: Race) -> State:
    """The topics of a session's frames as they stand in this race."""
    builder = FrameBuilder()
    builder.advance(race)
    return builder.state


def clock_running(race: Race) -> bool:
    """Whether the session clock runs: from the first flag or crossing to the session's end."""
    started = race.track.flag is not None or bool(race.order.passings)
    return started and race.session.ended_at is None


def cars_of(events: Sequence[AnyEvent]) -> Set[str] | None:
    """The cars whose own rows these events can change; None where it may be any car's."""
    if len(events) > FEW or not all(type(event) in OF_ONE_CAR for event in events):
        return None
    return {cast("LapCompleted", event).car for event in events}


class FrameBuilder:
    """The state of a session's frames, kept up with a race.

    ``state`` is never changed in place: whoever holds an earlier one may keep it.
    """

    def __init__(self) -> None:
        self.state: State = {topic: {} for topic in TOPICS}
        self._messages: _Told[Message] = _Told(_message)
        self._visits: dict[str, _Told[Visit]] = {}
        self._feed: tuple[int, Entry | None] = (0, None)
        self._penalties: dict[str, tuple[Penalty, State]] = {}
        self._cars: dict[str, _Car] = {}
        self._placed: dict[str, views.Placed] = {}
        self._crews: dict[str, tuple[tuple[object, ...], State]] = {}
        self._bests: tuple[tuple[object, ...] | None, State] = (None, {})

    def advance(self, race: Race, cars: Set[str] | None = None) -> Patch:
        """Bring ``state`` up to the race as it stands now. Returns the patch that did it.

        ``cars`` are those that all events folded since concern (``cars_of``), where the
        race has only gone on since: None where it was rewound, or nothing is known.
        """
        state, patch = dict(self.state), {}
        for topic, rows in (
            ("session", _session(race)),
            ("standings", self._standings(race, cars)),
            ("cautions", _cautions(race)),
            ("penalties", self._penalty_rows(race)),
            ("fastest", self._fastest(race)),
            ("drivers", self._drivers(race, cars)),
            ("results", _results(race)),
            ("control", self._control(race)),
        ):
            change = _change(state[topic], rows)
            if change:
                patch[topic], state[topic] = change, rows
        for topic, (change, rows) in (
            ("messages", self._messages.advance(race.control.messages, state["messages"])),
            ("pits", self._pits(race, cars)),
        ):
            if change:
                patch[topic], state[topic] = change, rows
        self.state = state
        return patch

    def _standings(self, race: Race, cars: Set[str] | None) -> State:
        """``views.standings`` by car. What a car did by itself is looked at if it did something."""
        lines, penalties = race.session.lines, race.stewards.standing()
        known, told_now, rows = self._cars, {}, {}
        placed = views.placed(race, {} if cars is None else self._placed, cars or frozenset())
        for car, (placing, _, _) in placed.items():
            told = known.get(car)
            if told is None or cars is None or car in cars:
                facts = views.car_facts(race, car, penalties.get(car, ()))
                if told is None or told.facts != facts:
                    own = _own_part(views.car_row(race, car, penalties.get(car, ())), lines)
                    told = _Car(facts, own, placing, own | _places(placing))
            if told.placing is not placing and told.placing != placing:
                told = _Car(told.facts, told.own, placing, told.own | _places(placing))
            told_now[car] = told
            rows[car] = told.row
        self._cars, self._placed = told_now, placed
        return rows

    def _drivers(self, race: Race, cars: Set[str] | None) -> State:
        """By car, then by driver: laps, and the time at the wheel.

        ``drive_time_ms`` is that of the spells that are over; who is at the wheel has
        ``at_wheel_since_ms`` besides, until the car finishes or retires.
        """
        known, self._crews = self._crews, {}
        for car in race.drivers.at_wheel:
            before = known.get(car)
            if before is None or cars is None or car in cars:
                facts = _crew_facts(race, car)
                if before is None or before[0] != facts:
                    before = (facts, _crew(race, car))
            self._crews[car] = before
        return {car: crew for car, (_, crew) in self._crews.items()}

    def _fastest(self, race: Race) -> State:
        facts = (race.laps.best, race.session.entries)
        if self._bests[0] != facts:
            best, entries = facts
            self._bests = ((dict(best), dict(entries)), _fastest(race))
        return self._bests[1]

    def _control(self, race: Race) -> State:
        """The newest entries of race control's feed, by their number, 0 for the first of all."""
        feed = race.control.feed
        length, newest = len(feed), feed[-1] if feed else None
        # A history loses items at its end alone: with the same last item it is the same.
        if self._feed[0] == length and self._feed[1] is newest:
            told: State = self.state["control"]
            return told
        self._feed = (length, newest)
        numbers = range(max(0, length - NEWEST_OF_CONTROL), length)
        return {str(number): _entry(feed[number]) for number in numbers}

    def _penalty_rows(self, race: Race) -> State:
        known = self._penalties
        self._penalties = {
            name: known[name]
            if name in known and known[name][0] is penalty
            else (penalty, _dense(penalty._asdict()))
            for name, penalty in race.stewards.penalties.items()
        }
        return {name: row for name, (_, row) in self._penalties.items()}

    def _pits(self, race: Race, cars: Set[str] | None) -> tuple[Patch, State]:
        """By car, then by the number of the visit, 1 for the first; the one under way included."""
        visits, current = race.pits.visits, race.pits.current
        rows_by_car: State = self.state["pits"]
        patch: Patch = {}
        for car in self._visits.keys() | visits.keys() | current.keys() if cars is None else cars:
            told = self._visits.setdefault(car, _Told(_visit, first=1))
            change, rows = told.advance(
                visits.get(car, ()), rows_by_car.get(car, {}), current.get(car)
            )
            if not change:
                continue
            if not patch:
                rows_by_car = dict(rows_by_car)
            if rows:
                patch[car], rows_by_car[car] = change, rows
            else:
                patch[car] = None
                del rows_by_car[car]
        return patch, rows_by_car


class _Car(NamedTuple):
    """What was told of a car, and what it was made from."""

    facts: tuple[object, ...]
    own: State
    placing: views.Placing
    row: State


def _change(before: State, after: State) -> Patch:
    """``merge_patch`` for rows made anew, whose members keep their types.

    What did not change ``after`` then shares with ``before``.
    """
    patch: Patch = {}
    added = 0
    for name, value in after.items():
        old = before.get(name)
        if old is value:
            continue
        if old is None:
            added += 1
            patch[name] = value
        elif old == value:
            after[name] = old
        elif isinstance(value, dict) and isinstance(old, dict):
            patch[name] = _change(old, value)
        else:
            patch[name] = value
    if len(before) + added > len(after):  # else nothing can be missing
        patch.update((name, None) for name in before if name not in after)
    return patch


class _Told(Generic[T]):
    """The rows of one history that have been told, keyed by number.

    A history loses items only at its end. So where the last item told is still the item
    at its place, all before it are still there, too.
    """

    def __init__(self, row: Callable[[T], State], first: int = 0) -> None:
        self._row = row
        self._first = first
        self._items: list[T] = []
        self._drawn: list[tuple[T, State]] = []
        """By index the row last made, also where its item has left the history since: a
        replay that goes back and ahead again makes no row twice."""

    def advance(
        self, history: Sequence[T], rows: State, under_way: T | None = None
    ) -> tuple[Patch, State]:
        """What changed of the rows, and the rows now.

        ``under_way`` is an item yet to join the history. ``rows`` are those before, and
        stay as they are.
        """
        told = self._items
        length = len(history) + (under_way is not None)
        newest = under_way if under_way is not None else history[-1] if history else None
        if len(told) == length and (not told or told[-1] is newest):
            return {}, rows

        def item(index: int) -> T:
            return history[index] if index < len(history) else cast("T", under_way)

        same = min(len(told), length)
        while same and told[same - 1] is not item(same - 1):
            same -= 1
        if same == length == len(told):
            return {}, rows
        after = dict(rows)
        patch: Patch = {str(self._first + index): None for index in range(length, len(told))}
        for key in patch:
            del after[key]
        del told[same:]
        for index in range(same, length):
            told.append(item(index))
            key, row = str(self._first + index), self._draw(index, told[index])
            change = merge_patch(after[key], row) if key in after else row
            if change:
                patch[key], after[key] = change, row
        return patch, after

    def _draw(self, index: int, item: T) -> State:
        drawn = self._drawn
        if index < len(drawn) and drawn[index][0] is item:
            return drawn[index][1]
        row = self._row(item)
        drawn[index : index + 1] = [(item, row)]
        return row


def _dense(row: Mapping[str, Any]) -> State:
    """The row without its nulls."""
    return {name: value for name, value in row.items() if value is not None}


_TICKING = ("clock_ms", "time_to_go_ms")


def _session(race: Race) -> State:
    """``views.session_line`` without what ticks; time to go follows from the limit."""
    line = _dense(views.session_line(race))
    for name in _TICKING:
        line.pop(name, None)
    if race.session.opened.time_limit_ms is not None:
        line["time_limit_ms"] = race.session.opened.time_limit_ms
    return line


def _own_part(row: views.Row, lines: tuple[str, ...]) -> State:
    """A car's row without what depends on other cars; sectors by line, penalties by id."""
    own = _dense(row)
    for name in ("last_sectors_ms", "best_sectors_ms"):
        times = zip(lines, row[name], strict=False)
        own[name] = {line: ms for line, ms in times if ms is not None}
    own["penalties"] = {one["id"]: _dense(one) for one in row["penalties"]}
    return own


def _places(placing: views.Placing) -> State:
    """The part of a car's row that depends on other cars."""
    return {
        "position": placing.position,
        "class_position": placing.class_position,
        "gap": _gap(placing.gap),
        "interval": _gap(placing.interval),
        "class_gap": _gap(placing.class_gap),
        "class_interval": _gap(placing.class_interval),
    }


def _gap(gap: Gap | None) -> State:
    if gap is None:
        return {}
    if gap.laps is None:
        return {"ms": gap.ms}
    return {"laps": gap.laps} if gap.ms is None else {"laps": gap.laps, "ms": gap.ms}


def _cautions(race: Race) -> State:
    """``views.cautions`` by number and place within it: ``1.0``, then ``1.1``, ``2.0``."""
    rows: State = {}
    kinds: dict[int, int] = {}
    for view in views.cautions(race):
        number = view["number"]
        place = kinds[number] = kinds.get(number, -1) + 1
        rows[f"{number}.{place}"] = _dense(view)
    return rows


def _fastest(race: Race) -> State:
    """The best lap ``overall`` and, under ``classes``, of each class."""
    classes: State = {}
    best = {"classes": classes}
    for car, lap in race.laps.fastest():
        name = race.session.car_class(car)
        row = _dense(
            {"car": car, "class": name, "lap_time_ms": lap.ms, "lap": lap.lap, "driver": lap.driver}
        )
        best.setdefault("overall", row)
        if name is not None:
            classes.setdefault(name, row)
    return best


def _crew_facts(race: Race, car: str) -> tuple[object, ...]:
    """All that ``_crew`` reads."""
    drivers, order = race.drivers, race.order
    facts = (drivers.at_wheel[car], drivers.driven.get(car), order.laps.get(car))
    if car not in order.finished and car not in order.retired:
        return facts
    return (*facts, order.finished.get(car), car in order.retired, order.last_seen(car), race.at)


def _crew(race: Race, car: str) -> State:
    wheel = race.drivers.at_wheel[car]
    if car in race.order.finished or car in race.order.retired:
        spells = race.drivers.drive_time(car, race.at).values()
        return {one.driver: {"drive_time_ms": one.ms, "laps": one.laps} for one in spells}
    crew = {
        one.driver: {"drive_time_ms": one.ms, "laps": one.laps}
        for one in race.drivers.driven.get(car, ())
    }
    driving = crew.setdefault(wheel.driver, {"drive_time_ms": 0, "laps": 0})
    driving["laps"] += max(0, race.order.laps.get(car, 0) - wheel.laps)
    driving["at_wheel_since_ms"] = wheel.since
    return crew


def _results(race: Race) -> State:
    """``views.results`` by car, once the race is over; nothing before."""
    if race.order.chequered_at is None and race.session.ended_at is None:
        return {}
    return {
        view["car"]: {**_dense(view), "gap": _dense(view["gap"])} for view in views.results(race)
    }


def _message(message: Message) -> State:
    row = _dense(message._asdict())
    row["at_ms"] = row.pop("at")
    return row


def _entry(entry: Entry) -> State:
    row = _dense(entry._asdict())
    row["at_ms"] = row.pop("at")
    return row


def _visit(visit: Visit) -> State:
    row = _dense(visit._asdict())
    if visit.lane_ms is not None:
        row["lane_ms"] = visit.lane_ms
    return row


# -- Frames --------------------------------------------------------------------------------


class Token(NamedTuple):
    """Where a frame stands: its epoch, and the position in the log that it tells of.

    Written ``<epoch>:<position>``; with it a subscriber takes up where it stopped.
    """

    epoch: int
    position: str

    def __str__(self) -> str:
        return f"{self.epoch}:{self.position}"

    @classmethod
    def parse(cls, text: str) -> Token:
        """``"3:1190000000000-0"``. Raises ValueError for anything else."""
        epoch, colon, position = text.partition(":")
        first, dash, second = position.partition("-")
        numbers = (epoch, first, second)
        if not (colon and dash and all(part.isascii() and part.isdigit() for part in numbers)):
            raise ValueError(f"{text!r} is not a token such as 1:1190000000000-0")
        return cls(int(epoch), position)


class Frame(NamedTuple):
    """One step of what screens show.

    ``at`` is the wall-clock time (ms since 1970) at which the newest event in it was
    learned; ``clock_at`` the session clock of the newest event (ms), and
    ``clock_running`` says whether that clock has run on since. ``data`` is the state of a
    snapshot or the patch of a delta, ``reason`` why a new epoch began.
    """

    token: Token
    at: int
    clock_at: int
    clock_running: bool
    kind: Literal["snapshot", "delta"]
    data: State
    reason: str | None = None

    def encode(self) -> bytes:
        """The frame as one line of JSON."""
        told: dict[str, Any] = {
            "epoch": self.token.epoch,
            "position": self.token.position,
            "at": self.at,
            "clock": {"at": self.clock_at, "running": self.clock_running},
            "kind": self.kind,
            "data": self.data,
        }
        if self.reason is not None:
            told["reason"] = self.reason
        return to_json(told)

    @classmethod
    def decode(cls, raw: bytes) -> Frame:
        """What ``encode`` wrote."""
        told = from_json(raw)
        return cls(
            Token(told["epoch"], told["position"]),
            told["at"],
            told["clock"]["at"],
            told["clock"]["running"],
            told["kind"],
            told["data"],
            told.get("reason"),
        )


class Picture:
    """What a subscriber shows: the newest frame, and the state after it."""

    def __init__(self) -> None:
        self.newest: Frame | None = None
        self.state: State = {topic: {} for topic in TOPICS}

    def show(self, frame: Frame) -> None:
        """Take in the next frame. Raises ValueError for a delta with nothing to change."""
        if frame.kind == "snapshot":
            self.state = frame.data
        elif self.newest is None or self.newest.token.epoch != frame.token.epoch:
            raise ValueError(f"the delta {frame.token} follows no snapshot of its epoch")
        else:
            self.state = apply_patch(self.state, frame.data)
        self.newest = frame

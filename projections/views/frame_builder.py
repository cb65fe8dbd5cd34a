"""The published state of a session, kept up with a race.

Cost: laps and messages of hours ago cost nothing. ``FrameBuilder`` keeps the rows it has made,
by the identity of what they were made from: what a projection keeps in its histories is never
changed in place, so the same object is the same row, also after the race was rewound and folded
again. Where the events concern a few cars, what the others did by themselves is not looked at;
their places and gaps, which change with others, are made anew for each frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import NamedTuple, cast

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
    ResultDeclared,
)
from projections import views
from projections.folds.control import ControlItem, ControlMessage
from projections.folds.pits import Visit
from projections.folds.running_order import Gap
from projections.folds.stewards import Penalty
from projections.race import Race
from projections.results.official_result import official_result
from projections.results.session_order import ranking_laps
from projections.views.control import control_row, message_row
from projections.views.laps import best_lap_row, quickest
from projections.views.merge_patch import Patch, State, patch_of_rows
from projections.views.pits import visit_row
from projections.views.published import TICKING, TOPICS, dense
from projections.views.row_history import RowHistory
from projections.views.rows import members_keyed_by
from projections.views.standings import StandingsRow

NEWEST_OF_CONTROL = 60
"""The newest control items are published; the view has all."""

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
"""Events up to which finding the cars they concern pays off."""


def frame_state(race: Race) -> State:
    """The topics of a session's frames as they stand in this race."""
    builder = FrameBuilder()
    builder.advance(race)
    return builder.state


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
        self._messages: RowHistory[ControlMessage] = RowHistory(_message)
        self._visits: dict[str, RowHistory[Visit]] = {}
        self._newest_control: tuple[int, ControlItem | None] = (0, None)
        self._penalties: dict[str, tuple[Penalty, State]] = {}
        self._cars: dict[str, _Car] = {}
        self._places: dict[str, views.CachedPlace] = {}
        self._official: ResultDeclared | None = None
        self._crews: dict[str, tuple[tuple[object, ...], State]] = {}
        self._bests: tuple[tuple[object, ...] | None, State] = (None, {})
        self._faults: dict[str, str] = {}
        self._failing: set[str] = set()
        """Cars whose row failed: tried again with each frame."""

    def advance(self, race: Race, cars: Set[str] | None = None) -> Patch:
        """Bring ``state`` up to the race as it stands now. Returns the patch that did it.

        ``cars`` are those that all events folded since concern (``cars_of``), where the
        race has only gone on since: None where it was rewound, or nothing is known.
        """
        state: State = dict(self.state)
        patch: Patch = {}
        self._faults, self._failing, failing = {}, set(), self._failing
        try:
            official = official_result(race)
        except Exception as error:  # noqa: BLE001 - what rests on it stays as it was
            self._failed("results", error)
            official = self._official
        if official is not self._official:  # every row rests on it, until anybody crosses a line
            self._official, cars = official, None
        if failing and cars is not None:
            cars = cars | failing
        topics: tuple[tuple[str, Callable[[], State]], ...] = (
            ("standings", lambda: self._standings(race, cars)),
            ("cautions", lambda: _cautions(race)),
            ("penalties", lambda: self._penalty_rows(race)),
            ("fastest", lambda: self._fastest(race)),
            ("drivers", lambda: self._drivers(race, cars)),
            ("results", lambda: _results(race)),
            ("control", lambda: self._control(race)),
        )
        for topic, rows_of in topics:
            try:
                rows = rows_of()
            except Exception as error:  # noqa: BLE001 - it fails this topic alone
                self._failed(topic, error)
                continue
            change = patch_of_rows(state[topic], rows)
            if change:
                patch[topic], state[topic] = change, rows
        histories: tuple[tuple[str, Callable[[], tuple[Patch, State]]], ...] = (
            ("messages", lambda: self._messages.advance(race.control.messages, state["messages"])),
            ("pits", lambda: self._pits(race, cars)),
        )
        for topic, advanced in histories:
            try:
                change, rows = advanced()
            except Exception as error:  # noqa: BLE001 - as above
                self._failed(topic, error)
                continue
            if change:
                patch[topic], state[topic] = change, rows
        line = self._line(race)
        change = patch_of_rows(state["session"], line)
        if change:  # it names the faults of the others, and comes first all the same
            patch, state["session"] = {"session": change, **patch}, line
        self.state = state
        return patch

    @property
    def faults(self) -> Mapping[str, str]:
        """The topics that cannot be made of the race, which stay as they were, and why."""
        return self._faults

    def keep(self, published: State) -> None:
        """Let the topics that cannot be made stay as they were published."""
        kept = {topic: published[topic] for topic in self._faults if topic in published}
        self.state = {**self.state, **kept}

    def _failed(self, topic: str, error: Exception, car: str | None = None) -> None:
        of_car = "" if car is None else f"car {car}: "
        self._faults.setdefault(topic, f"{of_car}{type(error).__name__}: {error}")
        if car is not None:
            self._failing.add(car)

    def _line(self, race: Race) -> State:
        """The session line, with the faults of the other topics."""
        try:
            line = _session(race)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed("session", error)
            line = {
                name: value for name, value in self.state["session"].items() if name != "faults"
            }
        return {**line, "faults": dict(self._faults)} if self._faults else line

    def _standings(self, race: Race, cars: Set[str] | None) -> State:
        """``views.standings`` by car; of the cars that nothing happened to only their places."""
        lines, penalties = race.session.lines, race.stewards.standing()
        known, made, rows = self._cars, {}, {}
        ranked = ranking_laps(race)
        places = views.cached_places(
            race, {} if cars is None else self._places, cars or frozenset()
        )
        for car, cached in places.items():
            place, one = cached.place, known.get(car)
            if one is None or cars is None or car in cars:
                try:
                    facts = views.car_facts(race, car, penalties.get(car, ()), ranked.get(car))
                    if one is None or one.facts != facts:
                        row = views.car_row(race, car, penalties.get(car, ()), ranked.get(car))
                        own = _own_part(row, lines)
                        one = _Car(facts, own, place, own | _place_part(place))
                except Exception as error:  # noqa: BLE001 - it fails this car alone
                    self._failed("standings", error, car)
                    own = {"car": car} if one is None else one.own
                    one = _Car((), own, place, own | _place_part(place))
            if one.place is not place and one.place != place:
                one = _Car(one.facts, one.own, place, one.own | _place_part(place))
            made[car] = one
            rows[car] = one.row
        self._cars, self._places = made, places
        return rows

    def _drivers(self, race: Race, cars: Set[str] | None) -> State:
        """By car, then by driver: laps, and the time at the wheel.

        ``drive_time_ms`` is that of the driver stints that are over; who is at the wheel has
        ``at_wheel_since_ms`` besides, until the car finishes or retires.
        """
        known, self._crews = self._crews, {}
        for car in race.drivers.at_wheel:
            before = known.get(car)
            if before is None or cars is None or car in cars:
                try:
                    facts = _crew_facts(race, car)
                    if before is None or before[0] != facts:
                        before = (facts, _crew(race, car))
                except Exception as error:  # noqa: BLE001 - as above
                    self._failed("drivers", error, car)
                    before = ((), {} if before is None else before[1])
            self._crews[car] = before
        return {car: crew for car, (_, crew) in self._crews.items()}

    def _fastest(self, race: Race) -> State:
        official = official_result(race)
        deleted = race.laps.deleted if official else {}
        facts = (race.laps.best, race.session.entries, official, deleted)
        if self._bests[0] != facts:
            best, entries = race.laps.best, race.session.entries
            self._bests = ((dict(best), dict(entries), official, dict(deleted)), _fastest(race))
        return self._bests[1]

    def _control(self, race: Race) -> State:
        """The newest control items by number, 0 for the first of all."""
        feed = race.control.items
        length, newest = len(feed), feed[-1] if feed else None
        # A history loses items at its end alone: with the same last item it is the same.
        if self._newest_control[0] == length and self._newest_control[1] is newest:
            unchanged: State = self.state["control"]
            return unchanged
        self._newest_control = (length, newest)
        numbers = range(max(0, length - NEWEST_OF_CONTROL), length)
        return {str(number): dense(control_row(feed[number])) for number in numbers}

    def _penalty_rows(self, race: Race) -> State:
        known = self._penalties
        self._penalties = {
            name: known[name]
            if name in known and known[name][0] is penalty
            else (penalty, dense(penalty._asdict()))
            for name, penalty in race.stewards.penalties.items()
        }
        return {name: row for name, (_, row) in self._penalties.items()}

    def _pits(self, race: Race, cars: Set[str] | None) -> tuple[Patch, State]:
        """By car, then by the number of the visit, 1 for the first; the one under way included."""
        visits, current = race.pits.visits, race.pits.current
        rows_by_car: State = self.state["pits"]
        patch: Patch = {}
        for car in self._visits.keys() | visits.keys() | current.keys() if cars is None else cars:
            history = self._visits.setdefault(car, RowHistory(_visit, first=1))
            change, rows = history.advance(
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
    """The published row of a car, and what it was made from."""

    facts: tuple[object, ...]
    own: State
    place: views.Place
    row: State


def _session(race: Race) -> State:
    """``views.session_line`` without what ticks; time to go follows from the limit."""
    line = dense(views.session_line(race))
    for name in TICKING:
        line.pop(name, None)
    if race.session.opened.time_limit_ms is not None:
        line["time_limit_ms"] = race.session.opened.time_limit_ms
    return line


def _own_part(row: views.Row, lines: tuple[str, ...]) -> State:
    """A car's row without what depends on other cars; sectors by line, penalties by id."""
    own = dense(row)
    for name in _BY_LINE:
        times = zip(lines, row[name], strict=False)
        own[name] = {line: ms for line, ms in times if ms is not None}
    for name in _BY_ID:
        own[name] = {one["id"]: dense(one) for one in row[name]}
    return own


_BY_LINE = members_keyed_by("line", StandingsRow)
_BY_ID = members_keyed_by("id", StandingsRow)


def _place_part(place: views.Place) -> State:
    """The part of a car's row that depends on other cars."""
    part = {
        "position": place.position,
        "class_position": place.class_position,
        "gap": _gap(place.gap),
        "interval": _gap(place.interval),
        "class_gap": _gap(place.class_gap),
        "class_interval": _gap(place.class_interval),
    }
    if place.outside_percent is not None:
        part["outside_percent"] = place.outside_percent
    return part


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
    for row in views.cautions(race):
        number = row["number"]
        kind = kinds[number] = kinds.get(number, -1) + 1
        rows[f"{number}.{kind}"] = dense(row)
    return rows


def _fastest(race: Race) -> State:
    """The best lap ``overall`` and, under ``classes``, of each class."""
    classes: State = {}
    best = {"classes": classes}
    for car, lap in quickest(race):
        name = race.session.car_class(car)
        row = dense(best_lap_row(race, car, lap))
        best.setdefault("overall", row)
        if name is not None:
            classes.setdefault(name, row)
    return best


def _crew_facts(race: Race, car: str) -> tuple[object, ...]:
    """All that ``_crew`` reads."""
    drivers, order = race.drivers, race.order
    facts = (drivers.at_wheel[car], drivers.totals.get(car), order.laps.get(car))
    if car not in order.finished and car not in order.retired:
        return facts
    return (*facts, order.finished.get(car), car in order.retired, order.last_seen(car), race.at)


def _crew(race: Race, car: str) -> State:
    wheel = race.drivers.at_wheel[car]
    if car in race.order.finished or car in race.order.retired:
        times = race.drivers.drive_time(car, race.at).values()
        return {one.driver: {"drive_time_ms": one.ms, "laps": one.laps} for one in times}
    crew = {
        one.driver: {"drive_time_ms": one.ms, "laps": one.laps}
        for one in race.drivers.totals.get(car, ())
    }
    driving = crew.setdefault(wheel.driver, {"drive_time_ms": 0, "laps": 0})
    driving["laps"] += max(0, race.order.laps.get(car, 0) - wheel.laps)
    driving["at_wheel_since_ms"] = wheel.since
    return crew


def _results(race: Race) -> State:
    """``views.results`` by car, once the race is over; nothing before."""
    if not race.finish.over:
        return {}
    return {row["car"]: {**dense(row), "gap": dense(row["gap"])} for row in views.results(race)}


def _message(message: ControlMessage) -> State:
    return dense(message_row(message))


def _visit(visit: Visit) -> State:
    return dense(visit_row(visit))

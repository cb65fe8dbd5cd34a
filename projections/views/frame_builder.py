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
from projections.folds.track import Caution
from projections.race import Race
from projections.results.official_result import official_result
from projections.results.session_order import first_of, ranking_laps
from projections.views.control import control_row, message_row
from projections.views.laps import best_lap_row, quickest
from projections.views.merge_patch import Patch, State, patch_of_rows
from projections.views.pits import visit_row
from projections.views.published import TICKING, TOPICS, dense
from projections.views.row_history import RowHistory
from projections.views.rows import members_keyed_by
from projections.views.session_line import session_line_led_by
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
        self._rows: State = self.state["standings"]
        """Those of ``_cars`` as they were published last."""
        self._places: dict[str, views.CachedPlace] = {}
        self._newest_caution: tuple[int, Caution | None, Caution | None] = (0, None, None)
        self._cautions: State = {}
        self._unsure = True
        """Whether the next frame has to look at all cars."""
        self._end_is_open = False
        """Whether a green flag may have taken back the end: any event may settle it, for all."""
        self._official: ResultDeclared | None = None
        self._crews: dict[str, tuple[tuple[object, ...], State]] = {}
        self._bests: tuple[tuple[object, ...] | None, State] = (None, {})
        self._faults: dict[str, str] = {}
        self._failing: set[str] = set()
        """Cars whose row failed: tried again with each frame."""

    def advance(self, race: Race, cars: Set[str] | None = None) -> Patch:
        """Bring ``state`` up to the race as it stands now. Returns the patch that did it.

        ``cars`` are those that all events added since concern (``cars_of``), where nothing else
        can have changed: None where the race was corrected, or nothing is known.
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
        if self._unsure or self._end_is_open:
            self._unsure, cars = False, None
        self._end_is_open = race.finish.green_at is not None
        if failing and cars is not None:
            cars = cars | failing

        def of_rows(topic: str, rows: State) -> tuple[Patch, State]:
            return patch_of_rows(state[topic], rows), rows

        topics: tuple[tuple[str, Callable[[], tuple[Patch, State]]], ...] = (
            ("standings", lambda: self._standings(race, cars)),
            ("cautions", lambda: of_rows("cautions", self._caution_rows(race))),
            ("penalties", lambda: of_rows("penalties", self._penalty_rows(race))),
            ("fastest", lambda: of_rows("fastest", self._fastest(race))),
            ("drivers", lambda: of_rows("drivers", self._drivers(race, cars))),
            ("results", lambda: of_rows("results", _results(race))),
            ("control", lambda: of_rows("control", self._control(race))),
            ("messages", lambda: self._messages.advance(race.control.messages, state["messages"])),
            ("pits", lambda: self._pits(race, cars)),
        )
        for topic, advanced in topics:
            try:
                change, rows = advanced()
            except Exception as error:  # noqa: BLE001 - it fails this topic alone
                self._failed(topic, error)
                self._unsure = True
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
        self._unsure = True

    def _failed(self, topic: str, error: Exception, car: str | None = None) -> None:
        of_car = "" if car is None else f"car {car}: "
        self._faults.setdefault(topic, f"{of_car}{type(error).__name__}: {error}")
        if car is not None:
            self._failing.add(car)

    def _line(self, race: Race) -> State:
        """The session line, with the faults of the other topics."""
        try:
            line = _session(race, self._leader(race))
        except Exception as error:  # noqa: BLE001 - as above
            self._failed("session", error)
            line = {
                name: value for name, value in self.state["session"].items() if name != "faults"
            }
        return {**line, "faults": dict(self._faults)} if self._faults else line

    def _standings(self, race: Race, cars: Set[str] | None) -> tuple[Patch, State]:
        """``views.standings`` by car; of the cars that nothing happened to only their places."""
        known = {} if cars is None else self._places
        places = views.cached_places(race, known, cars or frozenset())
        lines, penalties = race.session.lines, race.stewards.standing()
        ranked = ranking_laps(race)
        before, made = self._cars, {}
        patch: Patch = {}
        for car, cached in places.items():
            happened = cars is None or car in cars
            if not happened and cached is known.get(car):
                continue
            place, one = cached.place, before.get(car)
            facts, own = one[:2] if one else ((), None)
            if happened or own is None:
                try:
                    now = views.car_facts(race, car, penalties.get(car, ()), ranked.get(car))
                    if own is None or facts != now:
                        row = views.car_row(race, car, penalties.get(car, ()), ranked.get(car))
                        facts, own = now, _own_part(row, lines)
                except Exception as error:  # noqa: BLE001 - it fails this car alone
                    self._failed("standings", error, car)
                    facts, own = (), own or {"car": car}
            part, moved = _advanced_part(one, place)
            if one is not None and own is one.own and part is one.part:
                if facts is not one.facts:
                    made[car] = one._replace(facts=facts)
                continue
            made[car] = _Car(facts, own, part, place, own | part)
            if one is None:
                patch[car] = made[car].row
            elif change := patch_of_rows(one.own, own) | moved:
                patch[car] = change
        self._places = places
        if cars is None or len(before) != len(places):
            patch.update((car, None) for car in before if car not in places)
            before = self._cars = {car: made.get(car) or before[car] for car in places}
        else:
            before.update(made)
        return self._published_rows(patch, {car: before[car].row for car in places})

    def _published_rows(self, patch: Patch, rows: State) -> tuple[Patch, State]:
        """The rows of the standings, and the patch to them: ``patch`` leads from those before."""
        if self._rows is not self.state["standings"]:  # published from elsewhere
            patch = patch_of_rows(self.state["standings"], rows)
        if patch:
            self._rows = rows
        return patch, rows

    def _leader(self, race: Race) -> str | None:
        """``first_of`` the session, by the places just made."""
        if self._unsure or not race.session.is_race or not race.order.passings:
            return first_of(race)
        car = next(iter(self._places), None)
        return car if car in race.order.passings else None

    def _caution_rows(self, race: Race) -> State:
        """The cautions; a history loses items at its end alone, so the newest is the test."""
        closed, under_way = race.track.closed, race.track.current
        length, newest, current = self._newest_caution
        if (
            length != len(closed)
            or current is not under_way
            or (closed and newest is not closed[-1])
        ):
            self._cautions = _cautions(race)
            self._newest_caution = (len(closed), closed[-1] if closed else None, under_way)
        return self._cautions

    def _drivers(self, race: Race, cars: Set[str] | None) -> State:
        """By car, then by driver: laps, and the time at the wheel.

        ``drive_time_ms`` is that of the driver stints that are over; who is at the wheel has
        ``at_wheel_since_ms`` besides, until the car finishes or retires.
        """
        at_wheel = race.drivers.at_wheel
        known = self._crews
        if cars is None:
            known = self._crews = {car: known[car] for car in at_wheel if car in known}
        # A late lap can leave a car without the lap that named its driver.
        gone = {car for car in cars or () if car in known and car not in at_wheel}
        for car in gone:
            del known[car]
        changed: State = {}
        for car in at_wheel if cars is None else [car for car in cars if car in at_wheel]:
            before = known.get(car)
            try:
                facts = _crew_facts(race, car)
                if before is not None and before[0] == facts:
                    continue
                known[car] = (facts, _crew(race, car))
            except Exception as error:  # noqa: BLE001 - as above
                self._failed("drivers", error, car)
                known[car] = ((), {} if before is None else before[1])
            changed[car] = known[car][1]
        if cars is None:
            return {car: known[car][1] for car in at_wheel}
        rows: State = self.state["drivers"]
        if gone:
            rows = {car: row for car, row in rows.items() if car not in gone}
        return rows | changed if changed else rows

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
    part: State
    place: views.Place
    row: State


def _session(race: Race, leader: str | None) -> State:
    """``views.session_line`` without what ticks; time to go follows from the limit."""
    line = dense(session_line_led_by(race, leader))
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
    """The part of a car's row that depends on other cars: the members of its place, in order."""
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


def _advanced_part(known: _Car | None, place: views.Place) -> tuple[State, Patch]:
    """The place part of a car's row, and the patch that leads there from the ``known`` one.

    Only what differs is made anew: mostly gaps in milliseconds, which stay so.
    """
    if known is None:
        return _place_part(place), {}
    was, before = known.place, known.part
    if was == place:
        return before, {}
    if was.outside_percent != place.outside_percent:
        after = _place_part(place)
        return after, patch_of_rows(before, after)
    after = dict(before)
    patch: Patch = {}
    for name, old, new in zip(before, was, place, strict=False):
        if old == new:
            continue
        if isinstance(new, int):
            after[name] = patch[name] = new
            continue
        gap, old_gap = _gap(new), before[name]
        after[name] = patch[name] = gap
        if old_gap and (len(gap) != 1 or gap.keys() != old_gap.keys()):
            patch[name] = patch_of_rows(old_gap, gap)
    return after, patch


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

"""The entries of an RMonitor run, and the names and limits of its session."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from events.base import Event
from events.formats.rmonitor import Competitor, CompetitorDetails
from events.formats.rmonitor_kind import KindsByName, folded_name, run_kind
from events.formats.rmonitor_recorded import ENTRY_MEMBERS, RecordedRun
from events.running import CarRetired, CarReturned
from events.session import Driver, EntryAdded, EntryAmended, SessionKind, SessionOpened
from events.stewards import PenaltyRescinded

METRES = {"mi": 1609.344, "km": 1000.0}

UNTITLED = "RMonitor feed"

MOST_CARS = 1000
MOST_CLASSES = 100
"""Far above any field; bounds memory where a feed sends garbage."""

_OF_THE_EVENT = frozenset(Event.model_fields)
_CAR = re.compile(r"[!-~]([ -~]{0,14}[!-~])?")
_RUN = re.compile(r", run (?P<run>[^,]+)(?:, (?P<name>.*))?$", re.DOTALL)
_VEHICLE_NAME = re.compile(r"[\d(]")


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Facts about a run that the feed does not send, given by the user.

    ``kind`` is of all runs, ``kinds`` of runs by their names, which may have ``*`` and ``?``;
    both prevail over what the feed hints at. ``track_unit`` is ``mi`` or ``km``: feeds send the
    track length without a unit. Raises ValueError for values that a session cannot have.
    """

    title: str | None = None
    kind: SessionKind | None = None
    rules: str | None = None
    track_unit: str = "mi"
    kinds: tuple[tuple[str, SessionKind], ...] = ()

    def __post_init__(self) -> None:
        if self.title is not None and not 0 < len(self.title) <= 200:
            raise ValueError("title: not 1 to 200 characters")
        if self.rules is not None and len(self.rules) > 64:
            raise ValueError("rules: longer than 64 characters")
        if self.track_unit not in METRES:
            raise ValueError(f"track_unit: {self.track_unit!r} is neither mi nor km")

    def kind_of(self, name: str) -> SessionKind | None:
        """Return the kind that the user gave for a run of that name; None if none was given."""
        return KindsByName(self.kinds).kind(name) or self.kind


@dataclass(slots=True)
class _Entry:
    """An entry as the feed sends it."""

    car: str
    class_id: str = ""
    first: str = ""
    last: str = ""
    nationality: str = ""
    extra: str = ""


@dataclass(slots=True)
class Entries:
    """The cars of a run by registration, its classes and its session's facts.

    ``run`` is the run's id in the feed, None until the feed has sent it; ``sort_mode`` is by
    what a relay sorts the run. ``limits`` and ``starts_at`` are set by the run's clock.
    ``unsettled`` is True while there are changes that are not recorded yet.
    """

    recorded: RecordedRun
    options: RunOptions
    run: str | None = None
    name: str = ""
    sort_mode: str = ""
    classes: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    starts_at: datetime | None = None
    unsettled: bool = True
    _entries: dict[str, _Entry] = field(default_factory=dict)

    @classmethod
    def resumed(cls, recorded: RecordedRun, options: RunOptions) -> Entries:
        """Return the entries of a run that is partly recorded."""
        entries = cls(recorded, options)
        opened = recorded.opened
        if opened is not None:
            found = _RUN.search(opened.provenance or "")
            if found:
                entries.run = found["run"]
                named = opened.title if opened.title not in (options.title, UNTITLED) else ""
                entries.name = found["name"] or named
            entries.starts_at = opened.starts_at
            entries.limits = _limits_of(opened)
        return entries

    def carried_over(self, recorded: RecordedRun) -> Entries:
        """Return the same entries and names for a restarted run."""
        entries = Entries(recorded, self.options, self.run, self.name, self.sort_mode)
        entries.classes, entries.settings = self.classes, self.settings
        entries._entries = self._entries
        return entries

    def is_run(self, run: str, name: str) -> bool:
        """Whether these are this run's id and name: ids are used again, under another name.

        A name that is blank, or that a log recorded by an earlier version lacks, equals any.
        """
        names = {folded_name(_name(known) or "") for known in (self.name, name)}
        return self.run == run and (len(names) == 1 or "" in names)

    def named(self, run: str, name: str) -> None:
        """Set the run's id and name."""
        self.run, self.name, self.unsettled = run, name or self.name, True

    def sorted_by(self, mode: str) -> None:
        """Set by what the run is sorted."""
        self.sort_mode, self.unsettled = mode, True

    def class_named(self, class_id: str, name: str) -> None:
        """Set the name of a class."""
        if class_id in self.classes or len(self.classes) < MOST_CLASSES:
            self.classes[class_id], self.unsettled = name, True

    def setting(self, name: str, value: str) -> None:
        """Set the name or length of the track."""
        if name in ("TRACKNAME", "TRACKLENGTH"):
            self.settings[name], self.unsettled = value, True

    def competitor(self, record: Competitor | CompetitorDetails) -> None:
        """Add or update an entry; it is recorded by the next ``settle``."""
        entry = self._entries.get(record.reg)
        if entry is None and len(self._entries) >= MOST_CARS:
            return
        if entry is None:
            entry = self._entries[record.reg] = _Entry(self._car_of(record.reg, record.number))
        entry.class_id = record.class_id
        entry.first, entry.last = record.first, record.last
        entry.nationality = record.nationality
        if isinstance(record, CompetitorDetails):
            entry.extra = record.extra
        self.unsettled = True

    def _car_of(self, reg: str, number: str) -> str:
        """Return the car's number, or its registration if the number is blank or taken."""
        taken = {entry.car for entry in self._entries.values()}
        known = reg in self.recorded.entries
        return reg if known or not number or number in taken else number

    def car(self, reg: str) -> str | None:
        """Return the car of a registration, recording it if new; None if it cannot be a car."""
        entry = self._entries.get(reg)
        car = entry.car if entry else reg
        if car not in self.recorded.entries:
            if not _CAR.fullmatch(car) or len(self.recorded.entries) >= MOST_CARS:
                return None
            self.recorded.record_now(EntryAdded, car=car)
        return car

    def settle(self) -> None:
        """Record changes of the session and its entries."""
        if self.unsettled:
            self.unsettled = False
            at = 0 if self.recorded.opened is None else self.recorded.now
            self._record_session()
            for entry in self._entries.values():
                if _CAR.fullmatch(entry.car):
                    self._record_entry(entry, at)

    # -- The session -------------------------------------------------------------------

    def _record_session(self) -> None:
        frame = self._frame()
        opened = self.recorded.opened
        if opened is None:
            self.recorded.record(SessionOpened, 0, **frame)
        elif any(getattr(opened, name) != value for name, value in frame.items()):
            stay = opened.model_fields_set - _OF_THE_EVENT
            facts = {name: getattr(opened, name) for name in stay} | frame
            # Of two SessionOpened on one millisecond the newer could not be identified.
            self.recorded.record(SessionOpened, max(self.recorded.now, opened.at + 1), **facts)

    def _frame(self) -> dict[str, object]:
        """Return the known facts of the session; unknown ones stay as recorded."""
        options, name = self.options, _name(self.name)
        known: dict[str, object] = {
            "title": options.title or name,
            "kind": options.kind_of(self.name) or run_kind(self.name, self.sort_mode),
            "rules": options.rules,
            "circuit": _name(self.settings.get("TRACKNAME", "")),
            "circuit_length_m": self._length(),
            "classes": self._class_names() or None,
            "starts_at": self.starts_at,
            "provenance": self._provenance(),
            **self.limits,
        }
        frame = {name: value for name, value in known.items() if value is not None}
        opened = self.recorded.opened
        title, kind = (opened.title, opened.kind) if opened else (UNTITLED, "race")
        return {"title": title, "kind": kind} | frame

    def _provenance(self) -> str:
        """Return the run's id, and its name where that is not the title."""
        if not self.run:
            return UNTITLED
        name = _name(self.name) if self.options.title else None
        return f"{UNTITLED}, run {self.run}" + (f", {name}" if name else "")

    def _class_names(self) -> tuple[str, ...]:
        names = (_name(name) for name in self.classes.values())
        return tuple(dict.fromkeys(name for name in names if name))

    def _length(self) -> int | None:
        try:
            metres = float(self.settings["TRACKLENGTH"]) * METRES[self.options.track_unit]
        except (KeyError, ValueError):
            return None
        return round(metres) if 1 <= metres <= 100_000 else None

    # -- The entries -------------------------------------------------------------------

    def _record_entry(self, entry: _Entry, at: int) -> None:
        car, recorded = entry.car, self.recorded.entries.get(entry.car)
        known = self._known_of(entry)
        if recorded is None:
            self.recorded.record(EntryAdded, at, car=car, **known)
        elif changes := {
            name: value
            for name, value in known.items()
            if value and value != getattr(recorded, name)
        }:
            self.recorded.record(EntryAmended, at, car=car, **changes)
        self._record_status(car, entry.nationality.casefold())

    def _known_of(self, entry: _Entry) -> dict[str, object]:
        """Return the members of the entry's event, as far as the feed knows them.

        Series use the two name cells differently. A single name is a team. A second name with
        a digit or bracket is a vehicle (``1988 BMW 325 (Grey/Blue)``), the first then a team.
        Otherwise both are a driver's name, and ``extra`` is the team.
        """
        first, last = _name(entry.first), _name(entry.last)
        values: dict[str, object] = dict.fromkeys(ENTRY_MEMBERS)
        values["car_class"] = _name(self.classes.get(entry.class_id, ""))
        values["drivers"] = ()
        if first and last and not _VEHICLE_NAME.search(last):
            country = entry.nationality if 0 < len(entry.nationality) <= 3 else None
            crew = Driver(number=1, name=f"{first} {last}"[:200], country=country)
            return values | {"drivers": (crew,), "team": _name(entry.extra)}
        if first and last:
            return values | {"team": first, "vehicle": last}
        return values | {"team": first or last}

    def _record_status(self, car: str, status: str) -> None:
        """Record retirement and exclusion, which IMSA's feed sends in the nationality cell."""
        recorded = self.recorded
        if status == "retired" and car not in recorded.retired:
            recorded.record_now(CarRetired, car=car, reason="retired, says the timing")
        elif status != "retired" and car in recorded.retired:
            recorded.record_now(CarReturned, car=car)
        if status == "excluded" and car not in recorded.excluded:
            recorded.impose(car, "disqualification", None, "excluded, says the timing")
        elif status != "excluded" and car in recorded.excluded:
            recorded.record_now(PenaltyRescinded, penalty_id=recorded.excluded[car])


def _name(text: str) -> str | None:
    """Trim a name to what an event can hold; None for a blank."""
    return text.strip()[:200].strip() or None


def _limits_of(opened: SessionOpened) -> dict[str, int]:
    limits = {"laps_limit": opened.laps_limit, "time_limit_ms": opened.time_limit_ms}
    return {name: limit for name, limit in limits.items() if limit is not None}

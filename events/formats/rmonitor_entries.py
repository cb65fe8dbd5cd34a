"""The entries of an RMonitor feed, and the names of its session."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from events.formats.rmonitor import Competitor, CompetitorMore
from events.formats.rmonitor_told import ENTRY_MEMBERS, Told
from events.running import CarRetired, CarReturned
from events.session import Driver, EntryAdded, EntryAmended, SessionKind, SessionOpened
from events.stewards import PenaltyRescinded

METRES = {"mi": 1609.344, "km": 1000.0}

KINDS: dict[str, SessionKind] = {
    "qual": "qualifying",
    "practice": "practice",
    "warm": "practice",
    "test": "practice",
}

UNTITLED = "RMonitor feed"

MOST_CARS = 1000
MOST_CLASSES = 100
"""Beyond all fields: so that nonsense in a feed cannot fill the memory."""

_CAR = re.compile(r"[!-~]([ -~]{0,14}[!-~])?")
_RUN = re.compile(r", run (.+)$")
_A_CARS_NAME = re.compile(r"[\d(]")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What whoever follows a feed says of it, as the feed itself does not tell it.

    ``track_unit`` is ``mi`` or ``km``: a track's length comes without one. Raises
    ValueError for what no session can have.
    """

    title: str | None = None
    kind: SessionKind | None = None
    rules: str | None = None
    track_unit: str = "mi"

    def __post_init__(self) -> None:
        if self.title is not None and not 0 < len(self.title) <= 200:
            raise ValueError("title: not 1 to 200 characters")
        if self.rules is not None and len(self.rules) > 64:
            raise ValueError("rules: longer than 64 characters")
        if self.track_unit not in METRES:
            raise ValueError(f"track_unit: {self.track_unit!r} is neither mi nor km")


@dataclass(slots=True)
class _Entry:
    """An entry as the feed has it."""

    car: str
    class_id: str = ""
    first: str = ""
    last: str = ""
    nationality: str = ""
    extra: str = ""


@dataclass(slots=True)
class Entries:
    """The cars of a run by the feed's names for them, its classes and its frame.

    ``run`` is the run's id in the feed, None as long as the feed has not said; ``limits``
    and ``starts_at`` are what its clock tells of the session.
    """

    told: Told
    wishes: Wishes
    run: str | None = None
    name: str = ""
    classes: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    starts_at: datetime | None = None
    unsettled: bool = True
    _entries: dict[str, _Entry] = field(default_factory=dict)

    @classmethod
    def taken_up(cls, told: Told, wishes: Wishes) -> Entries:
        """The entries of a run that was told up to some moment."""
        entries = cls(told, wishes)
        opened = told.opened
        if opened is not None:
            found = _RUN.search(opened.provenance or "")
            entries.run = found[1] if found else None
            entries.starts_at = opened.starts_at
            entries.limits = _limits_of(opened)
        return entries

    def again(self, told: Told) -> Entries:
        """The same entries and names, for a run that begins anew."""
        entries = Entries(told, self.wishes, self.run, self.name, self.classes, self.settings)
        entries._entries = self._entries
        return entries

    def class_named(self, class_id: str, name: str) -> None:
        """What the feed calls a class, from now on."""
        if class_id in self.classes or len(self.classes) < MOST_CLASSES:
            self.classes[class_id], self.unsettled = name, True

    def setting(self, name: str, value: str) -> None:
        """What the feed says of the track."""
        if name in ("TRACKNAME", "TRACKLENGTH"):
            self.settings[name], self.unsettled = value, True

    def competitor(self, record: Competitor | CompetitorMore) -> None:
        """What the feed says of an entry, told once it has said all."""
        entry = self._entries.get(record.reg)
        if entry is None and len(self._entries) >= MOST_CARS:
            return
        if entry is None:
            entry = self._entries[record.reg] = _Entry(self._car_of(record.reg, record.number))
        entry.class_id = record.class_id
        entry.first, entry.last = record.first, record.last
        entry.nationality = record.nationality
        if isinstance(record, CompetitorMore):
            entry.extra = record.extra
        self.unsettled = True

    def _car_of(self, reg: str, number: str) -> str:
        """The car's number; its registration where it has none, or another has the same."""
        taken = {entry.car for entry in self._entries.values()}
        known = reg in self.told.entries
        return reg if known or not number or number in taken else number

    def car(self, reg: str) -> str | None:
        """The car of that registration, told of if it was not; None for what cannot be one."""
        entry = self._entries.get(reg)
        car = entry.car if entry else reg
        if car not in self.told.entries:
            if not _CAR.fullmatch(car) or len(self.told.entries) >= MOST_CARS:
                return None
            self.told.tell_now(EntryAdded, car=car)
        return car

    def settle(self) -> None:
        """Tell what is new of the session and its entries."""
        if self.unsettled:
            self.unsettled = False
            at = 0 if self.told.opened is None else self.told.now
            self._tell_frame()
            for entry in self._entries.values():
                if _CAR.fullmatch(entry.car):
                    self._tell_entry(entry, at)

    # -- The session -------------------------------------------------------------------

    def _tell_frame(self) -> None:
        frame = self._frame()
        opened = self.told.opened
        if opened is None:
            self.told.tell(SessionOpened, 0, **frame)
        elif any(getattr(opened, name) != value for name, value in frame.items()):
            # Of two on one millisecond nobody could say which is the newer.
            self.told.tell(SessionOpened, max(self.told.now, opened.at + 1), **frame)

    def _frame(self) -> dict[str, object]:
        """What is known of the session; what the feed has not said yet stays as it was told."""
        wishes, name = self.wishes, _name(self.name)
        said: dict[str, object] = {
            "title": wishes.title or name,
            "kind": wishes.kind or (name and _kind(name)),
            "rules": wishes.rules,
            "circuit": _name(self.settings.get("TRACKNAME", "")),
            "circuit_length_m": self._length(),
            "classes": self._class_names() or None,
            "starts_at": self.starts_at,
            "provenance": f"{UNTITLED}, run {self.run}" if self.run else UNTITLED,
            **self.limits,
        }
        frame = {name: value for name, value in said.items() if value is not None}
        return frame if self.told.opened else {"title": UNTITLED, "kind": "race"} | frame

    def _class_names(self) -> tuple[str, ...]:
        names = (_name(name) for name in self.classes.values())
        return tuple(dict.fromkeys(name for name in names if name))

    def _length(self) -> int | None:
        try:
            metres = float(self.settings["TRACKLENGTH"]) * METRES[self.wishes.track_unit]
        except (KeyError, ValueError):
            return None
        return round(metres) if 1 <= metres <= 100_000 else None

    # -- The entries -------------------------------------------------------------------

    def _tell_entry(self, entry: _Entry, at: int) -> None:
        car, told = entry.car, self.told.entries.get(entry.car)
        known = self._known_of(entry)
        if told is None:
            self.told.tell(EntryAdded, at, car=car, **known)
        elif changes := {
            name: value for name, value in known.items() if value and value != getattr(told, name)
        }:
            self.told.tell(EntryAmended, at, car=car, **changes)
        self._tell_status(car, entry.nationality.casefold())

    def _known_of(self, entry: _Entry) -> dict[str, object]:
        """What the feed says of an entry, by the members of its event.

        Series write what they like into the two names. One alone is a team's; a second
        with a digit or a bracket in it is a car's (``1988 BMW 325 (Grey/Blue)``), and the
        first then a team's; two are a driver's, and what else is said is the team.
        """
        first, last = _name(entry.first), _name(entry.last)
        values: dict[str, object] = dict.fromkeys(ENTRY_MEMBERS)
        values["car_class"] = _name(self.classes.get(entry.class_id, ""))
        values["drivers"] = ()
        if first and last and not _A_CARS_NAME.search(last):
            country = entry.nationality if 0 < len(entry.nationality) <= 3 else None
            crew = Driver(number=1, name=f"{first} {last}"[:200], country=country)
            return values | {"drivers": (crew,), "team": _name(entry.extra)}
        if first and last:
            return values | {"team": first, "vehicle": last}
        return values | {"team": first or last}

    def _tell_status(self, car: str, status: str) -> None:
        """Where a nation stands, IMSA's feed says of a car that it retired or was excluded."""
        told = self.told
        if status == "retired" and car not in told.retired:
            told.tell_now(CarRetired, car=car, reason="retired, says the timing")
        elif status != "retired" and car in told.retired:
            told.tell_now(CarReturned, car=car)
        if status == "excluded" and car not in told.excluded:
            told.impose(car, "disqualification", None, "excluded, says the timing")
        elif status != "excluded" and car in told.excluded:
            told.tell_now(PenaltyRescinded, penalty_id=told.excluded[car])


def _name(text: str) -> str | None:
    """A name that an event can hold, None for a blank."""
    return text.strip()[:200].strip() or None


def _kind(name: str) -> SessionKind:
    """The kind of session that a run's name tells, else a race."""
    told = name.casefold()
    return next((kind for word, kind in KINDS.items() if word in told), "race")


def _limits_of(opened: SessionOpened) -> dict[str, int]:
    limits = {"laps_limit": opened.laps_limit, "time_limit_ms": opened.time_limit_ms}
    return {name: limit for name, limit in limits.items() if limit is not None}

"""Events of a session that was recorded as Formula One streams.

Session clock 0 is when the session was started the first time; what is older stands at 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from math import isfinite
from statistics import median_low
from typing import Any, NamedTuple, cast

from pydantic import ValidationError

from events.base import Event
from events.catalogue import RaceEvent
from events.drafts import Drafts
from events.errors import BadTimingFile
from events.formats.doubts import Doubt, bounded, shortened
from events.formats.f1_laps import LINES, CarTiming, milliseconds
from events.formats.f1_race_control import (
    ALL_CLEAR,
    SECTOR_FLAGS,
    TRACK_STATUS,
    AnnouncedPenalty,
    Deletion,
    car_in,
    deletion_in,
    penalty_in,
)
from events.formats.f1_stream import Stream, is_car, items, lines_of, member, merge, text_of, whole
from events.running import (
    MOST_LAPS,
    CarRetired,
    CarReturned,
    LapCompleted,
    LinePassed,
    PitEntered,
    PitExited,
)
from events.session import (
    FINISH_LINE,
    DataDoubted,
    EntryAdded,
    GridSet,
    SegmentStarted,
    SessionEnded,
    SessionKind,
    SessionOpened,
)
from events.stewards import LapTimeDeleted, PenaltyImposed, PenaltyServed
from events.track import (
    FlagShown,
    RaceControlMessage,
    SafetyCarDeployed,
    SafetyCarWithdrawn,
    WeatherMeasured,
)

SOURCE = "f1"
TIMING, DRIVERS, INFO = "TimingData", "DriverList", "SessionInfo"
STATUS, TRACK, MESSAGES = "SessionStatus", "TrackStatus", "RaceControlMessages"
LAP_COUNT, TYRES, WEATHER = "LapCount", "TimingAppData", "WeatherData"
TOPICS = (TIMING, DRIVERS, INFO, STATUS, TRACK, MESSAGES, LAP_COUNT, TYRES, WEATHER)

AT_THE_FLAG_MS = 10_000
"""The end is reported at most this long after the winner crossed the line."""
KPH_OF_MS = 3.6

KINDS: dict[str, SessionKind] = {"race": "race", "qualifying": "qualifying"}
WEATHER_MEMBERS = {
    "AirTemp": "air_c",
    "TrackTemp": "track_c",
    "Humidity": "humidity_percent",
    "Pressure": "pressure_hpa",
}


class _Message(NamedTuple):
    at: int
    line: int
    text: str
    content: dict[str, Any]


@dataclass(slots=True)
class _Deleted:
    at: int
    deletion: Deletion
    line: int


def session_events(
    streams: Mapping[str, Stream],
    *,
    title: str | None = None,
    kind: SessionKind | None = None,
    series: str | None = "Formula 1",
    rules: str | None = None,
) -> list[RaceEvent]:
    """Return the events of a session, in order, numbered from 0.

    ``streams`` are by topic; `TIMING` is required. Raises BadTimingFile if it has no cars, and
    pydantic's ValidationError for a title that a session cannot have.
    """
    return _Session(streams, title, kind, series, rules).events()


class _Session:
    """The events of one session while they are drafted."""

    def __init__(
        self,
        streams: Mapping[str, Stream],
        title: str | None,
        kind: SessionKind | None,
        series: str | None,
        rules: str | None,
    ) -> None:
        self.streams = {topic: streams.get(topic) or Stream(topic) for topic in TOPICS}
        self.info = self.streams[INFO].merged()
        named = text_of(self.info.get("Type")).casefold()
        self.kind: SessionKind = kind or KINDS.get(named, "practice" if named else "race")
        self.title, self.series, self.rules = title, series, rules
        self.drafts = Drafts(SOURCE)
        self.doubts = [doubt for stream in self.streams.values() for doubt in stream.doubts]
        self.statuses = [
            (patch.at, text_of(patch.content.get("Status")))
            for patch in self.streams[STATUS].patches
        ]
        started = [at for at, status in self.statuses if status == "Started"]
        self.zero = started[0] if started else self.streams[TIMING].patches[0].at
        self.messages = list(self._messages())
        self.cars = self._timed()

    def events(self) -> list[RaceEvent]:
        """Draft all events and return them."""
        self._opened()
        self._entries()
        self._grid()
        for car in sorted(self.cars):
            self._car(self.cars[car])
        self._segments()
        self._flags()
        self._race_control()
        self._weather()
        self._doubted()
        if any(status in ("Finalised", "Ends") for _, status in self.statuses):
            ended = max(at for at, status in self.statuses if status in ("Finalised", "Ends"))
            self.drafts.add(SessionEnded, max(self._clock(ended), self.drafts.latest()))
        return cast("list[RaceEvent]", self.drafts.events())

    def _clock(self, at: int) -> int:
        """The session clock at a time of the recording (ms)."""
        return max(at - self.zero, 0)

    def _add(self, doubt: Doubt, model: type[Event], at: int, **values: object) -> bool:
        """Draft an event; record the doubt and return False if its values are invalid."""
        try:
            self.drafts.add(model, at, **values)
        except ValidationError:
            self.doubts.append(doubt)
            return False
        return True

    # Reading

    def _timed(self) -> dict[str, CarTiming]:
        """Every car's timing. Raises BadTimingFile without any."""
        stream = self.streams[TIMING]
        cars: dict[str, CarTiming] = {}
        for patch in stream.patches:
            for car, line in lines_of(patch):
                if not is_car(car):
                    reason = "not a car number"
                    self.doubts.append(Doubt(stream.file, patch.line, "Lines", car, reason))
                    continue
                if car not in cars:
                    cars[car] = CarTiming(car, stream.file)
                cars[car].take(patch, line)
        if not cars:
            raise BadTimingFile(stream.file, "it has no cars", line=1)
        for timing in cars.values():
            timing.place()
            self.doubts += timing.doubts
        return cars

    def _messages(self) -> Iterator[_Message]:
        for patch in self.streams[MESSAGES].patches:
            for _, message in items(patch.content.get("Messages")):
                if text := text_of(member(message, "Message")):
                    yield _Message(patch.at, patch.line, text[:2000], message)

    # The session

    def _opened(self) -> None:
        laps_limit = whole(self.streams[LAP_COUNT].merged().get("TotalLaps"))
        values: dict[str, object] = {
            "title": self.title or self._named(),
            "series": self.series,
            "kind": self.kind,
            "timing_lines": (*LINES, FINISH_LINE),
            "rules": self.rules,
            "starts_at": self._starts_at(),
            "provenance": "Formula One live timing, recorded",
        }
        if self.kind == "race" and laps_limit is not None and 0 < laps_limit <= MOST_LAPS:
            values["laps_limit"] = laps_limit
        if circuit := text_of(member(self.info, "Meeting", "Circuit", "ShortName")):
            values["circuit"] = circuit[:200]
        start = text_of(self.info.get("StartDate"))
        if start[:4].isdecimal():
            values["season"] = start[:4]
        self.drafts.add(SessionOpened, 0, **values)

    def _named(self) -> str:
        meeting, name = (
            text_of(member(self.info, "Meeting", "Name")),
            text_of(self.info.get("Name")),
        )
        year = text_of(self.info.get("StartDate"))[:4]
        first = " ".join(part for part in (meeting, year) if part)
        return ", ".join(part for part in (first, name) if part)[:200] or "Formula One session"

    def _starts_at(self) -> datetime | None:
        """The wall-clock time of session clock 0, by the times of race control's messages."""
        found: list[float] = []
        for message in self.messages:
            try:
                utc = datetime.fromisoformat(text_of(message.content.get("Utc")))
            except ValueError:
                continue
            utc = utc.replace(tzinfo=UTC) if utc.tzinfo is None else utc
            found.append(utc.timestamp() - (message.at - self.zero) / 1000)
        if not found:
            return None
        # Messages have whole seconds.
        return datetime.fromtimestamp(round(median_low(found)), self._zone())

    def _zone(self) -> timezone:
        text = text_of(self.info.get("GmtOffset"))
        try:
            hours, minutes = (int(part) for part in text.lstrip("+-").split(":")[:2])
            offset = timedelta(hours=hours, minutes=minutes)
            return timezone(-offset if text.startswith("-") else offset)
        except ValueError:
            return timezone(timedelta(0))

    def _entries(self) -> None:
        drivers = self.streams[DRIVERS].merged()
        for car in sorted({*self.cars, *(one for one in drivers if is_car(one))}):
            values: dict[str, object] = {"car": car}
            names = [text_of(member(drivers, car, part)) for part in ("FirstName", "LastName")]
            name = " ".join(filter(None, names)) or text_of(member(drivers, car, "FullName"))
            if team := text_of(member(drivers, car, "TeamName")):
                values["team"] = team
            if name:
                short = text_of(member(drivers, car, "Tla")) or None
                country = text_of(member(drivers, car, "CountryCode")) or None
                driver = {"number": 1, "name": name, "short": short, "country": country}
                values["drivers"] = (driver,)
            file = self.streams[DRIVERS].file
            reason = "an entry cannot have these values"
            doubt = Doubt(file, 1, car, shortened(name), reason, "the number only is used", car)
            if not self._add(doubt, EntryAdded, 0, **values):
                self.drafts.add(EntryAdded, 0, car=car)

    def _grid(self) -> None:
        """The grid as sent, else the positions when the race was started."""
        if self.kind != "race":
            return
        tyres = self.streams[TYRES].merged()
        places: dict[str, int] = {}
        for car in self.cars:
            place = text_of(member(tyres, "Lines", car, "GridPos"))
            if place.isdecimal() and int(place):
                places[car] = int(place)
        basis = "recorded"
        if not places:
            basis = "reconstructed"
            state: dict[str, Any] = {}
            for patch in self.streams[TIMING].patches:
                if patch.at > self.zero:
                    break
                merge(state, patch.content)
            for car in self.cars:
                place = text_of(member(state, "Lines", car, "Position"))
                if place.isdecimal():
                    places[car] = int(place)
        if places:
            order = tuple(sorted(places, key=lambda car: (places[car], car)))
            self.drafts.add(GridSet, 0, order=order, basis=basis)

    # The cars

    def _car(self, timing: CarTiming) -> None:
        car = timing.car
        for lap in timing.laps:
            # Outside races a time at the line in the lane is no lap time: it is never a best lap.
            counts = self.kind == "race" or not lap.in_lane
            self.drafts.add(
                LapCompleted,
                self._clock(lap.at),
                car=car,
                lap=lap.lap,
                lap_time_ms=lap.time if counts else None,
                in_pit_lane=lap.in_lane,
            )
        for line, number, at in timing.crossings():
            self.drafts.add(LinePassed, self._clock(at), car=car, line=line, lap=number)
        for at, entered in _since(timing.visits, self.zero):
            self.drafts.add(PitEntered if entered else PitExited, self._clock(at), car=car)
        for at, retired in _since(timing.retired, self.zero):
            self.drafts.add(CarRetired if retired else CarReturned, self._clock(at), car=car)

    # Segments and flags

    def _segments(self) -> None:
        if self.kind != "qualifying":
            return
        name = text_of(self.info.get("Name")).casefold()
        letters = "SQ" if "sprint" in name or "shootout" in name else "Q"
        parts: dict[int, int] = {1: self.zero}
        for patch in self.streams[TIMING].patches:
            part = whole(patch.content.get("SessionPart"))
            if part is not None and 1 < part <= 9:
                parts.setdefault(part, patch.at)
        if len(parts) == 1:
            parts |= dict(enumerate(self._restarts(), 2))
        for part, at in sorted(parts.items()):
            self.drafts.add(SegmentStarted, self._clock(at), name=f"{letters}{part}")

    def _restarts(self) -> list[int]:
        """When the session was started after it had finished."""
        finished, found = False, []
        for at, status in self.statuses:
            if status == "Started" and finished:
                found.append(at)
            finished = status == "Finished" or (finished and status != "Started")
        return found

    def _flags(self) -> None:
        """Draft the state of the track: by its status, and by the session's starts and ends."""
        changes = [
            (patch.at, 0, text_of(patch.content.get("Status")))
            for patch in self.streams[TRACK].patches
        ]
        changes += [(at, 1, status) for at, status in self.statuses]
        running, now, stopped = False, "", False
        for at, _, status in sorted(changes):
            shown: str | None = None
            if status == "Started":
                running, stopped, shown = True, False, "green"
            elif status == "Finished":
                running, shown = False, "chequered"
            elif status == "Aborted":
                stopped = True
                shown = "red" if running else None
            elif status in TRACK_STATUS and running:
                shown = TRACK_STATUS[status]
            elif status == ALL_CLEAR and running and not stopped:
                shown = "green"
            if shown is None or shown == now:
                continue
            clock = self._clock(at) if shown != "chequered" else self._chequered(at)
            self.drafts.add(FlagShown, clock, flag=shown)
            if "safety_car" in (shown, now):
                model = SafetyCarDeployed if shown == "safety_car" else SafetyCarWithdrawn
                self.drafts.add(model, clock)
            now = shown

    def _chequered(self, at: int) -> int:
        """When the chequered flag was shown: a race ends when its winner crosses the line."""
        if self.kind == "race":
            most = max((len(timing.laps) for timing in self.cars.values()), default=0)
            ends = [
                timing.laps[-1].at
                for timing in self.cars.values()
                if most and len(timing.laps) == most
            ]
            if ends and abs(min(ends) - at) <= AT_THE_FLAG_MS:
                at = min(*ends, at)
        return self._clock(at)

    # Race control

    def _race_control(self) -> None:
        penalties: list[tuple[int, str, AnnouncedPenalty]] = []
        served: set[str] = set()
        says_served = any("PENALTY SERVED" in message.text for message in self.messages)
        deletions: list[_Deleted] = []
        file = self.streams[MESSAGES].file
        for message in self.messages:
            clock, text = self._clock(message.at), message.text
            number = text_of(message.content.get("RacingNumber")) or car_in(text)
            car = number if number in self.cars else None
            reason = "cannot be a message"
            doubt = Doubt(file, message.line, "Message", shortened(text), reason, at=message.at)
            self._add(doubt, RaceControlMessage, clock, text=text, car=car)
            self._sector_flag(message, clock)
            if (deletion := deletion_in(text)) is not None:
                deletions.append(_Deleted(message.at, deletion, message.line))
            elif (penalty := penalty_in(text)) is not None and penalty.car in self.cars:
                if penalty.served:
                    self._serve(clock, penalty, penalties, served)
                else:
                    name = f"{SOURCE}-{len(penalties) + 1}"
                    penalties.append((message.at, name, penalty))
                    self.drafts.add(
                        PenaltyImposed,
                        clock,
                        penalty_id=name,
                        car=penalty.car,
                        kind=penalty.kind,
                        amount=penalty.amount,
                        reason=penalty.reason,
                    )
        if not says_served:
            self._infer_served(penalties)
        self._delete(deletions)

    def _sector_flag(self, message: _Message, clock: int) -> None:
        content = message.content
        sector, flag = whole(content.get("Sector")), SECTOR_FLAGS.get(text_of(content.get("Flag")))
        if content.get("Scope") == "Sector" and flag and sector is not None:
            file = self.streams[MESSAGES].file
            reason = "not a sector"
            doubt = Doubt(file, message.line, "Sector", str(sector), reason, at=message.at)
            self._add(doubt, FlagShown, clock, flag=flag, sector=sector)

    def _serve(
        self,
        clock: int,
        penalty: AnnouncedPenalty,
        penalties: list[tuple[int, str, AnnouncedPenalty]],
        served: set[str],
    ) -> None:
        """Serve the car's oldest penalty of the kind that is not served."""
        for _, name, one in penalties:
            same = (one.car, one.kind, one.amount) == (penalty.car, penalty.kind, penalty.amount)
            if same and name not in served:
                served.add(name)
                self.drafts.add(PenaltyServed, clock, penalty_id=name)
                return

    def _infer_served(self, penalties: list[tuple[int, str, AnnouncedPenalty]]) -> None:
        """Take penalties as served at the next stop, where the messages never say so."""
        for imposed, name, penalty in penalties:
            if penalty.kind not in ("time", "stop_and_hold", "drive_through"):
                continue
            timing = self.cars[penalty.car]
            last = timing.laps[-1].at if timing.laps else 0
            visits = [at for at, entered in timing.visits if entered and imposed < at]
            left = [at for at, entered in timing.visits if not entered]
            out = next((at for at in left if visits and visits[0] < at < last), None)
            if out is not None:
                basis = "reconstructed"
                self.drafts.add(PenaltyServed, self._clock(out), penalty_id=name, basis=basis)

    def _delete(self, deletions: list[_Deleted]) -> None:
        file = self.streams[MESSAGES].file
        again = {
            (one.deletion.car, one.deletion.time) for one in deletions if one.deletion.reinstated
        }
        for deleted in deletions:
            deletion, clock = deleted.deletion, self._clock(deleted.at)
            if deletion.reinstated:
                continue
            shown = deletion.time or f"lap {deletion.lap}"
            doubt = Doubt(
                *(file, deleted.line, "Message", shown, "a deleted lap that the car did not drive"),
                car=deletion.car if deletion.car in self.cars else None,
                at=deleted.at,
            )
            lap = self._lap_of(deleted)
            if (deletion.car, deletion.time) in again:
                why = "the lap time is reinstated later"
                self.doubts.append(Doubt(file, deleted.line, "Message", shown, why, at=deleted.at))
            elif lap is None:
                self.doubts.append(doubt)
            else:
                values = {"car": deletion.car, "lap": lap, "reason": deletion.reason}
                self._add(doubt, LapTimeDeleted, clock, **values)

    def _lap_of(self, deleted: _Deleted) -> int | None:
        """The number of a deleted lap: by its time, else by the number in a race."""
        deletion = deleted.deletion
        timing = self.cars.get(deletion.car)
        driven = [lap for lap in timing.laps if lap.at <= deleted.at] if timing else []
        if deletion.time is not None:
            time = milliseconds(deletion.time)
            return next((lap.lap for lap in reversed(driven) if lap.time == time), None)
        if self.kind != "race":
            return None
        return next((lap.lap for lap in driven if lap.lap == deletion.lap), None)

    # Weather and doubts

    def _weather(self) -> None:
        stream = self.streams[WEATHER]
        for patch in stream.patches:
            values: dict[str, object] = {
                name: figure
                for key, name in WEATHER_MEMBERS.items()
                if (figure := _figure(patch.content.get(key))) is not None
            }
            if (wind := _figure(patch.content.get("WindSpeed"))) is not None:
                values["wind_kph"] = round(wind * KPH_OF_MS, 1)
            if (direction := _figure(patch.content.get("WindDirection"))) is not None:
                values["wind_direction_deg"] = int(direction) % 360
            if (rain := _figure(patch.content.get("Rainfall"))) is not None:
                values["rain"] = bool(rain)
            clock = self._clock(patch.at)
            reason = "not a possible weather"
            doubt = Doubt(stream.file, patch.line, "weather", "", reason, at=patch.at)
            if values:
                self._add(doubt, WeatherMeasured, clock, **values)

    def _doubted(self) -> None:
        for doubt in bounded(self.doubts):
            self.drafts.add(
                DataDoubted,
                self._clock(doubt.at),
                file=doubt.file,
                line=doubt.line,
                column=doubt.column,
                car=doubt.car if doubt.car in self.cars else None,
                value=shortened(doubt.value),
                reason=doubt.reason,
                treatment=doubt.treatment,
            )


def _since(changes: list[tuple[int, bool]], zero: int) -> Iterator[tuple[int, bool]]:
    """The changes of a state from a time on, the state at that time first unless it is False."""
    before = [state for at, state in changes if at <= zero]
    if before and before[-1]:
        yield zero, True
    yield from (change for change in changes if change[0] > zero)


def _figure(value: object) -> float | None:
    try:
        figure = float(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return figure if figure is not None and isfinite(figure) else None

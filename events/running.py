"""Events of the cars: crossings, laps, the pit lane, drivers, retirements."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from events.base import CarNumber, Duration, Event, Name, Text

MOST_LAPS = 10_000
"""Far above any race (24 hours of 20-second laps are 4,320), and low enough to bound memory
until a mistaken lap number is voided."""

MOST_KPH = 600

LapNumber = Annotated[int, Field(ge=1, le=MOST_LAPS)]


class LinePassed(Event):
    """The car crossed an intermediate line on its lap ``lap`` (1 is the first)."""

    type: Literal["line_passed"] = "line_passed"
    car: CarNumber
    line: Annotated[str, Field(min_length=1, max_length=16)]
    lap: LapNumber


class LapCompleted(Event):
    """The car crossed the finish line and completed lap ``lap``.

    ``driver`` was at the wheel at the line; ``in_pit_lane`` is True if the line was crossed in
    the lane.
    """

    type: Literal["lap_completed"] = "lap_completed"
    car: CarNumber
    lap: LapNumber
    lap_time_ms: Duration | None = None
    driver: Name | None = None
    in_pit_lane: bool = False


class TopSpeedMeasured(Event):
    """The speed trap measured the car's highest speed so far in the session, on its lap ``lap``.

    ``at`` is the end of that lap where the timing has no time of the measurement.
    """

    type: Literal["top_speed_measured"] = "top_speed_measured"
    car: CarNumber
    lap: LapNumber
    speed_kph: Annotated[float, Field(gt=0, le=MOST_KPH)]


class BestLapReported(Event):
    """The timing has this best lap of a car, of which no crossing or no time is recorded.

    So where a feed was joined after the lap. It counts as a lap time, not as a completed lap. The
    first lap of a race counts as best lap only if it is reported.
    """

    type: Literal["best_lap_reported"] = "best_lap_reported"
    car: CarNumber
    lap: LapNumber
    lap_time_ms: Annotated[int, Field(ge=1, le=2**53)]


class PitEntered(Event):
    """The car crossed the pit-entry line."""

    type: Literal["pit_entered"] = "pit_entered"
    car: CarNumber


class PitStopped(Event):
    """The car stood in its box for ``stationary_ms``; ``at`` is when it left the box."""

    type: Literal["pit_stopped"] = "pit_stopped"
    car: CarNumber
    stationary_ms: Duration


class PitExited(Event):
    """The car crossed the pit-exit line."""

    type: Literal["pit_exited"] = "pit_exited"
    car: CarNumber


class DriverChanged(Event):
    """Another driver took the wheel."""

    type: Literal["driver_changed"] = "driver_changed"
    car: CarNumber
    driver: Name


class CarRetired(Event):
    """The car takes no further part, as far as known."""

    type: Literal["car_retired"] = "car_retired"
    car: CarNumber
    reason: Text | None = None


class CarReturned(Event):
    """A car that was retired is running again."""

    type: Literal["car_returned"] = "car_returned"
    car: CarNumber

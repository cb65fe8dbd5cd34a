"""Events of the track: flags, safety car, pit lane, race control messages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from events.base import BoundedTuple, CarNumber, Event, Name, Text

Flag = Literal[
    "green",
    "yellow",
    "fcy",
    "safety_car",
    "vsc",
    "code_60",
    "slow_zone",
    "red",
    "white",
    "chequered",
]


class FlagShown(Event):
    """A flag for the whole track or, with ``sector``, for one sector.

    A flag with a sector is local: it changes neither the track state nor the cautions.
    """

    type: Literal["flag_shown"] = "flag_shown"
    flag: Flag
    sector: Annotated[int, Field(ge=1, le=99)] | None = None


class SafetyCarDeployed(Event):
    """The safety car was deployed to pick up the field."""

    type: Literal["safety_car_deployed"] = "safety_car_deployed"
    reason: Text | None = None


class SafetyCarWithdrawn(Event):
    """The safety car left the track."""

    type: Literal["safety_car_withdrawn"] = "safety_car_withdrawn"


class PitLaneOpened(Event):
    """The pit lane opened for the named classes, or for all if none is named."""

    type: Literal["pit_lane_opened"] = "pit_lane_opened"
    classes: BoundedTuple[Name] = ()


class PitLaneClosed(Event):
    """The pit lane closed for the named classes, or for all if none is named."""

    type: Literal["pit_lane_closed"] = "pit_lane_closed"
    classes: BoundedTuple[Name] = ()


class WaveByGiven(Event):
    """These cars may pass the safety car and rejoin at the tail of the field."""

    type: Literal["wave_by_given"] = "wave_by_given"
    cars: BoundedTuple[CarNumber]


class PassAroundGiven(Event):
    """These cars, caught between safety car and class leader, may pass around."""

    type: Literal["pass_around_given"] = "pass_around_given"
    cars: BoundedTuple[CarNumber]


class WeatherMeasured(Event):
    """The weather at the track: air and track (Celsius), humidity, pressure, wind, rain."""

    type: Literal["weather_measured"] = "weather_measured"
    air_c: Annotated[float, Field(ge=-90, le=90)] | None = None
    track_c: Annotated[float, Field(ge=-90, le=120)] | None = None
    humidity_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    pressure_hpa: Annotated[float, Field(gt=0, le=1200)] | None = None
    wind_kph: Annotated[float, Field(ge=0, le=500)] | None = None
    wind_direction_deg: Annotated[int, Field(ge=0, le=359)] | None = None
    rain: bool | None = None


class RaceControlMessage(Event):
    """A race control message to everyone, or about one car."""

    type: Literal["race_control_message"] = "race_control_message"
    text: Annotated[str, Field(min_length=1, max_length=2000)]
    car: CarNumber | None = None

"""Events of the track: flags, safety car, pit lane, race control's words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from events.base import CarNumber, Event, Name, Several, Text

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
    """A flag, for the whole track or (``sector``) for a part of it.

    A flag with a sector is local: it changes neither the track state nor the cautions.
    """

    type: Literal["flag_shown"] = "flag_shown"
    flag: Flag
    sector: Annotated[int, Field(ge=1, le=99)] | None = None


class SafetyCarDeployed(Event):
    """The safety car left the pits to pick up the field."""

    type: Literal["safety_car_deployed"] = "safety_car_deployed"
    reason: Text | None = None


class SafetyCarWithdrawn(Event):
    """The safety car left the track."""

    type: Literal["safety_car_withdrawn"] = "safety_car_withdrawn"


class PitLaneOpened(Event):
    """The pit lane opened, for the classes named or (none named) for all."""

    type: Literal["pit_lane_opened"] = "pit_lane_opened"
    classes: Several[Name] = ()


class PitLaneClosed(Event):
    """The pit lane closed, for the classes named or (none named) for all."""

    type: Literal["pit_lane_closed"] = "pit_lane_closed"
    classes: Several[Name] = ()


class WaveByGiven(Event):
    """These cars may pass the safety car and drive round to the tail of the field."""

    type: Literal["wave_by_given"] = "wave_by_given"
    cars: Several[CarNumber]


class PassAroundGiven(Event):
    """These cars, caught between safety car and class leader, may pass around."""

    type: Literal["pass_around_given"] = "pass_around_given"
    cars: Several[CarNumber]


class RaceControlMessage(Event):
    """What race control told everyone."""

    type: Literal["race_control_message"] = "race_control_message"
    text: Annotated[str, Field(min_length=1, max_length=2000)]
    car: CarNumber | None = None

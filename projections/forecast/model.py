"""The fitted model: a table of numbers, each with what it means, in ``model.toml``.

Its version and what it was fitted on go with every forecast. The members of a table are those of
the file, which explains them.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, PositiveFloat

Share = PositiveFloat


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pace(_Table):
    """How a car's pace goes on, and how gaps wander."""

    mean: PositiveFloat
    best: PositiveFloat
    laps: PositiveFloat
    spread: PositiveFloat
    wander_ms: PositiveFloat
    to_pass_ms: PositiveFloat
    to_lead_ms: PositiveFloat


class Stints(_Table):
    """How far a car goes without a stop."""

    minutes: PositiveFloat
    fast_minutes: PositiveFloat
    worth: PositiveFloat
    full: PositiveFloat
    spread: PositiveFloat
    last_spread: PositiveFloat
    stretch: PositiveFloat
    further: PositiveFloat
    further_stints: PositiveFloat


class Stops(_Table):
    """What a stop under green costs."""

    lane_seconds: PositiveFloat
    lost_share: PositiveFloat
    spread_seconds: PositiveFloat


class Cautions(_Table):
    """How often cautions come, how long they last, and what they do."""

    per_hour: PositiveFloat
    worth_hours: PositiveFloat
    minutes: PositiveFloat
    longer: PositiveFloat
    worth: PositiveFloat
    spread: PositiveFloat
    slower: PositiveFloat
    lap_back: PositiveFloat
    restart_ms: PositiveFloat
    shuffle: PositiveFloat
    stop_after: PositiveFloat
    laps_to_stop: PositiveFloat


class Trouble(_Table):
    """Retirements, incidents, and what the model does not know."""

    retirements: PositiveFloat
    incidents: PositiveFloat
    lost_seconds: PositiveFloat
    spread: PositiveFloat
    overdue: PositiveFloat
    standing: PositiveFloat
    unknown: PositiveFloat


class ForecastModel(_Table):
    """The fitted model of a version, and what it was fitted on."""

    version: int
    fitted_on: str
    pace: Pace
    stint: Stints
    stop: Stops
    caution: Cautions
    trouble: Trouble


@cache
def fitted_model() -> ForecastModel:
    """The model that comes with this version."""
    text = files(__package__).joinpath("model.toml").read_text(encoding="utf-8")
    return ForecastModel.model_validate(tomllib.loads(text))

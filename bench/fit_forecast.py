"""Fit the forecast's model to a folder of races, or score it on them.

    python -m bench.fit_forecast FOLDER... [--minutes N] [--write]
    python -m bench.fit_forecast FOLDER... --score

Each laps file of a race below the folders is folded and cut at nine moments, and each number of
``projections/forecast/model.toml`` in turn is moved up and down as long as forecasts get better: a
higher skill, a higher probability for the winner, intervals that hold what they claim, laps to the
flag and next stops that are right. The same folder always gives the same model, unless
``--minutes`` cuts the search short. ``--write`` writes the model into the file.

It prints the scores as lines of JSON, by share of the race.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from projections.forecast.model import ForecastModel, fitted_model
from projections.forecast.race_forecast import forecast_of
from projections.forecast.scores import Score, Scores, Truth, truth_of
from projections.forecast.situation import Situation, situation
from projections.timeline import Timeline
from replay.importing import import_alkamel

MODEL = Path(__file__).resolve().parents[1] / "projections" / "forecast" / "model.toml"
SHARES = (0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.83, 0.9, 0.95)
SCORED = (0.1, 0.25, 0.5, 0.75, 0.9)
RUNS = 200
USUAL_MINUTES = (100, 160, 165, 240, 360, 480, 600, 720, 1440)
FIRST_STEP, LEAST_STEP = 1.3, 1.04


class Moment(NamedTuple):
    """A race at a share of its length, and what then happened."""

    share: float
    now: Situation
    laps: dict[str, int]
    truth: Truth


def moments(path: Path) -> list[Moment]:
    """The moments of a race, from its laps file."""
    timeline = Timeline()
    timeline.add(import_alkamel(path, kind="race"))
    race = timeline.race
    winner = race.order.cars()[0]
    total = race.order.passings[winner][-1] / 60_000
    usual = [minutes for minutes in USUAL_MINUTES if minutes - 1 <= total < minutes + 12]
    length = (usual[-1] if usual else total // 5 * 5) * 60_000
    truth = truth_of(race)
    found = []
    for share in SHARES:
        at = int(length * share)
        then = timeline.race_at(at)
        then.at = at
        now = situation(then, int(length) - at)
        found.append(Moment(share, now, dict(then.order.laps), truth))
    return found


def races(folders: Sequence[Path]) -> list[Path]:
    """The laps files of races below the folders."""
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*laps.csv")
        if "qualifying" not in path.name and "practice" not in path.name
    )


_loaded: list[list[Moment]] = []


def _load(paths: list[Path]) -> None:
    _loaded.extend(map(moments, paths))


def _scores(model: ForecastModel, runs: int, race: int) -> dict[float, Scores]:
    found: dict[float, Scores] = {}
    for moment in _loaded[race]:
        scores = found.setdefault(moment.share, Scores())
        scores.add(forecast_of(moment.now, model, runs), moment.laps, moment.truth)
    return found


class Field:
    """The races that a model is tried on, in worker processes."""

    def __init__(self, paths: list[Path]) -> None:
        self.count = len(paths)
        workers = min(os.cpu_count() or 1, len(paths))
        self._pool = ProcessPoolExecutor(workers, initializer=_load, initargs=(paths,))

    def scores(self, model: ForecastModel, runs: int = RUNS) -> dict[float, Scores]:
        """The scores of a model at each share of the races."""
        merged = {share: Scores() for share in SHARES}
        jobs = [self._pool.submit(_scores, model, runs, race) for race in range(self.count)]
        for job in jobs:
            for share, scores in job.result().items():
                merged[share].extend(scores)
        return merged

    def close(self) -> None:
        """End the worker processes."""
        self._pool.shutdown()


def goodness(by_share: dict[float, Scores]) -> float:
    """What is maximised."""
    each = [scores.score() for scores in by_share.values()]
    skill = _mean([one.skill for one in each])
    winner = _mean([math.log(one.winner) for one in each if one.winner])
    honest = abs(_mean([one.held for one in each]) - _mean([one.claimed for one in each]))
    laps = _mean([one.laps_within_1 for one in each])
    stop = _mean([one.stop_error for one in each])
    return skill + 0.03 * winner - 0.3 * honest + 0.05 * laps - 0.01 * stop


def _mean(values: Sequence[float | None]) -> float:
    known = [one for one in values if one is not None]
    return sum(known) / len(known) if known else 0.0


def numbers(model: ForecastModel) -> Iterator[tuple[str, str]]:
    """The table and the member of each number of a model."""
    for table, values in model.model_dump().items():
        if isinstance(values, dict):
            for member in values:
                yield table, member


def moved(model: ForecastModel, table: str, member: str, factor: float) -> ForecastModel:
    """The model with one number multiplied."""
    dumped = model.model_dump()
    dumped[table][member] *= factor
    return ForecastModel.model_validate(dumped)


def fit(field: Field, model: ForecastModel, seconds: float) -> ForecastModel:
    """The best model that was found."""
    until = time.monotonic() + seconds
    best = goodness(field.scores(model))
    steps = dict.fromkeys(numbers(model), FIRST_STEP)
    while max(steps.values()) > LEAST_STEP:
        for name, step in steps.items():
            if step <= LEAST_STEP:
                continue
            for factor in (step, 1 / step):
                if time.monotonic() > until:
                    return model
                tried = moved(model, *name, factor)
                found = goodness(field.scores(tried))
                if found > best + 1e-5:
                    best, model = found, tried
                    print(
                        f"{'.'.join(name)} * {factor:.3f}: {best:.4f}", file=sys.stderr, flush=True
                    )
                    break
            else:
                steps[name] = math.sqrt(step)
    return model


def write(model: ForecastModel, fitted_on: str) -> None:
    """Write the numbers into the model's file, with its comments as they are."""
    lines, table = [], ""
    dumped = model.model_dump()
    for line in MODEL.read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            table = found[1]
        elif (found := re.match(r"(\w+) = ", line)) and table:
            line = f"{found[1]} = {dumped[table][found[1]]:.4g}"
        elif line.startswith("fitted_on"):
            line = f"fitted_on = {json.dumps(fitted_on)}"
        lines.append(line)
    MODEL.write_text("\n".join(lines) + "\n", encoding="utf-8")


def rounded(score: Score) -> dict[str, float | None]:
    """The scores for people."""
    return {
        name: None if value is None else round(value, 4) for name, value in score._asdict().items()
    }


def main() -> None:
    """Fit, or score."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--minutes", type=float, default=600.0)
    parser.add_argument("--score", action="store_true", help="only score the model as it is")
    parser.add_argument("--write", action="store_true", help="write the model into its file")
    options = parser.parse_args()
    paths = races(options.folders)
    field = Field(paths)
    model = fitted_model()
    if not options.score:
        model = fit(field, model, options.minutes * 60)
        if options.write:
            write(model, f"{', '.join(map(str, options.folders))}: {len(paths)} races")
    by_share = field.scores(model, 400)
    for share, scores in by_share.items():
        if share in SCORED:
            print(json.dumps({"share": share, **rounded(scores.score())}))
    chosen = [by_share[share].score() for share in SCORED]
    print(
        json.dumps({"races": len(paths), "skill": round(_mean([one.skill for one in chosen]), 4)})
    )
    field.close()


if __name__ == "__main__":
    main()

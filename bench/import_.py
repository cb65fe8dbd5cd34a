"""An Al Kamel file to its official classification and lap chart, against pandas.

Ours goes the whole way: every row checked, all crossings, visits, flags and retirements
translated to events, and all projections folded. pandas reads the same columns, and makes the
same classification and the same chart. The ratio is of times. The file is Le Mans 2024,
where it is to be had; else one of the same size is made up.
"""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pandas as pd

from bench.measure import in_turn, report
from bench.synthetic import synthetic_race
from events import EntryAdded, LapCompleted, LinePassed
from events.clock import format_clock, format_lap_time
from projections import views
from projections.race import Race
from projections.results.classification import classify
from replay.importing import import_alkamel

LE_MANS = Path(__file__).parents[1] / "../shared/data/wec/2024-le-mans-24h-laps.csv"
Outcome = tuple[list[tuple[str, int, int]], dict[tuple[str, int], int]]
"""Car, laps and total time (ms) in order; and the place of each (car, lap)."""


def with_lapstream(path: Path) -> Outcome:
    """Events, folds, classification, chart."""
    race = Race()
    race.apply_all(import_alkamel(path, rules="wec-2024"))  # returned in effective order
    rows = [(row.car, row.laps, row.total_ms or 0) for row in classify(race) if row.laps]
    return rows, views.lap_positions(race)


def with_pandas(path: Path) -> Outcome:
    """The same from a data frame."""
    frame = pd.read_csv(
        io.StringIO(path.read_text(encoding="utf-8-sig")),
        sep=";",
        skipinitialspace=True,
        dtype=str,
        usecols=lambda name: name.strip() in ("NUMBER", "LAP_NUMBER", "ELAPSED"),
    ).rename(columns=str.strip)
    frame["lap"] = frame["LAP_NUMBER"].astype(int)
    parts = frame["ELAPSED"].str.split(":", expand=True).reindex(columns=range(3))
    hours = parts[2].notna()
    clock = parts.where(hours, parts.shift(1, axis=1)).fillna("0").astype(float)
    frame["at"] = ((clock[0] * 3600 + clock[1] * 60 + clock[2]) * 1000).round().astype(int)
    last = frame.sort_values("lap").groupby("NUMBER").tail(1)
    last = last.sort_values(["lap", "at"], ascending=[False, True])
    rows = list(zip(last["NUMBER"], last["lap"], last["at"], strict=True))
    frame = frame.sort_values(["lap", "at", "NUMBER"])
    frame["place"] = frame.groupby("lap").cumcount() + 1
    chart = dict(zip(zip(frame["NUMBER"], frame["lap"], strict=True), frame["place"], strict=True))
    return rows, chart


def made_up(folder: Path) -> Path:
    """A file of the size of Le Mans 2024, from the synthetic race."""
    path = folder / "laps.csv"
    columns = (
        "NUMBER; DRIVER_NUMBER; LAP_NUMBER; LAP_TIME; CROSSING_FINISH_LINE_IN_PIT; S1; S2; S3;"
        " ELAPSED; HOUR; DRIVER_NAME; PIT_TIME; CLASS; TEAM; MANUFACTURER; FLAG_AT_FL;"
    )
    classes: dict[str, str | None] = {}
    lines: dict[str, list[str]] = {}
    sectors: dict[str, dict[str, int]] = {}
    for event in synthetic_race(cars=40):
        match event:
            case EntryAdded(car=car, car_class=name):
                classes[car] = name
            case LinePassed(car=car, line=line, at=at):
                sectors.setdefault(car, {})[line] = at
            case LapCompleted(car=car, lap=lap, at=at, lap_time_ms=int(ms)):
                s1, s2 = sectors[car]["S1"], sectors[car]["S2"]
                first = at - ms if lap > 1 else 0
                lines.setdefault(car, []).append(
                    f"{car};1;{lap};{format_lap_time(at - first)};;"
                    f"{format_lap_time(s1 - first)};{format_lap_time(s2 - s1)};"
                    f"{format_lap_time(at - s2)};{format_lap_time(at)};"
                    f"{format_clock((at + 57_600_000) % 86_400_000)};Driver {car};;"
                    f"{classes[car]};Team {car};;GF;"
                )
            case _:
                pass
    rows = [row for of_car in lines.values() for row in of_car]
    path.write_text("\r\n".join([columns, *rows, ""]), encoding="utf-8-sig", newline="")
    return path


def main() -> None:
    """Measure, and print one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = LE_MANS if LE_MANS.exists() else made_up(Path(folder))
        assert with_lapstream(path) == with_pandas(path)
        ours, against, ratio = in_turn(lambda: with_lapstream(path), lambda: with_pandas(path))
        report("import", ours * 1000, against * 1000, ratio, "ms", file=path.name)


if __name__ == "__main__":
    main()

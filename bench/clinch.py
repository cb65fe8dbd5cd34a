"""The title fight of a field of 20, with all tables and sentences: milliseconds against 5.

Twenty contenders within reach of each other, all undecided or nearly so, before the start;
``during_race_ms`` is the same field with seven retired cars, a fresh field each time.
"""

from __future__ import annotations

import statistics

from bench.measure import report, seconds
from projections.championship.clinch import Contender, Outlook, Round, outlooks
from projections.championship.clinch_sentences import sentence
from projections.championship.reachable_places import OnTrack, RaceField, field_now, open_field

CARS = [str(car) for car in range(1, 21)]
SCALE = (350, 320, 300, 280, 260, *range(250, 0, -10))
BAR_MS = 5.0
ROUNDS = 51


def contenders() -> list[Contender]:
    """Thirteen points between each and the next; finishes for the countback."""
    return [
        Contender(f"#{car}", 2600 - 13 * place, (car,), (place % 3, place % 4, place % 5))
        for place, car in enumerate(CARS)
    ]


def during_race() -> RaceField:
    """Every third car retired, the later the fewer its laps."""
    return field_now(
        [
            OnTrack(car, 400 - 7 * place, 1_000 * place, settled=True)
            if place % 3 == 0
            else OnTrack(car, 420, 1_000 * place)
            for place, car in enumerate(CARS)
        ]
    )


def fight(field: RaceField) -> list[tuple[Outlook, str]]:
    """The complete report."""
    found = outlooks(contenders(), Round(field, SCALE), countback=True)
    return [(outlook, sentence(outlook)) for outlook in found]


def main() -> None:
    """Measure, and print one line."""
    before = fight(open_field(CARS, len(CARS)))
    assert len(before) == len(CARS)
    times = [seconds(lambda: fight(open_field(CARS, len(CARS)))) for _ in range(ROUNDS)]
    racing = [seconds(lambda: fight(during_race())) for _ in range(ROUNDS)]
    ours = statistics.median(times) * 1000
    report(
        "clinch",
        ours,
        BAR_MS,
        ours / BAR_MS,
        "ms",
        contenders=len(before),
        undecided=sum(outlook.status == "alive" for outlook, _ in before),
        tables=sum(len(outlook.against) for outlook, _ in before),
        during_race_ms=round(statistics.median(racing) * 1000, 3),
    )


if __name__ == "__main__":
    main()

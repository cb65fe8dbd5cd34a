"""A hundred and twenty races at once, against one race of as many events.

Both sides are one projector on an embedded server, from the logs to committed frames. The
ratio is of total events a second: ours (many)/against (one).
"""

from __future__ import annotations

from bench.measure import in_turn, report
from bench.pipeline import SESSION, Run, check, fill, forget, project, with_store
from bench.synthetic import synthetic_race
from services.storage.client import Store

SESSIONS = 120


def measure(run: Run, store: Store) -> None:
    """Both sides in turn."""
    short = synthetic_race(cars=30, hours=0.4)
    one = synthetic_race(hours=24)[: SESSIONS * len(short)]
    races = [f"race-{number}" for number in range(SESSIONS)]
    many = {race: run(fill(store, short, race)) for race in races}
    last = {SESSION: run(fill(store, one))}

    def all_at_once() -> None:
        run(forget(store, races))
        run(project(store, many))

    def single() -> None:
        run(forget(store))
        run(project(store, last))

    ours, against, _ = in_turn(all_at_once, single)
    run(check(store, short, races[-1]))
    total = SESSIONS * len(short)
    rates = total / ours, len(one) / against
    report("sessions", *rates, rates[0] / rates[1], "events/s", sessions=SESSIONS, events=total)


def main() -> None:
    """Measure, and print one line."""
    with_store(measure)


if __name__ == "__main__":
    main()

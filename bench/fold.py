"""All projections on decoded events, against a bare running-order fold.

Ours is the timeline: identities, effective order, checkpoints and every projection. The
line also has the cost of an event after 1, 10 and 24 hours of race, in microseconds.
"""

from __future__ import annotations

from bench.measure import in_turn, report, seconds
from bench.synthetic import HOUR, synthetic_race
from events import AnyEvent, LapCompleted, LinePassed
from projections.timeline import Timeline

BATCH = 1_000


def fold(events: list[AnyEvent]) -> Timeline:
    """Everything that lapstream knows of the race."""
    timeline = Timeline()
    for start in range(0, len(events), BATCH):
        timeline.add(events[start : start + BATCH])
    return timeline


class BareRunningOrder:
    """Laps, lines and times by car: the least from which an order follows."""

    def __init__(self) -> None:
        self.laps: dict[str, int] = {}
        self.line: dict[str, int] = {}
        self.at: dict[str, int] = {}
        self.best: dict[str, int] = {}

    def apply(self, event: AnyEvent) -> None:
        """Fold one event."""
        match event:
            case LinePassed(car=car, line=line, at=at):
                self.line[car] = 1 if line == "S1" else 2
                self.at[car] = at
            case LapCompleted(car=car, lap=lap, at=at, lap_time_ms=ms):
                self.laps[car] = lap
                self.line[car] = 0
                self.at[car] = at
                if ms is not None and ms < self.best.get(car, 1 << 62):
                    self.best[car] = ms
            case _:
                pass

    def order(self) -> list[str]:
        """The cars, leader first."""
        return sorted(
            self.at,
            key=lambda car: (-self.laps.get(car, 0), -self.line.get(car, 0), self.at[car], car),
        )


def bare_fold(events: list[AnyEvent]) -> BareRunningOrder:
    """The bare order after these events."""
    bare = BareRunningOrder()
    for event in events:
        bare.apply(event)
    return bare


def cost_by_hour(events: list[AnyEvent]) -> dict[str, float]:
    """Microseconds an event in hours 1, 10 and 24: the least of several folds, as least noisy."""
    starts = {hour: (hour - 1) * HOUR for hour in (1, 10, 24)}
    bounds = {
        hour: [
            next((i for i, event in enumerate(events) if event.at >= at), len(events))
            for at in (start, start + HOUR)
        ]
        for hour, start in starts.items()
    }
    costs: dict[str, list[float]] = {}
    for _ in range(5):
        timeline = Timeline()
        done = 0
        for hour, (first, last) in bounds.items():
            timeline.add(events[done:first])
            hour_events = events[first:last]
            spent = seconds(lambda: timeline.add(hour_events))  # noqa: B023 - called at once
            costs.setdefault(str(hour), []).append(spent / len(hour_events) * 1e6)
            done = last
    return {hour: round(min(each), 2) for hour, each in costs.items()}


def main() -> None:
    """Measure, and print one line."""
    events = synthetic_race()
    assert fold(events).race.order.cars() == bare_fold(events).order()
    ours, against, ratio = in_turn(lambda: fold(events), lambda: bare_fold(events))
    count = len(events)
    report(
        "fold",
        count / ours,
        count / against,
        1 / ratio,
        "events/s",
        events=count,
        us_per_event_in_hour=cost_by_hour(events),
    )


if __name__ == "__main__":
    main()

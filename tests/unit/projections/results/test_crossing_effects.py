"""What a correction says of the crossings that it puts in or counts out."""

import pytest

import events as ev
from projections.results.crossing_effects import CrossingsBefore
from projections.timeline import Timeline


def timeline() -> Timeline:
    """A car that completes four laps of 100 s."""
    opened = ev.SessionOpened(
        at=0,
        source="t",
        source_seq=0,
        title="T",
        series="S",
        kind="race",
    )
    laps = [
        ev.LapCompleted(
            at=n * 100_000, source="t", source_seq=n, car="7", lap=n, lap_time_ms=100_000
        )
        for n in range(1, 5)
    ]
    found = Timeline()
    found.add([opened, *laps])
    return found


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (
            ev.CrossingInserted(
                at=400_000,
                source="race-control",
                source_seq=0,
                car="7",
                completed_at=140_500,
                reason="loop down",
            ),
            ["#7: lap 2 of 1:40.000 is split into 40.500 and 59.500"],
        ),
        (
            ev.CrossingInserted(
                at=400_000,
                source="race-control",
                source_seq=0,
                car="7",
                completed_at=199_500,
                reason="half a second before a crossing",
            ),
            ["#7: lap 2 of 1:40.000 is split into 1:39.500 and 0.500"],
        ),
        (
            ev.ShortestLapSet(at=0, source="race-control", source_seq=0, lap_time_ms=120_000),
            [
                f"#7: crossing at 0:0{at}.000 is counted out as a double read, 1:40.000 after the "
                "last; no lap is shorter than 2:00.000"
                for at in ("3:20", "6:40")
            ],
        ),
    ],
)
def test_effects(event: ev.AnyEvent, lines: list[str]) -> None:
    """A split lap is named with both parts, and each crossing that is counted out."""
    race = timeline()
    crossings = CrossingsBefore.of(race.race, event)
    race.add([event])
    assert list(crossings.effects(race.race, event)) == lines

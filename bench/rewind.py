"""A lap voided ten hours back in a 24-hour race, against a cold rebuild of the race.

The rebuild decodes the log and folds it; the rewind folds again from the checkpoint.
The ratio is of times: ours/against.
"""

from __future__ import annotations

from bench.fold import fold
from bench.measure import in_turn, report
from bench.synthetic import HOUR, synthetic_race
from events import EventVoided, LapCompleted, decode, encode
from projections.timeline import Timeline


def main() -> None:
    """Measure, and print one line."""
    events = synthetic_race()
    log = [encode(event) for event in events]
    back = next(e for e in events if isinstance(e, LapCompleted) and e.at >= 14 * HOUR)
    timeline: Timeline = fold(events)
    voids = 0

    def void() -> None:
        """Void the lap, then void the void, and so on: each reaches ten hours back."""
        nonlocal voids
        source, seq = ("bench", back.source_seq) if voids == 0 else ("stewards", voids - 1)
        timeline.add(
            [
                EventVoided(
                    at=24 * HOUR + voids,
                    source="stewards",
                    source_seq=voids,
                    voided_source=source,
                    voided_seq=seq,
                    reason="a benchmark",
                )
            ]
        )
        voids += 1

    ours, against, ratio = in_turn(void, lambda: fold([decode(raw) for raw in log]))
    report("rewind", ours * 1000, against * 1000, ratio, "ms", events=len(events))


if __name__ == "__main__":
    main()

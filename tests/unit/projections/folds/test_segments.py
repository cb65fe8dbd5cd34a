"""Best laps by segment, those that only the timing reported included."""

from __future__ import annotations

import events as ev
from projections.folds.segments import Segments
from tests.builders import Story


def qualifying() -> Story:
    """Two cars with a lap in the first of two segments."""
    story = Story().opened("1", "2", kind="qualifying")
    story.add(ev.SegmentStarted, 0, name="Q1")
    for car, ms in (("1", 61_000), ("2", 62_000)):
        story.lap(car, 1, 100_000 + ms, ms)
    story.add(ev.SegmentStarted, 300_000, name="Q2")
    return story


def bests(story: Story, car: str) -> list[int | None]:
    """The best times of a car, segment by segment."""
    segments: Segments = story.race().segments
    return [None if best is None else best.ms for best in segments.of_car(car)]


def test_a_report_counts_in_the_segment_under_way() -> None:
    """A best lap that the timing reports after the second segment began is one of it."""
    story = qualifying()
    story.add(ev.BestLapReported, 400_000, car="1", lap=3, lap_time_ms=59_000)
    assert bests(story, "1") == [61_000, 59_000]
    assert bests(story, "2") == [62_000, None]


def test_a_late_report_of_a_lap_before_counts_nowhere_else() -> None:
    """The car had completed a lap of that number before the segment began."""
    story = qualifying()
    story.add(ev.BestLapReported, 400_000, car="1", lap=1, lap_time_ms=60_500)
    assert bests(story, "1") == [61_000, None]


def test_a_deleted_time_is_none_of_its_segment() -> None:
    """Reported or timed; what else was reported stays."""
    story = qualifying()
    story.add(ev.BestLapReported, 400_000, car="1", lap=3, lap_time_ms=59_000)
    story.add(ev.BestLapReported, 410_000, car="1", lap=4, lap_time_ms=58_000)
    story.add(ev.LapTimeDeleted, 420_000, car="1", lap=4)
    assert bests(story, "1") == [61_000, 59_000]
    story.add(ev.LapTimeDeleted, 430_000, car="1", lap=1)
    assert bests(story, "1") == [None, 59_000]

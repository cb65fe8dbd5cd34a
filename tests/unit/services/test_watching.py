"""When a race in lines is looked at."""

from __future__ import annotations

import itertools

import events as ev
from projections.timeline import Timeline
from replay.playhead import RacePlayback
from services.terminal.live_display import STEP_MS, moments
from tests.builders import opened


def test_a_clock_gone_mad_is_passed_over_in_one_step():
    """Between a race and an event at the end of time there is nothing to look at."""
    story = opened("1").laps("1", 3)
    story.add(ev.RaceControlMessage, 2**53, text="?")
    timeline = Timeline()
    timeline.add(story.events)
    looked = list(itertools.islice(moments(RacePlayback(timeline), 0, 2**53), 20))
    assert looked[:2] == [0, 60_000]
    assert looked[-1] == 2**53
    assert set(range(60_000, 180_001, 60_000)) <= set(looked)


def test_a_busy_race_is_looked_at_every_few_seconds():
    """No more than a step goes by unlooked at where something happens in each."""
    story = opened("1").laps("1", 100, ms=5_000)
    timeline = Timeline()
    timeline.add(story.events)
    looked = list(moments(RacePlayback(timeline), 0, 500_000))
    assert looked == [*range(0, 500_000, STEP_MS), 500_000]

"""A race in lines: what is told, and when."""

from __future__ import annotations

from projections.timeline import Timeline
from projections.views.frame_builder import frame_state
from services.terminal.ticker import EVERY_MS, Ticker
from tests.builders import Story, opened
from tests.unit.services.tower_race import race_story


def lines(story: Story, *moments: int) -> list[str]:
    """What a ticker tells that looks at these moments, behind the title."""
    timeline = Timeline()
    timeline.add(story)
    ticker = Ticker()
    title, *lines_since = [
        line for at in moments for line in ticker.lines(frame_state(timeline.race_at(at)), at)
    ]
    assert title == "Short Le Mans, reconstructed"
    return lines_since


def test_each_line_has_its_own_time() -> None:
    """Seen late, a thing is still told at the time at which it was."""
    assert lines(race_story(), 600_000, 720_000) == [
        " 0:11:05  safety car, caution 1; car 7 leads",
        " 0:11:10  car 45: stop and hold 30 s imposed",
        " 0:11:40  Car 45: stop and 30 s, contact with car 62",
        " 0:11:55  Car 7 retired: engine",
    ]


def test_what_was_reported_is_not_repeated() -> None:
    """Only changes are worth a line."""
    assert lines(race_story(), 600_000, 720_000, 720_000) == lines(race_story(), 600_000, 720_000)


def test_a_caution_between_two_looks() -> None:
    """It began and ended unseen, and is told all the same."""
    story = race_story().flag("green", 690_000).flag("chequered", 719_000)
    assert [line for line in lines(story, 600_000, 720_000) if "caution" in line] == [
        " 0:11:05  safety car, caution 1; car 7 leads",
        " 0:11:30  end of caution 1 after 0:25; car 7 leads",
    ]
    assert lines(story, 600_000, 720_000)[-1] == " 0:11:59  chequered flag"


def test_a_change_of_the_lead() -> None:
    """The car first to complete the next lap leads."""
    story = race_story().lap("1", 11, 718_000)
    assert lines(story, 716_000, 720_000) == [" 0:12:00  car 1 leads on lap 11 (lead change 1)"]


def test_the_front_is_reported_at_intervals() -> None:
    """The first five, every quarter of an hour on the session clock."""
    (line,) = lines(race_story(), 720_000, EVERY_MS + 1)
    assert line == " 0:15:00  lap 10: 7 LMP1, 1 LMP1 +15.000, 45 GT2 +1 lap, 62 GT2 +1 lap, 007 GT2"


def test_local_flags() -> None:
    """What is shown in a sector, with its own time, and that it is clear."""
    story = race_story().flag("yellow", 721_000, sector=2).flag("slow_zone", 725_000, sector=2)
    story.flag("green", 731_000, sector=2)
    assert lines(story, 720_000, 722_000, 726_000, 732_000) == [
        " 0:12:01  sector 2: yellow",
        " 0:12:05  sector 2: slow zone",
        " 0:12:12  sector 2: clear",
    ]


def qualifying() -> Story:
    """Three cars in qualifying, of which one has no time, and a red flag."""
    story = opened("7", "10", "25", kind="qualifying", title="Short Le Mans, reconstructed")
    story.lap("7", 1, 150_000, None).lap("7", 2, 240_000, 90_000).lap("10", 1, 241_000, 89_600)
    return story.flag("red", 250_000).flag("green", 300_000)


def test_qualifying_is_no_race() -> None:
    """Who is quickest, red flags, and the best laps; no leader, laps or cautions."""
    assert lines(qualifying(), 240_500, 310_000, EVERY_MS + 1) == [
        " 0:04:10  red",
        " 0:05:00  end of red after 0:50",
        " 0:05:10  car 10 is quickest",
        " 0:15:00  best laps: 10 GT 1:29.600, 7 GT +0.400",
    ]

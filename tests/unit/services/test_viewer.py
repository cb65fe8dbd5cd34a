"""What the keys do."""

from __future__ import annotations

import pytest

from projections.timeline import Timeline
from projections.views.frame_builder import frame_state
from replay.playhead import Playhead, RacePlayback
from services.terminal.tower_state import TowerState
from services.terminal.viewer import Viewer, keys_in
from tests.unit.services.tower_race import CLOCK_MS, race_story


@pytest.fixture
def board() -> TowerState:
    """The board at 12:00 of the short race."""
    return TowerState.of(frame_state(race_story().race()), CLOCK_MS)


def replaying(at: int = 300_000) -> tuple[Viewer, Playhead]:
    """A viewer of a replay that stands at 5:00."""
    timeline = Timeline()
    timeline.add(race_story())
    replay = RacePlayback(timeline)
    playhead = Playhead(replay.start, replay.end, at=at)
    return Viewer(playhead, replay), playhead


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        (b"q", ["q"]),
        (b"\x1b[D\x1bOC+", ["left", "right", "+"]),
        (b"\x1b[A\x1b[B ", ["up", "down", " "]),
        (b"\x03", ["q"]),
        (b"\n\x00\xc3\xa4", []),
    ],
)
def test_keys_are_ordered(typed: bytes, keys: list[str]) -> None:
    """Arrows come by name, signs as they are, and the rest not at all."""
    assert keys_in(typed) == keys


def test_a_minute_ahead_and_back(board: TowerState) -> None:
    """Arrows and brackets go a minute, not beyond the ends."""
    viewer, playhead = replaying()
    viewer.press("right", board)
    viewer.press("]", board)
    assert playhead.at == 420_000
    for _ in range(9):
        viewer.press("[", board)
    assert playhead.at == playhead.start


def test_from_caution_to_caution(board: TowerState) -> None:
    """n and p go to where cautions begin, and stay where there is none."""
    viewer, playhead = replaying()
    viewer.press("p", board)
    assert playhead.at == 300_000
    viewer.press("n", board)
    assert playhead.at == 665_000


def test_pause_and_speed(board: TowerState) -> None:
    """Space pauses, plus and minus step through the speeds."""
    viewer, playhead = replaying()
    viewer.press(" ", board)
    viewer.press("+", board)
    assert (playhead.paused, playhead.speed) == (True, 2.0)
    viewer.press("-", board)
    assert playhead.speed == 1.0


def test_what_is_live_cannot_be_sought(board: TowerState) -> None:
    """Without a replay the pace can be changed, the place cannot."""
    playhead = Playhead(0, 600_000, at=300_000)
    viewer = Viewer(playhead)
    for key in ("left", "n", "p", "0", "+"):
        viewer.press(key, board)
    assert (playhead.at, playhead.speed) == (300_000, 2.0)


def test_class_after_class(board: TowerState) -> None:
    """c goes through the classes in their order and back to all."""
    viewer = Viewer()
    seen = []
    for _ in range(3):
        viewer.press("c", board)
        seen.append(viewer.car_class)
    assert seen == ["LMP1", "GT2", None]


def test_scrolling_help_and_leaving(board: TowerState) -> None:
    """The other keys change how it is looked at; one that means nothing does nothing."""
    viewer = Viewer()
    for key in ("down", "down", "?", "x"):
        viewer.press(key, board)
    look = viewer.options(board, 0.0)
    assert (look.top, look.help, viewer.gone) == (2, True, False)
    viewer.press("q", board)
    assert viewer.gone

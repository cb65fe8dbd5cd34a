"""A short race for the gateway's tests: frames with their log positions."""

from __future__ import annotations

from functools import cache

from projections.timeline import Timeline
from projections.views.frame import Frame, Token
from projections.views.frame_builder import FrameBuilder
from projections.views.session_line import clock_running
from tests.races import petit_le_mans_2007

BEGAN = 1_760_000_000_000
"""The wall clock at the first frame; each next one is a tenth of a second later."""

STEP_MS = 100


@cache
def frames(count: int = 60, size: int = 50) -> tuple[Frame, ...]:
    """A snapshot, and deltas of so many events each."""
    events = petit_le_mans_2007()
    timeline, builder, made = Timeline(), FrameBuilder(), []
    for number in range(count):
        timeline.add(events[number * size : (number + 1) * size])
        patch = builder.advance(timeline.race)
        race, at = timeline.race, BEGAN + number * STEP_MS
        made.append(
            Frame(
                Token(1, f"{at}-0"),
                at,
                race.at,
                clock_running(race),
                "delta" if number else "snapshot",
                patch if number else builder.state,
            )
        )
    return tuple(made)


def snapshot(frame: Frame, epoch: int, reason: str) -> Frame:
    """The first frame as one that begins another epoch, where ``frame`` stands."""
    return frames()[0]._replace(
        token=Token(epoch, frame.token.position), at=frame.at, reason=reason
    )

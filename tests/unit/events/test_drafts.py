"""Many events drafted at once."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from events import CarRetired, FlagShown, LapCompleted, LinePassed, SessionOpened, decode, encode
from events.drafts import Drafts


def test_drafts_are_reported_in_order():
    """Events come by time, then rank, then as they were drafted, numbered from 0."""
    drafts = Drafts("feed")
    drafts.add_laps(
        LapCompleted,
        [60_000, None, 180_000],
        {"car": "7"},
        lap_time_ms=[60_000, 1, 61_000],
        driver=["Ann", None, None],
    )
    drafts.add_laps(LinePassed, [20_000, 80_000], {"car": "8", "line": "S1"})
    drafts.add_all(CarRetired, [], {"car": "9"})
    drafts.add_all(FlagShown, [180_000, 60_000], {"flag": "green"})
    drafts.add(SessionOpened, 0, title="A race", kind="race")
    assert drafts.latest() == 180_000
    by_hand = [
        SessionOpened(at=0, source="feed", source_seq=0, title="A race", kind="race"),
        LinePassed(at=20_000, source="feed", source_seq=1, car="8", line="S1", lap=1),
        FlagShown(at=60_000, source="feed", source_seq=2, flag="green"),
        LapCompleted(
            at=60_000,
            source="feed",
            source_seq=3,
            car="7",
            lap=1,
            lap_time_ms=60_000,
            driver="Ann",
        ),
        LinePassed(at=80_000, source="feed", source_seq=4, car="8", line="S1", lap=2),
        FlagShown(at=180_000, source="feed", source_seq=5, flag="green"),
        LapCompleted(
            at=180_000,
            source="feed",
            source_seq=6,
            car="7",
            lap=3,
            lap_time_ms=61_000,
        ),
    ]
    assert drafts.events() == by_hand
    assert [encode(event) for event in drafts.events()] == [encode(event) for event in by_hand]


def test_a_drafted_event_is_as_good_as_any():
    """A drafted event can be compared, hashed, copied, shown and read back like any other."""
    drafts = Drafts("feed")
    drafts.add_laps(LinePassed, [20_000, 80_000], {"car": "7", "line": "S1"})
    first, second = drafts.events()
    assert first != second
    assert decode(encode(first)) == first
    assert hash(decode(encode(first))) == hash(first)
    assert repr(decode(encode(first))) == repr(first)
    changed = first.model_copy(update={"lap": 2, "at": 80_000, "source_seq": 1})
    assert isinstance(first, LinePassed)
    assert (changed, first.lap) == (second, 1)
    with pytest.raises(ValidationError, match="frozen"):
        first.lap = 2  # type: ignore[misc]


def test_a_draft_is_checked():
    """What a model would not take cannot be drafted."""
    with pytest.raises(ValidationError):
        Drafts("feed").add(FlagShown, 0, flag="pink")
    with pytest.raises(ValidationError):
        Drafts("feed").add_laps(LinePassed, [1], {"car": "", "line": "S1"})

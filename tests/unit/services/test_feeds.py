"""Which feed goes into which session, as it is written."""

from __future__ import annotations

import pytest

from events.errors import BadSessionId
from services.feeds.address import Address, BadAddress, BadFeed, FeedTarget


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("rmonitor:timing.example:50000=friday", Address("timing.example", 50000)),
        ("rmonitor:[::1]:50000=friday", Address("::1", 50000)),
    ],
)
def test_a_feed_to_follow(text: str, address: Address) -> None:
    """Protocol, address and session are read, and written again."""
    followed = FeedTarget.parse(text)
    assert followed == (address, "friday")
    assert str(followed) == f"rmonitor {address} into friday"


@pytest.mark.parametrize(
    ("text", "error", "named"),
    [
        ("timing:50000=live", BadFeed, "timing:50000=live"),
        ("rmonitor:timing:50000", BadFeed, "rmonitor:timing:50000"),
        ("rmonitor:timing=live", BadAddress, "timing"),
        ("rmonitor:timing:50000=No!", BadSessionId, "No!"),
        (f"rmonitor:timing:50000={'x' * 64}", BadSessionId, "x" * 64 + "-99"),
    ],
)
def test_no_feed(text: str, error: type[Exception], named: str) -> None:
    """What is none names what is wrong; there must be room to name later runs."""
    with pytest.raises(error) as refused:
        FeedTarget.parse(text)
    assert repr(named) in str(refused.value)

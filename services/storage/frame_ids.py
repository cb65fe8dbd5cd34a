"""The ids of frames in their stream."""

from __future__ import annotations

from events.errors import LapstreamError
from projections.views.frame import Token
from replay.entries import parse_position

LARGEST_EPOCH = 2**16 - 1
LARGEST_TIME = 2**48 - 1
"""The latest recorded time that a frame's id can hold, in ms since 1970: the year 10889."""


class TokenTooLarge(LapstreamError):
    """A token that the id of a frame cannot hold."""

    def __init__(self, token: Token) -> None:
        self.token = token
        super().__init__(
            f"no frame can have the token {token}: its epoch is at most {LARGEST_EPOCH}, "
            f"the time of its position at most {LARGEST_TIME}"
        )


def frame_id(token: Token) -> str:
    """The id of a token's frame in the stream: ordered by epoch, then by position.

    The epoch takes the upper 16 of the 64 bits of the id's first part, the recorded time the
    others. Raises TokenTooLarge.
    """
    time_ms, number = parse_position(token.position)
    if token.epoch > LARGEST_EPOCH or time_ms > LARGEST_TIME:
        raise TokenTooLarge(token)
    return f"{token.epoch << 48 | time_ms}-{number}"

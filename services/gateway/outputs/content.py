"""What an output shows at a moment, and how a session's snapshot becomes an output's."""

from __future__ import annotations

from typing import NamedTuple

from projections.views.frame import Frame, Token
from projections.views.freshness import ran_on_ms
from services.clocks import known_ms
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import Snapshot
from services.storage.output_store import Hold, Output
from services.storage.output_views import OutputView

EPOCHS = 1 << 16
"""More than the epochs of a session's frames (``projection_store.LARGEST_EPOCH``)."""

TOPICS: dict[OutputView, frozenset[str]] = {
    "standings": frozenset({"standings", "fastest"}),
    "battle": frozenset({"battle", "standings"}),
    "flag": frozenset({"cautions", "messages"}),
    "lane": frozenset({"standings", "pits"}),
    "pits": frozenset({"standings", "pits"}),
    "penalties": frozenset({"standings", "penalties"}),
    "fastest": frozenset({"standings", "fastest"}),
    "championship": frozenset({"championship"}),
    "forecast": frozenset({"forecast", "standings"}),
    "results": frozenset({"results"}),
    "drivers": frozenset({"standings", "drivers"}),
    "cautions": frozenset({"cautions"}),
    "messages": frozenset({"messages"}),
}
"""The topics of each view besides ``session``. Those about cars need ``standings`` for names."""


class OutputContent(NamedTuple):
    """What an output shows.

    Times are of the wall clock (ms). ``moment`` is the one that is shown: now less the delay, or
    what that was at the freeze. ``at`` is the time of ``moment`` with the delay added, ``now`` the
    time of the request. ``failed`` says that the source is known to be gone, whatever the age.
    """

    output: Output
    snapshot: Snapshot
    moment: float
    at: float
    now: float
    failed: bool
    hold: Hold | None = None

    @property
    def age_ms(self) -> int:
        """The age of the newest event, less the delay: a client's clock may run on by it.

        It grows while the output is frozen, though its clock does not run.
        """
        return self.snapshot.age_ms(self._due)

    @property
    def stale(self) -> bool:
        """Whether the source is gone, or the data older than the field can be silent."""
        return self.failed or self.snapshot.freshness(self._due) == "stale"

    @property
    def _due(self) -> float:
        return self.now - self.output.delay_ms


def filter_of(output: Output) -> Filter:
    """The filter of an output's subscribers."""
    return Filter(TOPICS[output.view], frozenset(output.classes), frozenset(output.cars))


def clock_of(snapshot: Snapshot, moment: float) -> int:
    """The session clock (ms) at a wall-clock time (ms).

    It runs on from the snapshot, but not further than the field can be silent.
    """
    patience = snapshot.state["session"].get("patience_ms")
    age_ms = int(moment) - snapshot.since
    return snapshot.clock_at + ran_on_ms(snapshot.clock_running, age_ms, patience)


def token_of(snapshot: Snapshot, revision: int) -> Token:
    """The output's token for a session's snapshot: each revision of the output begins an epoch.

    It depends on nothing else, so a subscriber can resume at any gateway, and after a restart.
    """
    return Token(revision * EPOCHS + snapshot.token.epoch, snapshot.token.position)


def revision_of(token: Token) -> int:
    """The revision of an output's token."""
    return token.epoch // EPOCHS


def frame_of(snapshot: Snapshot) -> Frame:
    """The frame in which a snapshot is stored."""
    return Frame(
        snapshot.token,
        snapshot.at,
        snapshot.clock_at,
        snapshot.clock_running,
        "snapshot",
        snapshot.state,
    )


def snapshot_of(frame: Frame) -> Snapshot:
    """The snapshot of a stored frame."""
    clock, known = frame.clock_at, known_ms(frame.at)
    running = frame.clock_running
    return Snapshot(0, frame.token, frame.at, clock, running, frame.data, known_at=known)

"""What can go wrong with a replay."""

from __future__ import annotations

from events.errors import LapstreamError


class NoSuchReplay(LapstreamError):
    """No replay of that name; it may have been stopped."""

    def __init__(self, replay: str) -> None:
        self.replay = replay
        super().__init__(f"no replay {replay!r}: `lapstream replays list` shows the existing ones")


class ReplayExists(LapstreamError):
    """The name is taken by another replay."""

    def __init__(self, replay: str) -> None:
        self.replay = replay
        super().__init__(f"replay {replay!r} exists already: stop it, or choose another name")


class ReplayWasStopped(LapstreamError):
    """The replay that was started with this idempotency key has been stopped since."""

    def __init__(self) -> None:
        super().__init__("the replay that was started with this key has been stopped since")


class CommandRefused(LapstreamError):
    """A command that could not be carried out; it changed nothing."""

    def __init__(self, replay: str, reason: str) -> None:
        self.replay = replay
        self.reason = reason
        super().__init__(reason)


class ReplayStopped(LapstreamError):
    """The replay cannot continue: its source cannot be played."""

    def __init__(self, replay: str, reason: str) -> None:
        self.replay = replay
        self.reason = reason
        super().__init__(reason)


class NoReplayer(LapstreamError):
    """No replayer carried the command out in time."""

    def __init__(self, replay: str) -> None:
        self.replay = replay
        super().__init__(
            f"replay {replay!r} has not carried out the command yet: is a replayer running "
            "(`lapstream serve`)?"
        )


class UnreadableReplay(LapstreamError):
    """The stored state of a replay, such as by a newer version."""

    def __init__(self, replay: str, reason: str) -> None:
        self.replay = replay
        self.reason = reason
        super().__init__(f"replay {replay!r} cannot be read ({reason}): stop it, and start another")

"""Replay commands and the player that executes them.

A ``Player`` is a recording under a playhead. ``advance`` lets time pass, ``execute`` runs a
command. Going ahead, by time or by a step, folds the events on the way; any other movement is a
jump and has a reason for its viewers ("seek to caution 9").
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from events.clock import format_clock, parse_clock
from events.errors import BadMoment, NoSuchMoment
from projections.race import Race
from projections.views.markers import MarkerKind, markers_of
from projections.views.moments import moment_of
from projections.views.session_line import clock_running
from replay.playhead import MAX, Playhead
from replay.recording import Recording, handed_over

SLOWEST, FASTEST = 0.1, 10_000.0
Pace = Annotated[float, Field(ge=SLOWEST, le=FASTEST)] | Literal["max"]
"""Session milliseconds for each of the viewer's, or as fast as possible."""

StepTarget = Literal["event", "lap"] | MarkerKind
"""What a step goes to: the next event, the leader's next lap, the next marker of a kind."""


class _Command(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Play(_Command):
    """Resume playing."""

    do: Literal["play"] = "play"


class Pause(_Command):
    """Pause the replay."""

    do: Literal["pause"] = "pause"


class SetSpeed(_Command):
    """Set the speed."""

    do: Literal["speed"] = "speed"
    speed: Pace


class Seek(_Command):
    """Go to a moment: ``5:00:00``, ``lap:100``, ``caution:9``, ``restart:9``,
    ``lead-change:3``, ``penalty:1``, ``retirement:2``; or by some time: ``+1:00``, ``-0:30``.
    """

    do: Literal["seek"] = "seek"
    to: Annotated[str, Field(min_length=1, max_length=64)]


class Step(_Command):
    """Pause, and go on or back to the next event, lap or marker."""

    do: Literal["step"] = "step"
    to: StepTarget = "event"
    back: bool = False


Command = Annotated[Play | Pause | SetSpeed | Seek | Step, Field(discriminator="do")]
COMMANDS: TypeAdapter[Command] = TypeAdapter(Command)


def pace_of(speed: float) -> float | Literal["max"]:
    """Return a speed in its JSON form, ``"max"`` for infinity."""
    return "max" if speed == MAX else speed


class Player:
    """A recording under a playhead, and the race there."""

    def __init__(
        self,
        recording: Recording,
        *,
        speed: Pace = 1.0,
        playing: bool = True,
        place: int | None = None,
        index: int | None = None,
    ) -> None:
        self.recording = recording
        self.playhead = Playhead(recording.start, recording.end, paused=not playing)
        self._set_speed(speed)
        self._cursor = recording.cursor(0)
        self._go(recording.start if place is None else place, index)

    @property
    def index(self) -> int:
        """How many events have been handed over."""
        return self._cursor.index

    @property
    def race(self) -> Race:
        """The race at the playhead; its ``at`` is that of the newest event."""
        return self._cursor.race

    @property
    def place(self) -> int:
        """Where the playhead is, in ms."""
        return math.floor(self.playhead.at)

    @property
    def clock_at(self) -> int:
        """What the session clock shows, in ms."""
        return self.recording.clock_at(self._cursor, self.place)

    @property
    def clock_running(self) -> bool:
        """Whether the session clock runs on by itself."""
        return not self.playhead.paused and not self.ended and clock_running(self.race)

    @property
    def ended(self) -> bool:
        """Whether the replay is at its end."""
        return self.playhead.ended and self.index == len(self.recording.times)

    # -- Time passes -------------------------------------------------------------------

    def advance(self, elapsed_ms: float, most: int) -> bool:
        """Advance by this much elapsed time; return whether any event was folded.

        No more than ``most`` events are: the playhead waits where the next one is due.
        """
        playhead, times, index = self.playhead, self.recording.times, self.index
        if playhead.paused or self.ended:
            return False
        playhead.advance(elapsed_ms)
        due = handed_over(self.recording, playhead.at)
        if due > index + most:
            due = index + most
            playhead.seek(times[due - 1])
        self._cursor.play(max(index, due))
        return due > index

    def due_in(self) -> float:
        """Return the elapsed time (ms) until the next event is due; ``inf`` if none will be."""
        playhead = self.playhead
        if playhead.paused or self.ended:
            return math.inf
        ahead = (
            self.recording.times[self.index]
            if self.index < len(self.recording.times)
            else playhead.end
        )
        return max(0.0, ahead - playhead.at) / playhead.speed

    # -- Commands ----------------------------------------------------------------------

    def execute(self, command: Command) -> str | None:
        """Execute a command; return the reason of the jump, None if it does not jump.

        Raises BadMoment if there is no such moment, and then changes nothing.
        """
        match command:
            case Play():
                self.playhead.paused = False
            case Pause():
                self.playhead.paused = True
            case SetSpeed(speed=speed):
                self._set_speed(speed)
            case Seek(to=to):
                return self._seek(to)
            case Step(to=to, back=back):
                if back:
                    return self._step_back(to)
                self._step_ahead(to)
        return None

    def _set_speed(self, speed: Pace) -> None:
        self.playhead.speed = MAX if speed == "max" else speed

    def _seek(self, to: str) -> str:
        if to[0].isalpha():
            self._go(self.recording.place_of(self._moment(to)))
            return f"seek to {_readable(to.replace(':', ' '))}"
        at = self.clock_at + _span(to) if to[0] in "+-" else self._moment(to)
        self._go(self.recording.place_at_clock(at))
        return f"seek to {format_clock(self.clock_at)}"

    def _moment(self, to: str) -> int:
        """The place of a moment.

        Raises BadMoment, whose message reveals neither the length of the race nor what is still
        to come in it, as viewers of the replay may read it.
        """
        try:
            return moment_of(to, self.recording.whole)
        except NoSuchMoment:
            raise BadMoment(to, "there is no such moment in this race") from None

    def _step_ahead(self, to: StepTarget) -> None:
        if to == "event":
            if self.index == len(self.recording.times):
                raise BadMoment("step", "that was the last event")
            index = self.index + 1
            place = max(self.place, self.recording.times[index - 1])
        else:
            places = self._places(to)
            ahead = bisect_right(places, self.place)
            if ahead == len(places):
                raise BadMoment("step", f"there is no further {_readable(to)}")
            place = places[ahead]
            index = handed_over(self.recording, place)
        self.playhead.paused = True
        self.playhead.seek(place)
        self._cursor.play(max(self.index, index))

    def _step_back(self, to: StepTarget) -> str:
        index = None
        if to == "event":
            if self.index == 0:
                raise BadMoment("step", "there is no event before")
            index = self.index - 1
            place = self.recording.times[index - 1] if index else self.recording.start
        else:
            places = self._places(to)
            behind = bisect_left(places, self.place)
            if behind == 0:
                raise BadMoment("step", f"there is no {_readable(to)} before")
            place = places[behind - 1]
        self.playhead.paused = True
        self._go(place, index)
        return f"step back to {format_clock(self.clock_at)}"

    def _places(self, to: Literal["lap"] | MarkerKind) -> list[int]:
        """Where on the recording the laps or markers are, in order."""
        whole = self.recording.whole
        if to == "lap":
            moments = [led.at for led in whole.chart.leaders]
        else:
            moments = [marker.at_ms for marker in markers_of(whole, to)]
        return sorted(map(self.recording.place_of, moments))

    def _go(self, place: float, index: int | None = None) -> None:
        """Be at a place, with what has fallen due there, or ``index`` events, handed over."""
        self.playhead.seek(place)
        if index is None:
            index = handed_over(self.recording, self.playhead.at)
        self._cursor.move(index)


def _span(text: str) -> int:
    """``+1:00`` and ``-0:30`` in ms."""
    try:
        ms = parse_clock(text[1:])
    except ValueError:
        raise BadMoment(text, "not a span of time; write +1:00 or -0:30") from None
    return -ms if text[0] == "-" else ms


def _readable(goal: str) -> str:
    return goal.replace("_", " ").replace("-", " ")

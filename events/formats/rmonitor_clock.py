"""The clock of an RMonitor feed: race time, flag, what is left to run, when it began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from events.formats.rmonitor import Heartbeat
from events.formats.rmonitor_entries import Entries
from events.formats.rmonitor_told import AT_THE_LINE_MS, Told
from events.track import Flag, FlagShown

OUT_OF_TURN_MS = 10_000
"""A heartbeat that is no further behind came late (one was 4 s late), and is not read. One
that is, is of a clock that was set back."""

RESTARTED_MS = 60_000
"""A clock that runs so far behind the newest crossing is that of a race begun anew."""

MOVED_MS = 2000
"""A clock that differs by less is the same: its two times are both cut to whole seconds."""

DAY_MS = 24 * 60 * 60 * 1000
QUARTER_MS = 15 * 60 * 1000

FLAGS: dict[str, Flag] = {
    "green": "green",
    "yellow": "yellow",
    "red": "red",
    "white": "white",
    "finish": "chequered",
    "checkered": "chequered",
    "chequered": "chequered",
    "code60": "code_60",
    "purple": "code_60",
    "fcy": "fcy",
    "vsc": "vsc",
}
"""What feeds call the flags. A blank is no flag, and any other word is left alone."""


@dataclass(slots=True)
class Clock:
    """What the heartbeats say, beyond what was told of them.

    ``restarted`` says that the race was begun anew, ``set_back`` that its clock was,
    before the first lap; ``day_offset`` is the time of day less the race time (ms).
    """

    told: Told
    entries: Entries
    restarted: bool = False
    day_offset: int | None = None
    _exact: bool = False
    _before: Heartbeat | None = None
    _limits_before: tuple[tuple[str, int], ...] = ()
    _start_of_day: int | None = None
    _start_before: int | None = None

    def heartbeat(self, beat: Heartbeat, received: datetime | None) -> bool:
        """Set the clock by a heartbeat; False where it came out of turn, and says nothing."""
        race_time = beat.race_time_ms
        if race_time is not None:
            behind = self.told.clock - race_time
            if 0 < behind <= OUT_OF_TURN_MS:
                return False
            before = self._before and self._before.race_time_ms
            running = before is not None and race_time > before
            self.restarted = running and self.told.newest - race_time > RESTARTED_MS
            if behind > 0 and not any(self.told.laps.values()):
                self._start_again(race_time)
            self.told.clock = race_time
            if beat.time_of_day_ms is not None:
                self._read_day(beat.time_of_day_ms, race_time, received)
        self._read_limits(beat)
        self._before = beat
        return True

    def show_flag(self, beat: Heartbeat) -> None:
        """Tell the flag, if it is another than before."""
        flag = FLAGS.get(beat.flag.casefold())
        if flag and flag != self.told.flag:
            self.told.tell(FlagShown, self._flag_at(flag), flag=flag)

    def _flag_at(self, flag: Flag) -> int:
        """When a flag was shown that the feed tells of now.

        It tells so within a second. Whoever crossed the line before had not seen the flag;
        but the leader takes the chequered flag as he crosses the line.
        """
        told, leader = self.told, self.told.leader()
        if leader is None:
            return told.clock
        if flag == "chequered" and -1000 < told.clock - leader.at <= AT_THE_LINE_MS:
            return leader.at
        return told.newest + 1 if 0 <= told.newest - told.clock < 1000 else told.clock

    def _start_again(self, race_time: int) -> None:
        """The clock went back before the first lap: that start was a false one."""
        for flag in list(self.told.flags):
            if flag.at > max(0, race_time):
                self.told.void(flag.source_seq, "the race clock was started again")

    # -- What is left to run -----------------------------------------------------------

    def _read_limits(self, beat: Heartbeat) -> None:
        """The distance or time to run: what is left and what is done, said twice alike.

        The first word counts for the time alone: laps are counted up in between.
        """
        seen: dict[str, int] = {}
        leader = self.told.leader()
        if beat.laps_to_go and self.told.opened:
            seen["laps_limit"] = beat.laps_to_go + (leader.lap if leader else 0)
        if beat.time_to_go_ms and beat.race_time_ms is not None:
            minutes = round((beat.time_to_go_ms + beat.race_time_ms) / 60_000)
            seen["time_limit_ms"] = minutes * 60_000
        for limit in seen.items():
            name, value = limit
            sure = limit in self._limits_before or self.told.opened is None
            if value > 0 and sure and value != self.entries.limits.get(name):
                self.entries.limits[name] = value
                self.entries.unsettled = True
        self._limits_before = tuple(seen.items())

    # -- When it began -----------------------------------------------------------------

    def _read_day(self, time_of_day: int, race_time: int, received: datetime | None) -> None:
        if not self._exact:
            self.day_offset = time_of_day - race_time
        start = time_of_day - race_time
        if race_time and received and self._is_new(start):
            self._start_of_day = start
            now = _on_the_day(time_of_day, received)
            self.entries.starts_at = now - timedelta(milliseconds=race_time)
            self.entries.unsettled = True
        self._start_before = start

    def _is_new(self, start: int) -> bool:
        """Whether the race began at another time of day than was told: said twice alike.

        Clocks are put right in the first minutes. Once laps are told, one that stands (as
        under red) does not change when the race began.
        """
        if self._start_of_day is None:
            return self.entries.starts_at is None
        moved = abs(start - self._start_of_day) >= MOVED_MS
        twice = self._start_before is not None and abs(start - self._start_before) < MOVED_MS
        return moved and twice and not any(self.told.laps.values())

    # -- Times of day ------------------------------------------------------------------

    def race_time(self, time_of_day: int | None) -> int | None:
        """The race time (ms) at a time of day near now, None where that is not known."""
        if time_of_day is None or self.day_offset is None:
            return None
        at = time_of_day - self.day_offset
        return at + DAY_MS * round((self.told.now - at) / DAY_MS)

    def set_by(self, time_of_day: int, race_time: int) -> None:
        """Set the two clocks by a crossing that is told by both: to the millisecond."""
        self.day_offset, self._exact = time_of_day - race_time, True


def _on_the_day(time_of_day: int, received: datetime) -> datetime:
    """A feed's time of day, on the day and in the zone that follow from when it came.

    The feed tells neither. Zones are whole quarters of an hour apart, so it matters not
    how long it was on its way; nor does a midnight between the two.
    """
    midnight = received.replace(hour=0, minute=0, second=0, microsecond=0)
    of_day = (received - midnight) // timedelta(milliseconds=1)
    ahead = (time_of_day - of_day + DAY_MS // 2) % DAY_MS - DAY_MS // 2
    quarters = round(ahead / QUARTER_MS)
    local = received.astimezone(timezone(timedelta(milliseconds=quarters * QUARTER_MS)))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    days = (midnight + timedelta(days=shift, milliseconds=time_of_day) for shift in (-1, 0, 1))
    return min(days, key=lambda at: abs(at - local))

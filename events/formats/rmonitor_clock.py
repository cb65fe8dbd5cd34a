"""The clocks of an RMonitor feed: race time, time of day, limits, flag, and the start time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from events.formats.rmonitor import Heartbeat
from events.formats.rmonitor_entries import Entries
from events.formats.rmonitor_recorded import AT_THE_LINE_MS, RecordedRun
from events.running import MOST_LAPS
from events.track import Flag, FlagShown

OUT_OF_TURN_MS = 10_000
"""A heartbeat at most this far behind arrived late (one in real feeds by 4 s) and is ignored;
one further behind belongs to a clock that was set back."""

RESTARTED_MS = 60_000
"""A clock running this far behind the newest crossing belongs to a restarted race."""

MOVED_MS = 2000
"""Clock readings that differ by less are equal: both times are cut to whole seconds."""

SLIP_MS = 10_000
"""A chequered flag shown for less, and then green for longer, may be a slip."""

LAST_MINUTES_MS = 5 * 60 * 1000
"""With more time to go than this, the race is not about to end."""

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
"""Names of flags in feeds. A blank and unknown names are ignored."""


@dataclass(slots=True)
class RunClock:
    """State of the feed's clocks that is not recorded in events.

    ``restarted`` is True after the race began anew; ``day_offset`` is the time of day minus
    the race time (ms).
    """

    recorded: RecordedRun
    entries: Entries
    restarted: bool = False
    day_offset: int | None = None
    _exact: bool = False
    _before: Heartbeat | None = None
    _limits_before: tuple[tuple[str, int], ...] = ()
    _sooner: dict[int, int] = field(default_factory=dict)
    """The leader's lap on which each lap limit that would end the race sooner was read first."""
    _start_of_day: int | None = None
    _start_before: int | None = None

    def heartbeat(self, beat: Heartbeat, received: datetime | None) -> bool:
        """Set the clock by a heartbeat; return False for a late one, which is ignored."""
        race_time = beat.race_time_ms
        if race_time is not None:
            behind = self.recorded.clock - race_time
            if 0 < behind <= OUT_OF_TURN_MS:
                return False
            before = self._before and self._before.race_time_ms
            running = before is not None and race_time > before
            self.restarted = running and self.recorded.newest - race_time > RESTARTED_MS
            if behind > 0 and not any(self.recorded.laps.values()):
                self._void_false_start(race_time)
            self.recorded.clock = race_time
            if beat.time_of_day_ms is not None:
                self._read_day(beat.time_of_day_ms, race_time, received)
        self._read_limits(beat)
        self._before = beat
        return True

    def show_flag(self, beat: Heartbeat) -> None:
        """Record the flag if it changed."""
        flag = FLAGS.get(beat.flag.casefold())
        if flag and flag != self.recorded.flag:
            self.recorded.record(FlagShown, self._flag_at(flag), flag=flag)
        elif flag == "green" and len(self.recorded.flags) > 1:
            self._void_slip(beat, *self.recorded.flags[-2:])

    def _void_slip(self, beat: Heartbeat, before: FlagShown, green: FlagShown) -> None:
        """Void a chequered flag shown for seconds in a race that the feed itself sees go on.

        A car may have taken it, so that the green flag alone does not take it back.
        """
        if before.flag != "chequered" or green.at - before.at > SLIP_MS:
            return
        goes_on = (beat.time_to_go_ms or 0) > LAST_MINUTES_MS
        if beat.laps_to_go is not None:
            goes_on = beat.laps_to_go > 1
        if goes_on and self.recorded.clock - green.at > SLIP_MS:
            self.recorded.void(before.source_seq, "shown for seconds, with much of the race to go")

    def _flag_at(self, flag: Flag) -> int:
        """Return the session time of a flag that the feed reports now.

        Feeds report flags within a second. A car that crossed the line before the report had
        not seen the flag, except that the leader takes the chequered flag by crossing the line.
        """
        recorded, leader = self.recorded, self.recorded.leader()
        if leader is None:
            return recorded.clock
        if flag == "chequered" and -1000 < recorded.clock - leader.at <= AT_THE_LINE_MS:
            return leader.at
        return (
            recorded.newest + 1 if 0 <= recorded.newest - recorded.clock < 1000 else recorded.clock
        )

    def _void_false_start(self, race_time: int) -> None:
        """Void the flags of a false start: the clock went back before the first lap."""
        for flag in list(self.recorded.flags):
            if flag.at > max(0, race_time):
                self.recorded.void(flag.source_seq, "the race clock was started again")

    # -- Limits ------------------------------------------------------------------------

    def _read_limits(self, beat: Heartbeat) -> None:
        """Derive the lap or time limit from what is left plus what is done.

        A limit counts once two heartbeats agree: the leader's lap may change between the two
        cells. Before the session is opened the first reading counts. A lap limit that would end
        the race sooner counts once they agree on another lap of the leader as well: at a misread
        one cars would finish.
        """
        limits: dict[str, int] = {}
        leader = self.recorded.leader()
        if beat.laps_to_go and self.recorded.opened:
            limit_laps = beat.laps_to_go + (leader.lap if leader else 0)
            if self._may_be(limit_laps, leader.lap if leader else 0):
                limits["laps_limit"] = limit_laps
        if beat.time_to_go_ms and beat.race_time_ms is not None:
            minutes = round((beat.time_to_go_ms + beat.race_time_ms) / 60_000)
            limits["time_limit_ms"] = minutes * 60_000
        for limit in limits.items():
            name, value = limit
            sure = limit in self._limits_before or self.recorded.opened is None
            if value > 0 and sure and value != self.entries.limits.get(name):
                self.entries.limits[name] = value
                self.entries.unsettled = True
        self._limits_before = tuple(limits.items())

    def _may_be(self, limit: int, lap: int) -> bool:
        """Whether a lap limit, read on this lap of the leader, may be the limit of the race."""
        known = self.entries.limits.get("laps_limit", MOST_LAPS)
        if not lap or limit >= known:
            self._sooner.clear()
            return True
        return self._sooner.setdefault(limit, lap) < lap

    # -- Start of the race -------------------------------------------------------------

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
        """Whether two heartbeats agree on another start time than the recorded one.

        Clocks are corrected in the first minutes. Once laps are recorded, a stopped clock (as
        under a red flag) does not change the start time.
        """
        if self._start_of_day is None:
            return self.entries.starts_at is None
        moved = abs(start - self._start_of_day) >= MOVED_MS
        twice = self._start_before is not None and abs(start - self._start_before) < MOVED_MS
        return moved and twice and not any(self.recorded.laps.values())

    # -- Times of day ------------------------------------------------------------------

    def race_time(self, time_of_day: int | None) -> int | None:
        """Convert a time of day near now to race time (ms); None if the offset is unknown."""
        if time_of_day is None or self.day_offset is None:
            return None
        at = time_of_day - self.day_offset
        return at + DAY_MS * round((self.recorded.now - at) / DAY_MS)

    def set_by(self, time_of_day: int, race_time: int) -> None:
        """Set the offset to the millisecond by a crossing that is known in both times."""
        self.day_offset, self._exact = time_of_day - race_time, True


def _on_the_day(time_of_day: int, received: datetime) -> datetime:
    """Infer date and UTC offset of a feed's time of day from when it was received.

    The feed gives neither. UTC offsets are multiples of a quarter of an hour, so transmission
    delays do not matter; a midnight between the two times is handled.
    """
    midnight = received.replace(hour=0, minute=0, second=0, microsecond=0)
    of_day = (received - midnight) // timedelta(milliseconds=1)
    ahead = (time_of_day - of_day + DAY_MS // 2) % DAY_MS - DAY_MS // 2
    quarters = round(ahead / QUARTER_MS)
    local = received.astimezone(timezone(timedelta(milliseconds=quarters * QUARTER_MS)))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    days = (midnight + timedelta(days=shift, milliseconds=time_of_day) for shift in (-1, 0, 1))
    return min(days, key=lambda at: abs(at - local))

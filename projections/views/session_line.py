"""The session line: what goes with every table."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from events.session import SessionKind
from projections.folds.finish import laps_of_distance
from projections.race import Race
from projections.results.official_result import official_row
from projections.results.scheduled_length import LengthBasis, scheduled_length
from projections.results.session_order import first_of
from projections.views.freshness import patience_ms
from projections.views.rows import ClockMs, FlagName, Heading, Row, RowModel, SectorFlags, TimeMs


class SessionRow(RowModel):
    """What is run, and how it stands with clock, flag and laps."""

    title: Annotated[str, Heading("Title")]
    series: Annotated[str | None, Heading("Series")]
    circuit: Annotated[str | None, Heading("Circuit")]
    kind: Annotated[SessionKind, Heading("Kind")]
    classes: Annotated[list[str], Heading("Classes")]
    timing_lines: Annotated[list[str], Heading("Timing lines")]
    rules: Annotated[str | None, Heading("Rules"), Field(description="the regulation pack")]
    starts_at: Annotated[
        str | None, Heading("Starts at"), Field(description="wall-clock time of session clock 0")
    ]
    provenance: Annotated[
        str | None, Heading("Provenance"), Field(description="where the events are from")
    ]
    clock_ms: Annotated[ClockMs, Heading("Clock")]
    time_to_go_ms: Annotated[ClockMs | None, Heading("Time to go")]
    laps_to_go: Annotated[int | None, Heading("Laps to go")]
    flag: Annotated[FlagName | None, Heading("Flag")]
    flag_since_ms: Annotated[ClockMs | None, Heading("since")]
    caution: Annotated[
        int | None, Heading("Caution"), Field(description="the number of the caution under way")
    ]
    caution_since_ms: Annotated[ClockMs | None, Heading("since")]
    safety_car_since_ms: Annotated[ClockMs | None, Heading("Safety car since")]
    pit_lane_closed: Annotated[
        list[str] | None,
        Heading("Pit lane closed for"),
        Field(description="the classes that must not enter it"),
    ]
    leader: Annotated[
        str | None,
        Heading("Leader"),
        Field(description="of qualifying and practice the car with the best lap"),
    ]
    leader_lap: Annotated[
        int,
        Heading("Leader's laps"),
        Field(description="the laps that the leader of a race has completed, else 0"),
    ]
    lead_changes: Annotated[int, Heading("Lead changes"), Field(description="of a race, else 0")]
    ended_ms: Annotated[ClockMs | None, Heading("Ended")]
    patience_ms: Annotated[
        TimeMs,
        Field(description="how long (ms) the field can be silent while the clock runs"),
    ]
    sector_flags: Annotated[SectorFlags | None, Heading("Local flags")]
    doubts: Annotated[
        int | None,
        Heading("Doubts"),
        Field(description="how many values of the source were doubtful; null without any"),
    ]
    length_ms: Annotated[
        ClockMs | None, Heading("Scheduled length"), Field(description="null where it is unknown")
    ]
    length_basis: Annotated[
        LengthBasis | None,
        Heading("Length is"),
        Field(description="`reconstructed` from the end of the race, where nothing states it"),
    ]
    segment: Annotated[
        str | None,
        Heading("Segment"),
        Field(description="of qualifying and practice that has segments: the one under way"),
    ]


def _segment(race: Race) -> str | None:
    segment = race.segments.current
    return segment.name if segment else None


def session_line(race: Race) -> Row:
    """The line above every table: what is run, and how it stands with clock, flag and laps.

    Once a race is over, no safety car is out, no pit lane is closed and no local flag stands.
    """
    return session_line_led_by(race, first_of(race))


def session_line_led_by(race: Race, leader: str | None) -> Row:
    """The same, where it is known who is the ``first_of`` the session."""
    opened, track = race.session.opened, race.track
    is_race = race.session.is_race
    laps = race.order.laps.get(leader, 0) if leader and is_race else 0
    official = official_row(race, leader) if leader else None
    if official is not None and is_race:
        laps = official.laps
    caution = track.current
    over = race.session.ended_at is not None or (is_race and race.finish.over)
    length = scheduled_length(race)
    return {
        "title": opened.title,
        "series": opened.series,
        "circuit": opened.circuit,
        "kind": opened.kind,
        "classes": list(opened.classes),
        "timing_lines": list(opened.timing_lines),
        "rules": opened.rules,
        "starts_at": _written(opened.starts_at) if opened.starts_at else None,
        "provenance": opened.provenance,
        "clock_ms": race.at,
        "time_to_go_ms": _time_to_go(race),
        "laps_to_go": _laps_to_go(race, laps),
        "flag": track.flag,
        "flag_since_ms": track.since if track.flag else None,
        "caution": caution.number if caution else None,
        "caution_since_ms": caution.start_ms if caution else None,
        "safety_car_since_ms": None if over else track.safety_car_since,
        "pit_lane_closed": (not over and sorted(track.pit_lane_closed)) or None,
        "leader": leader,
        "leader_lap": laps,
        "lead_changes": race.chart.changes if is_race else 0,
        "ended_ms": race.session.ended_at,
        "patience_ms": patience_ms(race),
        "sector_flags": (not over and _sector_flags(race)) or None,
        "doubts": len(race.doubts.doubted) or None,
        "length_ms": length.ms,
        "length_basis": length.basis,
        "segment": _segment(race),
    }


def _sector_flags(race: Race) -> dict[str, Row]:
    """The local flags that stand, by sector."""
    return {
        str(one.sector): {"flag": one.flag, "since_ms": one.start_ms}
        for one in race.track.local_flags()
    }


def _time_to_go(race: Race) -> int | None:
    limit = race.session.opened.time_limit_ms
    if limit is None:
        return None
    return 0 if race.finish.over else max(0, limit - race.at)


def _laps_to_go(race: Race, laps: int) -> int | None:
    if not race.session.is_race:
        return None
    limit = laps_of_distance(race.session.opened)
    if limit is None:
        return None
    return 0 if race.finish.over else max(0, limit - laps)


def is_over(line: Mapping[str, Any]) -> bool:
    """Whether the session of a session line, published or of a table, is over."""
    return line.get("flag") == "chequered" or line.get("ended_ms") is not None


def clock_running(race: Race) -> bool:
    """Whether the session clock runs: from the first flag or crossing to the session's end."""
    started = race.track.flag is not None or bool(race.order.passings)
    return started and race.session.ended_at is None


def _written(time: datetime) -> str:
    """A wall-clock time with no more digits than it has: none, three or six."""
    whole_ms = time.microsecond and time.microsecond % 1000 == 0
    return time.isoformat(timespec="milliseconds" if whole_ms else "auto")

"""The caution ledger."""

from typing import Annotated

from projections.race import Race
from projections.views.rows import FlagName, Heading, MomentMs, Row, RowModel, TimeMs


class CautionsRow(RowModel):
    """A caution, or one kind of it: kinds that follow each other without green share a number."""

    number: Annotated[int, Heading("No.")]
    kind: Annotated[FlagName, Heading("Kind")]
    start_ms: Annotated[MomentMs, Heading("Start")]
    end_ms: Annotated[MomentMs | None, Heading("End")]
    first_lap: Annotated[int | None, Heading("From")]
    last_lap: Annotated[int | None, Heading("To")]
    laps: Annotated[int, Heading("Laps")]
    duration_ms: Annotated[TimeMs | None, Heading("Duration")]
    leader_before: Annotated[str | None, Heading("Leader")]
    leader_after: Annotated[str | None, Heading("After")]
    pitted: Annotated[list[str], Heading("Pitted", rank=2)]


def cautions(race: Race) -> list[Row]:
    """The caution ledger, a row for each kind of each caution."""
    return [
        {
            "number": c.number,
            "kind": c.kind,
            "start_ms": c.start_ms,
            "end_ms": c.end_ms,
            "first_lap": c.first_lap,
            "last_lap": c.last_lap,
            "laps": 0
            if c.first_lap is None or c.last_lap is None
            else c.last_lap - c.first_lap + 1,
            "duration_ms": None if c.end_ms is None else c.end_ms - c.start_ms,
            "leader_before": c.leader_before,
            "leader_after": c.leader_after,
            "pitted": list(c.pitted),
        }
        for c in race.track.cautions()
    ]

"""The penalty list."""

from typing import Annotated, Literal

from events import Basis
from projections.folds.stewards import as_imposed
from projections.race import Race
from projections.views.rows import Heading, MomentMs, Row, RowModel


class PenaltiesRow(RowModel):
    """A penalty, and what became of it; times on the session clock."""

    penalty_id: Annotated[str, Heading("Penalty")]
    car: Annotated[str, Heading("Car")]
    kind: Annotated[str, Heading("Kind")]
    amount: Annotated[int | None, Heading("Amount")]
    reason: Annotated[str | None, Heading("Reason")]
    status: Annotated[Literal["imposed", "served", "converted", "rescinded"], Heading("Status")]
    imposed_at: Annotated[MomentMs, Heading("Imposed")]
    changed_at: Annotated[MomentMs, Heading("Changed", rank=1)]
    by: Annotated[str | None, Heading("By", rank=2)]
    basis: Annotated[Basis, Heading("Basis", rank=2)]


def penalties(race: Race) -> list[Row]:
    """The penalty list, in the order the penalties were imposed."""
    imposed = sorted(race.stewards.penalties.values(), key=as_imposed)
    return [penalty._asdict() for penalty in imposed]

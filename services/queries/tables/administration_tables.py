"""Tables for those who run a store: its tokens, and who did what."""

from typing import Annotated

from pydantic import Field

from projections.views.rows import Heading, Identifier, RowModel, WallClock
from services.queries.tables.columns import Table


class TokensRow(RowModel):
    """A token of the store."""

    id: Annotated[Identifier, Heading("Id")]
    name: Annotated[Identifier, Heading("Name")]
    role: Annotated[str, Heading("Role")]
    sessions: Annotated[list[str], Heading("For"), Field(description="patterns; none for all")]
    until: Annotated[WallClock | None, Heading("Until"), Field(description="null for no end")]
    ended: Annotated[bool, Heading("Ended")]
    added_at: Annotated[WallClock, Heading("Added")]
    added_by: Annotated[str, Heading("By")]


class AuditRow(RowModel):
    """What somebody did."""

    recorded_at: Annotated[WallClock, Heading("Recorded at")]
    by: Annotated[str, Heading("By")]
    session: Annotated[Identifier | None, Heading("Session")]
    what: Annotated[str, Heading("What")]
    type: Annotated[str | None, Field(description="of the event; null for a change of a token")]
    source: str | None
    position: Annotated[str | None, Field(description="of the event in the session's log")]


TOKENS = Table("tokens", "The tokens of the store, without their secrets.", TokensRow)
AUDIT = Table(
    "audit",
    "Who did what, the newest first: the events that have `by`, and tokens added and revoked.",
    AuditRow,
)

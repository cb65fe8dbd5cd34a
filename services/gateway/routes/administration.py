"""For those who run a gateway: its tokens, and who did what."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Response

from services.clocks import wall_ms
from services.gateway.auth import requires
from services.gateway.errors import responses
from services.gateway.state import TheGateway
from services.queries.audit import read_audit
from services.queries.tables.administration_tables import AuditRow, TokensRow
from services.queries.tokens import token_rows
from services.roles import Role
from services.storage.token_store import TokenStore

MOST_ROWS = 10_000

LEFT_OUT = "Lapstream-Left-Out"
"""The header with the sessions whose logs cannot be read."""

logger = structlog.get_logger(__name__)

router = APIRouter(tags=["operations"], dependencies=[Depends(requires(Role.ADMIN))])


@router.get("/tokens", summary="List the tokens", responses=responses(401, 403, 503))
async def tokens(gateway: TheGateway) -> list[TokensRow]:
    """List the tokens of the store, without their secrets. Those of files and variables are not
    among them."""
    rows = token_rows(await TokenStore(gateway.store).all(), wall_ms())
    return [TokensRow.model_validate(row) for row in rows]


@router.get("/audit", summary="List who did what", responses=responses(401, 403, 404, 422, 503))
async def audit(
    response: Response,
    gateway: TheGateway,
    session: Annotated[
        list[str] | None, Query(max_length=100, description="Only these sessions.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 1000,
) -> list[AuditRow]:
    """The events that a person stands behind (`by`), and tokens added and revoked; the newest
    first. The logs are read for it; those that cannot be read are named in the header
    `Lapstream-Left-Out`."""
    found = await read_audit(gateway.log, TokenStore(gateway.store), session or (), limit)
    for name, reason in found.left_out.items():
        logger.warning("left out of the audit", key=name, reason=reason)
    if found.left_out:
        response.headers[LEFT_OUT] = ", ".join(found.left_out)
    return [AuditRow.model_validate(row) for row in found.rows]

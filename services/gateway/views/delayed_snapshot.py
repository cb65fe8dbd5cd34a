"""The snapshot of a delayed state from before this process began."""

from __future__ import annotations

from projections.race import Race
from projections.views.frame import Token
from projections.views.frame_builder import frame_state
from projections.views.merge_patch import State
from projections.views.session_line import clock_running
from services.clocks import wall_ms
from services.gateway.live.frame_buffer import Snapshot
from services.gateway.state import Gateway


async def delayed_snapshot(
    gateway: Gateway, session: str, newest: Snapshot, delay_ms: int
) -> Snapshot:
    """The state ``delay_ms`` ago, folded from the log. Raises what folding raises."""
    folded = await gateway.races.ask(
        session,
        _state,
        upto=str(int(wall_ms() - delay_ms)),
        kept_as=f"delayed by {delay_ms}",
    )
    state, clock_at, running = folded.answer
    token = Token(newest.token.epoch, folded.position)
    return Snapshot(0, token, folded.learned, clock_at, running, state, known_at=folded.known_at)


def _state(race: Race) -> tuple[State, int, bool]:
    return frame_state(race), race.at, clock_running(race)

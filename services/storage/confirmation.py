"""Confirmation of appends by replicas, where more than one server has to have an event.

Replication is asynchronous: a primary acknowledges what its replicas may not have yet, and one of
them may take over. With ``Store.replicas`` an append counts as acknowledged only after ``WAIT``
found that so many replicas have it. ``WAIT`` is about the writes of its own connection, so a write
goes before it on the same one: a mark, made only while the entry is in the log, as a replica may
have taken over since the append. What replicas have is a prefix of what their primary wrote, and
so they have the entry once they have the mark.
"""

from __future__ import annotations

from typing import Any, cast

from redis.asyncio.cluster import PipelineCommand
from redis.exceptions import AskError

from events.errors import NotConfirmed
from services.storage.client import Store
from services.storage.keys import key, log_key

CONFIRM_MS = 1000
"""How long the replicas have."""

REDIRECTIONS = 2
"""How often a session may move to another node of a Cluster meanwhile."""

_MARK = """
if #redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) == 0 then return 0 end
redis.call('SET', KEYS[2], ARGV[1])
return 1
"""


async def confirm(store: Store, session: str, position: str) -> None:
    """Return once the replicas that the store asks for have the log up to a position.

    Raises NotConfirmed where they do not in time, or where the log no longer has the entry;
    StoreUnavailable and StoreUnfit.
    """
    if not store.replicas:
        return
    log = log_key(session)
    mark = ("EVAL", _MARK, 2, log, key(session, "confirmed"), position)
    wait = ("WAIT", store.replicas, CONFIRM_MS)
    with store.translated_errors():
        marked, replicas = await _on_one_connection(store, log, mark, wait)
        if isinstance(marked, Exception):
            raise marked
        if isinstance(replicas, Exception):
            raise replicas
    if not marked:
        raise NotConfirmed(store.name, "another server took over without it")
    if int(replicas) < store.replicas:
        raise NotConfirmed(store.name, f"{replicas} of {store.replicas} within {CONFIRM_MS} ms")


async def _on_one_connection(store: Store, of: str, *commands: tuple[Any, ...]) -> list[Any]:
    """The replies to commands that are sent over one connection to the node of a key."""
    if not store.cluster:
        async with store.redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return list(await pipeline.execute(raise_on_error=False))
    cluster = cast("Any", store.redis)
    for _ in range(REDIRECTIONS):
        sent = [PipelineCommand(at, *command) for at, command in enumerate(commands)]
        node = cluster.get_node_from_key(of)
        if node is None:
            break
        await node.execute_pipeline(sent)
        if not isinstance(sent[0].result, AskError):  # or MovedError, its subclass
            return [one.result for one in sent]
        await store.redis.exists(of)  # finds the node that has the slot now
    raise NotConfirmed(store.name, "the session is moving to another node")

"""Whether a server is fit to hold the logs, and how durable its writes are.

Both follow from its INFO and its CONFIG. Managed servers often deny CONFIG; what cannot be
checked is then part of the durability.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from events.errors import StoreUnfit

OLDEST = {"redis": (7, 0), "valkey": (8, 0)}
"""The oldest supported versions."""

ON_DISK = "every acknowledged event is on disk"
ON_DISK_SOON = "an acknowledged event is on disk within a second (appendfsync everysec)"
ON_DISK_EVENTUALLY = "it keeps an append-only file; how soon an event is on disk cannot be checked"
UNCHECKED = "its persistence cannot be checked: see what its provider guarantees"
DURABILITIES = (ON_DISK, ON_DISK_SOON, ON_DISK_EVENTUALLY, UNCHECKED)
"""From the strongest to the weakest."""


class ServerReport(NamedTuple):
    """A server's INFO, and its CONFIG; None where the server denies CONFIG."""

    info: Mapping[str, object]
    config: Mapping[str | None, str | None] | None

    @property
    def mode(self) -> object:
        """``standalone``, ``cluster`` or ``sentinel``."""
        return self.info.get("redis_mode", self.info.get("server_mode"))


async def server_report(redis: Redis, **target: Any) -> ServerReport:
    """Read INFO and CONFIG; ``target`` selects a node where ``redis`` is a Cluster's client."""
    info = await redis.info(**target)
    try:
        config = await redis.config_get("appendonly", "appendfsync", "maxmemory-policy", **target)
    except ResponseError:  # managed servers deny CONFIG
        return ServerReport(info, None)
    return ServerReport(info, config)


def check_fitness(report: ServerReport, name: str) -> str:
    """The durability of the server's writes, one of ``DURABILITIES``.

    Raises StoreUnfit with what is wrong and what to do about it.
    """
    info, config = report
    _check_version(info, name)
    _check_role(report, name)
    policy = (config or {}).get("maxmemory-policy", str(info.get("maxmemory_policy", "")))
    if policy and policy != "noeviction":
        raise StoreUnfit(
            name,
            f"with maxmemory-policy {policy} it evicts logs when memory is short: "
            "set maxmemory-policy noeviction",
        )
    if config is None:
        return ON_DISK_EVENTUALLY if info.get("aof_enabled") in (1, "1") else UNCHECKED
    if config.get("appendonly") != "yes":
        raise StoreUnfit(
            name, "it keeps no append-only file, so a restart loses events: set appendonly yes"
        )
    match config.get("appendfsync"):
        case "always":
            return ON_DISK
        case "everysec":
            return ON_DISK_SOON
        case other:
            raise StoreUnfit(
                name,
                f"with appendfsync {other} it is unknown when an event is on disk: "
                "set appendfsync always (or everysec)",
            )


def _check_version(info: Mapping[str, object], name: str) -> None:
    # Valkey reports a redis_version as well, for clients that know Redis only.
    server = "valkey" if info.get("server_name") == "valkey" else "redis"
    version = str(info.get(f"{server}_version", "unknown"))
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < OLDEST[server]:
        raise StoreUnfit(
            name, f"{server.title()} {version} is too old: Redis 7 or Valkey 8 is required"
        )


def _check_role(report: ServerReport, name: str) -> None:
    if report.mode == "sentinel":
        raise StoreUnfit(name, "it is a sentinel, not a server: name the server that it watches")
    if report.info.get("role") == "slave":
        raise StoreUnfit(name, "it is a replica and takes no writes: name its primary")

"""Which servers are fit to be a store, by their INFO and CONFIG."""

from __future__ import annotations

import pytest
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ResponseError,
    SlotNotCoveredError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from events.errors import StoreUnavailable, StoreUnfit
from services.storage.connections import url_name
from services.storage.errors import translated_errors
from services.storage.fitness import ServerReport, check_fitness

REDIS = {"redis_version": "7.0.0", "redis_mode": "standalone", "role": "master"}
VALKEY = {
    "redis_version": "7.2.4",
    "server_name": "valkey",
    "valkey_version": "8.0.1",
    "server_mode": "standalone",
    "role": "master",
}
SAFE: dict[str | None, str | None] = {
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
}


@pytest.mark.parametrize("info", [REDIS, VALKEY], ids=["redis", "valkey"])
def test_fit(info: dict[str, str]):
    """The oldest versions with every write on disk are fit."""
    assert check_fitness(ServerReport(info, SAFE), "here") == "every acknowledged event is on disk"


def test_durability_of_a_second():
    """A server that writes once a second says so."""
    report = ServerReport(REDIS, {**SAFE, "appendfsync": "everysec"})
    assert "within a second" in check_fitness(report, "here")


@pytest.mark.parametrize(
    ("info", "says"),
    [
        ({**REDIS, "redis_version": "6.2.14"}, "Redis 6.2.14 is too old: Redis 7"),
        ({**VALKEY, "valkey_version": "7.2.5"}, "Valkey 7.2.5 is too old"),
        ({}, "Redis unknown is too old"),
        ({**REDIS, "redis_version": "255.255.255"}, None),
        ({**REDIS, "redis_version": "10.0.0"}, None),
        ({**REDIS, "redis_mode": "sentinel"}, "it is a sentinel"),
        ({**REDIS, "redis_mode": "cluster"}, None),
        ({**VALKEY, "server_mode": "cluster", "role": "slave"}, "it is a replica"),
        ({**REDIS, "role": "slave"}, "it is a replica"),
    ],
)
def test_version_and_role(info: dict[str, str], says: str | None):
    """An old server, a sentinel and a replica are unfit, and the line says what they are."""
    if says is None:
        check_fitness(ServerReport(info, SAFE), "here")
        return
    with pytest.raises(StoreUnfit, match=says):
        check_fitness(ServerReport(info, SAFE), "here")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"appendonly": "no"}, "set appendonly yes"),
        ({"appendfsync": "no"}, "set appendfsync always"),
        ({"maxmemory-policy": "allkeys-lru"}, "with maxmemory-policy allkeys-lru it evicts logs"),
        ({"maxmemory-policy": "volatile-ttl"}, "set maxmemory-policy noeviction"),
    ],
)
def test_persistence(config: dict[str | None, str | None], says: str):
    """A server that may lose events is unfit, and the line says which setting to change."""
    with pytest.raises(StoreUnfit, match=says):
        check_fitness(ServerReport(REDIS, {**SAFE, **config}), "here")


@pytest.mark.parametrize(
    ("info", "says"),
    [
        ({**REDIS, "aof_enabled": 1}, "it keeps an append-only file"),
        ({**REDIS, "aof_enabled": 0}, "its persistence cannot be checked"),
        (REDIS, "its persistence cannot be checked"),
    ],
)
def test_without_config(info: dict[str, object], says: str):
    """Where CONFIG is denied, the durability says what could not be checked."""
    assert says in check_fitness(ServerReport(info, None), "here")


def test_policy_without_config():
    """INFO has the policy as well."""
    with pytest.raises(StoreUnfit, match="allkeys-lfu"):
        check_fitness(ServerReport({**REDIS, "maxmemory_policy": "allkeys-lfu"}, None), "here")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://pit:secret@wall:6379/1?ssl=no", "redis://wall:6379/1"),
        ("redis://:p@ss@wall", "redis://wall"),
        ("unix:///run/s.sock?password=secret", "unix:///run/s.sock"),
        ("nonsense", "nonsense"),
    ],
)
def test_no_password_is_shown(url: str, name: str):
    """The name of a store leaves out user and password."""
    assert url_name(url) == name


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (RedisConnectionError("Connection refused.\nby\tthe host"), StoreUnavailable),
        (BusyLoadingError("Redis is loading the dataset in memory"), StoreUnavailable),
        (AuthenticationError("Password required"), StoreUnfit),
        (ResponseError("OOM command not allowed"), StoreUnfit),
        (OSError("no route"), StoreUnavailable),
        (ClusterDownError("The cluster is down"), StoreUnavailable),
        (SlotNotCoveredError("Slot 7 is not covered\nby the cluster"), StoreUnavailable),
        (TryAgainError("Multiple keys request during rehashing of slot"), StoreUnavailable),
    ],
)
def test_one_line_for_what_a_library_raises(raised: Exception, error: type[Exception]):
    """What the client library raises becomes one line that names the store."""
    with pytest.raises(error) as printed, translated_errors("redis://wall"):
        raise raised
    assert "redis://wall" in str(printed.value)
    assert "\n" not in str(printed.value)

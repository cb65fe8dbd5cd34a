"""The fault suite: ``python -m tests.faults [PART...] [--kills N] [--seed N]``.

Each part prints its table and one line of JSON. The exit code is 1 if a promise did not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.environment import CASES
from tests.faults.extremes import extreme_events
from tests.faults.hostile_feed import hostile_feeds
from tests.faults.hostile_http import hostile_http
from tests.faults.reports import Report
from tests.faults.storm import storm_on_a_cluster, storm_on_one_server

PACE_SECONDS = 1.5
"""The mean time between two kills; in a Cluster twice as long."""

CLUSTER_STORMS: dict[str, dict[str, bool]] = {
    "cluster": {},
    "replicas": {"require_replicas": True},
    "confirmed": {"confirming": True},
}
"""The storms on a Cluster, by their folders: how they acknowledge."""

LONG = 500
"""From so many kills on it is the long form."""

Part = Callable[[Path, int, int], Iterator[Report]]
"""A part of the suite, called with a folder, a seed and the number of kills."""


def storm(folder: Path, seed: int, kills: int) -> Iterator[Report]:
    """Four storms, which share the kills."""
    for name in ("one", *CLUSTER_STORMS):
        (folder / name).mkdir(parents=True)
    of_cluster = max(1, kills // 5)
    of_one_server = max(1, kills - len(CLUSTER_STORMS) * of_cluster)
    yield asyncio.run(storm_on_one_server(folder / "one", seed, of_one_server, PACE_SECONDS))
    for name, options in CLUSTER_STORMS.items():
        yield asyncio.run(
            storm_on_a_cluster(
                folder / name,
                seed,
                of_cluster,
                2 * PACE_SECONDS,
                **options,
            )
        )


def feed(folder: Path, seed: int, kills: int) -> Iterator[Report]:
    """Three seconds of each hostile feed, twenty in the long form."""
    yield asyncio.run(hostile_feeds(folder / "feeds", seed, 20.0 if kills >= LONG else 3.0))


def http(folder: Path, seed: int, kills: int) -> Iterator[Report]:
    """A hundred requests for each kill."""
    (folder / "http").mkdir()
    yield asyncio.run(hostile_http(folder / "http", seed, 100 * kills))


def environment(folder: Path, seed: int, _: int) -> Iterator[Report]:
    """Each fault of the machine once."""
    for case in CASES:
        home = folder / case.__name__
        home.mkdir()
        yield asyncio.run(case(home, seed))


def extremes(_: Path, seed: int, kills: int) -> Iterator[Report]:
    """A thousand events for each kill."""
    yield extreme_events(seed, 1000 * kills)


PARTS: dict[str, Part] = {
    "storm": storm,
    "feed": feed,
    "http": http,
    "environment": environment,
    "extremes": extremes,
}


def main() -> int:
    """Run the parts; 1 if any promise did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--kills", type=int, default=40, help="the size of every part; default 40")
    parser.add_argument("--seed", type=int, help="repeat a run; a new one by default")
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]!r}: there are {', '.join(PARTS)}")
    seed = random.randrange(1 << 30) if options.seed is None else options.seed
    print(f"# seed {seed}, {options.kills} kills", flush=True)
    failed = False
    with tempfile.TemporaryDirectory(prefix="lapstream-faults-") as folder:
        for name in options.parts or PARTS:
            for report in PARTS[name](Path(folder), seed, options.kills):
                print(report.text(), flush=True)
                failed |= bool(report.faults)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

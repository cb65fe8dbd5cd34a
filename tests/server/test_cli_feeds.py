"""The commands about timing feeds as their users run them."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.rmonitor import OPENING, beat, g, j
from tests.server.machines import Machine

DEADLINE = 60.0


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine with a recorded feed of two runs."""
    machine = Machine(tmp_path / "machine")
    second = ["$I,,", *OPENING[1:], '$B,95,"Sunday 8 Hour"', beat(0), beat(1), g("8", 1, 90_000)]
    printed = [*OPENING, beat(0), beat(1, "Green"), g("7", 1, 90_000), j("7", 91_000, 181_000)]
    lines = ["##2025-04-26 15:00:00.000", *printed, "##2025-04-26 15:00:01.000", *second]
    (machine.folder / "feed.txt").write_text("".join(f"{line}\r\n" for line in lines))
    (machine.folder / "laps.csv").write_text("NUMBER;LAP_NUMBER\n")
    yield machine
    machine.end()


def test_importing_a_recording(machine: Machine) -> None:
    """Each run is a session; importing again changes nothing; what is no feed is refused."""
    command = ("import", "rmonitor", "feed.txt", "--session", "road-america")
    assert machine.run(*command) == (
        "road-america: Saturday 8 Hour; 3 cars, 8 events\n"
        "road-america-2: Sunday 8 Hour; 3 cars, 5 events\n"
    )
    assert "road-america has this race already" in machine.run(*command)
    rows = machine.rows("standings", "road-america")
    assert [(row["car"], row["laps"], row["last_lap_ms"]) for row in rows][:1] == [("7", 2, 91_000)]
    refused = ("import", "rmonitor", "laps.csv", "--session", "other")
    assert machine.run(*refused, code=1) == (
        "lapstream: laps.csv:1: no line is an RMonitor record\n"
    )


def test_status_of_a_feed(machine: Machine) -> None:
    """Title, kind and pack may be told with a feed."""
    printed = ("--title", "Eight hours", "--kind", "practice", "--rules", "imsa-2024")
    assert "practice: Eight hours" in machine.run(
        "import", "rmonitor", "feed.txt", "--session", "practice", *printed
    )
    [row] = machine.rows("session", "practice")
    assert (row["kind"], row["rules"]) == ("practice", "imsa-2024")


@pytest.mark.slow
def test_following_a_feed(machine: Machine) -> None:
    """A feed is played, followed, asked how it fares, stopped, and read again."""
    player = machine.start("feed", "play", "feed.txt", "--port", "0", "--speed", "1000")
    assert player.stdout is not None
    found = re.search(r"at (127\.0\.0\.1:\d+)", player.stdout.readline())
    assert found is not None
    assert machine.run("feed", "status", "live") == "live: has no feed\n"
    follower = machine.start("feed", "rmonitor", found[1], "--session", "live")
    deadline = time.monotonic() + DEADLINE
    while "13 events" not in (status := machine.run("feed", "status", "live")):
        assert time.monotonic() < deadline, status
        assert follower.poll() is None
    assert re.fullmatch(
        r"live: \w+( \([^)]*\))?, last heard [\d.]+ s ago; rmonitor 127\.0\.0\.1:\d+ "
        r"into live-2; \d+ records, 0 unreadable, 13 events\n",
        status,
    )
    follower.send_signal(signal.SIGINT)
    _, err = follower.communicate(timeout=DEADLINE)
    assert follower.returncode == 130
    assert '"event": "feed connected"' in err
    assert "nobody follows it" in machine.run("feed", "status", "live")
    machine.run_process("feed", "recording", "live", "kept.txt")
    again = machine.run("import", "rmonitor", "kept.txt", "--session", "again")
    assert again.startswith("again: Saturday 8 Hour; 3 cars, 8 events\nagain-2: Sunday")


@pytest.mark.slow
def test_serving_a_feed(machine: Machine) -> None:
    """``serve`` follows a feed, too; the gateway tells what it says, and how it fares."""
    player = machine.start("feed", "play", "feed.txt", "--port", "0", "--speed", "1000")
    assert player.stdout is not None
    played = re.search(r"at (127\.0\.0\.1:\d+)", player.stdout.readline())
    assert played is not None
    server = machine.start("serve", "--port", "0", "--feed", f"rmonitor:{played[1]}=live")
    assert server.stdout is not None
    # Several short lines, not one of 300 characters.
    output = "".join(server.stdout.readline() for _ in range(6))
    assert f"feed: rmonitor {played[1]} into live is followed\n" in output
    assert max(map(len, output.splitlines())) < 120
    found = re.search(r"http://\S+:\d+", output)
    assert found is not None
    with httpx.Client(base_url=found[0]) as client:
        deadline = time.monotonic() + DEADLINE
        while (feed := client.get("/sessions/live/feed")).json().get("events") != 13:
            assert time.monotonic() < deadline, feed.text
            time.sleep(0.05)
        printed = feed.json()
        assert (printed["feed"], printed["session"]) == (f"rmonitor {played[1]}", "live-2")
        assert printed["followed"]
        assert printed["age_ms"] >= 0
        health = client.get("/sessions/live/health").json()
        assert health["state"] in ("waiting", "folding")
        assert health["feed"]["unreadable"] == 0
        rows = client.get("/sessions/live/standings").json()["rows"]
        assert {row["car"]: row["laps"] for row in rows}["7"] == 2
        assert f'lapstream_feed_age_seconds{{feed="rmonitor {played[1]}",session="live"}}' in (
            client.get("/metrics").text
        )
        assert client.get("/sessions/nobody/feed").status_code == 404
    server.terminate()
    _, err = server.communicate(timeout=DEADLINE)
    assert server.returncode == 0, err
    assert "nobody follows it" in machine.run("feed", "status", "live")
    assert "Traceback" not in err


def test_no_feed_to_serve(machine: Machine) -> None:
    """What is no feed is refused in a line, and nothing is served."""
    printed = machine.run("serve", "--port", "0", "--feed", "timing:50000=live", code=1)
    assert printed == (
        "lapstream: 'timing:50000=live' names no feed: write rmonitor:HOST:PORT=SESSION\n"
    )


def test_wrong_options_of_a_feed(machine: Machine) -> None:
    """A pack that is unknown, or a title that is too long, is refused before anything is done."""
    command = ("import", "rmonitor", "feed.txt", "--session", "practice")
    assert "no regulation pack 'x'" in machine.run(*command, "--rules", "x", code=1)
    assert "title: not 1 to 200" in machine.run(*command, "--title", "x" * 201, code=2)


def test_no_recording(machine: Machine) -> None:
    """Of a session without a feed there is none, and a file that is there stays as it is."""
    before = (machine.folder / "feed.txt").read_bytes()
    assert machine.run("feed", "recording", "frday", "feed.txt", code=1) == (
        "lapstream: session 'frday' has no feed recording: it is kept with the session of the "
        "feed's first run\n"
    )
    assert (machine.folder / "feed.txt").read_bytes() == before


def test_no_address(machine: Machine) -> None:
    """What is no address is refused in a line."""
    error = machine.run("feed", "rmonitor", "timing", "--session", "live", code=1)
    assert error == "lapstream: 'timing' is not the address of a feed: write HOST:PORT\n"
    error = machine.run("feed", "rmonitor", "a..b:5000", "--session", "live", code=1)
    assert error == "lapstream: 'a..b:5000' is not the address of a feed: write HOST:PORT\n"


@pytest.mark.slow
def test_a_replay_takes_no_feed(machine: Machine) -> None:
    """Neither by command nor as it is served."""
    machine.run("replays", "start", "petit-le-mans-2007", "--name", "live")
    printed = "lapstream: 'live' is a replay: append to the session that it plays\n"
    assert machine.run("feed", "rmonitor", "127.0.0.1:9", "--session", "live", code=1) == printed
    served = ("serve", "--port", "0", "--feed", "rmonitor:127.0.0.1:9=live")
    assert machine.run(*served, code=1) == printed

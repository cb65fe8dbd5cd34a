"""The embedded server: one for each data folder, whoever comes, leaves or is killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from events import decode
from events.errors import StoreUnavailable, StoreUnfit
from services.storage import embedded, lifeline
from services.storage.append_only_files import file_faults, repair
from services.storage.client import Store, open_store
from services.storage.embedded import EmbeddedServer
from services.storage.event_log import Log
from tests.server.command import batch
from tests.server.conftest import StartCommand
from tests.server.processes import is_running, is_served, kill_server, server_of


async def numbers(store: Store, session: str, source: str) -> list[int]:
    """The numbers of a source in the log, in the log's order."""
    events = [
        decode(entry.payload) async for entries in Log(store).read(session) for entry in entries
    ]
    return [event.source_seq for event in events if event.source == source]


# -- Durability ------------------------------------------------------------------------


async def test_settings_read_back(store: Store):
    """The running server says that every write is on disk before it is answered."""
    settings = await store.redis.config_get("*")
    expected = {
        "appendonly": "yes",
        "appendfsync": "always",
        "no-appendfsync-on-rewrite": "no",
        "save": "",
        "maxmemory": "0",
        "maxmemory-policy": "noeviction",
        "port": "0",
        "protected-mode": "yes",
        "unixsocketperm": "700",
    }
    assert {name: settings[name] for name in expected} == expected
    assert store.durability == "every acknowledged event is on disk"


async def test_only_this_user_reaches_it(store: Store, shared_data: Path):
    """No network port; the socket and its folder are this user's alone."""
    assert (await store.redis.info("server"))["tcp_port"] == 0
    assert store.socket is not None
    assert stat.S_IMODE(store.socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.socket.parent.stat().st_mode) == 0o700
    assert (shared_data / "valkey.log").is_file()
    logs = list((shared_data / "appendonlydir").iterdir())
    assert [file for file in logs if stat.S_IMODE(file.stat().st_mode) & 0o077] == []


# -- Coming and going ------------------------------------------------------------------


async def test_a_later_command_connects(tmp_path: Path):
    """Two commands share one server, which ends with the last of them."""
    async with open_store(data=tmp_path) as first:
        pid = await server_of(first)
        async with open_store(data=tmp_path) as second:
            assert await server_of(second) == pid
        assert is_running(pid)
    assert not is_running(pid)
    assert not is_served(tmp_path)


async def test_the_first_may_leave_first(tmp_path: Path):
    """The command that started the server leaves; the other goes on."""
    first = EmbeddedServer(tmp_path)
    await first.use()
    async with open_store(data=tmp_path) as second:
        await first.leave()
        assert is_running(await server_of(second))
    assert not is_served(tmp_path)


async def test_the_log_outlives_the_server(tmp_path: Path):
    """What was appended is there when the server is started again."""
    async with open_store(data=tmp_path) as store:
        await Log(store).append("a", batch("x", 0, 100))
    async with open_store(data=tmp_path) as store:
        assert await numbers(store, "a", "x") == list(range(100))


async def test_many_starters_at_once(tmp_path: Path, start_command: StartCommand):
    """Commands that start at the same moment agree on one server."""
    commands = [start_command(tmp_path, "a", f"x{number}") for number in range(4)]
    servers = {command.server() for command in commands}
    assert len(servers) == 1
    for command in commands:
        command.leave()
    assert not is_served(tmp_path)


async def test_coming_while_others_leave(tmp_path: Path):
    """However comers and leavers meet, each finds a server, alone on the folder, and keeps it."""

    async def come_and_go(source: str) -> None:
        for number in range(8):
            async with open_store(data=tmp_path) as store:
                await Log(store).append("a", batch(source, number, 1))

    await asyncio.gather(*(come_and_go(f"x{number}") for number in range(6)))
    assert not is_served(tmp_path)
    async with open_store(data=tmp_path) as store:
        for number in range(6):
            assert await numbers(store, "a", f"x{number}") == list(range(8))
    log = (tmp_path / "valkey.log").read_text()
    printed = [line for line in log.splitlines() if "is starting" in line or "bye bye" in line]
    assert ["bye bye" in line for line in printed] == [False, True] * (len(printed) // 2)


# -- Killed ----------------------------------------------------------------------------


async def test_one_of_two_commands_killed(tmp_path: Path, start_command: StartCommand):
    """A command killed beside another changes nothing for it, and the server ends with it."""
    killed, other = start_command(tmp_path, "a", "x"), start_command(tmp_path, "a", "y", 1, 10)
    server = killed.server()
    assert other.server() == server
    assert next(other.acknowledged()) == 9
    killed.kill()
    assert is_running(server)
    other.leave()
    assert not is_running(server)


async def test_a_server_left_behind_is_adopted(tmp_path: Path, start_command: StartCommand):
    """The server of a killed command is found by the next one, which shuts it down."""
    killed = start_command(tmp_path, "a", "x", 5, 3)
    server = killed.server()
    acknowledged = killed.acknowledged()
    assert [next(acknowledged) for _ in range(5)] == [2, 5, 8, 11, 14]
    killed.kill()
    assert is_running(server)
    async with open_store(data=tmp_path) as store:
        assert await server_of(store) == server
        assert await numbers(store, "a", "x") == list(range(15))
    assert not is_running(server)


@pytest.mark.slow
async def test_a_command_killed_at_any_moment(tmp_path: Path, start_command: StartCommand):
    """Whatever a killed command saw acknowledged is in the log, and whole batches only."""
    chance = random.Random(2007)
    for round_number in range(4):
        command = start_command(tmp_path, f"s{round_number}", "x", 400, 7)
        command.server()
        seen = -1
        stop_after = chance.randrange(1, 60)
        for last, _ in zip(command.acknowledged(), range(stop_after), strict=False):
            seen = last
        command.kill()
        async with open_store(data=tmp_path) as store:
            found = await numbers(store, f"s{round_number}", "x")
        assert found == list(range(len(found)))
        assert len(found) % 7 == 0
        assert len(found) > seen


async def test_the_server_killed_in_use(tmp_path: Path):
    """A killed server is started again for whoever uses it; appending goes on."""
    async with open_store(data=tmp_path) as store:
        log = Log(store)
        for number in range(30):
            if number % 10 == 5:
                kill_server(tmp_path, await server_of(store))
            await log.append("a", batch("x", number, 1))
        assert await numbers(store, "a", "x") == list(range(30))
    assert not is_served(tmp_path)


@pytest.mark.slow
async def test_the_server_killed_again_and_again(tmp_path: Path, start_command: StartCommand):
    """Three commands append while their server is killed: nothing is lost, nothing is twice."""
    chance = random.Random(394)
    commands = [start_command(tmp_path, "a", f"x{number}", 150, 3) for number in range(3)]
    for command in commands:
        command.server()
    async with open_store(data=tmp_path) as store:
        for _ in range(4):
            await asyncio.sleep(chance.uniform(0.02, 0.2))
            kill_server(tmp_path, await server_of(store))
            await store.redis.ping()
        for command in commands:
            for last in command.acknowledged():
                if last == 449:
                    break
        for number, command in enumerate(commands):
            assert await numbers(store, "a", f"x{number}") == list(range(450))
            command.leave()


async def test_a_write_that_a_kill_cut_short(tmp_path: Path):
    """Of a batch whose write was cut short nothing is there; all before it is."""
    async with open_store(data=tmp_path) as store:
        await Log(store).append("a", batch("x", 0, 10))
        await Log(store).append("a", batch("x", 10, 10))
    (file,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    whole = file.read_bytes()
    for cut in (1, 30, 700):
        file.write_bytes(whole[:-cut])
        async with open_store(data=tmp_path) as store:
            assert await numbers(store, "a", "x") == list(range(10))
            await Log(store).append("a", batch("x", 0, 20))
            assert await numbers(store, "a", "x") == list(range(20))


# -- Folders, sockets and files --------------------------------------------------------


async def test_a_stale_socket(tmp_path: Path, start_command: StartCommand):
    """The socket that a killed server left is in nobody's way, nor is a file in its place."""
    async with open_store(data=tmp_path) as store:
        assert store.socket is not None
        socket = store.socket
    socket.write_text("no socket")
    async with open_store(data=tmp_path) as store:
        await Log(store).append("a", batch("x", 0, 1))
        assert store.socket == socket
    left = start_command(tmp_path, "a", "x")
    server = left.server()
    left.kill()
    kill_server(tmp_path, server)
    assert socket.exists()
    async with open_store(data=tmp_path) as store:
        assert store.socket == socket
        assert await numbers(store, "a", "x") == [0]


async def test_a_deleted_folder(tmp_path: Path, start_command: StartCommand):
    """A server whose folder was deleted is ended by the next command there, not used."""
    data = tmp_path / "data"
    left = start_command(data, "a", "x", 1, 5)
    orphan = left.server()
    next(left.acknowledged())
    left.kill()
    shutil.rmtree(data)
    async with open_store(data=data) as store:
        assert await server_of(store) != orphan
        assert not is_running(orphan)
        assert await numbers(store, "a", "x") == []


async def test_a_folder_deleted_in_use(tmp_path: Path):
    """The server of a folder that was deleted while it was used ends with its last user."""
    data = tmp_path / "data"
    async with open_store(data=data) as store:
        server = await server_of(store)
        shutil.rmtree(data)
    assert not is_running(server)


async def test_a_copied_folder(tmp_path: Path):
    """A copy of a folder in use has a server of its own."""
    async with open_store(data=tmp_path / "data") as store:
        await Log(store).append("a", batch("x", 0, 5))
        shutil.copytree(tmp_path / "data", tmp_path / "copy")
        async with open_store(data=tmp_path / "copy") as other:
            assert await server_of(other) != await server_of(store)
            await Log(other).append("a", batch("x", 5, 5))
        assert await numbers(store, "a", "x") == list(range(5))


async def test_a_folder_by_another_name(tmp_path: Path):
    """A symbolic link leads to the same folder, and so to the same server."""
    (tmp_path / "link").symlink_to(tmp_path / "data")
    async with (
        open_store(data=tmp_path / "data") as store,
        open_store(data=tmp_path / "link") as other,
    ):
        assert await server_of(store) == await server_of(other)


async def test_a_deep_folder(tmp_path: Path):
    """A data folder's path may be far longer than a socket's, and hold spaces and quotes."""
    data = tmp_path.joinpath(*['it\'s a deep "folder" with a Ünïcode name'] * 8)
    async with open_store(data=data) as store:
        await Log(store).append("a", batch("x", 0, 1))
        assert await numbers(store, "a", "x") == [0]
    assert len(os.fsencode(data)) > 300
    assert (data / "appendonlydir").is_dir()


@pytest.fixture
def runtime(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder of our own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_folder))
    return short_folder


async def test_another_environment_finds_the_same_server(
    tmp_path: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
):
    """The socket is where it first was, also for a command without XDG_RUNTIME_DIR."""
    async with open_store(data=tmp_path) as store:
        assert store.socket is not None
        assert store.socket.is_relative_to(runtime)
        monkeypatch.delenv("XDG_RUNTIME_DIR")
        async with open_store(data=tmp_path) as other:
            assert other.socket == store.socket
    async with open_store(data=tmp_path) as later:
        assert later.socket == store.socket


async def test_a_runtime_folder_that_others_reach(tmp_path: Path, runtime: Path):
    """A runtime folder that is open to others is passed over."""
    open_folder = runtime / f"lapstream-{os.getuid()}"
    open_folder.mkdir()
    open_folder.chmod(0o755)
    async with open_store(data=tmp_path) as store:
        assert store.socket is not None
        assert not store.socket.is_relative_to(runtime)


async def test_no_runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without any private folder for the socket it is said which to name."""
    monkeypatch.setattr(embedded, "LONGEST_SOCKET_PATH", 5)
    assert "set XDG_RUNTIME_DIR" in await refusal(tmp_path, StoreUnavailable)


# -- What is wrong is said in one line -------------------------------------------------


async def refusal(data: Path, error: type[Exception]) -> str:
    """The line that says why the store of this folder cannot be opened."""
    with pytest.raises(error) as refused:
        async with open_store(data=data):
            pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("data", ["file", "file/below", "/proc/nowhere/data"])
async def test_no_folder(tmp_path: Path, data: str):
    """A data folder that cannot be made is named, with what to do."""
    (tmp_path / "file").touch()
    printed = await refusal(tmp_path / data, StoreUnavailable)
    assert str(tmp_path / data) in printed
    assert printed.endswith("name another with --data")


@contextlib.contextmanager
def without_leave_to_write(folder: Path) -> Iterator[None]:
    """Take the right to write from the folder for a while."""
    folder.chmod(0o500)
    yield
    folder.chmod(0o700)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
async def test_a_folder_without_leave_to_write(tmp_path: Path):
    """A data folder that this user may not write is named."""
    with without_leave_to_write(tmp_path):
        assert "Permission denied" in await refusal(tmp_path, StoreUnavailable)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for 4 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["/bin/sh", "-c", f"mount -t tmpfs -o size=4m none '{disk}'"],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield disk
    subprocess.run(["/bin/sh", "-c", f"umount '{disk}'"], check=True)


def enlarge(disk: Path) -> None:
    """Make room on the disk."""
    subprocess.run(["/bin/sh", "-c", f"mount -o remount,size=16m '{disk}'"], check=True)


async def fill(data: Path) -> tuple[int, str]:
    """Append until it is refused: how many events were acknowledged, and the refusal."""
    acknowledged = 0
    async with open_store(data=data) as store:
        while True:
            try:
                await Log(store).append("a", batch("x", acknowledged, 500))
            except StoreUnavailable as refused:
                return acknowledged, str(refused)
            acknowledged += 500


@pytest.mark.slow
async def test_a_disk_that_fills_up(small_disk: Path):
    """A full disk is named, in use and at the start; nothing acknowledged is lost by it."""
    data = small_disk / "data"
    acknowledged, printed = await fill(data)
    assert "No space left on device" in printed
    assert "No space left on device" in await refusal(data, StoreUnavailable)
    enlarge(small_disk)
    async with open_store(data=data) as store:
        found = await numbers(store, "a", "x")
    assert found == list(range(len(found)))
    assert len(found) >= acknowledged > 0
    assert len(found) % 500 == 0


async def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A disk without room for a server is named before one is started there."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    printed = await refusal(tmp_path, StoreUnavailable)
    assert "the data folder cannot be used (No space left on device)" in printed
    assert not (tmp_path / "server.pid").exists()


async def test_no_program_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A platform that the wheel has no program for is told to name a server."""
    monkeypatch.setattr("platform.machine", lambda: "s390x")
    printed = await refusal(tmp_path, StoreUnfit)
    assert "is not available for linux-s390x: name a server with --store" in printed


def check(arguments: str, code: int = 0) -> list[str]:
    """Run ``lapstream check`` as it is given to the user; what it prints."""
    program = Path(sys.executable).with_name("lapstream")
    done = subprocess.run(
        [str(program), *shlex.split(arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout.splitlines()


async def test_a_damaged_log(tmp_path: Path):
    """A damaged append-only file is left as it is; the line gives a command that repairs it."""
    async with open_store(data=tmp_path) as store:
        for number in range(40):
            await Log(store).append("a", batch("x", number, 1))
    (file,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    commands = file.read_bytes().split(b"XADD")
    damaged = b"XADD".join(commands[:20]) + b"garbage".join(commands[20:])
    file.write_bytes(damaged)
    printed = await refusal(tmp_path, StoreUnfit)
    assert "its log is damaged" in printed
    assert file.read_bytes() == damaged
    assert not is_served(tmp_path)
    check(printed.partition("keep what is intact with lapstream ")[2])
    async with open_store(data=tmp_path) as store:
        found = await numbers(store, "a", "x")
    assert found == list(range(19))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("appendonly.aof.manifest", b"no manifest\n"),
        ("appendonly.aof.1.base.rdb", b"VALKEY080"),
        ("appendonly.aof.1.incr.aof", None),
        ("appendonly.aof.manifest", None),
    ],
)
async def test_a_damaged_folder(tmp_path: Path, name: str, content: bytes | None):
    """Damage to any of the log's files is said to be that."""
    async with open_store(data=tmp_path) as store:
        await Log(store).append("a", batch("x", 0, 1))
    file = tmp_path / "appendonlydir" / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    assert "its log is damaged" in await refusal(tmp_path, StoreUnfit)


async def test_a_server_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_command: StartCommand
):
    """A server that holds the folder and does not answer is named, with what to do."""
    left = start_command(tmp_path, "a", "x")
    server = left.server()
    left.kill()
    os.kill(server, signal.SIGSTOP)
    monkeypatch.setattr(embedded, "PATIENCE", 0.3)
    monkeypatch.setattr(lifeline, "PATIENCE", 0.3)
    printed = await refusal(tmp_path, StoreUnavailable)
    assert f"end it (kill {server}) and try again" in printed
    os.kill(server, signal.SIGCONT)
    monkeypatch.undo()
    async with open_store(data=tmp_path) as store:
        assert await server_of(store) == server


async def test_a_long_log_of_the_server_is_cut(tmp_path: Path):
    """The server's own log does not grow without bound."""
    (tmp_path / "valkey.log").write_text("x" * 1_000_001)
    async with open_store(data=tmp_path):
        assert (tmp_path / "valkey.log").stat().st_size < 100_000
    assert (tmp_path / "valkey.log.1").stat().st_size == 1_000_001


async def test_an_emptied_log(tmp_path: Path):
    """A server would open it as an empty store; what was there before is noted beside it."""
    async with open_store(data=tmp_path) as store:
        await Log(store).append("race", batch("x", 0, 3))
    (file,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    size = file.stat().st_size
    os.truncate(file, 0)
    fault = f"{file.name} is empty, and held {size} bytes"
    assert fault in file_faults(tmp_path)
    with pytest.raises(StoreUnfit, match=re.escape(fault)):
        async with open_store(data=tmp_path):
            pass
    assert f"{fault}: what it held is lost" in repair(tmp_path)
    async with open_store(data=tmp_path) as store:
        assert await Log(store).sessions() == []

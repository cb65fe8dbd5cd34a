"""Faults of the machine: a store out of memory, files that may not grow, clocks, damaged files.

After each of them no acknowledged event may be missing or twice once the cause is gone; what was
refused was refused in one line; and a data folder that cannot be read is never shown as empty.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import resource
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from redis.asyncio import Redis

from events import RaceControlMessage, SessionOpened, decode, encode
from services.roles import Role, new_token
from services.storage.client import open_store
from services.storage.event_log import Log
from services.storage.keys import log_key
from services.storage.valkey import find_binary
from tests.faults.fleet import PROGRAMS, Service, answers, gateway
from tests.faults.reports import Report
from tests.server.clusters import free_ports
from tests.server.processes import ROOT
from tests.server.projecting import eventually

SESSION = "faults"
BATCH = 50
TWO_HOURS_MS = 7_200_000
REFUSED_SECONDS = 60.0
REPORTED_SECONDS = 60.0


@dataclass
class Desk:
    """A client that appends messages, and keeps the numbers of those that were acknowledged."""

    url: str
    secret: str
    acknowledged: list[int] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    position: str = ""
    _number: int = 0

    async def append(self, size: int = 20) -> int:
        """Append a batch of messages of so many letters. Returns the status, 0 for no answer."""
        numbers = list(range(self._number, self._number + BATCH))
        self._number += BATCH
        events = [
            RaceControlMessage(at=number, source="desk", source_seq=number, text="x" * size)
            for number in numbers
        ]
        status, text = await self._post(b"[" + b",".join(map(encode, events)) + b"]")
        if status == 200:
            self.acknowledged += numbers
            self.position = str(json.loads(text)["position"])
        else:
            self.refusals.append(f"{status} {text[:300]}")
        return status

    async def open(self) -> None:
        """Open the session."""
        opened = SessionOpened(at=0, source="timing", source_seq=0, title="Faults", kind="race")
        await self._post(encode(opened))

    async def get(self, path: str) -> tuple[int, str]:
        """The status and the text of an answer."""
        async with httpx.AsyncClient(timeout=REFUSED_SECONDS) as client:
            try:
                answer = await client.get(self.url + path)
            except httpx.HTTPError as error:
                return 0, type(error).__name__
        return answer.status_code, answer.text

    async def _post(self, body: bytes) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self.secret}"}
        async with httpx.AsyncClient(headers=headers, timeout=REFUSED_SECONDS) as client:
            try:
                answer = await client.post(f"{self.url}/sessions/{SESSION}/events", content=body)
            except httpx.HTTPError as error:
                return 0, type(error).__name__
        return answer.status_code, answer.text


@contextlib.asynccontextmanager
async def served(folder: Path, **environment: str) -> AsyncIterator[tuple[Service, Desk]]:
    """A gateway with a projector, and a client with a token that opened the session."""
    (port,) = free_ports(1)
    secret, line = new_token("desk", Role.CONTROL)
    variables = {"LAPSTREAM_TOKENS": line, "LAPSTREAM_EVENTS_PER_SECOND": "1000000"}
    service = gateway("gateway", port, variables | environment, folder)
    desk = Desk(f"http://127.0.0.1:{port}", secret)
    service.start()
    try:
        await eventually(lambda: answers(desk.url), f"{desk.url} answers")
        await desk.open()
        yield service, desk
    finally:
        service.leave()


async def out_of_memory(folder: Path, _: int) -> Report:
    """A store of six megabytes fills up, refuses, and is given more."""
    report = Report("store out of memory")
    socket = folder / "s.sock"
    fit = ["--port", "0", "--save", "", "--appendonly", "yes", "--unixsocket", str(socket)]
    with _running([str(find_binary()), *fit, "--logfile", "log"], folder):
        await eventually(lambda: _exists(socket), "the server listens")
        store = f"unix://{socket}?db=0"
        async with (
            Redis(unix_socket_path=str(socket)) as redis,
            served(folder, LAPSTREAM_STORE=store) as (service, desk),
        ):
            await redis.config_set("maxmemory", str(await _used(redis) + (4 << 20)))
            await _fill(report, desk)
            reading, _text = await desk.get(f"/sessions/{SESSION}/standings")
            ready, _text = await desk.get("/readyz")
            await redis.config_set("maxmemory", "0")
            await _accepts_again(report, desk)
            report.require(reading == 200, f"while it is full, reading is answered {reading}")
            report.require(ready == 503, f"while it is full, /readyz is answered {ready}")
            await _verify(report, desk, [entry[1][b"event"] for entry in await _raw(redis)])
            _judge(report, service)
    return report


async def files_may_not_grow(folder: Path, _: int) -> Report:
    """The files of the embedded server may not grow (RLIMIT_FSIZE), then they may again."""
    report = Report("files may not grow")
    data = folder / "data"
    async with served(folder, LAPSTREAM_DATA=str(data)) as (service, desk):
        await desk.append()
        largest = max(file.stat().st_size for file in data.rglob("*") if file.is_file())
        _limit_files(service, data, largest + (1 << 18))
        await _fill(report, desk)
        report.figures["reading_while_full"] = (await desk.get("/sessions"))[0]
        _limit_files(service, data, resource.RLIM_INFINITY)
        await _accepts_again(report, desk)
        await _verify(report, desk, await _logged(data))
        _judge(report, service)
    return report


async def clock_stepped_back(folder: Path, _: int) -> Report:
    """The newest event was recorded two hours ahead: the store's clock has stepped back since."""
    report = Report("clock stepped back")
    data = folder / "data"
    async with served(folder, LAPSTREAM_DATA=str(data)) as (service, desk):
        async with open_store(data=data) as store:
            ahead = int(time.time() * 1000) + TWO_HOURS_MS
            event = RaceControlMessage(at=1, source="desk", source_seq=10**9, text="ahead")
            await store.redis.xadd(log_key(SESSION), {"event": encode(event)}, id=f"{ahead}-0")
        await _accepts_again(report, desk)
        line: dict[str, object] = {}
        for _second in range(3):
            await asyncio.sleep(1)
            line = json.loads((await desk.get(f"/sessions/{SESSION}"))[1])
        report.figures["age_ms_after_3_s"] = line.get("age_ms")
        age = line.get("age_ms")
        report.require(
            isinstance(age, int) and 1500 <= age <= REFUSED_SECONDS * 1000,
            f"after three seconds of silence the data is called {age} ms old",
        )
        desk.acknowledged.append(10**9)
        payloads = await _logged(data)
        await _verify(report, desk, payloads)
        _judge(report, service)
    return report


async def unusable_folder(folder: Path, _: int) -> Report:
    """A data folder that cannot be made, or is a file: one line, and no traceback."""
    report = Report("unusable data folder")
    blocked = folder / "file"
    blocked.write_text("not a folder")
    for name, data in (("a file", blocked), ("below a file", blocked / "data")):
        code, text, seconds = await _command("sessions", data=data)
        report.rows.append({"folder": name, "exit code": code, "seconds": seconds})
        report.require(code in (1, 2), f"{name}: exit code {code}: {text}")
        report.require("Traceback" not in text, f"{name}: a traceback")
        report.require(seconds < REPORTED_SECONDS, f"{name}: {seconds} s until it is reported")
    return report


Damage = Callable[[Path, random.Random], None]


def _newest(folder: Path) -> Path:
    return max((folder / "appendonlydir").glob("*.incr.aof"))


def _cut(folder: Path, chance: random.Random) -> None:
    file = _newest(folder)
    content = file.read_bytes()
    file.write_bytes(content[: chance.randrange(len(content) * 3 // 4, len(content))])


def _garbage_behind(folder: Path, chance: random.Random) -> None:
    with _newest(folder).open("ab") as file:
        file.write(chance.randbytes(500))


def _zeros_behind(folder: Path, _: random.Random) -> None:
    with _newest(folder).open("ab") as file:
        file.write(bytes(4096))


def _middle_gone(folder: Path, chance: random.Random) -> None:
    file = _newest(folder)
    content = file.read_bytes()
    at = chance.randrange(len(content) // 4, len(content) // 2)
    file.write_bytes(content[:at] + content[at + 1000 :])


def _flipped_bit(folder: Path, chance: random.Random) -> None:
    file = _newest(folder)
    content = bytearray(file.read_bytes())
    content[content.index(b"$", len(content) // 2) + 1] ^= 1 << chance.randrange(5)
    file.write_bytes(bytes(content))


def _file_gone(folder: Path, _: random.Random) -> None:
    _newest(folder).unlink()


def _manifest_gone(folder: Path, _: random.Random) -> None:
    (folder / "appendonlydir/appendonly.aof.manifest").unlink()


def _manifest_spoiled(folder: Path, _: random.Random) -> None:
    (folder / "appendonlydir/appendonly.aof.manifest").write_text("junk\n")


DAMAGES: dict[str, Damage] = {
    "cut off": _cut,
    "garbage behind": _garbage_behind,
    "zeros behind": _zeros_behind,
    "middle gone": _middle_gone,
    "flipped bit": _flipped_bit,
    "file gone": _file_gone,
    "manifest gone": _manifest_gone,
    "manifest spoiled": _manifest_spoiled,
}
"""A file that was cut off opens without its end, as after a kill; others have to be reported."""


async def damaged_files(folder: Path, seed: int) -> Report:
    """Append-only files that were damaged: reported in one line, never shown as an empty store."""
    report = Report("damaged append-only files", {"seed": seed})
    whole, chance = folder / "whole", random.Random(seed)
    async with open_store(data=whole) as store:
        for first in range(0, 2000, BATCH):
            numbers = range(first, first + BATCH)
            await Log(store).append(
                SESSION,
                [RaceControlMessage(at=n, source="desk", source_seq=n, text="x") for n in numbers],
            )
    for number, (name, damage) in enumerate(DAMAGES.items()):
        data = folder / str(number)
        shutil.copytree(whole, data)
        damage(data, chance)
        code, text, seconds = await _command("sessions", data=data)
        left = await _length(data) if code == 0 else None
        report.rows.append(
            {"damage": name, "exit code": code, "seconds": seconds, "events of 2000": left}
        )
        report.require("Traceback" not in text, f"{name}: a traceback: {text}")
        report.require(seconds < REPORTED_SECONDS, f"{name}: {seconds} s until it is reported")
        report.require(code in (0, 1), f"{name}: exit code {code}: {text}")
        report.require(bool(left) or code == 1, f"{name}: the store is shown as empty")
        if code == 1:
            report.require("damaged" in text, f"{name}: not called damaged: {text}")
    return report


Case = Callable[[Path, int], Coroutine[Any, Any, Report]]
CASES: tuple[Case, ...] = (
    out_of_memory,
    files_may_not_grow,
    clock_stepped_back,
    unusable_folder,
    damaged_files,
)


async def _fill(report: Report, desk: Desk) -> None:
    """Append until it is refused, with the reason in one line, and some times more."""
    began = time.monotonic()
    for _ in range(400):
        if await desk.append(2000) != 200:
            break
    report.require(bool(desk.refusals), "nothing was refused")
    for _ in range(2):
        await desk.append(2000)
    report.figures["refusals"] = dict(Counter(text[:3] for text in desk.refusals))
    report.figures["fill_seconds"] = round(time.monotonic() - began)
    others = [text for text in desk.refusals if not text.startswith("503")]
    report.require(not others, f"refused otherwise than with 503: {others[:2]}")


async def _accepts_again(report: Report, desk: Desk) -> None:
    """Append until it is acknowledged."""
    began = time.monotonic()
    while await desk.append() != 200:
        if time.monotonic() > began + REFUSED_SECONDS:
            report.faults.append(f"nothing is acknowledged again: {desk.refusals[-1]}")
            return
        await asyncio.sleep(0.2)
    report.figures["accepts_again_s"] = round(time.monotonic() - began, 1)
    while not await _is_projected(desk):
        if time.monotonic() > began + 2 * REFUSED_SECONDS:
            _status, text = await desk.get(f"/sessions/{SESSION}/health")
            report.faults.append(f"the session is not folded again: {text}")
            return
        await asyncio.sleep(0.2)
    report.figures["folds_again_s"] = round(time.monotonic() - began, 1)


async def _is_projected(desk: Desk) -> bool:
    """Whether the newest acknowledged event has been folded."""
    status, text = await desk.get(f"/sessions/{SESSION}")
    return status == 200 and json.loads(text)["position"] == desk.position


async def _verify(report: Report, desk: Desk, payloads: list[bytes]) -> None:
    """Compare the log with what was acknowledged."""
    numbers = Counter(event.source_seq for event in map(decode, payloads) if event.source == "desk")
    lost = sum(number not in numbers for number in desk.acknowledged)
    doubled = sum(count - 1 for count in numbers.values())
    report.figures |= {
        "acknowledged": len(desk.acknowledged),
        "lost": lost,
        "doubled": doubled,
    }
    report.require(not lost, f"{lost} acknowledged events are lost")
    report.require(not doubled, f"{doubled} events are in the log twice")


def _judge(report: Report, service: Service) -> None:
    report.require(service.is_running(), "the gateway ended")
    tracebacks = service.tracebacks()
    report.require(not tracebacks, f"{len(tracebacks)} tracebacks, first: {tracebacks[:1]}")


async def _logged(data: Path) -> list[bytes]:
    async with open_store(data=data) as store:
        return [entry.payload async for batch in Log(store).read(SESSION) for entry in batch]


async def _length(data: Path) -> int:
    async with open_store(data=data) as store:
        return await Log(store).length(SESSION)


async def _raw(redis: Redis) -> list[tuple[bytes, dict[bytes, bytes]]]:
    entries: Any = await redis.xrange(log_key(SESSION))
    return list(entries)


async def _used(redis: Redis) -> int:
    return int((await redis.info("memory"))["used_memory"])


async def _exists(path: Path) -> bool:
    return await asyncio.to_thread(path.exists)


def _limit_files(service: Service, data: Path, size: int) -> None:
    """Limit the files that the gateway and its server may write from now on."""
    pids = [service.pid]
    with contextlib.suppress(OSError, ValueError):
        pids.append(int((data / "server.pid").read_text()))
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


async def _command(*arguments: str, data: Path) -> tuple[int, str, float]:
    """The exit code of a command on a data folder, what it printed, and its seconds."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        str(PROGRAMS / "lapstream"),
        *arguments,
        cwd=ROOT,
        env={**os.environ, "LAPSTREAM_DATA": str(data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    text = " ".join(printed.decode(errors="replace").split())
    return process.returncode or 0, text, round(time.monotonic() - began, 1)


@contextlib.contextmanager
def _running(command: list[str], folder: Path) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()

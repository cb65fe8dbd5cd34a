"""Hostile HTTP: requests that fit the description of the interface, spoiled in many ways.

Schemathesis draws requests for each operation of our OpenAPI, valid ones and others. Each is then
sent over a connection of its own with something wrong: its token, its length, its head, its method
or its encoding. Meanwhile many connections send a head that never ends, and a client with a token
reads and appends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from schemathesis import Case, GenerationMode

from services.gateway import create_app
from services.gateway.routes.events import attach
from services.roles import Role, new_token
from services.settings import GatewaySettings
from tests.faults.fleet import Service, answers, gateway
from tests.faults.reports import Report, percentile
from tests.server.clusters import free_ports
from tests.server.projecting import eventually

RACE = "petit-le-mans-2007"
SESSIONS = tuple(f"http-{n}" for n in range(4))
"""The sessions that are written to; of the race, which every store has, is only read."""

WORKERS = 8
SLOW_HEADS = 100
ANSWER_SECONDS = 60.0
REST_SECONDS = 0.3
SLOW_SECONDS = 5.0
MOST_GROWTH_MB = 150.0
NASTY = (
    *("", " ", "-1", "0", "9" * 30, "1e309", "NaN", "null", "true", "{}", "[]", "%", "%00", "%zz"),
    *("%ff%fe", "../../etc/passwd", "'", '"', "<script>", "=1+1", "%0d%0aX:%20y", "%1b[31m"),
    *("lap:0", "lap:99999999999", "99999:00:00", "0-0", "99999999999999999999-1", "9" * 5000),
    *("9999-12-31T23:59:59%2B14:00", "0001-01-01T00:00:00Z", "7,1", ",,,,", "65536:1-1"),
)


@dataclass(frozen=True)
class Request:
    """A request as it is sent: nothing is added, nothing is corrected."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    version: bytes = b"HTTP/1.1"
    line_end: bytes = b"\r\n"

    def encode(self) -> bytes:
        """The bytes."""
        lines = [b" ".join((self.method, self.target, self.version))]
        lines += [name + b": " + value for name, value in self.headers]
        return self.line_end.join((*lines, b"", b"")) + self.body

    def with_header(self, name: bytes, *values: bytes) -> Request:
        """The request with a header in place of those of that name."""
        others = tuple(one for one in self.headers if one[0].lower() != name.lower())
        return replace(self, headers=(*others, *((name, value) for value in values)))

    def with_body(self, body: bytes) -> Request:
        """The request with another body, its length announced rightly."""
        return replace(self, body=body).with_header(b"Content-Length", b"%d" % len(body))


Spoil = Callable[[Request, random.Random], Request]


def _as_it_is(request: Request, _: random.Random) -> Request:
    return request


def _token(request: Request, chance: random.Random) -> Request:
    wrong = (
        *((), (b"",), (b"Bearer",), (b"Bearer ",), (b"Basic dTpw",), (b"Bearer " + b"A" * 43,)),
        *((b"Bearer " + b"A" * 8000,), (b"Bearer \xff\xfe",), (b"Bearer a", b"Bearer b")),
    )
    return request.with_header(b"Authorization", *chance.choice(wrong))


def _length(request: Request, chance: random.Random) -> Request:
    length = len(request.body)
    lies: tuple[tuple[bytes, ...], ...] = (
        *((b"%d" % (length + 10),), (b"%d" % max(0, length - 1),), (b"-1",), (b"0x10",), (b"",)),
        *((b"9" * 30,), (b"300000000",), (b"1", b"2"), (b"+5",), (b"1_0",)),
    )
    return request.with_header(b"Content-Length", *chance.choice(lies))


def _head(request: Request, chance: random.Random) -> Request:
    match chance.randrange(8):
        case 0:
            return replace(request, headers=request.headers + ((b"X", b"1"),) * 500)
        case 1:
            return request.with_header(b"X", b"a" * chance.choice((10_000, 70_000, 400_000)))
        case 2:
            return request.with_header(b"X", b"a\x00b")
        case 3:
            return replace(request, line_end=chance.choice((b"\n", b"\r", b"\n\r\n")))
        case 4:
            return request.with_header(b"Host", *chance.choice(((), (b"evil",), (b"a", b"b"))))
        case 5:
            return request.with_header(b" Folded", b"a\r\n b")
        case 6:
            return request.with_header(b"Upgrade", chance.choice((b"websocket", b"h2c")))
        case _:
            return request.with_header(b"Last-Event-ID", chance.choice(NASTY).encode())


def _method(request: Request, chance: random.Random) -> Request:
    methods = b"GET POST PUT DELETE PATCH HEAD OPTIONS TRACE CONNECT BREW get PRI".split()
    return replace(request, method=chance.choice(methods))


def _version(request: Request, chance: random.Random) -> Request:
    versions = (b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/9.9", b"", b"HTP/1.1", b"HTTP/1.1 x")
    return replace(request, version=chance.choice(versions))


def _encoding(request: Request, chance: random.Random) -> Request:
    body = request.body or b'{"a": 1}'
    match chance.randrange(9):
        case 0:
            return request.with_body(body).with_header(b"Content-Encoding", b"gzip")
        case 1:
            return request.with_body(b"\xff\xfe" + body.decode(errors="replace").encode("utf-16"))
        case 2:
            return request.with_body(b"\xef\xbb\xbf" + body)
        case 3:
            return request.with_body(chance.choice((b"[", b'{"a":')) * 100_000)
        case 4:
            return request.with_body(b"[" + b"1," * 200_000 + b"1]")
        case 5:
            return request.with_body(body[: chance.randrange(len(body))])
        case 6:
            return request.with_body(chance.randbytes(chance.randrange(1, 3000)))
        case 7:
            spoiled = bytearray(body)
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
            return request.with_body(bytes(spoiled))
        case _:
            chunks = (b"zz\r\n", b"-1\r\n\r\n", b"f" * 20 + b"\r\n", b"5\r\nabc", b"0\r\n\r\n", b"")
            chunked = request.with_header(b"Transfer-Encoding", b"chunked")
            return replace(chunked, body=chance.choice(chunks))


def _query(request: Request, chance: random.Random) -> Request:
    path, mark, query = request.target.partition(b"?")
    names = b"at known_at class car format rows delay_ms to before after season topics from".split()
    more = [chance.choice(names) + b"=" + chance.choice(NASTY).encode() for _ in range(3)]
    return replace(request, target=path + b"?" + b"&".join([*([query] if mark else []), *more]))


def _path(request: Request, chance: random.Random) -> Request:
    parts = request.target.split(b"/")
    parts[chance.randrange(1, len(parts))] = chance.choice(NASTY).encode()
    return replace(request, target=b"/".join(parts) or b"/")


SPOILS: dict[str, Spoil] = {
    "as described": _as_it_is,
    "token": _token,
    "length": _length,
    "head": _head,
    "method": _method,
    "version": _version,
    "encoding": _encoding,
    "query": _query,
    "path": _path,
}


LINES = b"\r\n\r\n"
FRAMING = ("length", "head", "version", "encoding")
"""The kinds after which a request may not be whole."""


def described_requests(secret: str, seed: int, each: int) -> list[Request]:
    """Requests for each operation of the interface, valid ones and others.

    Left out are streams, which never end, the beginning of replays, which would play on, and whole
    archives.
    """
    settings_ = GatewaySettings()
    app = create_app(settings_)
    attach(app, settings_)
    schema = (
        schemathesis.openapi.from_dict(app.openapi())
        .exclude(path_regex="stream$")
        .exclude(path_regex="^/(replays|archives)$", method="POST")
    )
    found: list[Request] = []
    chance = random.Random(seed)
    operations: Any = schema.get_all_operations()
    for result in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            with contextlib.suppress(Exception):  # an operation without anything to get wrong
                cases = _cases(result.ok().as_strategy(mode), seed, each)
                found += [_request(case, secret, chance) for case in cases]
    return found


def _cases(strategy: Any, seed: int, each: int) -> list[Case[Any]]:
    cases: list[Case[Any]] = []

    @seeded(seed)
    @settings(
        max_examples=each,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(case: Case[Any]) -> None:
        cases.append(case)

    draw()
    return cases


def _request(case: Case[Any], secret: str, chance: random.Random) -> Request:
    """The request of a case; mostly, its path leads to something."""
    if chance.random() < 0.8 and case.path_parameters:
        session = RACE if case.method == "GET" else chance.choice(SESSIONS)
        known = {"session": session, "name": "output-1", "replay": "replay-1"}
        case.path_parameters.update(
            {name: value for name, value in known.items() if name in case.path_parameters}
        )
    made = requests.Request(**case.as_transport_kwargs(base_url="http://127.0.0.1")).prepare()
    content: Any = made.body or b""
    body = content.encode() if isinstance(content, str) else bytes(content)
    headers = [(b"Host", b"127.0.0.1"), (b"Authorization", b"Bearer " + secret.encode())]
    kind: Any = made.headers.get("Content-Type")
    if kind is not None:
        headers.append((b"Content-Type", kind.encode() if isinstance(kind, str) else kind))
    target = made.path_url.encode("ascii", "replace")
    request = Request((made.method or "GET").encode(), target, tuple(headers))
    return request.with_body(body) if body else request


@dataclass
class Outcome:
    """What came of the requests of one kind."""

    statuses: Counter[str] = field(default_factory=Counter)

    def row(self, kind: str) -> dict[str, object]:
        """A row of the table."""
        classes = Counter[str]()
        for status, count in self.statuses.items():
            classes[f"{status[0]}xx" if status.isdigit() else status] += count
        return {"spoiled": kind, "requests": self.statuses.total(), **dict(sorted(classes.items()))}


@dataclass
class Attack:
    """So many requests to one gateway."""

    port: int
    pool: Sequence[Request]
    chance: random.Random
    left: int
    outcomes: defaultdict[str, Outcome] = field(default_factory=lambda: defaultdict(Outcome))
    failures: list[str] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    shed: Counter[str] = field(default_factory=Counter)
    slow: list[tuple[float, str]] = field(default_factory=list)

    async def work(self) -> None:
        """Send requests until there are none left."""
        while self.left > 0:
            self.left -= 1
            kind = self.chance.choice(list(SPOILS))
            request = SPOILS[kind](self.chance.choice(self.pool), self.chance)
            began = time.monotonic()
            whole = kind not in FRAMING
            status, body = await exchange(self.port, request.encode(), whole=whole)
            if (took := time.monotonic() - began) > SLOW_SECONDS:
                target = request.target[:60].decode("latin-1")
                self.slow.append((round(took, 1), f"{kind}: {request.method!r} {target}"))
            if status == "429":
                self.shed[body.rpartition(LINES)[2][:120].decode("latin-1")] += 1
            self.outcomes[kind].statuses[status] += 1
            if status.startswith("5") or status == "no answer":
                sent = request.encode()[:300].decode("latin-1")
                self.failures.append(f"{status} {body.rpartition(LINES)[2][:150]!r} to {sent!r}")
                self.failed[f"{status} {body.rpartition(LINES)[2][:100]!r}"] += 1


async def exchange(port: int, sent: bytes, *, whole: bool) -> tuple[str, bytes]:
    """The status of the answer, and the body of an error of the server.

    ``closed`` stands for a connection that was closed without an answer, ``no answer`` for none in
    time. A request that may not be ``whole`` is ended after a while, as its answer may wait for
    the rest.
    """
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(sent)
                await writer.drain()
                answer = asyncio.ensure_future(_answer(reader))
                if not whole and not (await asyncio.wait([answer], timeout=REST_SECONDS))[0]:
                    writer.write_eof()
                return await answer
            finally:
                writer.transport.abort()
    except TimeoutError:
        return "no answer", b""
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return "closed", b""


async def _answer(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    status = (await reader.readline()).split(b" ", 2)[1:2]
    if not status:
        raise asyncio.IncompleteReadError(b"", None)
    text = status[0].decode("latin-1")
    return text, await reader.read(2000) if text.startswith(("5", "429")) else b""


@contextlib.asynccontextmanager
async def slow_heads(port: int, count: int) -> AsyncIterator[None]:
    """Connections that send a byte of a head each second, and are opened again when closed."""

    async def drip() -> None:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
                    while not writer.is_closing():
                        writer.write(b"a")
                        await writer.drain()
                        await asyncio.sleep(1)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.5)

    tasks = [asyncio.create_task(drip()) for _ in range(count)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def hostile_http(folder: Path, seed: int, count: int) -> Report:
    """Send so many hostile requests to a gateway, and use it rightly meanwhile."""
    report = Report("hostile HTTP", {"seed": seed})
    (port,) = free_ports(1)
    secret, line = new_token("tests", Role.ADMIN)
    environment = {
        "LAPSTREAM_DATA": str(folder / "data"),
        "LAPSTREAM_TOKENS": line,
        "LAPSTREAM_EVENTS_PER_SECOND": "1000000",
    }
    pool = await asyncio.to_thread(described_requests, secret, seed, 3 if count < 20_000 else 10)
    service = gateway("gateway", port, environment, folder)
    url = f"http://127.0.0.1:{port}"
    service.start()
    try:
        await eventually(lambda: answers(url), f"{url} answers")
        attack = Attack(port, pool, random.Random(seed), count)
        proper = ProperClient(url, secret)
        began = time.monotonic()
        async with slow_heads(port, SLOW_HEADS):
            using = asyncio.create_task(proper.use())
            warm = await _send(attack, service, count // 5)
            calm = await _send(attack, service, 0)
            using.cancel()
            await asyncio.wait([using])
        report.figures |= {
            "requests": count,
            "pool": len(pool),
            "seconds": round(time.monotonic() - began),
            "memory_mb": [warm, calm],
            "peak_mb": service.peak_mb(),
            "proper_p99_s": percentile(proper.seconds, 0.99),
            "proper_longest_s": percentile(proper.seconds, 1),
            "slow": sorted(attack.slow, reverse=True)[:5],
            "shed": dict(attack.shed.most_common(10)),
            "failed": dict(attack.failed.most_common(10)),
        }
        await _judge(report, attack, proper, calm - warm)
    finally:
        code = service.leave()
    report.require(code == 0, f"the gateway ended with {code}")
    tracebacks = service.tracebacks()
    report.require(not tracebacks, f"{len(tracebacks)} tracebacks, first: {tracebacks[:1]}")
    return report


async def _send(attack: Attack, service: Service, until: int) -> float:
    """Send until so many are left to be sent; the memory then."""
    later, attack.left = until and attack.left - until, until or attack.left
    await asyncio.gather(*(attack.work() for _ in range(WORKERS)))
    attack.left = later
    return service.memory_mb()


async def _judge(report: Report, attack: Attack, proper: ProperClient, growth: float) -> None:
    report.rows += [attack.outcomes[kind].row(kind) for kind in SPOILS]
    failures = attack.failures
    report.require(not failures, f"{len(failures)} failures, first: {failures[:3]}")
    report.require(not proper.refused, f"proper requests refused: {proper.refused[:3]}")
    report.require(growth <= MOST_GROWTH_MB, f"{growth:.0f} MB more memory at the end")
    async with httpx.AsyncClient(timeout=30) as client:
        for session in SESSIONS:
            health = (await client.get(f"{proper.url}/sessions/{session}/health")).json()
            stopped = health.get("state") == "stopped"
            report.require(not stopped, f"{session} is stopped: {health.get('reason')}")


@dataclass
class ProperClient:
    """A client with a token that reads a race and appends to a session."""

    url: str
    secret: str
    seconds: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def use(self) -> None:
        """Read and append, some times a second, until cancelled."""
        headers = {"Authorization": f"Bearer {self.secret}"}
        number = 0
        async with httpx.AsyncClient(headers=headers, timeout=ANSWER_SECONDS) as client:
            while True:
                number += 1
                event = {"type": "race_control_message", "at": number, "text": "x"}
                event |= {"source": "desk", "source_seq": number}
                began = time.monotonic()
                for method, path, content in (
                    ("GET", f"/sessions/{RACE}/standings?rows=5", None),
                    ("POST", "/sessions/proper/events", json.dumps(event)),
                ):
                    try:
                        answer = await client.request(method, self.url + path, content=content)
                    except httpx.HTTPError as error:
                        self.refused.append(f"{path}: {type(error).__name__}")
                        continue
                    if answer.status_code != 200:
                        self.refused.append(f"{path}: {answer.status_code} {answer.text[:100]}")
                self.seconds.append(time.monotonic() - began)
                await asyncio.sleep(0.2)

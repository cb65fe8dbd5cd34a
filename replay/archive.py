"""Archives: a session's log as one file, ``.jsonl.gz``, that can be kept and sent.

The first line is the manifest: format and version, session, how many entries and bytes
follow, first and last position, and the SHA-256 of everything after its own line end.
Then comes one line for each entry, in the order of their positions:

    {"position":"1190000000000-0","event":{"v":1,"type":"pit_entered",...}}
    {"position":"1190000000000-1","fields":["ZXZlbnQ=","bm8gSlNPTg=="]}

An entry whose one field ``event`` is a JSON object on one line stands in the first form,
with its bytes exactly as they are in the log, spaces and all. Everything else that a
stream may hold stands in the second, names and values in base64. Which form it is depends
on the bytes alone, never on what this version knows of events, and reading accepts only
what writing gives: so import then export gives the same lines, and (on the same zlib) the
same file, for the gzip header holds no time and no name. What is in a log stays in it:
whether an entry is a good event is judged when it is folded, not here.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NoReturn

from events.errors import BadArchive, BadSessionId
from replay.entries import EVENT_FIELD, START, LogEntry, check_session_id, parse_position

FORMAT = "lapstream-archive"
VERSION = 1

LARGEST = 1 << 30
"""Bytes of entries that are read of an archive; a race of a day has thirty million."""

LONGEST_MANIFEST = 1 << 16

LONGEST_LINE = 1 << 21
"""Bytes of an entry's line. The JSON of one takes up to some twenty times as much memory."""

PIECE = 1 << 18
"""Bytes that are unpacked at a time."""

BATCH_ENTRIES = 1000
BATCH_BYTES = 1 << 20
"""The limits of a batch of entries."""

NOT_DESCRIBED = "the manifest does not describe the lines"

_ENTRY_LINE = re.compile(
    rb'\{"position":"(?P<position>[0-9-]+)",'
    rb'(?:"event":(?P<event>\{.*\})|"fields":(?P<fields>\[.*\]))\}'
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the first line of an archive says about the others.

    ``bytes`` is their length with line ends; ``first`` and ``last`` are positions.
    """

    session: str
    entries: int
    bytes: int
    first: str
    last: str
    sha256: str


def pack(session: str, entries: Iterable[LogEntry]) -> bytes:
    """The archive of a session as the bytes of its file."""
    kept = list(entries)
    body = b"".join(_entry_line(entry) + b"\n" for entry in kept)
    manifest = _manifest_line(_manifest_of(session, kept, body))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=packed, mtime=0) as file:
        file.write(manifest + b"\n" + body)
    return packed.getvalue()


class ArchiveFile:
    """An archive in a file, read in pieces, so that its size takes no memory.

    ``stream`` can be sought in, ``file`` is its name for messages. An archive with more than
    ``largest`` bytes of entries is refused. The methods raise BadArchive, which names the file and,
    where it is known, the line.
    """

    def __init__(self, stream: IO[bytes], file: str, largest: int = LARGEST) -> None:
        self._stream = stream
        self._file = file
        self._largest = largest

    def check(self) -> Manifest:
        """Read everything and check it; the manifest."""
        manifest, entries = self._read()
        for _ in entries:
            pass
        return manifest

    def read(self) -> tuple[Manifest, list[LogEntry]]:
        """The manifest and all entries, once everything was checked."""
        manifest, entries = self._read()
        return manifest, list(entries)

    def batches(self) -> Iterator[list[LogEntry]]:
        """The entries of an archive that was checked, in batches."""
        lines = self._lines()
        next(lines)
        batch: list[LogEntry] = []
        size = 0
        for number, line in enumerate(lines, start=2):
            batch.append(_parsed_entry(line[:-1], self._file, number))
            size += len(line)
            if len(batch) == BATCH_ENTRIES or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _read(self) -> tuple[Manifest, Iterator[LogEntry]]:
        for _ in self._pieces():  # the file is whole, and holds no more than it counts
            pass
        lines = self._lines()
        head = next(lines).removesuffix(b"\n")
        manifest = _read_manifest(head, self._file)
        return manifest, self._entries(manifest, head, lines)

    def _entries(
        self, manifest: Manifest, head: bytes, lines: Iterator[bytes]
    ) -> Iterator[LogEntry]:
        """The entries, each checked; at the end, what the manifest says of them."""
        found = _Found(manifest.session)
        for number, line in enumerate(lines, start=2):
            found.add_bytes(line)
            if not line.endswith(b"\n"):
                reason = f"{found.entries} and an unfinished line"
                raise _miscounted(manifest, reason, self._file, number)
            entry = _read_entry(line[:-1], self._file, number)
            found.add(entry, self._file, number)
            yield entry
        if found.entries != manifest.entries:
            raise _miscounted(manifest, f"{found.entries}", self._file, found.entries + 2)
        described = found.manifest()
        if described.sha256 != manifest.sha256:
            reason = "its lines were changed: their SHA-256 is not the manifest's"
            raise BadArchive(self._file, reason)
        if _manifest_line(described) != head:
            raise BadArchive(self._file, NOT_DESCRIBED, line=1)

    def _lines(self) -> Iterator[bytes]:
        """The lines with their ends; the last one may lack its."""
        begun = b""
        number = 1
        for piece in self._pieces():
            *whole, begun = (begun + piece).split(b"\n")
            for line in whole:
                yield line + b"\n"
            number += len(whole)
            if len(begun) > LONGEST_LINE:
                reason = f"a line of more than {LONGEST_LINE} bytes"
                raise BadArchive(self._file, reason, line=number)
        if begun or number == 1:
            yield begun

    def _pieces(self) -> Iterator[bytes]:
        """The unpacked content in pieces. The error for a cut file names the line of its end.

        A small file can hold gigabytes of nothing, so no more is unpacked than the manifest counts.
        """
        self._stream.seek(0)
        packed = self._stream.read(PIECE)
        if packed[:2] != b"\x1f\x8b":
            raise BadArchive(self._file, "not an archive of lapstream: it is not gzip")
        decompressor = zlib.decompressobj(wbits=31)
        head: bytes | None = b""
        left, ends = LONGEST_MANIFEST, 1
        while not decompressor.eof:
            try:
                piece = decompressor.decompress(packed, min(PIECE, left + 1))
            except zlib.error as error:
                raise BadArchive(self._file, f"it is damaged ({error})") from None
            if head is not None:
                head += piece
                if b"\n" in head or len(head) > LONGEST_MANIFEST or decompressor.eof:
                    left, head = _room(head, self._file, self._largest), None
                else:
                    left = LONGEST_MANIFEST - len(head)
            else:
                left -= len(piece)
            if head is None and left < 0:
                raise BadArchive(self._file, NOT_DESCRIBED, line=1)
            ends += piece.count(b"\n")
            if piece:
                yield piece
            packed = decompressor.unconsumed_tail or self._stream.read(PIECE)
            if not packed and not piece and not decompressor.eof:
                raise BadArchive(self._file, "it ends too early", line=ends)
        more = len(decompressor.unused_data) + _length_left(self._stream)
        if more:
            raise BadArchive(self._file, f"{more} bytes follow its end")


class _Found:
    """What the lines of an archive are found to be."""

    def __init__(self, session: str) -> None:
        self.entries = 0
        self._session = session
        self._bytes = 0
        self._digest = hashlib.sha256()
        self._first = self._last = START
        self._before = parse_position(START)

    def add_bytes(self, line: bytes) -> None:
        """Count the bytes of a line."""
        self._bytes += len(line)
        self._digest.update(line)

    def add(self, entry: LogEntry, file: str, number: int) -> None:
        """Add an entry. Raises BadArchive unless it lies behind the one before."""
        try:
            position = parse_position(entry.position)
        except ValueError as error:
            raise BadArchive(file, str(error), line=number) from None
        if position <= self._before:
            reason = f"position {entry.position} does not come after the one before"
            raise BadArchive(file, reason, line=number)
        self._before, self._last = position, entry.position
        if not self.entries:
            self._first = entry.position
        self.entries += 1

    def manifest(self) -> Manifest:
        """The manifest that describes them."""
        return Manifest(
            session=self._session,
            entries=self.entries,
            bytes=self._bytes,
            first=self._first,
            last=self._last,
            sha256=self._digest.hexdigest(),
        )


def _miscounted(manifest: Manifest, found: str, file: str, line: int) -> BadArchive:
    reason = f"the manifest counts {manifest.entries} entries, but here are {found}"
    return BadArchive(file, reason, line=line)


def unpack(packed: bytes, file: str, largest: int = LARGEST) -> tuple[Manifest, list[LogEntry]]:
    """The manifest and the entries of an archive, once everything in it was checked.

    Raises BadArchive, which names ``file`` and, where it is known, the line; also for
    one with more than ``largest`` bytes of entries.
    """
    return ArchiveFile(io.BytesIO(packed), file, largest).read()


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[ArchiveFile]:
    """The archive of that path, to be read in pieces. Raises BadArchive."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise BadArchive(str(path), f"it cannot be read ({error.strerror})") from None
    with stream:
        yield ArchiveFile(stream, str(path))


def write_archive(path: Path, session: str, entries: Iterable[LogEntry]) -> None:
    """Write the archive of a session; the file comes to be whole or not at all.

    Raises BadArchive where it cannot be written.
    """
    packed = pack(session, entries)
    try:
        write_whole(path, packed)
    except OSError as error:
        raise BadArchive(str(path), f"it cannot be written ({error.strerror})") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that comes to be whole or not at all; a device or pipe is written to directly.

    Raises OSError, which leaves what was there as it was.
    """
    if path.exists() and not path.is_file():  # /dev/stdout, or a pipe
        path.write_bytes(content)
        return
    path = path.resolve()  # a link stays one
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def read_archive(path: Path) -> tuple[Manifest, list[LogEntry]]:
    """Read an archive and check everything in it. Raises BadArchive."""
    with open_archive(path) as archive:
        return archive.read()


# -- Lines -------------------------------------------------------------------------------


def _entry_line(entry: LogEntry) -> bytes:
    position = entry.position.encode()
    fields = entry.fields
    if len(fields) == 2 and fields[0] == EVENT_FIELD and _is_json_object(fields[1]):
        return b'{"position":"%b","event":%b}' % (position, fields[1])
    in_base64 = b",".join(b'"%b"' % base64.b64encode(part) for part in fields)
    return b'{"position":"%b","fields":[%b]}' % (position, in_base64)


def _is_json_object(payload: bytes) -> bool:
    """Whether the payload is a JSON object on one line, and nothing around it.

    NaN and Infinity, which Python would read, are not JSON.
    """
    on_one_line = b"\n" not in payload and b"\r" not in payload
    if not on_one_line or payload[:1] != b"{" or payload[-1:] != b"}":
        return False
    try:
        json.loads(payload.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _read_entry(line: bytes, file: str, number: int) -> LogEntry:
    """The entry of a line that is exactly as it would be written."""
    entry = _parsed_entry(line, file, number)
    if _entry_line(entry) != line:
        raise BadArchive(file, "the event is not JSON, or not as it would be written", line=number)
    return entry


def _parsed_entry(line: bytes, file: str, number: int) -> LogEntry:
    """The entry of a line."""
    match = _ENTRY_LINE.fullmatch(line)
    if match is None:
        raise BadArchive(file, "no position with an event or fields", line=number)
    return LogEntry(match["position"].decode(), _fields(match, file, number))


def _fields(match: re.Match[bytes], file: str, number: int) -> Sequence[bytes]:
    if match["event"] is not None:
        return (EVENT_FIELD, match["event"])
    try:
        return tuple(base64.b64decode(part, validate=True) for part in json.loads(match["fields"]))
    except (ValueError, TypeError, RecursionError):
        raise BadArchive(file, "its fields are not base64", line=number) from None


# -- The manifest ------------------------------------------------------------------------


def _manifest_of(session: str, entries: Sequence[LogEntry], body: bytes) -> Manifest:
    return Manifest(
        session=session,
        entries=len(entries),
        bytes=len(body),
        first=entries[0].position if entries else START,
        last=entries[-1].position if entries else START,
        sha256=hashlib.sha256(body).hexdigest(),
    )


def _manifest_line(manifest: Manifest) -> bytes:
    members = {"format": FORMAT, "version": VERSION, **asdict(manifest)}
    return json.dumps(members, separators=(",", ":")).encode()


def _read_manifest(line: bytes, file: str) -> Manifest:
    try:
        members = json.loads(line)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict) or members.pop("format", None) != FORMAT:
        raise BadArchive(file, "not an archive of lapstream", line=1)
    version = members.pop("version", None)
    if isinstance(version, int) and version > VERSION:
        reason = f"format {version} is newer than {VERSION}: update lapstream to read it"
        raise BadArchive(file, reason, line=1)
    try:
        manifest = Manifest(**members)
        check_session_id(manifest.session)
    except (TypeError, BadSessionId):
        raise BadArchive(file, "its manifest is damaged", line=1) from None
    return manifest


# -- The file ----------------------------------------------------------------------------


def _room(begun: bytes, file: str, largest: int) -> int:
    """How many bytes are to come behind the first ones, by the manifest among them."""
    head, newline, _ = begun.partition(b"\n")
    manifest = _read_manifest(head, file) if newline else _read_manifest(b"", file)
    counted = manifest.bytes if type(manifest.bytes) is int else 0
    if counted > largest:
        reason = f"it has {counted} bytes of entries; no more than {largest} are read"
        raise BadArchive(file, reason, line=1)
    return len(head) + 1 + counted - len(begun)


def _length_left(stream: IO[bytes]) -> int:
    """How many bytes of the file were not read."""
    here = stream.seek(0, io.SEEK_CUR)
    return stream.seek(0, io.SEEK_END) - here


def _sync_folder(folder: Path) -> None:
    """Have the file's new name on disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

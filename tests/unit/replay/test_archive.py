"""Archives: what is in a log comes back the same, and damage is named."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import encode
from events.errors import BadArchive
from replay.archive import (
    BATCH_BYTES,
    LONGEST_LINE,
    PIECE,
    ArchiveFile,
    pack,
    read_archive,
    unpack,
    write_archive,
    write_whole,
)
from replay.entries import LogEntry
from tests.builders import Story

FILE = "race.jsonl.gz"


def entry(position: str, *fields: bytes) -> LogEntry:
    """An entry; one value alone is its event."""
    return LogEntry(position, ((b"event", *fields) if len(fields) == 1 else fields))


def race() -> list[LogEntry]:
    """A small log of good events."""
    story = Story().opened("7", "1").line("7", "S1", 1, 20_000)
    return [entry(f"1190000000000-{n}", encode(event)) for n, event in enumerate(story)]


def lines_of(packed: bytes) -> list[bytes]:
    """The lines of an archive, manifest first."""
    return gzip.decompress(packed).splitlines(keepends=True)


def repacked(*lines: bytes) -> bytes:
    """An archive of these lines, as anyone could have put it together."""
    return gzip.compress(b"".join(lines), mtime=0)


def forged(*lines: bytes, **members: object) -> bytes:
    """An archive of these entry lines with a manifest that fits them, but for ``members``."""
    body = b"".join(lines)
    positions = [
        found.decode() for found in re.findall(rb'^\{"position":"(.*?)"', body, re.MULTILINE)
    ]
    manifest = {
        "format": "lapstream-archive",
        "version": 1,
        "session": "race",
        "entries": len(lines),
        "bytes": len(body),
        "first": positions[0] if positions else "0-0",
        "last": positions[-1] if positions else "0-0",
        "sha256": hashlib.sha256(body).hexdigest(),
        **members,
    }
    return repacked(json.dumps(manifest, separators=(",", ":")).encode() + b"\n", body)


def refusal(packed: bytes) -> BadArchive:
    """How reading these bytes is refused."""
    with pytest.raises(BadArchive) as refused:
        unpack(packed, FILE)
    assert refused.value.file == FILE
    assert "\n" not in str(refused.value)
    return refused.value


def there_and_back(entries: Sequence[LogEntry]) -> list[LogEntry]:
    """The entries after an archive; their fields are tuples."""
    return unpack(pack("race", entries), FILE)[1]


def test_comes_back_the_same():
    """Events keep their positions and their bytes, and the manifest describes them."""
    manifest, entries = unpack(pack("race", race()), FILE)
    assert entries == race()
    assert (manifest.session, manifest.entries) == ("race", len(race()))
    assert (manifest.first, manifest.last) == (race()[0].position, race()[-1].position)


def test_same_log_same_bytes():
    """Import then export gives the same file."""
    packed = pack("race", race())
    assert pack("race", unpack(packed, FILE)[1]) == packed


def test_header_holds_no_time_and_no_name():
    """The gzip header is the same wherever and whenever it is written."""
    assert pack("race", race())[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def test_lines_are_readable_json():
    """An event stands in its line as JSON, so that any program can read the archive."""
    _, first, *_ = lines_of(pack("race", race()))
    line = json.loads(first)
    assert line["position"] == "1190000000000-0"
    assert line["event"]["type"] == "session_opened"


def test_an_empty_log():
    """A session without events has an archive, too."""
    manifest, entries = unpack(pack("empty", []), FILE)
    assert entries == []
    assert (manifest.entries, manifest.first, manifest.last) == (0, "0-0", "0-0")


@pytest.mark.parametrize(
    "fields",
    [
        (b"event", b'{ "v" : 1,  "type":"pit_entered" }'),
        (b"event", b'{"a":1,"a":2}'),
        (b"event", b'{\n  "type": "pit_entered"\n}'),
        (b"event", b'{"type":\r"pit_entered"}'),
        (b"event", b' {"type":"pit_entered"}'),
        (b"event", '{"text":"Müller   \\ud800"}'.encode()),
        (b"event", b'{"at":NaN}'),
        (b"event", b'{"at":' + b"9" * 5000 + b"}"),
        (b"event", b"[" * 100_000),
        (b"event", b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
        (b"event", b'{"text":"\xff"}'),
        (b"event", b"no JSON"),
        (b"event", b"{}"),
        (b"event", b""),
        (b"", b""),
        (b"lap", b'{"type":"pit_entered"}'),
        (b"event", b"{}", b"event", b"{}"),
        (b"event", b"{}", b"more", b"\x00\x01"),
    ],
    ids=lambda fields: repr(fields[1][:24]),
)
def test_odd_entries_come_back_the_same(fields: tuple[bytes, ...]):
    """Whatever a raw XADD put into the log comes back byte for byte."""
    entries = [LogEntry("5-0", fields)]
    assert there_and_back(entries) == entries


@given(
    st.lists(st.lists(st.binary(max_size=20) | st.just(b"event") | st.just(b'{"a":1}'), max_size=4))
)
def test_any_bytes_come_back_the_same(parts: list[list[bytes]]):
    """There are no bytes that an archive changes."""
    entries = [LogEntry(f"{n}-0", tuple(fields)) for n, fields in enumerate(parts, start=1)]
    assert there_and_back(entries) == entries


def test_not_gzip():
    """A file that is no gzip is said to be none."""
    assert "not gzip" in refusal(b'{"format":"lapstream-archive"}\n').reason
    assert "not gzip" in refusal(b"").reason


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_cut_short(kept: float):
    """A file that was cut short names the line in which it ends."""
    packed = pack("race", race())
    refused = refusal(packed[: int(len(packed) * kept)])
    assert "ends too early" in refused.reason
    assert refused.line is not None


def test_damaged_gzip():
    """A flipped byte is found, wherever it is."""
    packed = pack("race", race())
    for where in range(10, len(packed), 7):
        damaged = bytearray(packed)
        damaged[where] ^= 0x55
        refusal(bytes(damaged))


def test_bytes_after_the_end():
    """Bytes after the end are not passed over."""
    assert "4 bytes follow" in refusal(pack("race", race()) + b"more").reason


def test_changed_event():
    """A changed event is found by the hash."""
    manifest, first, *rest = lines_of(pack("race", race()))
    changed = first.replace(b"A race", b"A rate")
    assert "SHA-256" in refusal(repacked(manifest, changed, *rest)).reason


def test_missing_line():
    """A line that was taken out is missed, and the counts are named."""
    manifest, *rest = lines_of(pack("race", race()))
    refused = refusal(repacked(manifest, *rest[:-1]))
    assert f"counts {len(rest)} entries, but here are {len(rest) - 1}" in refused.reason


def test_unfinished_last_line():
    """A last line without its end is told from a whole one."""
    *lines, last = lines_of(pack("race", race()))
    refused = refusal(repacked(*lines, last[:-1]))
    assert "unfinished line" in refused.reason
    assert refused.line == len(lines) + 1


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"no JSON",
        b"[1]",
        b"{}",
        b'{"format":"another"}',
        b'{"format":"lapstream-archive"}',
        b'{"format":"lapstream-archive","version":1,"session":"race"}',
    ],
)
def test_bad_manifest(manifest: bytes):
    """What has no manifest of ours is refused in its first line."""
    assert refusal(repacked(manifest + b"\n")).line == 1


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("version", 0),
        ("version", "1"),
        ("version", True),
        ("session", 7),
        ("session", "No Session"),
        ("entries", 1.0),
        ("entries", True),
        ("bytes", 1),
        ("first", "4-0"),
        ("last", "6-0"),
        ("author", "me"),
    ],
)
def test_manifest_that_does_not_fit(member: str, value: object):
    """A manifest with one wrong member is refused."""
    line = b'{"position":"5-0","event":{}}\n'
    assert unpack(forged(line), FILE)[0].entries == 1
    assert refusal(forged(line, **{member: value})).line == 1


def test_a_bomb_is_not_unpacked():
    """Of a small file that holds far more than it counts no more than that is unpacked."""
    nothing = b"0" * (1 << 24)
    for bomb in (repacked(nothing), forged(nothing, bytes=100), forged(nothing, bytes="100")):
        tracemalloc.start()
        assert refusal(bomb).line == 1
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
        tracemalloc.stop()


def test_an_archive_that_is_too_large():
    """One that counts more than is read is refused by what it counts."""
    line = b'{"position":"5-0","event":{"text":"%b"}}\n' % (b"x" * (1 << 17))
    assert unpack(forged(line), FILE, len(line))[0].entries == 1
    with pytest.raises(BadArchive, match=f"no more than {len(line) - 1} are read"):
        unpack(forged(line), FILE, len(line) - 1)


def test_newer_format():
    """An archive of a newer format says what to do."""
    refused = refusal(forged(version=2))
    assert "format 2 is newer than 1: update lapstream" in refused.reason
    assert refused.line == 1


@pytest.mark.parametrize("positions", [("5-1", "5-0"), ("5-0", "5-0"), ("10-0", "9-0")])
def test_positions_that_do_not_increase(positions: tuple[str, str]):
    """Positions must increase, as numbers, and the line that does not is named."""
    lines = [b'{"position":"%b","event":{}}\n' % position.encode() for position in positions]
    refused = refusal(forged(*lines))
    assert (refused.line, positions[1] in refused.reason) == (3, True)


@pytest.mark.parametrize("position", ["0-0", "5", "05-0", "-1-0", f"{2**64}-0", "1--1"])
def test_impossible_position(position: str):
    """A position that no entry can have is named with its line."""
    assert refusal(forged(b'{"position":"%b","event":{}}\n' % position.encode())).line == 2


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b'{"position":"6-0"}',
        b'{"position":"6-0","event":{"type":}}',
        b'{"position":"6-0","event":"text"}',
        b'{"position": "6-0","event":{}}',
        b'{"position":"6-0","fields":["!"]}',
        b'{"position":"6-0","fields":[1]}',
        b'{"position":"6-0","fields":["ZXZlbnQ=" ,"e30="]}',
        b'{"position":"6-0","fields":["ZXZlbnQ=","e30="]}',  # {} should stand readable
    ],
)
def test_line_that_is_no_entry(line: bytes):
    """A line that this program would not have written is refused by its number."""
    good = b'{"position":"5-0","event":{}}\n'
    assert refusal(forged(good, line + b"\n", last="6-0")).line == 3


def test_written_and_read(tmp_path: Path):
    """A written file is read again, and nothing else is left in its folder."""
    path = tmp_path / FILE
    path.write_bytes(b"an older file")
    write_archive(path, "race", race())
    assert read_archive(path)[1] == race()
    assert list(tmp_path.iterdir()) == [path]


def test_file_that_cannot_be_read(tmp_path: Path):
    """A missing file is named."""
    with pytest.raises(BadArchive, match=r"nowhere\.jsonl\.gz: it cannot be read \(No such file"):
        read_archive(tmp_path / "nowhere.jsonl.gz")


def test_file_that_cannot_be_written(tmp_path: Path):
    """A folder that is not there is named, and an old file stays."""
    with pytest.raises(BadArchive, match="it cannot be written"):
        write_archive(tmp_path / "nowhere" / FILE, "race", race())
    path = tmp_path / FILE
    path.mkdir()
    with pytest.raises(BadArchive, match="it cannot be written"):
        write_archive(path, "race", race())
    assert list(tmp_path.iterdir()) == [path]


def test_any_compression_is_read():
    """What counts is the lines: an archive compressed again by another program is read."""
    packed = pack("race", race())
    assert unpack(gzip.compress(gzip.decompress(packed), 1), FILE) == unpack(packed, FILE)


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    """A link stays one; what is no file is written to; where it cannot be, nothing changes."""
    file, link, pipe = (tmp_path / name for name in ("file", "link", "pipe"))
    link.symlink_to(file)
    write_whole(link, b"new")
    assert (link.is_symlink(), file.read_bytes()) == (True, b"new")
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, b"said")
        assert os.read(reading, 9) == b"said"
        assert pipe.is_fifo()
    finally:
        os.close(reading)
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, b"new")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "link", "pipe"]


def test_a_large_archive_takes_little_memory():
    """It is read in pieces, however much it holds."""
    line = b'{"position":"%d-0","event":{"text":"' + b"x" * 4000 + b'"}}\n'
    body = b"".join(line % number for number in range(1, 2501))
    packed = forged(body, entries=2500, last="2500-0", first="1-0")
    archive = ArchiveFile(io.BytesIO(packed), FILE)
    tracemalloc.start()
    assert archive.check().entries == 2500
    batches = [(len(batch), batch[-1].position) for batch in archive.batches()]
    assert tracemalloc.get_traced_memory()[1] < len(body) // 2
    tracemalloc.stop()
    assert sum(count for count, _ in batches) == 2500
    assert batches[-1][1] == "2500-0"
    assert len(batches) == -(-len(body) // BATCH_BYTES)


def test_a_line_has_a_limit():
    """A longer one is refused by its number, before it is kept."""
    line = b'{"position":"5-0","event":{"text":"%b"}}\n' % (b"x" * (LONGEST_LINE + PIECE))
    refused = refusal(forged(line))
    assert refused.line == 2
    assert refused.reason == "a line of more than 2097152 bytes"

"""What can be kept of a damaged append-only file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.storage import append_only_files
from services.storage.append_only_files import (
    FOLDER,
    MANIFEST,
    SIZES,
    Span,
    damaged_spans,
    emptied,
    file_faults,
    forget_sizes_of_removed,
    manifest_fault,
    repair,
)

INCREMENT = "appendonly.aof.1.incr.aof"
BASE = "appendonly.aof.1.base.aof"
LISTED = f"file {BASE} seq 1 type b\nfile {INCREMENT} seq 1 type i\n"


def command(*parts: str) -> bytes:
    """A command as it stands in the file."""
    return b"".join(
        [b"*%d\r\n" % len(parts), *(b"$%d\r\n%b\r\n" % (len(one), one.encode()) for one in parts)]
    )


def batch(number: int) -> bytes:
    """A batch of two events, all or nothing."""
    added = [command("XADD", "{s}:log", f"{number}-{n}", "event", "{}") for n in range(2)]
    return b"".join([command("MULTI"), *added, command("EXEC")])


ONE = command("SADD", "lapstream:sessions", "s")
WHOLE = ONE + batch(1) + b"#TS:1796000000\r\n" + ONE + batch(2) + batch(3)
FIRST, SECOND = WHOLE.index(batch(1)), WHOLE.index(batch(2))


def test_a_file_is_copied_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is the same, whatever the size of a piece; files and folder are synced."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    monkeypatch.setattr(append_only_files, "PIECE", 7)
    folder = tmp_path / FOLDER
    folder.mkdir()
    folder.joinpath(MANIFEST).write_text(LISTED)
    folder.joinpath(BASE).write_bytes(ONE)
    folder.joinpath(INCREMENT).write_bytes(WHOLE + b"junk" + ONE)
    repair(tmp_path)
    assert folder.joinpath(INCREMENT).read_bytes() == WHOLE + ONE
    assert folder.joinpath(MANIFEST).read_text() == LISTED
    assert len(synced) == 3


@pytest.mark.parametrize(
    ("content", "damaged"),
    [
        (b"", []),
        (WHOLE, []),
        (WHOLE + b"\0" * 4096, [Span(len(WHOLE), len(WHOLE) + 4096)]),
        (WHOLE + b"*3\r\n$4\r\nXA", [Span(len(WHOLE), len(WHOLE) + 10)]),
        (WHOLE[:-1], [Span(WHOLE.index(batch(3)), len(WHOLE) - 1)]),
        # Within a batch: all of it goes, and what is behind it stays.
        (WHOLE.replace(b"1-1", b"1-\r\n"), [Span(FIRST, FIRST + len(batch(1)) + 1)]),
        # The begin of a batch: what is left of it is not taken for commands by themselves.
        (
            WHOLE[:SECOND] + b"?" * 20 + WHOLE[SECOND + 20 :],
            [Span(SECOND, SECOND + len(batch(2)))],
        ),
        # The end of a batch, without a trace: the server refuses a batch within a batch.
        (
            WHOLE[: SECOND - len(command("EXEC") + ONE) - 17] + WHOLE[SECOND:],
            [Span(FIRST, SECOND - len(command("EXEC") + ONE) - 17)],
        ),
        # Commands by themselves behind a damage.
        (b"junk" + ONE + ONE, [Span(0, 4)]),
    ],
)
def test_damaged_spans(content: bytes, damaged: list[Span]) -> None:
    """Everything else is whole commands and whole batches."""
    assert damaged_spans(content) == damaged


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    folder.joinpath(MANIFEST).write_text(LISTED)
    folder.joinpath(BASE).write_bytes(ONE)
    folder.joinpath(INCREMENT).write_bytes(WHOLE)
    return tmp_path


def test_a_whole_folder(data: Path, tmp_path: Path) -> None:
    """Nothing is wrong, and repairing it does nothing; nor with one that is not there yet."""
    assert file_faults(data) == []
    assert repair(data) == []
    assert [path.name for path in data.iterdir()] == [FOLDER]
    assert file_faults(tmp_path / "new") == []
    assert manifest_fault(tmp_path / "new") is None


DAMAGE = {
    "garbage": (INCREMENT, b"junk" + WHOLE, "is damaged from byte 0 to 4"),
    "cut": (INCREMENT, WHOLE[:-5], "is damaged from byte"),
    "junk manifest": (MANIFEST, b"junk", f"{MANIFEST} is damaged"),
    "no manifest": (MANIFEST, None, f"{MANIFEST} is missing"),
    "no base": (BASE, None, f"{BASE}, which the manifest lists, is missing"),
    "no increment": (INCREMENT, None, f"{INCREMENT}, which the manifest lists, is missing"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_folder(data: Path, name: str) -> None:
    """The fault is named; what is intact is kept, and the files as they were stay in a copy."""
    file, content, fault = DAMAGE[name]
    path = data / FOLDER / file
    before = {one.name: one.read_bytes() for one in path.parent.iterdir()}
    if content is None:
        path.unlink()
        del before[file]
    else:
        path.write_bytes(content)
        before[file] = content
    (message,) = file_faults(data)
    assert fault in message
    done = repair(data)
    assert file_faults(data) == []
    (copy,) = data.glob(f"{FOLDER}.*")
    assert {one.name: one.read_bytes() for one in copy.iterdir()} == before
    assert str(copy) in done[0]
    assert len(done) == 2
    if name == "garbage":
        assert path.read_bytes() == WHOLE
        assert "4 of " in done[1]


def test_an_emptied_base(tmp_path: Path) -> None:
    """The server would open it as a store without what the base held; repaired, it is let go."""
    folder = tmp_path / FOLDER
    folder.mkdir()
    folder.joinpath(MANIFEST).write_text(LISTED)
    folder.joinpath(BASE).write_bytes(b"")
    folder.joinpath(INCREMENT).write_bytes(WHOLE)
    fault = f"{BASE} is empty, and a base never is"
    assert emptied(tmp_path) == fault
    assert file_faults(tmp_path) == [fault]
    assert f"{fault}: what it held is lost" in repair(tmp_path)
    assert file_faults(tmp_path) == []
    assert folder.joinpath(MANIFEST).read_text() == f"file {INCREMENT} seq 1 type i\n"


@pytest.mark.parametrize("noted", ["[1]", '{"a": Infinity}', '{"a": null}', "", "["])
def test_sizes_that_are_none(tmp_path: Path, noted: str) -> None:
    """A note that cannot be read is none."""
    tmp_path.joinpath(SIZES).write_text(noted)
    assert emptied(tmp_path) is None


def test_the_sizes_of_removed_files_are_forgotten(tmp_path: Path) -> None:
    """Whoever removed the folder begins anew: the first increment has the name of the old one."""
    tmp_path.joinpath(SIZES).write_text(f'{{"{INCREMENT}": 100}}')
    forget_sizes_of_removed(tmp_path)
    tmp_path.joinpath(FOLDER).mkdir()
    tmp_path.joinpath(FOLDER, INCREMENT).write_bytes(b"")
    assert emptied(tmp_path) is None
    forget_sizes_of_removed(tmp_path)

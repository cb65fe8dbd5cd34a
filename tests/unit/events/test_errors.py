"""The errors: one tree, each with its values and one line."""

from __future__ import annotations

import inspect
import re

import pytest

from events import errors
from events.errors import (
    BadTimingFile,
    LapstreamError,
    NewerEventVersion,
    UnknownCar,
    UnknownSession,
    UnreadableEvent,
)

CLASSES = {
    name: cls
    for name, cls in inspect.getmembers(errors, inspect.isclass)
    if cls.__module__ == errors.__name__
}


def drawn_tree() -> dict[str, str]:
    """The tree at the top of the module: each error and the one it stands under."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"    ((?:[│├└─ ]{4})*)([A-Z]\w+)(\s.*)?", line)
        if found is None:
            continue
        depth = len(found[1]) // 4
        path[depth:] = [found[2]]
        if depth:
            parents[found[2]] = path[depth - 1]
    return parents


def test_tree_is_drawn_as_it_is() -> None:
    """The picture that the module opens with shows every error in its place."""
    tree = {name: cls.__bases__[0].__name__ for name, cls in CLASSES.items()}
    del tree["LapstreamError"]
    assert drawn_tree() == tree


@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)
def test_one_root_and_a_sentence(cls: type[Exception]) -> None:
    """A shell catches them all by the root; each says what it is about."""
    assert issubclass(cls, LapstreamError)
    assert cls.__doc__


def test_no_error_is_named_error_for_nothing() -> None:
    """Errors are named for the fact; only the two that group others are not."""
    assert {name for name in CLASSES if name.endswith("Error")} == {"LapstreamError", "StoreError"}


def test_values_are_kept() -> None:
    """What an error speaks of can be read from it, without taking its text apart."""
    unreadable = UnreadableEvent(b"\xff\n" * 100, "not JSON")
    assert (unreadable.raw, unreadable.reason) == (b"\xff\n" * 100, "not JSON")
    newer = NewerEventVersion("lap_completed", 3, 1)
    assert (newer.type_name, newer.version, newer.known) == ("lap_completed", 3, 1)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UnreadableEvent(b"a\nb", "not JSON"), r"unreadable event: not JSON: b'a\\nb'"),
        (
            BadTimingFile("laps.csv", "not a time", line=7, column="LAP_TIME", value="1:9\n"),
            r"laps\.csv:7, column LAP_TIME, value '1:9\\n': not a time",
        ),
        (BadTimingFile("laps.csv", "empty"), r"laps\.csv: empty"),
        (UnknownSession("petit"), "no session 'petit' in this store; there are no sessions yet"),
        (UnknownSession("petit", ("le-mans",)), "no session 'petit' in this store; there is le-m"),
        (UnknownCar("7", ("1", "007")), "no car '7' in this session; there are 1, 007"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_text_is_one_line(error: LapstreamError, text: str) -> None:
    """A user sees one line that says what is wrong and where."""
    assert re.match(text, str(error))
    assert "\n" not in str(error)

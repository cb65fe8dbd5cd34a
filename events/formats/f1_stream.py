"""Recorded live-timing streams of Formula One: lines of a time and a JSON patch.

``00:10:22.026{"Lines":{"10":{"NumberOfLaps":1}}}``: each line changes the topic's state. Lists are
sent whole at first, and are patched later by dictionaries with the places as keys. ``_deleted``
lists keys to remove. A broken line costs its patch only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from events.errors import BadTimingFile
from events.formats.doubts import Doubt, bounded, shortened

_CAR = re.compile(r"\d{1,4}", re.ASCII)
_LINE = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)(?:\.(\d{1,7}))?\s*(?=[{\[])", re.ASCII)


class Patch(NamedTuple):
    """A line of a stream; ``at`` is ms since the recording began."""

    at: int
    line: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stream:
    """The patches of a topic in the order of their times, and what is doubtful about them."""

    file: str
    patches: tuple[Patch, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    def merged(self) -> dict[str, Any]:
        """Return the topic's state at the end of the stream."""
        state: dict[str, Any] = {}
        for patch in self.patches:
            merge(state, patch.content)
        return state


def parse_stream(text: str, file: str) -> Stream:
    """Parse a ``.jsonStream``. Raises BadTimingFile if no line of it can be read.

    A line whose time is before that of an earlier one is taken at the earlier line's time: the
    recorder's clock was set back, and the lines are in the order in which they were sent.
    """
    patches: list[Patch] = []
    doubts: list[Doubt] = []
    newest = 0
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip("\r\ufeff \t\x00")
        if not line:
            continue
        try:
            at, content = _parsed(line)
        except ValueError as error:
            doubts.append(Doubt(file, number, "line", shortened(line), str(error)))
            continue
        if at < newest:
            reason = "the time is before that of the line before"
            stamp = line[: line.index("{")]
            doubts.append(Doubt(file, number, "time", stamp, reason, "the time before it is used"))
        newest = max(newest, at)
        patches.append(Patch(newest, number, content))
    if not patches:
        raise BadTimingFile(file, "no line is a time and a JSON object", line=1)
    return Stream(file, tuple(patches), bounded(doubts))


def _parsed(line: str) -> tuple[int, dict[str, Any]]:
    """The time (ms) and the patch of a line. Raises ValueError."""
    stamp = _LINE.match(line)
    if stamp is None:
        raise ValueError("the line has no time and JSON object")
    try:
        content = json.loads(line[stamp.end() :])
    except (ValueError, RecursionError):
        raise ValueError("the line's JSON is broken") from None
    if not isinstance(content, dict):
        raise ValueError("the line's JSON is no object")  # noqa: TRY004 (bad input)
    hours, minutes, seconds, part = stamp.groups()
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1000 + int(((part or "") + "000")[:3]), content


def merge(state: dict[str, Any], patch: dict[str, Any]) -> None:
    """Apply a patch to a state, in place."""
    for key, value in patch.items():
        if key == "_deleted" and isinstance(value, list):
            for name in value:
                state.pop(str(name), None)
        elif isinstance(value, dict):
            old = state.get(key)
            if isinstance(old, list):
                old = {str(place): item for place, item in enumerate(old)}
            state[key] = old = old if isinstance(old, dict) else {}
            merge(old, value)
        else:
            state[key] = value


def items(value: object) -> Iterator[tuple[str, Any]]:
    """The places and items of a list, whether sent whole or as a dictionary."""
    if isinstance(value, list):
        yield from ((str(place), item) for place, item in enumerate(value))
    elif isinstance(value, dict):
        yield from ((key, item) for key, item in value.items() if key != "_deleted")


def member(value: object, *path: str) -> Any:
    """The member at a path of keys; None where there is none."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def text_of(value: object) -> str:
    """The text of a member; blank for anything else."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """An integer member; None for anything else, true and false included."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def is_car(text: str) -> bool:
    """Whether a key is a car's number."""
    return _CAR.fullmatch(text) is not None


def lines_of(patch: Patch) -> Iterator[tuple[str, dict[str, Any]]]:
    """The cars of a patch of timing data, and what changed of each."""
    lines = patch.content.get("Lines")
    if isinstance(lines, dict):
        yield from ((car, line) for car, line in lines.items() if isinstance(line, dict))

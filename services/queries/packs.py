"""Regulation packs by their names or paths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from events.errors import BadRules, NoRules, UnknownRules
from projections.race import Race
from projections.rules.packs import RegulationPack, builtin_names, builtin_pack, parse_pack


def pack_named(name: str) -> RegulationPack:
    """The built-in pack of that name, else that in the file of that path.

    Only for what a user asks for. Raises UnknownRules, and BadRules for a file that is not a pack.
    """
    if name in builtin_names():
        return builtin_pack(name)
    file = Path(name)
    if not file.is_file():
        raise UnknownRules(name, builtin_names())
    try:
        return parse_pack(file.read_text(encoding="utf-8"), name)
    except UnicodeDecodeError:
        raise BadRules(name, None, "not TOML: not UTF-8") from None


def line_of(text: str, key: str | None) -> int | None:
    """Return the line, from 1, of a rule or table in a pack's file by its dotted key.

    Items of a list of tables go by name or number. Of a rule that is not there, its table's line.
    """
    steps = key.split(".") if key else []
    best, found = 0, None
    table: list[str] = []
    numbers: dict[str, int] = {}
    names: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table, names = header["name"].replace('"', "").split("."), []
            if header["list"]:
                names.append(str(numbers.get(header["name"], 0)))
                numbers[header["name"]] = int(names[0]) + 1
            here = _matched(steps, [*table, *names])
        elif rule := _RULE.match(line):
            if rule["key"] == "name" and names:
                names.append(rule["value"].strip().strip('"'))
            here = max(
                _matched(steps, [*table, *([name] if name else []), rule["key"]])
                for name in (names or [""])
            )
        else:
            continue
        if here > best:
            best, found = here, number
    return found


_HEADER = re.compile(r"\s*\[(?P<list>\[?)(?P<name>[^\[\]]+)\]")
_RULE = re.compile(r"(?P<key>\w+)\s*=(?P<value>[^#]*)")


def _matched(steps: Sequence[str], path: Sequence[str]) -> int:
    """How many steps of a key a path has, 0 where it leads elsewhere."""
    return len(path) if list(steps[: len(path)]) == list(path) else 0


def pack_of(race: Race, given: str | None = None) -> RegulationPack | None:
    """The pack that was given, else the session's own; None where it names none.

    Raises UnknownRules where the session names one that is not built in: its file has to
    be given, as a result by other rules would be a wrong one. A session's name is never a
    path: whoever may append events could have any file read.
    """
    if given:
        return pack_named(given)
    name = race.session.opened.rules
    if name is not None and name not in builtin_names():
        raise UnknownRules(name, builtin_names())
    return None if name is None else builtin_pack(name)


def required_pack(session: str, race: Race, given: str | None = None) -> RegulationPack:
    """As `pack_of`, but raises NoRules where the session names none."""
    pack = pack_of(race, given)
    if pack is None:
        raise NoRules(session, builtin_names())
    return pack

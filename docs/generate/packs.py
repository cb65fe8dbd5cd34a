"""The reference of regulation packs, from their TOML files and models."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from docs.generate.markdown import table

RULES = Path(__file__).resolve().parents[2] / "projections" / "rules"
MARKS = ("source", "sources", "assumed")
TITLES = {
    "classification": "Classification",
    "penalties": "Penalties",
    "drive_time": "Drive time",
    "cautions": "Cautions",
    "points": "Points",
    "ties": "Ties",
    "cups": "Cups",
}


def page() -> str:
    """The generated part of the page."""
    packs = [tomllib.loads(path.read_text("utf-8")) for path in sorted(RULES.glob("*.toml"))]
    return "".join(_page(packs))


def _page(packs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Built-in packs\n\n"
    yield table(
        ["Name", "Title", "Series", "Version"],
        [
            (f"[`{one['name']}`](#{one['name']})", one["title"], one["series"], str(one["version"]))
            for one in packs
        ],
    )
    yield "\n## The same rule in each pack\n\n"
    yield from _comparison(packs)
    for pack in packs:
        yield f"\n## {pack['title']} {{ #{pack['name']} }}\n\n"
        yield f"`--rules {pack['name']}`\n\n"
        for section, rules in pack.items():
            if isinstance(rules, Mapping):
                yield from _section(pack["name"], section, [rules])
            elif isinstance(rules, list) and rules and isinstance(rules[0], Mapping):
                yield from _section(pack["name"], section, rules)


def _comparison(packs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rows = []
    for section in TITLES:
        keys: dict[str, None] = {}
        for pack in packs:
            rules = pack.get(section)
            if isinstance(rules, Mapping):
                keys |= dict.fromkeys(
                    key for key, value in rules.items() if key not in MARKS and _scalar(value)
                )
        for key in keys:
            values = [_value(pack.get(section, {}).get(key)) for pack in packs]
            rows.append((f"`{section}.{key}`", *values))
    yield table(["Rule", *(one["name"] for one in packs)], rows)


def _section(pack: str, section: str, tables: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"### {TITLES.get(section, section)} {{ #{pack}-{section.replace('_', '-')} }}\n\n"
    yield table(
        ["Rule", "Value", "Source"],
        [
            row
            for number, one in enumerate(tables)
            for row in _rows(one, "", len(tables) > 1, number)
        ],
    )
    yield "\n"


def _rows(
    rules: Mapping[str, Any], prefix: str, numbered: bool, number: int
) -> Iterator[tuple[str, str, str]]:
    name = f"{prefix}{number + 1}." if numbered else prefix
    sources, assumed = rules.get("sources", {}), rules.get("assumed", ())
    for key, value in rules.items():
        if key in MARKS:
            continue
        if isinstance(value, Mapping):
            yield from _rows(value, f"{name}{key}.", numbered=False, number=0)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for index, one in enumerate(value):
                yield from _rows(one, f"{name}{key}.", numbered=True, number=index)
        else:
            source = sources.get(key, rules.get("source", ""))
            yield f"`{name}{key}`", _value(value), "assumed" if key in assumed else source


def _scalar(value: Any) -> bool:
    return not isinstance(value, Mapping | list)


def _value(value: Any) -> str:
    match value:
        case None:
            return "–"
        case True:
            return "yes"
        case False:
            return "no"
        case list():
            return ", ".join(map(str, value)) or "none"
        case _:
            return str(value)

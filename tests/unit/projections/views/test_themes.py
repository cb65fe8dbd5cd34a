"""Themes: which one a session has, what its colours are, and whether they can be seen."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from projections.views.themes import (
    NEUTRAL,
    THEMES,
    Shades,
    class_colours,
    plain_name,
    read_themes,
    theme_of,
)

GOLDEN = Path(__file__).parents[3] / "golden" / "themes.json"
STYLES = Path(__file__).parents[4] / "web" / "src" / "screen" / "screen.css"
LEAST = 4.5
"""Contrast of text (WCAG 2.2, 1.4.3); lines of a chart need 3 (1.4.11)."""


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def grounds() -> dict[str, list[str]]:
    """What the pages draw on, from their style sheet."""
    pairs = re.findall(
        r"--(?:ground|stripe|raised): light-dark\((#\w{6}), (#\w{6})\)", STYLES.read_text("utf-8")
    )
    assert len(pairs) == 3
    return {"light": [one for one, _ in pairs], "dark": [other for _, other in pairs]}


COLOURS = [
    *((f"{theme.name} {name}", style) for theme in THEMES for name, style in theme.classes.items()),
    *((f"{theme.name} accent", theme.accent) for theme in THEMES),
    ("neutral accent", NEUTRAL.accent),
    *((f"neutral {number}", colours) for number, colours in enumerate(NEUTRAL.palette)),
]


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize(("name", "colours"), COLOURS, ids=[name for name, _ in COLOURS])
def test_seen_on_every_ground(name: str, colours: Shades, scheme: str) -> None:
    """As text, as a line of a chart, and with the text of a chip upon it."""
    colour = getattr(colours, scheme)
    worst = min(contrast(colour, ground) for ground in grounds()[scheme])
    assert worst >= LEAST, f"{name}: {worst:.2f} of {LEAST}"
    assert contrast(colour, {"dark": "#000000", "light": "#ffffff"}[scheme]) >= LEAST


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_classes_differ(theme: Any) -> None:
    """Classes that share a colour or a letter were never in one race."""
    never = {
        frozenset(pair)
        for pair in (
            *itertools.combinations(("GTP", "DPi", "P"), 2),
            ("GTD PRO", "GTLM"),
            ("HYPERCAR", "LMP1"),
            ("LMGT3", "LMGTE Am"),
            ("LMP1", "P1"),
            ("LMP2", "P2"),
            ("GT1", "GT"),
            ("GT2", "GTC"),
        )
    }
    for one, other in itertools.combinations(theme.classes, 2):
        first, second = theme.classes[one], theme.classes[other]
        if frozenset((one, other)) not in never:
            assert first.dark != second.dark
            assert first.light != second.light
            assert first.letter != second.letter


@pytest.mark.parametrize("case", json.loads(GOLDEN.read_text("utf-8")), ids=str)
def test_chosen_by_series_pack_and_classes(case: dict[str, Any]) -> None:
    theme = theme_of(case["series"], case["rules"], case["classes"])
    assert (theme.name if theme else None) == case["theme"]


def test_a_class_keeps_its_colour() -> None:
    """Whatever other classes are in the session, and in whatever order."""
    imsa = theme_of(None, "imsa-2024", ())
    race = class_colours(["GTP", "LMP2", "GTD PRO", "GTD"], imsa)
    assert class_colours(["GTD", "GTP"], imsa) == {name: race[name] for name in ("GTD", "GTP")}
    unknown = ["Pro", "Am", "Silver", "Cup"]
    assert class_colours(unknown, None) == class_colours(unknown[::-1], None)
    assert len(set(map(str, class_colours(unknown, None).values()))) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "EOF"),
        ("[{}]", "0.name: Field required"),
        ('[{"name": "a", "title": "A", "accent": {"dark": "red"}}]', "0.accent.dark"),
    ],
)
def test_a_bad_file_says_where(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "themes.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=re.escape(words)):
        read_themes(path)
    with pytest.raises(ValueError, match="No such file"):
        read_themes(tmp_path / "none.json")


def test_plain_names() -> None:
    assert plain_name("GTD PRO") == plain_name("gtd-pro") == "GTDPRO"

"""Every value that users see in words has them."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest

import events as ev
from events.session import ResultStatus
from events.stewards import PenaltyKind
from events.track import Flag
from projections import wording
from projections.championship import clinch
from projections.folds.stewards import COUNTING, TO_SERVE
from projections.folds.track import RACING
from projections.views.freshness import TRAINS
from projections.views.markers import MarkerKind
from services.terminal.tower import BANDS

LOOKS_FILE = Path(__file__).parents[3] / "web" / "src" / "timing" / "flags.ts"
WORDING = json.loads(files("projections").joinpath("wording.json").read_text("utf-8"))
REVISIONS = get_args(ev.ResultDeclared.model_fields["status"].annotation)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("flags", get_args(Flag)),
        ("penalties", get_args(PenaltyKind)),
        ("penalty_statuses", ("imposed", "served", "converted", "rescinded")),
        ("car_states", ("not_started", "running", "pit", "retired", "finished")),
        ("result_statuses", get_args(ResultStatus)),
        ("result_revisions", REVISIONS),
        ("title_statuses", (*get_args(clinch.TitleStatus), *get_args(clinch.TitleStanding))),
        ("markers", get_args(MarkerKind)),
    ],
)
def test_every_value_has_words(part: str, values: tuple[str, ...]) -> None:
    """The file has words for each value, and for a flag or penalty no value that is unknown."""
    assert set(values) - WORDING[part].keys() == set()
    if part in ("flags", "penalties"):
        assert WORDING[part].keys() == set(values)


def test_each_flag_is_registered() -> None:
    """A new flag has a band in the terminal and a look on the pages, and no other has one."""
    flags = set(get_args(Flag))
    assert BANDS.keys() - {None} == flags, "services/terminal/tower.py"
    (looks,) = re.findall(r"LOOKS[^{]*\{(.*?)\}", LOOKS_FILE.read_text(), re.DOTALL)
    assert set(re.findall(r"(\w+):", looks)) == flags, "web/src/timing/flags.ts"
    assert flags >= TRAINS, "projections/views/freshness.py"
    assert flags >= RACING, "projections/folds/track.py"


def test_effects_of_penalties() -> None:
    """What is to be served, and what counts without, is the same in words and in the folds."""
    effects = {kind: words["effect"] for kind, words in wording.PENALTIES.items()}
    assert {kind for kind, effect in effects.items() if effect == "to_serve"} == set(TO_SERVE)
    assert {kind for kind, effect in effects.items() if effect == "counts"} == COUNTING


def test_forms_are_complete() -> None:
    """Each flag and penalty has every form, and amounts fit into their templates."""
    assert {tuple(one) for one in wording.FLAGS.values()} == {("name", "title", "message", "local")}
    for kind in wording.PENALTIES:
        for amount in (None, 1, 30):
            forms: list[Any] = [
                wording.penalty_name(kind, amount),
                wording.penalty_noun(kind, amount),
                wording.penalty_given(kind, amount),
                wording.penalty_tag(kind, amount),
            ]
            assert [form for form in forms if "{" in form] == []


@pytest.mark.parametrize(
    ("kind", "amount", "name", "noun", "given", "tag"),
    [
        (
            *("drive_through", None, "drive-through"),
            *("a drive-through", "was given a drive-through", "DT"),
        ),
        (
            *("time", 30, "time 30 s"),
            *("30 s added to its time", "had 30 s added to its time", "+30"),
        ),
        (
            *("stop_and_hold", 30, "stop and hold 30 s"),
            *("a stop and 30 s", "was given a stop and 30 s", "SG+30"),
        ),
        ("laps", 1, "1 lap", "1 lap taken away", "lost 1 lap", "-1L"),
        ("places", 3, "3 places", "3 places dropped", "was put back 3 places", "-3P"),
    ],
)
def test_penalties(
    kind: str, amount: int | None, name: str, noun: str, given: str, tag: str
) -> None:
    """A penalty in a table, in two kinds of sentence, and in a narrow column."""
    assert wording.penalty_name(kind, amount) == name
    assert wording.penalty_noun(kind, amount) == noun
    assert wording.penalty_given(kind, amount) == given
    assert wording.penalty_tag(kind, amount) == tag


def test_unknown_values() -> None:
    """A value of a newer version is written as it is."""
    assert wording.flag_name("new_flag") == wording.flag_title("new_flag") == "new flag"
    assert wording.penalty_name("new_penalty", 3) == "new penalty 3"
    assert wording.penalty_tag("new_penalty", 3) == "-3N"

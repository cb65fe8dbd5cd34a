"""Words of flags, penalties, states and statuses: the loader of ``wording.json``.

The web pages read the same file (``web/src/timing/wording.ts``). Per flag or penalty it has

- ``name``: in a table or within a sentence, ``safety car``, ``stop and hold``;
- ``title``: by itself, ``Full course yellow``, ``Time added``;
- ``tag``: in a narrow column, ``SG``;
- ``message`` and ``local``: what race control's list says of a flag for the whole track and
  for a sector;
- ``noun`` and ``given``: a penalty within a sentence, ``a drive-through``, ``was fined``.

``with_amount`` has the forms for a penalty with an amount, ``unit`` what the amount counts.
Other tables have one word per value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal, NotRequired, TypedDict


class UnitWords(TypedDict):
    """What an amount counts."""

    one: str
    other: str


class FlagWording(TypedDict):
    """The words of a flag."""

    name: str
    title: str
    message: str
    local: str


class AmountWording(TypedDict):
    """The words of a penalty with an amount."""

    name: str
    title: str
    tag: str


class PenaltyWording(TypedDict):
    """The words of a kind of penalty, and its effect.

    It is ``to_serve``, ``counts`` in the result without being served, or changes nothing.
    """

    effect: Literal["to_serve", "counts", "none"]
    name: str
    title: str
    noun: str
    given: str
    tag: str
    unit: NotRequired[UnitWords]
    with_amount: NotRequired[AmountWording]


class StateWording(TypedDict):
    """The words of a car's state."""

    tag: str
    name: str


_WORDING = json.loads(files(__package__).joinpath("wording.json").read_text("utf-8"))

FLAGS: Mapping[str, FlagWording] = _WORDING["flags"]
NO_FLAG: str = _WORDING["no_flag"]
OVER: str = _WORDING["over"]
"""What is said of a session that is over."""
PENALTIES: Mapping[str, PenaltyWording] = _WORDING["penalties"]
CAR_STATES: Mapping[str, StateWording] = _WORDING["car_states"]
"""By the status of a standings row, and ``out_lap`` and ``penalty``."""


def plain(word: str) -> str:
    """An identifier as text: ``not_started`` as ``not started``."""
    return word.replace("_", " ")


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


# -- Flags ---------------------------------------------------------------------------------


def flag_name(flag: str) -> str:
    """A flag or kind of caution in a table or sentence: ``FCY``, ``safety car``."""
    return FLAGS[flag]["name"] if flag in FLAGS else plain(flag)


def flag_title(flag: str | None) -> str:
    """A flag by itself: ``Full course yellow``; None before the first flag."""
    if flag is None:
        return NO_FLAG
    return FLAGS[flag]["title"] if flag in FLAGS else plain(flag)


# -- Penalties -----------------------------------------------------------------------------


def penalty_name(kind: str, amount: int | None) -> str:
    """A penalty in a table or sentence: ``drive-through``, ``stop and hold 30 s``, ``1 lap``."""
    words = PENALTIES.get(kind)
    name = words["name"] if words else plain(kind)
    if amount is None:
        return name
    if words is None or "with_amount" not in words:
        return f"{name} {amount}"
    return _filled(words, words["with_amount"]["name"], amount)


def penalty_noun(kind: str, amount: int | None) -> str:
    """What a penalty is: ``a drive-through``, ``2 laps taken away``."""
    return _filled(PENALTIES[kind], PENALTIES[kind]["noun"], amount or 0)


def penalty_given(kind: str, amount: int | None) -> str:
    """What a penalty does to the car: ``was given a drive-through``, ``lost 2 laps``."""
    return _filled(PENALTIES[kind], PENALTIES[kind]["given"], amount or 0)


def penalty_tag(kind: str, amount: int | None) -> str:
    """A penalty in a narrow column: ``DT``, ``SG+30``, ``-2L``."""
    words = PENALTIES.get(kind)
    tag = words["tag"] if words else kind[:4].upper()
    if amount is None:
        return tag
    if words is None or "with_amount" not in words:
        return f"-{amount}{tag[:1]}"
    return _filled(words, words["with_amount"]["tag"], amount)


def _filled(words: PenaltyWording, template: str, amount: int) -> str:
    unit = words.get("unit")
    counted = "" if unit is None else unit["one" if amount == 1 else "other"]
    return template.format(amount=amount, unit=counted)

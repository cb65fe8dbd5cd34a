"""The catalogue: what every event has, and which of two comes first."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings

import events as package
from events import (
    EVENT_TYPES,
    RANK,
    AnyEvent,
    CarRetired,
    CarReturned,
    Correction,
    EntryAdded,
    Event,
    FlagShown,
    GridSet,
    LapCompleted,
    LinePassed,
    PitEntered,
    PitExited,
    PitStopped,
    RaceEvent,
    SeasonEvent,
    SessionEnded,
    SessionOpened,
    decode,
)
from tests import strategies
from tests.profiles import examples

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads"
MODELS = [pytest.param(model, id=name) for name, model in EVENT_TYPES.items()]


def test_every_model_is_in_the_catalogue() -> None:
    """A new event is in the unions, in the two tables and in the package's front."""
    written = {model for model in Event.__subclasses__() if model.__module__.startswith("events.")}
    assert set(get_args(AnyEvent)) == set(EVENT_TYPES.values()) == set(RANK) == written
    assert {model.__name__ for model in EVENT_TYPES.values()} <= set(package.__all__)


def test_three_unions_make_the_whole() -> None:
    """An event is of the race, of the season or a correction, and only one of them."""
    parts = [set(get_args(union)) for union in (RaceEvent, SeasonEvent, Correction)]
    assert set().union(*parts) == set(get_args(AnyEvent))
    assert sum(map(len, parts)) == len(get_args(AnyEvent))


def test_front_is_complete() -> None:
    """What the package's front names is there."""
    assert all(hasattr(package, name) for name in package.__all__)
    assert list(package.__all__) == sorted(package.__all__, key=front_order)


def front_order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions: as the linter sorts them."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("model", MODELS)
class TestEveryModel:
    """What holds of each event."""

    def test_named_for_its_class(self, model: type[Event]) -> None:
        """The name on the wire is the class's name, in lower case, and it is a fact."""
        name = model.model_fields["type"].default
        assert name == re.sub(r"(?<=[a-z])(?=[A-Z])", "_", model.__name__).lower()
        assert not name.endswith("_event")

    def test_strict_and_frozen(self, model: type[Event]) -> None:
        """No event bends a value, ignores a member or changes."""
        assert model.model_config == {"frozen": True, "extra": "forbid", "strict": True}

    def test_says_what_it_is(self, model: type[Event]) -> None:
        """Each event has a sentence of its own."""
        assert model.__doc__
        assert model.__doc__ != Event.__doc__
        assert model.__doc__.strip()[0].isupper()

    def test_identity_and_time_have_no_default(self, model: type[Event]) -> None:
        """A default clock or number would be a hidden input."""
        for member in ("at", "source", "source_seq"):
            assert model.model_fields[member].is_required()

    def test_version_is_its_own(self, model: type[Event]) -> None:
        """The version in the class is the version on the wire."""
        assert model.model_fields["v"].default == model.VERSION

    def test_members_are_named_with_units(self, model: type[Event]) -> None:
        """A time is in ms and a length in metres, and their names say so."""
        for name in model.model_fields:
            assert not re.search(r"(time|duration|length|distance)$", name), name


@settings(max_examples=examples(50), deadline=None)
@given(strategies.events())
def test_identity_and_hash(event: AnyEvent) -> None:
    """An event is known by source and number, and can stand in a set."""
    assert event.identity == (event.source, event.source_seq)
    assert {event, event.model_copy()} == {event}


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (SessionOpened, EntryAdded),
        (EntryAdded, GridSet),
        (GridSet, FlagShown),
        (FlagShown, LinePassed),
        (FlagShown, LapCompleted),
        (PitEntered, PitStopped),
        (PitEntered, LapCompleted),
        (PitStopped, PitExited),
        (LapCompleted, PitExited),
        (LinePassed, LapCompleted),
        (LapCompleted, CarRetired),
        (CarReturned, CarRetired),
        (LapCompleted, SessionEnded),
    ],
)
def test_rank_within_a_millisecond(first: type[Event], then: type[Event]) -> None:
    """Of two events in one millisecond, the one that the other rests on comes first."""
    assert RANK[first] < RANK[then]


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_examples_show_every_member(name: str) -> None:
    """The stored example of an event's newest version leaves out no member but ``by``."""
    model = EVENT_TYPES[name]
    payload = json.loads((PAYLOADS / f"{name}.v{model.VERSION}.json").read_text())
    assert set(model.model_fields) - set(payload) <= {"by"}
    assert type(decode(json.dumps(payload))) is model

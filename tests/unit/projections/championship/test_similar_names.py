"""Near-equal names of a season that may be one contender's."""

from __future__ import annotations

import pytest

from events import Alias, RoundScored
from projections.championship.season import Season
from projections.championship.similar_names import similar_names
from tests.scoring import row, scored, season


def result(number: int, *drivers: str, team: str = "Team", car: str = "1") -> RoundScored:
    """A race with a car of these drivers."""
    return scored((row(car, 1, *drivers, team=team),), number, round=number)


def pairs(one: Season) -> list[tuple[str, str, str]]:
    """What is listed: whose name, the slip and the name meant."""
    return [(pair.of, pair.name, pair.meant) for pair in similar_names(one)]


@pytest.mark.parametrize(
    ("slip", "name"),
    [
        ("Mathieu Jaminet", "Matthieu Jaminet"),
        ("Sebastien Bourdais", "Sébastien Bourdais"),
        ("BOURDAIS, Sebastien", "Sebastien Bourdais"),
        ("Bach James", "James Bach"),
        ("J. Bach", "James Bach"),
        ("Jamie Bach", "James Bach"),
        ("Jan Philipp Heylen", "Jan Heylen"),
    ],
)
def test_drivers(slip: str, name: str) -> None:
    """The name in fewer results is the slip, whichever came first."""
    rounds = [result(1, slip), result(2, name), result(3, name)]
    assert pairs(season(*rounds)) == [("drivers", slip, name)]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Jordan Taylor", "Ricky Taylor"),
        ("James Bach", "James Beck"),
        ("Kamui Kobayashi", "Kazuki Nakajima"),
    ],
)
def test_other_drivers(name: str, other: str) -> None:
    """Brothers, and short names that differ in a letter, are different persons."""
    assert pairs(season(result(1, name), result(2, other))) == []


def test_two_of_one_result() -> None:
    """Names that took part together are two persons."""
    assert pairs(season(result(1, "Mathieu Jaminet", "Matthieu Jaminet"))) == []


@pytest.mark.parametrize(
    ("slip", "name", "cars", "listed"),
    [
        ("DHL Penske Racing", "Penske Racing", ("6", "6"), True),
        ("Penske Racing South", "Penske Racing", ("6", "7"), False),
        ("Penske Racing", "Dyson Racing", ("6", "6"), False),
        ("Turner Motorsprt", "Turner Motorsport", ("96", "97"), True),
    ],
)
def test_teams(slip: str, name: str, cars: tuple[str, str], *, listed: bool) -> None:
    """A sponsor added counts with the car's number, a letter left out by itself."""
    rounds = [
        result(1, "Ann", team=slip, car=cars[0]),
        result(2, "Ann", team=name, car=cars[1]),
        result(3, "Ann", team=name, car=cars[1]),
    ]
    assert pairs(season(*rounds)) == ([("teams", slip, name)] if listed else [])


def test_joined_names() -> None:
    """An alias ends the matter."""
    alias = Alias(of="drivers", name="Jamie Bach", means="James Bach")
    rounds = [result(1, "Jamie Bach"), result(2, "James Bach")]
    assert pairs(season(*rounds, aliases=(alias,))) == []

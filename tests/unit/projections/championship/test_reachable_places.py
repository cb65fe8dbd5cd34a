"""Where cars can still finish."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.championship.reachable_places import Car, OnTrack, RaceField, field_now, open_field
from tests.profiles import examples
from tests.unit.projections.championship.small_championships import fields


def possible(field: RaceField, number: str) -> list[int]:
    """The places that a car can finish in."""
    car = field.index[number]
    places = range(1, field.places + 1)
    return [place for place in places if field.fits({car: (place, place)}, [car])]


def test_before_the_start_everything_is_open():
    """Two cars of five that start may finish anywhere among the five."""
    field = open_field(["1", "2"], 5)
    assert possible(field, "1") == possible(field, "2") == [1, 2, 3, 4, 5]


def test_whoever_has_gone_further_stays_ahead_of_a_retired_car():
    """By laps, then by time; a car still behind a retired one may yet pass it."""
    field = field_now(
        [
            OnTrack("ahead", 31, 5_000),
            OnTrack("ahead in time", 30, 4_000),
            OnTrack("out", 30, 4_500, settled=True),
            OnTrack("behind in time", 30, 4_600),
            OnTrack("first out", 10, 900, settled=True),
        ]
    )
    assert possible(field, "ahead") == [1, 2, 3]
    assert possible(field, "out") == [3, 4]
    assert possible(field, "behind in time") == [1, 2, 3, 4]
    assert possible(field, "first out") == [5]


def test_places_that_others_need_are_not_open():
    """Two cars that must share the first two places leave the third only the third."""
    field = RaceField([Car("1", worst=2), Car("2", worst=2), Car("3")], 3)
    assert possible(field, "3") == [3]


def test_a_car_that_may_miss_leaves_its_place():
    """It binds nobody, unless it is to have a place."""
    field = RaceField([Car("1", worst=1, may_miss=True), Car("2")], 2)
    assert possible(field, "2") == [1, 2]
    assert not field.fits({field.index["2"]: (1, 1)}, [field.index["1"]])


@pytest.mark.parametrize(
    ("cars", "places", "reason"),
    [
        ([Car("1"), Car("1")], 3, "a car is named twice"),
        (
            [Car("1", ahead_of=frozenset("2")), Car("2", ahead_of=frozenset("1"))],
            3,
            "ahead of each other in a circle",
        ),
        ([Car("1"), Car("2"), Car("3")], 2, "no finishing order of 2 places"),
        ([Car("1", worst=1), Car("2", worst=1)], 2, "no finishing order of 2 places"),
    ],
)
def test_a_field_that_cannot_be_is_refused(cars, places, reason):
    """Cars named twice, in a circle, or too many for their places."""
    with pytest.raises(ValueError, match=reason):
        RaceField(cars, places)


@settings(max_examples=examples(300), deadline=None)
@given(fields(3), st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=3, max_size=3))
def test_fits_agrees_with_trying_every_order(drawn, limits):
    """Any limits for three cars that must all be placed."""
    cars, places = drawn
    cars = [car._replace(may_miss=False) for car in cars]
    within = {car.number: limit for car, limit in zip(cars, limits, strict=True)}
    ahead = [(car.number, behind) for car in cars for behind in car.ahead_of]

    def orders(within):
        """Every assignment of places that keeps to windows, limits and order."""
        for taken in permutations(range(1, places + 1), len(cars)):
            place = {car.number: one for car, one in zip(cars, taken, strict=True)}
            if all(
                max(car.best, within[car.number][0])
                <= place[car.number]
                <= min(car.worst or places, within[car.number][1])
                for car in cars
            ) and all(place[first] < place[last] for first, last in ahead):
                yield place

    if not any(orders(dict.fromkeys(within, (1, places)))):
        with pytest.raises(ValueError, match="no finishing order"):
            RaceField(cars, places)
        return
    field = RaceField(cars, places)
    by_index = {field.index[number]: limit for number, limit in within.items()}
    assert field.fits(by_index) == any(orders(within))

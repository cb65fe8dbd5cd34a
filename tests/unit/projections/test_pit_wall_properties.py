"""What holds for the sums of the pit wall in any race."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from events import AnyEvent
from projections import views
from projections.results.classification import Convention, classify
from projections.results.drive_time import drive_times
from projections.results.rejoin import rejoins
from projections.results.time_lost import effects, lost_on_road, road_order
from projections.results.whatif import Hypothesis, SupposedPenalty, what_if
from projections.rules.packs import builtin_pack
from projections.timeline import Timeline
from tests.unit.projections.random_races import CARS, races

PACKS = ("imsa-2024", "wec-2024", "alms-2007")
KINDS = st.sampled_from(
    [("time", 1), ("time", 60), ("drive_through", None), ("stop_and_hold", 30), ("laps", 1)]
)


def race_of(events: list[AnyEvent]) -> Timeline:
    timeline = Timeline()
    timeline.add(events)
    return timeline


@given(races(), st.sampled_from(PACKS), st.sampled_from(CARS), KINDS)
def test_a_penalty_moves_its_car_back_and_no_other(
    events: list[AnyEvent], pack: str, car: str, given_: tuple[str, int | None]
) -> None:
    """The order of all others stays, in the classification and on the road, and no car is lost."""
    race, convention = race_of(events).race, Convention.of(builtin_pack(pack))
    if car not in race.order.passings and car not in race.session.entries:
        return
    penalty = SupposedPenalty(car, *given_)  # type: ignore[arg-type]
    now = [row.car for row in classify(race, convention)]
    then = [one.car for one in what_if(race, Hypothesis((penalty,)), convention)]
    lost = lost_on_road(effects(race, convention.penalties, [penalty]))
    road = race.order.cars(), road_order(race, lost)
    for before, after in ((now, then), road):
        assert sorted(before) == sorted(after)
        assert [one for one in before if one != car] == [one for one in after if one != car]
        if car in before:
            assert after.index(car) >= before.index(car)


@given(races(), st.sampled_from(PACKS))
def test_tables_can_always_be_made(events: list[AnyEvent], pack: str) -> None:
    """Each car is once in the queue and in the progress; gains under a caution add up to none."""
    race = race_of(events).race
    for table in (views.queue(race), views.progress(race)):
        cars = [row["car"] for row in table]
        assert len(cars) == len(set(cars))
    gains: dict[int, int] = {}
    for row in views.caution_places(race):
        gains[row["number"]] = gains.get(row["number"], 0) + row["class_gained"]
    if not any(event.type in ("lap_completed", "line_passed") for event in events):
        assert gains == {}
    if race.session.is_race:
        rejoins(race)
    for driver in drive_times(race, builtin_pack(pack)):
        assert driver.in_window_ms is None or driver.in_window_ms <= (driver.most_in_window_ms or 0)

"""When a title was decided, and for whom."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from events import AnyEvent, Driver
from projections.championship.season import season_of
from projections.timeline import Timeline
from services.queries.seasons import SeasonAnswer, as_it_stands
from services.queries.sessions import FoldedSession
from services.queries.titles import decided_rows
from tests.builders import Story
from tests.profiles import examples
from tests.scoring import finish, opened, scored

CARS = ("1", "2", "3", "4")


def last_race(order: tuple[str, ...], retired: int) -> Timeline:
    """A race of four laps that ends in this order; the last so many retire after two."""
    story = Story().opened(lines=("FL",), series="S")
    stopped = order[len(order) - retired :]
    for car in CARS:
        story.entry(car, team=f"T{car}", drivers=(Driver(number=1, name=f"D{car}"),))
    for lap in range(1, 5):
        for place, car in enumerate(order):
            if lap <= 2 or car not in stopped:
                story.lap(car, lap, lap * 60_000 + place * 1_000)
    for car in stopped:
        story.retired(car, 150_000)
    story.flag("chequered", 240_000).ended(300_000)
    timeline = Timeline()
    timeline.add(story)
    return timeline


@settings(max_examples=examples(60), deadline=None)
@given(
    before=st.lists(st.permutations(CARS), min_size=1, max_size=4),
    order=st.permutations(CARS).map(tuple),
    retired=st.integers(0, 3),
)
def test_whoever_is_named_has_the_points(
    before: list[list[str]], order: tuple[str, ...], retired: int
) -> None:
    """The champion that is named has the most points at the end, and the sentence is of it.

    Of two that share the title in the end, one may have been sure of its share before.
    """
    rounds = [scored(finish(*one), n, round=n) for n, one in enumerate(before, start=1)]
    log: list[AnyEvent] = [opened(rounds=len(before) + 1), *rounds]
    timeline, season, number = last_race(order, retired), season_of(log), len(before) + 1
    recorded = FoldedSession(timeline, 0, "1-0", ())
    answer = SeasonAnswer(season, (), recorded, timeline.race, number)
    final = as_it_stands(season, timeline.race, number).standings(of="drivers", car_class="GT")
    (row,) = decided_rows(answer, "drivers", "GT")
    most = max(one["points"] for one in final)
    assert {*row["names"]} <= {one["name"] for one in final if one["points"] == most}
    assert all(name in row["sentence"] for name in row["names"])

"""The queue behind the safety car, and who may be let past it under the rules of the pack.

Rules:

- the queue is led by the overall leader; the other cars on the track follow by their time behind
  it on the road, laps apart. Cars in the lane, retired or finished are not in it;
- a car between the safety car and the leader of its class, which it follows in the race, is
  eligible for the pass-around;
- a car a lap or more behind the leader of its class that stayed out under this caution is
  eligible for the wave-by, unless it passes around. The pack limits the wave-by: to races of a
  minimum length, after so many minutes, once in so many, and not in the last ones.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Annotated, Literal

from pydantic import Field

from projections.race import Race
from projections.results.provisional import own_pack
from projections.results.scheduled_length import scheduled_length
from projections.results.session_order import session_order
from projections.rules.packs import MS_PER_HOUR, CautionRules
from projections.views.rows import Heading, Row, RowModel

MS_PER_MINUTE = 60_000


class QueueRow(RowModel):
    """A car behind the safety car, and what it is eligible for."""

    queue: Annotated[int, Heading("Queue")]
    car: Annotated[str, Heading("Car")]
    car_class: Annotated[str | None, Heading("Class"), Field(alias="class")]
    class_position: Annotated[int, Heading("In class")]
    laps_behind: Annotated[
        int, Heading("Laps behind"), Field(description="whole laps behind the class leader")
    ]
    pitted: Annotated[bool, Heading("Pitted"), Field(description="under this caution")]
    pit_lane: Annotated[
        Literal["open", "closed"], Heading("Pit lane"), Field(description="for its class")
    ]
    pass_around: Annotated[bool, Heading("Pass-around")]
    wave_by: Annotated[bool, Heading("Wave-by")]
    reason: Annotated[str | None, Heading("Why not"), Field(description="why it is not eligible")]


def queue(race: Race) -> list[Row]:
    """The queue under the present caution, first car first; empty under green."""
    caution = race.track.current
    order = [car for car in session_order(race) if _on_track(race, car)]
    if caution is None or not order or not race.session.is_race:
        return []
    pack = own_pack(race)
    rules = pack.cautions if pack else None
    behind = {car: behind_on_road(race, order[0], car) for car in order}
    first_of_class: dict[str | None, str] = {}
    places: dict[str | None, int] = {}
    rows = []
    for car in order:
        name = race.session.car_class(car)
        leader = first_of_class.setdefault(name, car)
        places[name] = places.get(name, 0) + 1
        gap = race.order.gap(leader, car, race.at)
        pitted = any(
            car in one.pitted for one in race.track.cautions() if one.number == caution.number
        )
        facts = {
            "laps_behind": (gap.laps or 0) if gap and car != leader else 0,
            "pitted": pitted,
            "between": car != leader and behind[car] < behind[leader],
        }
        rows.append(
            {
                "car": car,
                "class": name,
                "class_position": places[name],
                "laps_behind": facts["laps_behind"],
                "pitted": pitted,
                "pit_lane": "closed" if _is_closed(race, name) else "open",
                **_eligible(race, rules, facts),
            }
        )
    rows.sort(key=lambda row: behind[row["car"]])
    return [{"queue": place, **row} for place, row in enumerate(rows, start=1)]


def behind_on_road(race: Race, leader: str, car: str) -> int:
    """Return how long (ms) after the leader a car last passed a point of the track, laps apart."""
    if car == leader:
        return 0
    theirs, ours = race.order.passings[leader], race.order.passings[car]
    lines, at = race.order.lines_per_lap, ours[-1]
    last = bisect_right(theirs, at) - 1
    # The leader's newest crossing of the line that the car crossed last.
    same_line = last - (last - (len(ours) - 1)) % lines
    return at - theirs[same_line] if same_line >= 0 else at


def _on_track(race: Race, car: str) -> bool:
    order = race.order
    gone = car in order.finished or car in order.retired
    return car in order.passings and not gone and race.pits.in_lane_since(car) is None


def _is_closed(race: Race, car_class: str | None) -> bool:
    closed = race.track.pit_lane_closed
    return (car_class or "") in closed or "" in closed


def _eligible(race: Race, rules: CautionRules | None, facts: Row) -> Row:
    def answer(reason: str | None, *, around: bool = False, by: bool = False) -> Row:
        return {"pass_around": around, "wave_by": by, "reason": reason}

    if rules is None:
        return answer("the session names no regulation pack")
    if facts["between"] and rules.pass_around:
        return answer(None, around=True)
    if not facts["laps_behind"]:
        return answer("on the lap of its class leader")
    if not rules.wave_by:
        return answer("the pack has no wave-by")
    if (barred := no_wave_by(race, rules)) is not None:
        return answer(barred)
    if facts["pitted"]:
        return answer("stopped under this caution")
    return answer(None, by=True)


def no_wave_by(race: Race, rules: CautionRules) -> str | None:
    """Return why there is no wave-by at this time of the race; None if there is."""
    length, last = scheduled_length(race).ms, race.track.wave_by_at
    shortest, after = rules.wave_by_from_hours, rules.wave_by_after_minutes
    every, late = rules.wave_by_every_minutes, rules.no_wave_by_in_last_minutes
    if length is None and (shortest is not None or late is not None):
        return "the scheduled length of the race is unknown, on which the wave-by depends"
    if shortest is not None and length is not None and length < shortest * MS_PER_HOUR:
        return f"no wave-by in races under {shortest:g} h"
    if after is not None and race.at < after * MS_PER_MINUTE:
        return f"no wave-by in the first {after} min"
    if late is not None and length is not None and length - race.at < late * MS_PER_MINUTE:
        return f"no wave-by in the last {late} min"
    if every is not None and last is not None and race.at - last < every * MS_PER_MINUTE:
        return f"no wave-by within {every} min of the last one"
    return None

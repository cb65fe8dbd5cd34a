"""The best lap, and what was corrected."""

from __future__ import annotations

from collections.abc import Iterator

from events import (
    AnyEvent,
    BestLapReported,
    CrossingInserted,
    CrossingsReassigned,
    EventVoided,
    LapAmended,
    LapCompleted,
    LapTimeDeleted,
)
from events.clock import format_clock, format_lap_time
from projections.views.explain.case import Case
from projections.views.explain.statements import Statement, clock_words, join_words
from projections.wording import ordinal, plain


def best_lap(case: Case) -> Iterator[Statement]:
    """The best lap of a race, and how good it is."""
    best = case.race.laps.best.get(case.car)
    if best is None or not case.is_race:
        return
    quickest = [car for car, _ in case.race.laps.fastest()]
    name = case.row.car_class
    of_class = [car for car in quickest if case.car_class(car) == name]
    ranks = [f"{_best_of(quickest.index(case.car))} of the race"]
    if name is not None and of_class.index(case.car) != quickest.index(case.car):
        ranks.append(f"{_best_of(of_class.index(case.car))} in {name}")
    driver = f" by {best.driver}" if best.driver else ""
    text = f"Its best lap is {format_lap_time(best.ms)} on lap {best.lap}{driver}"
    yield Statement("best_lap", f"{text}, {', '.join(ranks)}.", case.best_lap_event(case.car))


def corrections(case: Case) -> Iterator[Statement]:
    """What of the car was corrected, each with what it was corrected from."""
    for event, of in case.record.corrections:
        reason = f": {event.reason}" if event.reason else ""
        match event:
            case EventVoided():
                text = f"{_described(of)} was voided{reason}."
            case LapAmended():
                text = f"Lap {event.lap} was amended, {_amended(event, of)}{reason}."
            case LapTimeDeleted():
                time = of.lap_time_ms if isinstance(of, LapCompleted) else None
                what = f", {format_lap_time(time)}," if time else ""
                text = f"The time of lap {event.lap}{what} was deleted{reason}."
            case CrossingInserted():
                text = f"A crossing at {format_clock(event.completed_at)} was put in{reason}."
            case CrossingsReassigned():
                text = f"Crossings of #{event.from_car} were given to #{event.to_car}"
                text += f"{' and the other way round' if event.swap else ''}{reason}."
        events = (event.identity, of.identity) if of else (event.identity,)
        yield Statement("correction", text, events)


def _best_of(index: int) -> str:
    return "the quickest" if index == 0 else f"{ordinal(index + 1)} quickest"


def _described(event: AnyEvent | None) -> str:
    """What was voided, as the beginning of a sentence."""
    match event:
        case None:
            raise AssertionError("what is voided and concerns the car was recorded")
        case LapCompleted():
            return f"Lap {event.lap}, completed at {format_clock(event.at)},"
        case LapAmended():
            return f"An amendment of lap {event.lap} ({event.reason})"
        case LapTimeDeleted():
            return f"The deletion of the time of lap {event.lap}"
        case BestLapReported():
            time = format_lap_time(event.lap_time_ms)
            return f"The best lap that the timing reported, {time} on lap {event.lap},"
        case _:
            return f"What was recorded at {clock_words(event.at)} ({plain(event.type)})"


def _amended(amended: LapAmended, lap: AnyEvent | None) -> str:
    """What a lap is now, and what of it was otherwise."""
    was = lap if isinstance(lap, LapCompleted) else None
    changes = []
    if amended.completed_at is not None:
        instead = f" instead of {format_clock(was.at)}" if was else ""
        changes.append(f"completed at {format_clock(amended.completed_at)}{instead}")
    if amended.lap_time_ms is not None:
        time = was.lap_time_ms if was else None
        instead = f" instead of {format_lap_time(time)}" if time else ""
        changes.append(f"a lap time of {format_lap_time(amended.lap_time_ms)}{instead}")
    if amended.driver is not None:
        changes.append(f"driven by {amended.driver}")
    if amended.in_pit_lane is not None:
        changes.append(
            "finished in the pit lane" if amended.in_pit_lane else "finished on the track"
        )
    return join_words(changes) if changes else "in nothing"

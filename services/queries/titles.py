"""Titles as rows: who can still win, with which result, and when it was decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from events import AnyEvent, CarRetired, Contest, FlagShown, LapCompleted, LinePassed, SessionOpened
from projections.championship.clinch import Outlook
from projections.championship.clinch_sentences import next_sentence, open_sentence, sentence
from projections.championship.season import Season
from projections.championship.titles import (
    WON,
    LiveRound,
    RemainingResult,
    Title,
    TitleContender,
    decided,
)
from projections.race import Race
from projections.results.classification import Convention, classify
from projections.results.points import total
from projections.results.scheduled_length import length_note
from projections.wording import flag_name, plain
from services.queries.seasons import SeasonAnswer
from services.queries.tables.columns import Row


def decided_rows(
    answer: SeasonAnswer, of: Contest, car_class: str, note: str | None = None
) -> Iterator[Row]:
    """The row of a title that was decided in the session."""
    if answer.recorded is None:
        return
    timeline = answer.recorded.timeline
    found = decided(answer.season, of, car_class, timeline, answer.number)
    if found is None:
        return
    race = timeline.race_at(found.at)
    leader = race.order.leader()
    champions = [one for one in found.title.contenders if one.status in WON]
    yield {
        "class": car_class,
        "of": of,
        "names": [name for one in champions for name in one.names],
        "at_ms": found.at,
        "leader_lap": race.order.laps.get(leader, 0) if leader else 0,
        "happened": decisive_moment(found.events, race),
        "sentence": " ".join(
            dict.fromkeys(contender_sentence(found.title, one) or "" for one in champions)
        ),
        "length_note": note,
    }


def decisive_moment(events: Sequence[AnyEvent], race: Race) -> str:
    """The events that decided a title, in a few words."""
    if any(isinstance(event, SessionOpened) for event in events):
        return "before the start"
    return "; ".join(_event_text(event, race) for event in events)


def _event_text(event: AnyEvent, race: Race) -> str:
    match event:
        case CarRetired():
            return f"#{event.car} retired"
        case LapCompleted() if event.car in race.order.finished:
            return f"#{event.car} took the flag"
        case LapCompleted():
            return f"#{event.car} completed lap {event.lap}"
        case LinePassed() if not race.order.laps.get(event.car):
            return f"#{event.car} started"
        case FlagShown():
            return f"{flag_name(event.flag)} flag"
        case _:
            car = getattr(event, "car", None)
            return f"{f'#{car}: ' if car else ''}{plain(event.type)}"


def live_of(answer: SeasonAnswer) -> LiveRound | None:
    """The running session with its classification."""
    if answer.race is None:
        return None
    rows = classify(answer.race, Convention.of(answer.season.pack_of(answer.number)))
    return LiveRound(answer.race, rows, answer.number)


def titles_length_note(
    season: Season, titles: Iterable[Title], live: LiveRound | None
) -> str | None:
    """What has to be known of the scheduled lengths on which titles rest, of races left, too."""
    left = {
        one.round
        for fight in titles
        for one in fight.left
        if one.part == "race" and season.round(one.round).scale(one.race) is None
    }
    running = live.number if live else None
    notes = [season.length_note(left - {running})]
    if live is not None and season.time_limit(live.number) is None:
        notes.append(length_note(live.race, season.pack_of(live.number)))
    return "; ".join(filter(None, notes)) or None


def clinch_rows(fight: Title, note: str | None = None) -> Iterator[Row]:
    """A row for each contender; ``note`` is that of `titles_length_note`."""
    for contender in fight.contenders:
        outlook = contender.outlook
        needs = outlook and (outlook.outright if outlook.outright.alive else outlook.shared)
        yield {
            "names": list(contender.names),
            "class": fight.car_class,
            "of": fight.of,
            "points": contender.points,
            "status": contender.status,
            "least": outlook.least if outlook else contender.least,
            "most": contender.most,
            "clinches_from": needs.clinches_regardless_from if needs else _in_next(contender),
            "can_win_from": _worst(outlook) if outlook else None,
            "sentence": contender_sentence(fight, contender),
            "beaten": list(outlook.beaten) if outlook else [],
            "against": _against(outlook) if outlook else [],
            "left": [part_text(one) for one in fight.left],
            "length_note": note,
            "bounds_note": fight.note,
        }


def _in_next(contender: TitleContender) -> int | str | None:
    return contender.next_clinch.outcome if contender.next_clinch else None


def _worst(outlook: Outlook) -> int | str | None:
    """The worst result with which the title, or a share of it, can be won."""
    needs = outlook.outright if outlook.outright.alive else outlook.shared
    return "no_score" if needs.can_still_win_if_no_score else needs.can_still_win_from


def _against(outlook: Outlook) -> list[Row]:
    return [
        {
            "rival": list(one.rival),
            "beats_from": {str(theirs): mine for theirs, mine in one.beats_from.items()},
            "ties_from": {str(theirs): mine for theirs, mine in one.ties_from.items()},
        }
        for one in outlook.against
    ]


def contender_sentence(fight: Title, contender: TitleContender) -> str | None:
    """A contender's chances in a sentence; None without anything to say."""
    if contender.outlook is not None:
        return sentence(contender.outlook)
    names, several = " and ".join(contender.names), len(contender.names) > 1
    first = fight.contenders[0]
    if contender.least is not None and contender.status in (*WON, "out"):
        return _bounded(fight, contender)
    match contender.status:
        case "clinched":
            sure = f", and nobody else can reach {contender.points}" if fight.left else ""
            return f"{names} is champion with {contender.points} points{sure}."
        case "clinched_share" if fight.left:
            return f"{names} {'have' if several else 'has'} at least a share of the title."
        case "clinched_share":
            return f"{names} are champions together with {contender.points} points."
        case "out" if fight.left and contender.most < first.points:
            leader = " and ".join(first.names)
            return (
                f"{names} {'are' if several else 'is'} out: at most {contender.most} points, "
                f"and {leader} {'have' if len(first.names) > 1 else 'has'} {first.points}."
            )
        case "out" if fight.left:
            return f"{names} is out: even {contender.most} points, the most there are, are too few."
        case "open" if contender.next_clinch is not None:
            return next_sentence(contender.next_clinch, part_text(fight.left[0]))
        case "open":
            return _open(fight, contender)
        case _:
            return None


def _bounded(fight: Title, contender: TitleContender) -> str:
    """What is certain of a contender where only bounds are known."""
    name, least = contender.names[0], contender.least
    others = [one for one in fight.contenders if one.names != contender.names]
    match contender.status:
        case "clinched":
            return f"{name} is champion: {least} points are certain, and no rival can reach them."
        case "clinched_share":
            return f"{name} has at least a share of the title: {least} points are certain."
        case _:
            best = max(others, key=lambda one: one.least or 0)
            if contender.most < (best.least or 0):
                rival = f"and {best.names[0]} is sure of {best.least}"
                return f"{name} is out: at most {contender.most} points, {rival}."
            return f"{name} is out: a rival is sure to stay ahead."


def _open(fight: Title, contender: TitleContender) -> str:
    best = fight.contenders[0].points
    leaders = [name for one in fight.contenders if one.points == best for name in one.names]
    behind = next((one.points for one in fight.contenders if one.points < best), None)
    more = total((contender.most, -contender.points))
    return open_sentence(contender.names[0], contender.points, (leaders, best), behind, more)


def part_text(left: RemainingResult) -> str:
    which = f" {left.race}" if left.race > 1 else ""
    return f"{left.part}{which} of round {left.round}"

"""Sentences on who can still win a title, for commentators.

A sentence states exactly what its `Outlook` says; the conditions on rivals are read from the
outlook's tables. Up to two rivals are named, of more only the number is given; of more than
four conditions only the first is given, as listeners could not follow them on air
(`sufficient_results` has all). A contender may be a driver, a crew, a car or a make, so no
sentence uses he, she or it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from projections.championship.clinch import NextClinch, Outcome, Outlook, RivalTable, TitleNeeds
from projections.results.points import total
from projections.rules.packs import Number
from projections.wording import ordinal

NAMED_RIVALS = 2
NAMED_CARS = 3
SPOKEN_CONDITIONS = 4

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
PLACES = (
    *("first", "second", "third", "fourth", "fifth"),
    *("sixth", "seventh", "eighth", "ninth", "tenth"),
)


class SufficientResult(NamedTuple):
    """An outcome that suffices, as any better one, if rivals end below the given places."""

    outcome: Outcome
    below: tuple[tuple[RivalTable, int], ...]


def sufficient_results(outlook: Outlook) -> tuple[SufficientResult, ...]:
    """Return the outcomes that suffice for the title, or else for a share; best first.

    Of outcomes with the same conditions on rivals only the worst is returned. A first outcome
    without conditions clinches.
    """
    needs = _aim(outlook)
    regardless, last = needs.clinches_regardless_from or 0, _depth(_still(needs))
    outcomes: list[Outcome] = [*outlook.places]
    if outlook.may_score_nothing:
        outcomes.append("no_score")
    bounds = [0] * len(outlook.against)
    found: dict[tuple[int, ...], SufficientResult] = {}
    for outcome in outcomes:
        if regardless < _depth(outcome) <= last:
            bounds = [
                max(bound, _bound(outlook, against, outcome))
                for bound, against in zip(bounds, outlook.against, strict=True)
            ]
        if _depth(outcome) <= last:
            below = zip(outlook.against, bounds, strict=True)
            found[tuple(bounds)] = SufficientResult(outcome, tuple(one for one in below if one[1]))
    return tuple(found.values())


def sentence(outlook: Outlook) -> str:
    """Return a sentence on this contender's chances."""
    name, verb = _names(outlook.names), _Verbs(outlook.names)
    match outlook.status:
        case "clinched":
            return f"{name} {verb.be_champion}{_reason_for(outlook)}."
        case "clinched_share":
            return f"{name} {verb.be_champion}, though perhaps not alone{_alone(outlook)}."
        case "alive":
            return f"{_undecided(outlook, name, verb.be_champion)}{_shares(outlook)}."
        case "alive_share":
            core = _undecided(outlook, name, f"{verb.do} so")
            return f"{name} can at best share the title: {core}."
        case "out":
            return f"{name} {verb.be} out{_reason_against(outlook)}."


def open_sentence(
    name: str,
    points: Number,
    first: tuple[Sequence[str], Number],
    next_points: Number | None,
    more: Number,
) -> str:
    """Return a sentence on a contender while several results are left and none can clinch.

    ``first`` has the leaders and their points, ``next_points`` are the points of the best
    contender not level with them, ``more`` are the points still to be won.
    """
    leaders, best = first
    to_win = f"{more} still to be won"
    if points < best:
        behind = total((best, -points))
        return f"{name} is in reach: {_points(behind)} behind {_names(leaders)}, with {to_win}."
    lead = "" if next_points is None else f" by {_points(total((best, -next_points)))}"
    if len(leaders) > 1:
        others = _names([one for one in leaders if one != name])
        return f"{name} leads{lead}, level with {others}, with {to_win}."
    return f"{name} leads{lead}, with {to_win}."


def next_sentence(next_clinch: NextClinch, what: str) -> str:
    """Return a sentence on what a contender needs to clinch in the next result (``what``)."""
    worst, champion = next_clinch.outcome, _Verbs(next_clinch.crew).be_champion
    how = "with any result" if worst == "no_score" else f"with {_or_better(worst)}"
    return f"{_names(next_clinch.crew)} {champion} {how} in the {what}, whatever the others do."


def _points(number: Number) -> str:
    return f"{number} {'point' if number == 1 else 'points'}"


class _Verbs:
    """The verb forms for one name, or for several."""

    def __init__(self, names: Sequence[str]) -> None:
        several = len(names) > 1
        self.be = "are" if several else "is"
        self.be_champion = "are champions" if several else "is champion"
        self.do = "do" if several else "does"
        self.need = "need" if several else "needs"
        self.score = "score" if several else "scores"
        self.win = "win" if several else "wins"


def _depth(outcome: Outcome | None) -> int:
    """Outcomes in order: 0 for none, the places, and no score after them all."""
    return 1 << 30 if outcome == "no_score" else outcome or 0


def _aim(outlook: Outlook) -> TitleNeeds:
    """The title alone, or, where that is out of reach, a share."""
    return outlook.outright if outlook.outright.alive else outlook.shared


def _still(needs: TitleNeeds) -> Outcome | None:
    """The worst outcome that can still win."""
    return "no_score" if needs.can_still_win_if_no_score else needs.can_still_win_from


def _bound(outlook: Outlook, against: RivalTable, outcome: Outcome) -> int:
    """The worst place of the rival for which this outcome is not enough (0: none)."""
    table = against.beats_from if outlook.outright.alive else against.ties_from
    taken = None if against.shares_car or outcome == "no_score" else outcome
    return max(
        (
            _depth(theirs)
            for theirs, worst in table.items()
            if _depth(worst) < _depth(outcome) and theirs != taken
        ),
        default=0,
    )


def _undecided(outlook: Outlook, subject: str, wins: str) -> str:
    """What the contender needs, as a main clause."""
    needs, rivals = _aim(outlook), [against.rival for against in outlook.against]
    clinching, last = needs.clinches_regardless_from, _still(needs)
    if clinching is None:
        return _needs_help(outlook, subject, last or 0)
    text = f"{subject} {wins} with {_or_better(clinching)}, {_whatever(rivals)}"
    if clinching == last:
        return f"{text}, and only then"
    if len(rivals) > NAMED_RIVALS:
        return f"{text}; below that it depends on {_count(len(rivals))} rivals"
    return f"{text}; {_spoken(outlook, sufficient_results(outlook)[1:])}"


def _needs_help(outlook: Outlook, subject: str, last: Outcome) -> str:
    """What a contender needs that cannot clinch on its own, its worst winning outcome given."""
    need, must = _Verbs(outlook.names).need, _must(outlook, last)
    if len(outlook.against) > NAMED_RIVALS:
        requirement = f"{need} help against {_count(len(outlook.against))} rivals"
        return f"{subject} {must}, and {requirement}" if must else f"{subject} {requirement}"
    steps = sufficient_results(outlook)
    if len(steps) > 1:
        return f"{subject} {must or f'{need} help'}: {_spoken(outlook, steps)}"
    requirement = _to_end(steps[0])
    return (
        f"{subject} {must}, and {need} {requirement}" if must else f"{subject} {need} {requirement}"
    )


def _spoken(outlook: Outlook, steps: Sequence[SufficientResult]) -> str:
    """What is enough and if what, in no more steps than can be followed."""
    first, *others = steps
    text = f"{_is_enough(outlook, first)} if {_given(first)}"
    if len(steps) > SPOKEN_CONDITIONS:
        return f"{text}; a worse place needs more help"
    one_rival = len(outlook.against) == 1
    more = [f"{_or(outlook, one)} if {_given(one, again=one_rival)}" for one in others]
    if one_rival and more and others[-1].outcome == "no_score":
        more[-1] = f"and {more[-1]}"
    return (", " if one_rival else "; ").join([text, *more])


def _must(outlook: Outlook, outcome: Outcome) -> str:
    """The worst result that is enough for the contender; empty if any is."""
    if outcome == "no_score":
        return ""
    if outcome == outlook.places[-1]:
        return "must score" if outlook.may_score_nothing else ""
    return "must win" if outcome == 1 else f"must finish {_or_better(outcome)}"


def _is_enough(outlook: Outlook, one: SufficientResult) -> str:
    if one.outcome == "no_score":
        return "no points are needed"
    return f"{_or(outlook, one)} is enough"


def _or(outlook: Outlook, one: SufficientResult) -> str:
    """The outcome as the next in a list of what is enough."""
    if one.outcome == "no_score":
        return "no points are needed"
    if one.outcome == outlook.places[-1]:
        return "any place" if outlook.may_score_nothing else "any finish"
    return "a win" if one.outcome == 1 else _place(one.outcome)


def _given(one: SufficientResult, again: bool = False) -> str:
    """The condition on the rivals, after 'if'; a crew is only called they ``again``."""
    rivals, clauses = _conditions(one)
    if len(rivals) > 1 and len(set(clauses)) == 1:
        return _all_are(rivals, clauses[0])
    return " and ".join(
        _rival_is("they" if again and len(rival) > 1 else _names(rival), _Verbs(rival), clause)
        for rival, clause in zip(rivals, clauses, strict=True)
    )


def _to_end(one: SufficientResult) -> str:
    """The same after 'needs', with an infinitive."""
    rivals, clauses = _conditions(one)
    if len(rivals) > 1 and len(set(clauses)) == 1:
        if clauses[0].may_not:
            return f"neither {' nor '.join(map(_names, rivals))} to {clauses[0].may_not}"
        return f"{_all_names(rivals)} to finish {clauses[0].place}"
    return " and ".join(
        f"{_names(rival)} not to {clause.may_not}"
        if clause.may_not
        else f"{_names(rival)} to finish {clause.place}"
        for rival, clause in zip(rivals, clauses, strict=True)
    )


def _conditions(one: SufficientResult) -> tuple[list[tuple[str, ...]], list[_Clause]]:
    """The rivals that it depends on, and what is asked of each."""
    rivals = [against.rival for against, _ in one.below]
    return rivals, [_clause(against, bound) for against, bound in one.below]


class _Clause(NamedTuple):
    """A rival ends lower than some place: what it may not do, or else where it may be."""

    may_not: Literal["win", "score"] | None = None
    place: str = ""


def _clause(against: RivalTable, bound: int) -> _Clause:
    first, last = _lower(against, bound)
    if first == "no_score":
        return _Clause("score")
    if bound == 1:
        return _Clause("win")
    return _Clause(place=f"{_place(first)}{' or lower' if first != last else ''}")


def _rival_is(name: str, verb: _Verbs, clause: _Clause) -> str:
    if clause.may_not:
        return f"{name} {verb.do} not {clause.may_not}"
    return f"{name} {verb.be} {clause.place}"


def _all_are(rivals: Sequence[Sequence[str]], clause: _Clause) -> str:
    """The same clause of several rivals."""
    if clause.may_not is None:
        return f"{_all_names(rivals)} are {clause.place}"
    verb = _Verbs(rivals[-1])
    does = verb.win if clause.may_not == "win" else verb.score
    return f"neither {' nor '.join(map(_names, rivals))} {does}"


def _lower(against: RivalTable, bound: int) -> tuple[Outcome, Outcome]:
    """The rival's best and worst possible outcome below this place."""
    lower = [outcome for outcome in against.beats_from if _depth(outcome) > bound]
    return lower[0], lower[-1]


def _shares(outlook: Outlook) -> str:
    """What a share needs, where it needs less than the title alone."""
    text = ""
    alone, shared = outlook.outright, outlook.shared
    certain = shared.clinches_regardless_from
    if certain and certain != alone.clinches_regardless_from:
        text += f"; a share is certain with {_or_better(certain)}"
    still = _still(shared)
    if still and still != _still(alone):
        how = "without scoring" if still == "no_score" else f"with {_place(still)}"
        text += f"; a share is possible even {how}"
    return text


def _alone(outlook: Outlook) -> str:
    certain = outlook.outright.clinches_regardless_from
    return f"; alone with {_or_better(certain)}" if certain else ""


def _reason_for(outlook: Outlook) -> str:
    """Why nobody can take the title away."""
    if outlook.deciding_rival is None:
        return ", however the race ends"
    rival, points, _ = outlook.deciding_rival
    threat = f"{_names(rival)} can reach no more than {points}"
    level = " and then loses the tie" if points == outlook.least else ""
    if outlook.may_score_nothing or not outlook.places:
        return f" with {outlook.least} points already: {threat}{level}"
    last = _place(outlook.places[-1])
    mine = f"{_beaten(outlook)}{last} is the worst that can happen"
    if len(outlook.places) == 1:
        mine = f"{last} is certain"
    return f": {mine}, for {outlook.least} points, and {threat}{level}"


def _beaten(outlook: Outlook) -> str:
    """The cars that can no longer pass, in so far as there are any."""
    cars = outlook.beaten
    if not cars:
        return ""
    beaten = _names(cars) if len(cars) <= NAMED_CARS else f"{_count(len(cars))} cars"
    return f"{beaten} can no longer pass, so "


def _reason_against(outlook: Outlook) -> str:
    """Why the title is out of reach."""
    if outlook.deciding_rival is None:
        return ": no finishing order is enough"
    crew, points, same_car = outlook.deciding_rival
    rival, verb = _names(crew), _Verbs(crew)
    if same_car:
        return f": {rival} {verb.score} with the same car, from further ahead"
    best = " with no more to score: that leaves"
    if outlook.places:
        best = (
            f": even {'a win' if outlook.places[0] == 1 else _place(outlook.places[0])} makes only"
        )
    level = " and the tie" if points == outlook.most else ""
    return f"{best} {outlook.most} points, and {rival} {verb.be} sure of {points}{level}"


def _whatever(rivals: Sequence[Sequence[str]]) -> str:
    if not 1 <= len(rivals) <= NAMED_RIVALS:
        return "whatever the others do"
    verb = _Verbs([name for rival in rivals for name in rival])
    return f"whatever {_all_names(rivals)} {verb.do}"


def _or_better(outcome: Outcome) -> str:
    return "a win" if outcome == 1 else f"{_place(outcome)} or better"


def _place(outcome: Outcome) -> str:
    """A place in words up to the tenth, then 11th and so on."""
    if outcome == "no_score":
        return "no score"
    return PLACES[outcome - 1] if outcome <= len(PLACES) else ordinal(outcome)


def _count(number: int) -> str:
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def _all_names(rivals: Sequence[Sequence[str]]) -> str:
    return _names([name for rival in rivals for name in rival])


def _names(names: Sequence[str]) -> str:
    """A, or A and B, or A, B and C."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last

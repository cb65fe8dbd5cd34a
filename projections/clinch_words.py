"""A title fight in the words of a commentator.

Every sentence is made from an `Outlook`, and promises no more and no less than it: what a
place needs of the rivals is read off the tables. Up to two rivals are named; of more, a
sentence gives the number, and of more than four conditions only the first, as nobody could
follow them on air. `enough` has them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from projections.clinch import Against, Needs, Outcome, Outlook
from projections.explain import ordinal

NAMED_RIVALS = 2
SPOKEN_CONDITIONS = 4

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
PLACES = (
    *("first", "second", "third", "fourth", "fifth"),
    *("sixth", "seventh", "eighth", "ninth", "tenth"),
)


class Enough(NamedTuple):
    """An outcome that is enough if these rivals end lower than these places, as is any better."""

    outcome: Outcome
    below: tuple[tuple[Against, int], ...]


def enough(outlook: Outlook) -> tuple[Enough, ...]:
    """What is enough for the title, or for a share where no more is possible; best place first.

    Of outcomes that need the same of the rivals only the worst is told. Where the first
    needs nothing of them, it clinches.
    """
    needs = _aim(outlook)
    regardless, last = needs.clinches_regardless_from or 0, _depth(_still(needs))
    outcomes: list[Outcome] = [*outlook.places]
    if outlook.may_score_nothing:
        outcomes.append("no_score")
    bounds = [0] * len(outlook.against)
    found: dict[tuple[int, ...], Enough] = {}
    for outcome in outcomes:
        if regardless < _depth(outcome) <= last:
            bounds = [
                max(bound, _bound(outlook, against, outcome))
                for bound, against in zip(bounds, outlook.against, strict=True)
            ]
        if _depth(outcome) <= last:
            below = zip(outlook.against, bounds, strict=True)
            found[tuple(bounds)] = Enough(outcome, tuple(one for one in below if one[1]))
    return tuple(found.values())


def sentence(outlook: Outlook) -> str:
    """What a commentator would say of this contender."""
    name, verb = _names(outlook.names), _Verbs(outlook.names)
    match outlook.status:
        case "clinched":
            return f"{name} {verb.be_champion}{_reason_for(outlook, verb)}."
        case "clinched_share":
            return f"{name} {verb.be_champion}, though perhaps not alone{_alone(outlook)}."
        case "alive":
            return f"{_undecided(outlook, name, verb.be_champion)}{_shares(outlook)}."
        case "alive_share":
            core = _undecided(outlook, verb.it, f"{verb.do} so")
            return f"{name} can at best share the title: {core}."
        case "out":
            return f"{name} {verb.be} out: {_reason_against(outlook, verb)}."


class _Verbs:
    """The verb forms for one name, or for several."""

    def __init__(self, names: Sequence[str]) -> None:
        several = len(names) > 1
        self.be = "are" if several else "is"
        self.be_champion = "are champions" if several else "is champion"
        self.do = "do" if several else "does"
        self.have = "have" if several else "has"
        self.score = "score" if several else "scores"
        self.need = "need" if several else "needs"
        self.it = "they" if several else "it"


def _depth(outcome: Outcome | None) -> int:
    """Outcomes in order: 0 for none, the places, and no score after them all."""
    return 1 << 30 if outcome == "no_score" else outcome or 0


def _aim(outlook: Outlook) -> Needs:
    """The title alone, or, where that is out of reach, a share."""
    return outlook.outright if outlook.outright.alive else outlook.shared


def _still(needs: Needs) -> Outcome | None:
    """The worst outcome that can still win."""
    return "no_score" if needs.can_still_win_if_no_score else needs.can_still_win_from


def _bound(outlook: Outlook, against: Against, outcome: Outcome) -> int:
    """The worst place of the rival that this outcome does not do against (0: none)."""
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
    given = [f"if {_given(one)}, {_is_enough(outlook, one)}" for one in enough(outlook)[1:]]
    return "; ".join([text, *_spoken(given)])


def _needs_help(outlook: Outlook, subject: str, last: Outcome) -> str:
    """What a contender needs that cannot clinch on its own, its worst winning outcome given."""
    need, must = _Verbs(outlook.names).need, _must(outlook, last)
    if len(outlook.against) > NAMED_RIVALS:
        wanted = f"{need} help against {_count(len(outlook.against))} rivals"
        return f"{subject} {must}, and {wanted}" if must else f"{subject} {wanted}"
    steps = enough(outlook)
    if len(steps) > 1:
        ways = _spoken([f"{_is_enough(outlook, one)} if {_given(one)}" for one in steps])
        return f"{subject} {must or f'{need} help'}: {'; '.join(ways)}"
    wanted = " and ".join(f"{_names(a.rival)} {_to_end(a, bound)}" for a, bound in steps[0].below)
    return f"{subject} {must}, and {need} {wanted}" if must else f"{subject} {need} {wanted}"


def _spoken(conditions: list[str]) -> list[str]:
    """No more of them than can be followed."""
    if len(conditions) <= SPOKEN_CONDITIONS:
        return conditions
    return [conditions[0], "a worse place needs more help"]


def _must(outlook: Outlook, outcome: Outcome) -> str:
    """The least that it must do itself; nothing where its worst outcome may do."""
    if outcome == "no_score":
        return ""
    if outcome == outlook.places[-1]:
        return "must score" if outlook.may_score_nothing else ""
    return "must win" if outcome == 1 else f"must finish {_or_better(outcome)}"


def _is_enough(outlook: Outlook, one: Enough) -> str:
    if one.outcome == "no_score":
        return "no points are needed"
    if one.outcome == outlook.places[-1]:
        return "any place is enough" if outlook.may_score_nothing else "any finish is enough"
    return f"{'a win' if one.outcome == 1 else _place(one.outcome)} is enough"


def _given(one: Enough) -> str:
    """The condition on the rivals, after 'if'."""
    return " and ".join(_rival_is(against, bound) for against, bound in one.below)


def _rival_is(against: Against, bound: int) -> str:
    """The rival ends lower than this place, as a clause."""
    verb, first, last = _Verbs(against.rival), *_lower(against, bound)
    name = _names(against.rival)
    if first == "no_score":
        return f"{name} {verb.do} not score"
    if bound == 1:
        return f"{name} {verb.do} not win"
    return f"{name} {verb.be} {_place(first)}{' or lower' if first != last else ''}"


def _to_end(against: Against, bound: int) -> str:
    """The same after 'needs', as an infinitive."""
    first, last = _lower(against, bound)
    if first == "no_score":
        return "not to score"
    if bound == 1:
        return "not to win"
    return f"to finish {_place(first)}{' or lower' if first != last else ''}"


def _lower(against: Against, bound: int) -> tuple[Outcome, Outcome]:
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


def _reason_for(outlook: Outlook, verb: _Verbs) -> str:
    """Why nobody can take the title away."""
    if outlook.foil is None:
        return ", however the race ends"
    if outlook.may_score_nothing or not outlook.places:
        mine = f"{verb.have} {outlook.least} points even without another"
    else:
        last = _place(outlook.places[-1])
        mine = f"can finish no lower than {last}, for {outlook.least} points"
    rival = f"{_names(outlook.foil.rival)} can reach no more than {outlook.foil.points}"
    level = " and then loses the tie" if outlook.foil.points == outlook.least else ""
    return f": {verb.it} {mine}, and {rival}{level}"


def _reason_against(outlook: Outlook, verb: _Verbs) -> str:
    """Why the title is out of reach."""
    if outlook.foil is None:
        return f"no finishing order makes {'them' if verb.it == 'they' else 'it'} champion"
    rival, rivals_verb = _names(outlook.foil.rival), _Verbs(outlook.foil.rival)
    if outlook.foil.same_car:
        return (
            f"whatever {verb.it} {verb.score}, {rival} {rivals_verb.score} too from further ahead"
        )
    best = "with no more to score"
    if outlook.places:
        best = (
            "even with a win"
            if outlook.places[0] == 1
            else f"even with {_place(outlook.places[0])}"
        )
    level = " and the tie" if outlook.foil.points == outlook.most else ""
    return (
        f"{best} {verb.it} would have {outlook.most} points, "
        f"and {rival} {rivals_verb.be} sure of {outlook.foil.points}{level}"
    )


def _whatever(rivals: Sequence[Sequence[str]]) -> str:
    if not 1 <= len(rivals) <= NAMED_RIVALS:
        return "whatever the others do"
    verb = _Verbs([name for rival in rivals for name in rival])
    return f"whatever {' and '.join(map(_names, rivals))} {verb.do}"


def _or_better(outcome: Outcome) -> str:
    return "a win" if outcome == 1 else f"{_place(outcome)} or better"


def _place(outcome: Outcome) -> str:
    """A place in words up to the tenth, then 11th and so on."""
    if outcome == "no_score":
        return "no score"
    return PLACES[outcome - 1] if outcome <= len(PLACES) else ordinal(outcome)


def _count(number: int) -> str:
    return NUMBERS[number] if number < len(NUMBERS) else str(number)


def _names(names: Sequence[str]) -> str:
    """A, or A and B, or A, B and C."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last

"""Near-equal names in a season that may be one contender's.

Rules:

- two names of one result are never the same contender's: both took part in it;
- names one slip apart, or that differ in case, accents or punctuation only, are alike;
- drivers are alike with the words of their name in another order, and with one family name and
  given names that begin alike (``J. Bach`` and ``Jamie Bach``);
- teams and makes are alike if one name has all words of the other, and a car of its own number
  and class came under both.

The name in fewer results is taken for the slip, of equal numbers the later one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

from events import Contest, RoundScored, ScoredRow
from events.formats.names import letters_of, near_names
from projections.championship.season import Result, Season
from projections.results.points import CONTESTS

SHORTEST_WORD = 4
"""Letters of a word that says whose team it is."""


class SimilarNames(NamedTuple):
    """Two names that may be one: the likely slip, the name meant, and in how many results each."""

    of: Contest
    name: str
    meant: str
    results: int
    meant_results: int
    why: str


@dataclass(slots=True)
class _Named:
    """A name: the results that have it, and the cars under it, each with its class."""

    results: set[Result] = field(default_factory=set)
    cars: set[tuple[str, str]] = field(default_factory=set)


def similar_names(season: Season) -> list[SimilarNames]:
    """Return all pairs of names that may be one contender's, aliases resolved."""
    return [pair for of in CONTESTS for pair in _similar(of, _names(season, of))]


def _names(season: Season, of: Contest) -> dict[str, _Named]:
    """The names of drivers, teams or makes, in the order of the rounds."""
    found: dict[str, _Named] = {}
    for result in sorted(season.scored, key=lambda one: (one.round, one.race, one.part == "race")):
        if result.segment is None:
            for row, name in _rows(season, season.scored[result], of):
                known = found.setdefault(name, _Named())
                known.results.add(result._replace(car_class=""))
                if row.car is not None:
                    known.cars.add((result.car_class, row.car))
    return found


def _rows(season: Season, scored: RoundScored, of: Contest) -> Iterator[tuple[ScoredRow, str]]:
    for row in map(season.named, scored.rows):
        if of == "drivers":
            yield from ((row, driver.name) for driver in row.drivers)
        elif name := row.team if of == "teams" else row.manufacturer:
            yield row, name


def _similar(of: Contest, names: dict[str, _Named]) -> Iterator[SimilarNames]:
    pairs: dict[frozenset[str], str] = {}
    for one, other, why in _alike(of, names):
        if names[one].results.isdisjoint(names[other].results):
            pairs.setdefault(frozenset((one, other)), why)
    order = {name: place for place, name in enumerate(names)}
    for pair, why in pairs.items():
        meant, slip = sorted(pair, key=lambda name: (-len(names[name].results), order[name]))
        counts = len(names[slip].results), len(names[meant].results)
        yield SimilarNames(of, slip, meant, *counts, why)


def _alike(of: Contest, names: dict[str, _Named]) -> Iterator[tuple[str, str, str]]:
    for one, other in _grouped(names, letters_of):
        yield one, other, "the same letters"
    for other, one in near_names(names):
        yield one, other, "one slip apart"
    if of == "drivers":
        for one, other in _grouped(names, lambda name: " ".join(sorted(_words(name)))):
            yield one, other, "the same words"
        for one, other in _grouped(names, lambda name: _words(name)[-1] if _words(name) else ""):
            if _begin_alike(_words(one)[:-1], _words(other)[:-1]):
                yield one, other, "one family name, given names that begin alike"
        return
    for one, other in combinations(names, 2):
        shared = names[one].cars & names[other].cars
        if shared and _one_in_the_other(_words(one), _words(other)):
            numbers = ", ".join(f"#{car}" for _, car in sorted(shared))
            yield one, other, f"one has all words of the other, with {numbers}"


def _grouped(names: Iterable[str], key: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(key(name), []).append(name)
    for group in groups.values():
        yield from combinations(group, 2)


def _words(name: str) -> list[str]:
    return [letters for word in name.replace(".", ". ").split() if (letters := letters_of(word))]


def _begin_alike(given: list[str], other: list[str]) -> bool:
    """Whether given names may be forms of one: an initial, a short form, a second name left out."""
    if not given or not other:
        return False
    short, long = sorted((given[0], other[0]), key=len)
    return long.startswith(short[:1]) if len(short) == 1 else short[:2] == long[:2]


def _one_in_the_other(words: list[str], others: list[str]) -> bool:
    shared = {*words} & {*others}
    significant = any(len(word) >= SHORTEST_WORD for word in shared)
    return significant and shared in ({*words}, {*others})

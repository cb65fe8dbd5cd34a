"""Names that differ so little that they may be one person's: ``Matthieu`` and ``Mathieu``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import combinations

SHORTEST = 8
"""Letters of a name below which a single one makes another person."""


def near_names(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of names that are one slip apart, the later one first.

    A slip is a letter left out or replaced, or two letters that changed places. Case, accents,
    blanks and punctuation make no difference between names.
    """
    by_letters: dict[str, str] = {}
    for name in names:
        by_letters.setdefault(letters_of(name), name)
    alike: dict[str, list[str]] = {}
    for letters in by_letters:
        if len(letters) >= SHORTEST:
            for key in _keys(letters):
                alike.setdefault(key, []).append(letters)
    order = {letters: place for place, letters in enumerate(by_letters)}
    pairs = {
        (other, one)
        for group in alike.values()
        if len(group) > 1
        for one, other in combinations(sorted(set(group), key=order.__getitem__), 2)
        if _one_slip_apart(one, other)
    }
    ordered = sorted(pairs, key=lambda pair: (order[pair[0]], order[pair[1]]))
    return [(by_letters[name], by_letters[other]) for name, other in ordered]


def letters_of(name: str) -> str:
    """Return the letters and digits of a name, without case and accents."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in plain if letter.isalnum())


def _keys(letters: str) -> Iterator[str]:
    """Yield the name, and the name without each of its letters: two that are alike share one."""
    yield letters
    for at in range(len(letters)):
        yield letters[:at] + letters[at + 1 :]


def _one_slip_apart(one: str, other: str) -> bool:
    if len(one) != len(other):
        return True  # they share a key, so one of them is the other without a letter
    differ = [
        at for at, (mine, theirs) in enumerate(zip(one, other, strict=True)) if mine != theirs
    ]
    if len(differ) == 1:
        return True
    first, last = differ[0], differ[-1]
    changed_places = one[first] == other[last] and one[last] == other[first]
    return len(differ) == 2 and last == first + 1 and changed_places

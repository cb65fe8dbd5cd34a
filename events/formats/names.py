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
        by_letters.setdefault(_letters(name), name)
    alike: dict[str, list[str]] = {}
    for letters in by_letters:
        if len(letters) >= SHORTEST:
            for key in _slips(letters):
                alike.setdefault(key, []).append(letters)
            for at in range(len(letters)):
                shorter = letters[:at] + letters[at + 1 :]
                if shorter in by_letters:
                    alike.setdefault(f"{shorter}+", []).extend((shorter, letters))
    order = {letters: place for place, letters in enumerate(by_letters)}
    pairs = {
        (other, one)
        for group in alike.values()
        for one, other in combinations(sorted(set(group), key=order.__getitem__), 2)
    }
    ordered = sorted(pairs, key=lambda pair: (order[pair[0]], order[pair[1]]))
    return [(by_letters[name], by_letters[other]) for name, other in ordered]


def _letters(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in plain if letter.isalnum())


def _slips(letters: str) -> Iterator[str]:
    """Yield keys that two names share if a letter is replaced, or two changed places."""
    for at in range(len(letters)):
        yield f"{letters[:at]}?{letters[at + 1 :]}"
        pair = "".join(sorted(letters[at : at + 2]))
        yield f"{letters[:at]}({pair}){letters[at + 2 :]}"

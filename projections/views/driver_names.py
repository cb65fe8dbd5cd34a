"""Family names of drivers, and their three letters, from names as timing systems write them.

- Capitals mark the family name, wherever it stands: ``Rui Paulo DA SILVA``, ``ZHOU Guanyu``. Two
  capitals in front are initials unless they can be a name: ``PJ Hyett``, but ``YE Yifei``.
- A comma ends a family name that stands first: ``Meier, Jan``.
- Otherwise the family name follows the given names: it begins with the second word, or behind it
  where that is an initial or a common second given name (``Juan Pablo Montoya``; but ``Albert
  Costa Balboa``, a double family name). Particles belong to it: ``Renger van der Zande``.
- Chinese, Japanese and Korean script has the family name first.
- A suffix is no name: ``Jan MEIER JR``, ``Nelson Piquet Junior``, ``John Smith VI``; nor is a
  title, as in ``Dr. Jan Meier``, or what stands in quotation marks or brackets: ``Luis Felipe
  "Pipo" Derani``, ``Nico Varrone (ARG)``.

The words are data in ``names.json``, which the graphics read, too
(``web/src/graphics/driver_names.ts``; a test compares both).
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

_NAMES = json.loads(files("projections").joinpath("names.json").read_text("utf-8"))
PARTICLES = frozenset(_NAMES["particles"])
GIVEN_OR_PARTICLE = frozenset(_NAMES["given_or_particle"])
"""Particles that are no particle at the beginning of a name: ``Al Unser``, ``Van Smith``."""
SUFFIXES = frozenset(_NAMES["suffixes"])
GENERATIONS = frozenset(_NAMES["generations"])
TITLES = frozenset(_NAMES["titles"])
SECOND_GIVEN_NAMES = frozenset(_NAMES["second_given_names"])

_EAST_ASIAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_TWO_LETTER_NAME = re.compile(r"[A-Z][AEIOUY]|AN|NG")
"""A syllable that is a family name, such as ``LI``, ``XU``, ``YE``, and not two initials."""

_ASIDE = re.compile(r"(?<!\S)(?:\"[^\"]*\"|“[^”]*”|\([^)]*\)|\[[^\]]*\])(?!\S)")
"""A nickname, a country or a grade beside the name."""

IRISH_PARTICLE = "Ó"
"""A particle of one letter, which without its accent is an initial: ``Seán Ó Briain``."""

_CAPITALS_IN_NAME = 2
"""The last letters that are capitals in a name in capitals: ``McLAREN``, ``DeBOER``."""


class NameParts(NamedTuple):
    """A driver's given and family names; the given ones may be blank."""

    given: str
    family: str


@lru_cache(maxsize=8192)
def name_parts(name: str) -> NameParts:
    """Split a driver's name; a name of one word is the family name."""
    name = _ASIDE.sub(" ", name).strip() or name
    before, comma, after = name.partition(",")
    if comma and not _is_suffix(after.strip()):
        return NameParts(after.strip(), _joined(_without_suffixes(before.split())))
    words = _without_titles(name.replace(",", " ").replace("・", " ").split())
    words = _without_suffixes(words)
    start, end = _family(words, western="・" in name)
    given = [*words[:start], *words[end:]]
    return NameParts(_joined(given), _joined(words[start:end]))


@lru_cache(maxsize=8192)
def three_letters(name: str) -> str:
    """Return the first letters of the family name, in capitals."""
    letters = "".join(sign for sign in name_parts(name).family if sign.isalpha())
    return (letters or name).upper()[:3]


def _family(words: list[str], *, western: bool) -> tuple[int, int]:
    """The words of the family name: its first, and the one behind its last."""
    count = len(words)
    if count < 2:
        return 0, count
    if _EAST_ASIAN.search(words[0]) and not western:
        return 0, 1
    capitals = [_is_in_capitals(words, index) for index in range(count)]
    if any(capitals) and not all(capitals):
        return _capitals(words, capitals)
    if _begins_with_particle(words):
        return 0, count
    start = 1
    while start < count - 1 and _is_given(words[start]):
        start += 1
    return start, count


def _capitals(words: list[str], capitals: list[bool]) -> tuple[int, int]:
    """The words in capitals, with the particles before them."""
    start = capitals.index(True)
    end = start + 1
    while end < len(words) and capitals[end]:
        end += 1
    while start > 0 and _folded(words[start - 1]) in PARTICLES and words[start - 1].islower():
        start -= 1
    return start, end


def _is_in_capitals(words: list[str], index: int) -> bool:
    letters = [sign for sign in words[index] if sign.isalpha()]
    if len(letters) < _CAPITALS_IN_NAME or not all(
        sign.isupper() for sign in letters[-_CAPITALS_IN_NAME:]
    ):
        return False
    initials = index == 0 and (len(letters) == _CAPITALS_IN_NAME or "." in words[index])
    text = "".join(letters)
    return not initials or bool(_TWO_LETTER_NAME.fullmatch(text)) or _folded(text) in PARTICLES


def _begins_with_particle(words: list[str]) -> bool:
    """Whether it is a family name alone: ``van der Zande``, ``De Groot``."""
    first = _folded(words[0])
    return first in PARTICLES and (
        words[0].islower() or (len(words) == 2 and first not in GIVEN_OR_PARTICLE)
    )


def _is_given(word: str) -> bool:
    """Whether a word between the first and the last is an initial or a given name."""
    is_initial = len(word.rstrip(".")) == 1 and word != IRISH_PARTICLE
    return is_initial or _folded(word) in SECOND_GIVEN_NAMES


def _without_titles(words: list[str]) -> list[str]:
    while len(words) > 1 and _folded(words[0]) in TITLES:
        words = words[1:]
    return words


def _without_suffixes(words: list[str]) -> list[str]:
    while len(words) > 1 and _is_suffix(words[-1]):
        words = words[:-1]
    while len(words) > 2 and _folded(words[-1]) in GENERATIONS:
        words = words[:-1]
    return words


def _is_suffix(word: str) -> bool:
    return _folded(word) in SUFFIXES


def _folded(word: str) -> str:
    """A word as it stands in the data: without accents, dots and case."""
    plain = unicodedata.normalize("NFKD", word)
    kept = (sign for sign in plain if not unicodedata.combining(sign))
    return "".join(kept).replace(".", "").casefold()


def _joined(words: list[str]) -> str:
    return " ".join(words)

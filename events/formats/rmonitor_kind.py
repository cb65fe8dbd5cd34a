"""The kind of an RMonitor run: from its name, else from the sort mode that a relay sends.

RMonitor has no record for the kind of a run. Its name usually has it (``Group A Qualifying``);
``$RMS`` of a relay says by what the run is sorted. A name is written for this run, while the
sort mode is a setting that may be left from the run before, so a name with a hint prevails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from events.session import SessionKind

_HINTS: tuple[tuple[SessionKind, str], ...] = (
    ("race", r"(quals?|quali|qualy|qualif\w*) (race|heat|feature)s?"),  # its result is a grid
    ("qualifying", r"(super)?(quals?|quali|qualy|qualies|qualif\w*)|q[1-4]|zeittraining"),
    ("qualifying", r"(super|hyper)?pole|shoot-?out|time ?trials?|clasificaci[oó]n"),
    ("practice", r"practi[cs]es?|fp[1-4]|warm|warmup|tests?|testing|shakedown"),
    ("practice", r"(freies )?training|entrenamientos?|essais|prove libere|libres"),
    ("race", r"races?|heats?|features?|sprints?|enduros?|finals?|hours?|rennen|gara|carrera"),
)
"""Words in names of runs, strongest first: ``Race 1 Warm-up`` is a practice."""

_NO_HINT = re.compile(r"\brace (group|day|week|weekend|meeting)\b|\btest (track|circuit)\b")
"""``Race Group 4`` and ``Race Day`` name a field or an event, which may have any kind of run."""

_PATTERNS = [(kind, re.compile(rf"\b({words})(?=\b|\d)")) for kind, words in _HINTS]

SORT_MODES: dict[str, SessionKind] = {
    "race": "race",
    "qualifying": "qualifying",
    "practice": "practice",
}


def folded_name(name: str) -> str:
    """Return a run's name as it is compared: without case, blanks at the ends or in a row."""
    return " ".join(name.split()).casefold()


def hinted_kind(name: str) -> SessionKind | None:
    """Return the kind that a run's name hints at; None without a hint."""
    text = _NO_HINT.sub(" ", folded_name(name).replace("_", " "))
    return next((kind for kind, pattern in _PATTERNS if pattern.search(text)), None)


def run_kind(name: str, sort_mode: str) -> SessionKind | None:
    """Return the kind by the name, else by the sort mode (``$RMS``); None if unknown."""
    return hinted_kind(name) or SORT_MODES.get(sort_mode.strip().casefold())


class KindsByName:
    """Kinds given by the user for the names of runs; names may have ``*`` and ``?``."""

    def __init__(self, kinds: Sequence[tuple[str, SessionKind]]) -> None:
        self._kinds = [(folded_name(name), kind) for name, kind in kinds]

    def kind(self, name: str) -> SessionKind | None:
        """Return the kind of the first name that matches."""
        folded = folded_name(name)
        return next((kind for given, kind in self._kinds if _matches(folded, given)), None)


def unmatched_names(kinds: Mapping[str, SessionKind], names: Sequence[str]) -> list[str]:
    """Return the given names that are of no run."""
    runs = [folded_name(name) for name in names]
    return [given for given in kinds if not any(_matches(run, folded_name(given)) for run in runs)]


def _matches(folded: str, given: str) -> bool:
    return folded == given or fnmatchcase(folded, given)

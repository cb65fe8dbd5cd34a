"""Names of classes and cars as users write them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from events.errors import UnknownClass


def find_name(wanted: str, known: Collection[str]) -> str | None:
    """The known name that is meant: the same, else the first that differs only in case."""
    if wanted in known:
        return wanted
    return next((name for name in known if name.casefold() == wanted.casefold()), None)


def find_class(wanted: str, known: Iterable[str], within: str = "session") -> str:
    """The class that is meant. Raises UnknownClass; ``within`` is whose classes they are."""
    classes = tuple(known)
    found = find_name(wanted, classes)
    if found is None:
        raise UnknownClass(wanted, classes, within)
    return found


def all_classes(listed: Iterable[str], entered: Iterable[str | None]) -> tuple[str, ...]:
    """The classes of a session: those it lists, in that order, then others of its entries."""
    return tuple(dict.fromkeys([*listed, *sorted({name for name in entered if name})]))

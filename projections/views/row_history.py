"""Rows of histories that only grow, made once an item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, cast

from projections.views.merge_patch import Patch, State, merge_patch

T = TypeVar("T")


class RowHistory(Generic[T]):
    """The published rows of one history, keyed by number.

    A history loses items only at its end. So where the last item is still the one at its
    place, all before it are still there, too.
    """

    def __init__(self, row: Callable[[T], State], first: int = 0) -> None:
        self._row = row
        self._first = first
        self._items: list[T] = []
        self._made: list[tuple[T, State]] = []
        """By index the row last made, also where its item has left the history since: a
        replay that goes back and ahead again makes no row twice."""

    def advance(
        self, history: Sequence[T], rows: State, under_way: T | None = None
    ) -> tuple[Patch, State]:
        """What changed of the rows, and the rows now.

        ``under_way`` is an item yet to join the history. ``rows`` are those before, and
        stay as they are.
        """
        items = self._items
        length = len(history) + (under_way is not None)
        newest = under_way if under_way is not None else history[-1] if history else None
        if len(items) == length and (not items or items[-1] is newest):
            return {}, rows

        def item(index: int) -> T:
            return history[index] if index < len(history) else cast("T", under_way)

        same = min(len(items), length)
        while same and items[same - 1] is not item(same - 1):
            same -= 1
        if same == length == len(items):
            return {}, rows
        after = dict(rows)
        patch: Patch = {str(self._first + index): None for index in range(length, len(items))}
        for key in patch:
            del after[key]
        del items[same:]
        for index in range(same, length):
            items.append(item(index))
            key, row = str(self._first + index), self._make(index, items[index])
            change = merge_patch(after[key], row) if key in after else row
            if change:
                patch[key], after[key] = change, row
        return patch, after

    def _make(self, index: int, item: T) -> State:
        made = self._made
        if index < len(made) and made[index][0] is item:
            return made[index][1]
        row = self._row(item)
        made[index : index + 1] = [(item, row)]
        return row

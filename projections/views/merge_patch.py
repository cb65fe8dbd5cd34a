"""JSON Merge Patch (RFC 7396) on JSON objects without nulls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

State = dict[str, Any]
Patch = dict[str, Any]


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> Patch:
    """What makes ``after`` of ``before``; empty where they are equal.

    Both are JSON objects without nulls. A subtree that both share is not looked into.
    """
    if before is after:
        return {}
    patch: Patch = {}
    for name, value in after.items():
        old = before.get(name)
        if old is value:
            continue
        if isinstance(value, dict) and isinstance(old, dict):
            inner = merge_patch(old, value)
            if inner:
                patch[name] = inner
        elif old != value or type(old) is not type(value):
            patch[name] = value
    if len(before) + len(patch) > len(after):  # else nothing can be missing
        for name in before:
            if name not in after:
                patch[name] = None
    return patch


def apply_patch(state: Mapping[str, Any], patch: Mapping[str, Any]) -> State:
    """The state after the patch. ``state`` stays as it is; what did not change is shared."""
    result = dict(state)
    for name, change in patch.items():
        if change is None:
            result.pop(name, None)
        elif isinstance(change, dict):
            old = result.get(name)
            result[name] = apply_patch(old if isinstance(old, dict) else {}, change)
        else:
            result[name] = change
    return result


def patch_of_rows(before: State, after: State) -> Patch:
    """``merge_patch`` for rows made anew, whose members keep their types.

    What did not change ``after`` then shares with ``before``.
    """
    if before is after:
        return {}
    patch: Patch = {}
    added = 0
    for name, value in after.items():
        old = before.get(name)
        if old is value:
            continue
        if old is None:
            added += 1
            patch[name] = value
        elif old == value:
            after[name] = old
        elif isinstance(value, dict) and isinstance(old, dict):
            patch[name] = patch_of_rows(old, value)
        else:
            patch[name] = value
    if len(before) + added > len(after):  # else nothing can be missing
        patch.update((name, None) for name in before if name not in after)
    return patch

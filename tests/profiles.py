"""How many examples Hypothesis tries: few with each change, many in `make test-slow`.

In both, the same code is tried with the same examples, so that whether a change may land depends
on the change alone. `make search` draws new ones.
"""

from __future__ import annotations

from hypothesis import settings

# A busy machine may stop for longer than Hypothesis allows an example by default.
settings.register_profile("quick", deadline=None, max_examples=25, derandomize=True)
settings.register_profile("full", deadline=None, max_examples=100, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=500)


def examples(number: int, few: int = 10) -> int:
    """Return ``number`` in the full profile, five times as many in a search, else a tenth of it,
    but no fewer than ``few``."""
    profile = settings.get_current_profile_name()
    if profile == "search":
        return 5 * number
    return number if profile == "full" else min(number, max(few, number // 10))

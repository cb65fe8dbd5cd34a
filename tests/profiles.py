"""How many examples Hypothesis tries: few with each change, many in `make test-slow`."""

from __future__ import annotations

from hypothesis import settings

# A busy machine may stop for longer than Hypothesis allows an example by default.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("full", deadline=None, max_examples=100)


def examples(number: int, few: int = 10) -> int:
    """Return ``number`` in the full profile, else a tenth of it, but no fewer than ``few``."""
    full = settings.get_current_profile_name() == "full"
    return number if full else min(number, max(few, number // 10))

"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A busy machine may stop for longer than an example is given by default.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

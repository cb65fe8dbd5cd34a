"""Real timing data, which lies beside the project where it is to be had at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[1] / "../shared/data"
"""Its folders and what is known of them: ``README.md`` in it."""

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the real timing data (../shared/data) is not here"
)

LONG_FILE = 1_000_000
"""Bytes of a file of laps from which a race takes long: those of six hours and more."""


def races_as_params(races: Iterable[Any], path_of: Callable[[Any], Path] = Path) -> list[Any]:
    """Return races as parameters of a test, which is slow for the long ones."""

    def marks(race: Any) -> list[pytest.MarkDecorator]:
        is_long = DATA.is_dir() and path_of(race).stat().st_size > LONG_FILE
        return [pytest.mark.slow] if is_long else []

    return [pytest.param(race, marks=marks(race)) for race in races]

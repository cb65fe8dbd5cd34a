"""The views that an output can show."""

from __future__ import annotations

from typing import Literal

OutputView = Literal[
    "standings",
    "battle",
    "flag",
    "lane",
    "pits",
    "penalties",
    "fastest",
    "championship",
    "forecast",
    "results",
    "drivers",
    "cautions",
    "messages",
]

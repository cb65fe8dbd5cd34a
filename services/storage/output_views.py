"""What an output can show, by name."""

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
    "results",
    "drivers",
    "cautions",
    "messages",
]

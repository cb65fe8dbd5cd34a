"""Cases that all displays are tested with: the terminal's here, the web pages' in web/test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CASES = Path(__file__).with_name("golden") / "display.json"


def display_cases(part: str) -> list[dict[str, Any]]:
    """The cases of a part: ``freshness`` or ``movements``."""
    cases: list[dict[str, Any]] = json.loads(CASES.read_text("utf-8"))[part]
    return cases

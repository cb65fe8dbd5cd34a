"""Constants that all displays share; the web pages read ``display.json``, too."""

from __future__ import annotations

import json
from importlib.resources import files

_CONSTANTS = json.loads(files(__package__).joinpath("display.json").read_text("utf-8"))

QUIET_MS: int = _CONSTANTS["quiet_ms"]
"""Age of data (ms) beyond which it is quiet while the clock runs."""

LONGEST_PATIENCE_MS: int = _CONSTANTS["longest_patience_ms"]
"""The longest time (ms) that a field can be silent; also used where the time is not known."""

MOVEMENT_HOLD_MS: int = _CONSTANTS["movement_hold_ms"]
"""How long (ms) the mark of places won or lost stands beside a car."""

CLOSE_INTERVAL_MS: int = _CONSTANTS["close_interval_ms"]
"""An interval (ms) below this is emphasized."""

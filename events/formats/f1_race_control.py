"""Race control's messages in Formula One streams: flags, penalties and deleted laps in words."""

from __future__ import annotations

import re
from typing import NamedTuple

from events.stewards import PenaltyKind
from events.track import Flag

SECTOR_FLAGS: dict[str, Flag] = {
    "YELLOW": "yellow",
    "DOUBLE YELLOW": "yellow",
    "CLEAR": "green",
    "GREEN": "green",
}
TRACK_STATUS: dict[str, Flag] = {"4": "safety_car", "5": "red", "6": "vsc"}
"""Track status 2 is a yellow flag in some sector, which has a message of its own, and 7 is the end
of a virtual safety car being announced: neither changes the state of the whole track."""
ALL_CLEAR = "1"

_CAR = r"CAR (?P<car>\d{1,3})\b"
_SECONDS = re.compile(
    r"(?P<amount>\d{1,3}) SECONDS? (?P<kind>TIME|STOP[ /]?(?:AND[ /])?GO) PENALTY"
)
_DRIVE_THROUGH = re.compile(r"DRIVE[ -]THROUGH PENALTY")
_OF_CAR = re.compile(rf"(?:FOR )?{_CAR}")
_DISQUALIFIED = re.compile(rf"{_CAR}.*\bDISQUALIFIED\b")
_WARNED = re.compile(rf"BLACK AND WHITE FLAG FOR {_CAR}")
_DELETED = re.compile(
    rf"{_CAR}[^-]*?(?:TIME (?P<time>[\d:.]+) |LAP )DELETED(?P<reason>.*)", re.ASCII
)
_REINSTATED = re.compile(rf"{_CAR}[^-]*?TIME (?P<time>[\d:.]+) REINSTATED", re.ASCII)
_LAP = re.compile(r"\bLAP (\d{1,3})\b", re.ASCII)
_CARS = re.compile(r"\bCARS? (\d{1,3})\b", re.ASCII)


class AnnouncedPenalty(NamedTuple):
    """A penalty in a message; ``served`` if the message says that it was."""

    car: str
    kind: PenaltyKind
    amount: int | None
    reason: str | None
    served: bool = False


class Deletion(NamedTuple):
    """A deleted lap time in a message: by its time, the lap's number, or both."""

    car: str
    time: str | None
    lap: int | None
    reason: str | None
    reinstated: bool = False


def penalty_in(text: str) -> AnnouncedPenalty | None:
    """The penalty that a message imposes or calls served; None without one."""
    car = _OF_CAR.search(text)
    if car is None or "GRID" in text or "RESCINDED" in text:
        return None
    kind, amount = _kind(text)
    if kind is None:
        return None
    reason = text.rpartition(" - ")[2] if " - " in text else None
    return AnnouncedPenalty(car["car"], kind, amount, reason, "PENALTY SERVED" in text)


def _kind(text: str) -> tuple[PenaltyKind | None, int | None]:
    if seconds := _SECONDS.search(text):
        amount = int(seconds["amount"])
        return ("time" if seconds["kind"] == "TIME" else "stop_and_hold"), amount
    if _DRIVE_THROUGH.search(text):
        return "drive_through", None
    if _DISQUALIFIED.search(text):
        return "disqualification", None
    return ("warning", None) if _WARNED.search(text) else (None, None)


def deletion_in(text: str) -> Deletion | None:
    """The lap time that a message deletes or reinstates; None without one."""
    if again := _REINSTATED.search(text):
        return Deletion(again["car"], again["time"], None, None, reinstated=True)
    deleted = _DELETED.search(text)
    if deleted is None:
        return None
    reason, lap = deleted["reason"].strip(" -"), _LAP.search(deleted["reason"])
    return Deletion(deleted["car"], deleted["time"], int(lap[1]) if lap else None, reason or None)


def car_in(text: str) -> str | None:
    """The car that a message is about; None if it names none, or several."""
    cars = set(_CARS.findall(text))
    return cars.pop() if len(cars) == 1 and "CARS " not in text else None

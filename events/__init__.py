"""The events of sessions and seasons, and their codec.

Import from here: ``from events import LapCompleted, decode``.
"""

from events.base import Basis, Event, check_names
from events.catalogue import EVENT_TYPES, RANK, AnyEvent, Correction, RaceEvent, SeasonEvent
from events.codec import decode, decode_payload, encode, json_schema
from events.corrections import CrossingsReassigned, EventVoided, LapAmended
from events.outputs import OutputFrozen, OutputReleased
from events.running import (
    CarRetired,
    CarReturned,
    DriverChanged,
    LapCompleted,
    LinePassed,
    PitEntered,
    PitExited,
    PitStopped,
)
from events.season import (
    Alias,
    Contest,
    RoundScored,
    ScoredDriver,
    ScoredRow,
    SeasonOpened,
    SeasonRound,
)
from events.session import (
    FINISH_LINE,
    Driver,
    EntryAdded,
    EntryAmended,
    GridSet,
    PointsAdjusted,
    ResultDeclared,
    ResultRow,
    SessionEnded,
    SessionOpened,
)
from events.stewards import (
    LapTimeDeleted,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
    PenaltyServed,
)
from events.track import (
    Flag,
    FlagShown,
    PassAroundGiven,
    PitLaneClosed,
    PitLaneOpened,
    RaceControlMessage,
    SafetyCarDeployed,
    SafetyCarWithdrawn,
    WaveByGiven,
)

__all__ = [
    "EVENT_TYPES",
    "FINISH_LINE",
    "RANK",
    "Alias",
    "AnyEvent",
    "Basis",
    "CarRetired",
    "CarReturned",
    "Contest",
    "Correction",
    "CrossingsReassigned",
    "Driver",
    "DriverChanged",
    "EntryAdded",
    "EntryAmended",
    "Event",
    "EventVoided",
    "Flag",
    "FlagShown",
    "GridSet",
    "LapAmended",
    "LapCompleted",
    "LapTimeDeleted",
    "LinePassed",
    "OutputFrozen",
    "OutputReleased",
    "PassAroundGiven",
    "PenaltyConverted",
    "PenaltyImposed",
    "PenaltyRescinded",
    "PenaltyServed",
    "PitEntered",
    "PitExited",
    "PitLaneClosed",
    "PitLaneOpened",
    "PitStopped",
    "PointsAdjusted",
    "RaceControlMessage",
    "RaceEvent",
    "ResultDeclared",
    "ResultRow",
    "RoundScored",
    "SafetyCarDeployed",
    "SafetyCarWithdrawn",
    "ScoredDriver",
    "ScoredRow",
    "SeasonEvent",
    "SeasonOpened",
    "SeasonRound",
    "SessionEnded",
    "SessionOpened",
    "WaveByGiven",
    "check_names",
    "decode",
    "decode_payload",
    "encode",
    "json_schema",
]

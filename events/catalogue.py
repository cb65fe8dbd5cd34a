"""All event types, and the order of events that share a millisecond."""

from __future__ import annotations

from typing import get_args

from events.base import Event
from events.corrections import (
    CrossingCounted,
    CrossingInserted,
    CrossingsReassigned,
    EventVoided,
    LapAmended,
)
from events.outputs import OutputFrozen, OutputReleased
from events.quarantine import EventQuarantined, QuarantineLifted
from events.running import (
    BestLapReported,
    CarRetired,
    CarReturned,
    DriverChanged,
    LapCompleted,
    LinePassed,
    PitEntered,
    PitExited,
    PitStopped,
    TopSpeedMeasured,
)
from events.season import RoundAmended, RoundScored, SeasonOpened
from events.session import (
    DataDoubted,
    EntryAdded,
    EntryAmended,
    GridSet,
    PointsAdjusted,
    ResultDeclared,
    RulesSwitched,
    SegmentStarted,
    SessionEnded,
    SessionOpened,
    SessionResumed,
    ShortestLapSet,
)
from events.stewards import (
    LapTimeDeleted,
    PenaltyConverted,
    PenaltyImposed,
    PenaltyRescinded,
    PenaltyServed,
)
from events.track import (
    FlagShown,
    PassAroundGiven,
    PitLaneClosed,
    PitLaneOpened,
    RaceControlMessage,
    SafetyCarDeployed,
    SafetyCarWithdrawn,
    WaveByGiven,
    WeatherMeasured,
)

Correction = EventVoided | LapAmended | CrossingsReassigned | CrossingInserted | CrossingCounted
RaceEvent = (
    SessionOpened
    | EntryAdded
    | EntryAmended
    | GridSet
    | RulesSwitched
    | ShortestLapSet
    | SegmentStarted
    | FlagShown
    | SafetyCarDeployed
    | SafetyCarWithdrawn
    | PitLaneOpened
    | PitLaneClosed
    | WaveByGiven
    | PassAroundGiven
    | TopSpeedMeasured
    | PitEntered
    | PitStopped
    | LinePassed
    | LapCompleted
    | PitExited
    | DriverChanged
    | CarReturned
    | CarRetired
    | BestLapReported
    | LapTimeDeleted
    | PenaltyImposed
    | PenaltyServed
    | PenaltyConverted
    | PenaltyRescinded
    | PointsAdjusted
    | ResultDeclared
    | OutputFrozen
    | OutputReleased
    | RaceControlMessage
    | WeatherMeasured
    | DataDoubted
    | SessionEnded
    | SessionResumed
    | EventQuarantined
    | QuarantineLifted
)
SeasonEvent = SeasonOpened | RoundScored | RoundAmended
AnyEvent = RaceEvent | Correction | SeasonEvent

AUDIT_EVENTS = (OutputFrozen, OutputReleased, EventQuarantined, QuarantineLifted)
"""Events about outputs and log entries. They carry no timing data, so they do not make a silent
feed look fresh."""

EVENT_TYPES: dict[str, type[Event]] = {
    model.model_fields["type"].default: model for model in get_args(AnyEvent)
}
"""The member ``type`` of an event's JSON to its model."""

RANK: dict[type[Event], int] = {model: rank for rank, model in enumerate(get_args(AnyEvent))}
RANK |= dict.fromkeys((PenaltyConverted, PenaltyRescinded), RANK[PenaltyServed])
"""The order of event types within a millisecond, lowest first.

The session and its entries come before the events that refer to them. A flag comes before
crossings of the same millisecond: a lap finished in the millisecond of the chequered flag has
taken it, and one finished in the millisecond a caution began counts under it. A car enters
the lane before it crosses the finish line in it, and exits afterwards. Penalties served,
converted and rescinded share a rank: they apply in the order of their decisions. A session is
resumed after its end, which a decision may share a millisecond with.
"""

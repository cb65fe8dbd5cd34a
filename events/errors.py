"""The tree of errors.

The core raises these; services log them and decide. Each error has the values it refers to as
attributes, and a message of one line: what is wrong and, where possible, what to do.

    LapstreamError
    ├── UndecodableEvent           a log entry that cannot be folded
    │   ├── UnreadableEvent        not an event: parked, and the session continues
    │   ├── UnknownEventType       stops the session, as skipping it would give a wrong state
    │   └── NewerEventVersion      likewise
    ├── UnfitName                  a new name with control characters
    ├── BadTimingFile              a foreign file, by file, line, column and value
    ├── BadArchive                 an archive that is damaged or of a newer format
    ├── BadRules                   an invalid regulation pack, by file and key
    ├── UnknownRules               no such regulation pack
    ├── NoRules                    a session without a pack, where one is needed
    ├── BadMoment                  a moment such as ``lap:372`` that is malformed or not found
    │   └── NoSuchMoment           a moment that the race never reached; says how far it came
    ├── BadHypothesis              a malformed hypothesis
    ├── BadSessionId               an invalid session id
    ├── UnknownSession             no such session
    ├── UnknownCar                 no such car in the session
    ├── UnknownClass               no such class in the session or season
    ├── UnknownLap                 no such lap of the car
    ├── UnknownEvent               no event of that identity in the log
    ├── UnknownPenalty             no such penalty in the session
    ├── PenaltyNotInForce          the penalty was served or rescinded
    ├── AlreadyVoided              the event is voided and cannot be voided again
    ├── BadDecision                an inconsistent decision, by member
    ├── RaceNotOver                no result can be declared yet
    ├── UnknownRevision            no such revision of the result
    ├── UnknownRound               no such round of the season
    ├── UnknownContender           no contender of that name has scored in the season
    ├── NotASession                a season where a session is expected
    ├── NotASeason                 a session where a season is expected
    ├── NotARace                   a qualifying or practice where a race is expected
    ├── WrongSeries                a session of another series than the season
    ├── NotScorable                a session that does not fit what it is to be scored as
    ├── NoForecast                 a race whose end cannot be forecast, and why
    ├── NothingTimed               a session with a declared result and no lap
    ├── NothingPublished           a season without published tables
    ├── AppendRefused              no event of the batch was appended
    │   ├── PositionConflict       the log is not at the expected position
    │   ├── IdentityTaken          another event has that source and number
    │   └── SessionNotEmpty        an import that keeps positions needs an empty session
    ├── BadSetting                 an environment variable with an invalid value
    └── StoreError
        ├── StoreUnavailable       the server does not answer
        │   └── NotConfirmed       too few replicas have it
        └── StoreUnfit             the server is too old or not persistent enough
"""

from __future__ import annotations


class LapstreamError(Exception):
    """The root of every error that lapstream raises on purpose."""


class UndecodableEvent(LapstreamError):
    """A log entry that cannot be folded."""


class UnreadableEvent(UndecodableEvent):
    """Bytes that are not an event."""

    def __init__(self, raw: bytes, reason: str) -> None:
        self.raw = raw
        self.reason = reason
        super().__init__(f"unreadable event: {reason}: {raw[:80]!r}")


class UnfitName(LapstreamError):
    """A new name with control characters, such as a NUL."""

    def __init__(self, member: str, value: str) -> None:
        self.member = member
        self.value = value
        super().__init__(f"{member}: control characters are not allowed in a name, with {value!r}")


class UnknownEventType(UndecodableEvent):
    """An event of a type that this version does not know."""

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name
        super().__init__(
            f"unknown event type {type_name[:64]!r}: a newer lapstream wrote this log; "
            "update to read it"
        )


class NewerEventVersion(UndecodableEvent):
    """An event of a known type in a schema version from the future."""

    def __init__(self, type_name: str, version: int, known: int) -> None:
        self.type_name = type_name
        self.version = version
        self.known = known
        super().__init__(
            f"{type_name} version {version} is newer than {known}, the newest known here: "
            "update lapstream to read this log"
        )


class BadTimingFile(LapstreamError):
    """A foreign timing file that cannot be imported; no event of it was appended."""

    def __init__(
        self,
        file: str,
        reason: str,
        *,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
    ) -> None:
        self.file = file
        self.reason = reason
        self.line = line
        self.column = column
        self.value = value
        where = file if line is None else f"{file}:{line}"
        if column is not None:
            where += f", column {column}"
        if value is not None:
            where += f", value {value!r}"
        super().__init__(f"{where}: {reason}")


class BadArchive(LapstreamError):
    """An archive that cannot be read or written; no entry of it was imported."""

    def __init__(self, file: str, reason: str, *, line: int | None = None) -> None:
        self.file = file
        self.reason = reason
        self.line = line
        where = file if line is None else f"{file}:{line}"
        super().__init__(f"{where}: {reason}")


class BadRules(LapstreamError):
    """A regulation pack that cannot be used."""

    def __init__(self, file: str, key: str | None, reason: str) -> None:
        self.file = file
        self.key = key
        self.reason = reason
        where = file if key is None else f"{file}, {key}"
        super().__init__(f"{where}: {reason}")


class UnknownRules(LapstreamError):
    """No regulation pack of that name is built in."""

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        self.name = name
        self.known = known
        super().__init__(
            f"no regulation pack {name!r}; there are {', '.join(known)}, or give the path of a file"
        )


class NoRules(LapstreamError):
    """The session names no regulation pack, and none was given."""

    def __init__(self, session: str, known: tuple[str, ...] = ()) -> None:
        self.session = session
        self.known = known
        super().__init__(
            f"session {session!r} names no regulation pack: give one with --rules, such as "
            f"{', '.join(known)}"
        )


class BadMoment(LapstreamError):
    """A moment that is malformed, or that the race never reached."""

    def __init__(self, value: str, reason: str) -> None:
        self.value = value
        self.reason = reason
        super().__init__(f"{value!r}: {reason}")


class NoSuchMoment(BadMoment):
    """A moment that the race never reached; the reason says how far the race came."""


class BadHypothesis(LapstreamError):
    """A malformed hypothesis, such as a penalty of an unknown kind."""

    def __init__(self, value: str, reason: str) -> None:
        self.value = value
        self.reason = reason
        super().__init__(f"{value!r}: {reason}")


class BadSessionId(LapstreamError):
    """An invalid session id."""

    def __init__(self, session: str) -> None:
        self.session = session
        super().__init__(
            f"{session!r} is not a session id: use 1 to 64 of the characters a-z, 0-9 and -"
        )


class UnknownSession(LapstreamError):
    """No session of that id in this store."""

    def __init__(self, session: str, known: tuple[str, ...] = ()) -> None:
        self.session = session
        self.known = known
        hint = f"; there is {', '.join(known)}" if known else "; there are no sessions yet"
        super().__init__(f"no session {session!r} in this store{hint}")


class UnknownCar(LapstreamError):
    """No car of that number in the session."""

    def __init__(self, car: str, known: tuple[str, ...] = ()) -> None:
        self.car = car
        self.known = known
        hint = f"there are {', '.join(known)}" if known else "there are none"
        super().__init__(f"no car {car!r} in this session; {hint}")


class UnknownClass(LapstreamError):
    """No class of that name in the session, or in the season."""

    def __init__(self, name: str, known: tuple[str, ...] = (), within: str = "session") -> None:
        self.name = name
        self.known = known
        self.within = within
        hint = f"there are {', '.join(known)}" if known else "it has no classes"
        super().__init__(f"no class {name!r} in this {within}; {hint}")


class UnknownLap(LapstreamError):
    """The car did not complete that lap."""

    def __init__(self, car: str, lap: int, completed: int) -> None:
        self.car = car
        self.lap = lap
        self.completed = completed
        super().__init__(f"car {car!r} has no lap {lap}; it completed {completed}")


class UnknownEvent(LapstreamError):
    """No event of that identity in the log."""

    def __init__(self, source: str, source_seq: int) -> None:
        self.source = source
        self.source_seq = source_seq
        super().__init__(f"no event {source_seq} of source {source!r} in this log")


class UnknownPenalty(LapstreamError):
    """No penalty of that id in the session."""

    def __init__(self, penalty_id: str, known: tuple[str, ...] = ()) -> None:
        self.penalty_id = penalty_id
        self.known = known
        hint = f"there are {', '.join(known)}" if known else "there are none"
        super().__init__(f"no penalty {penalty_id!r} in this session; {hint}")


class PenaltyNotInForce(LapstreamError):
    """The penalty was served or rescinded and cannot change any more."""

    def __init__(self, penalty_id: str, status: str) -> None:
        self.penalty_id = penalty_id
        self.status = status
        super().__init__(f"penalty {penalty_id!r} is {status} already")


class AlreadyVoided(LapstreamError):
    """The event is voided already, so it cannot be voided again."""

    def __init__(self, source: str, source_seq: int) -> None:
        self.source = source
        self.source_seq = source_seq
        super().__init__(f"event {source_seq} of source {source!r} is voided already")


class BadDecision(LapstreamError):
    """An inconsistent decision, with the member and the reason."""

    def __init__(self, member: str, reason: str) -> None:
        self.member = member
        self.reason = reason
        super().__init__(f"{member}: {reason}")


class RaceNotOver(LapstreamError):
    """No result can be declared before the chequered flag or the end of the session."""

    def __init__(self) -> None:
        super().__init__(
            "the race is not over: declare a result after the chequered flag or the end of "
            "the session"
        )


class NotARace(LapstreamError):
    """A question that only a race can answer, asked of another session."""

    def __init__(self, kind: str, reason: str) -> None:
        self.kind = kind
        self.reason = reason
        super().__init__(f"this is {kind}, not a race: {reason}")


class UnknownRevision(LapstreamError):
    """The session has no result of that number."""

    def __init__(self, number: int, last: int) -> None:
        self.number = number
        self.last = last
        hint = f"there are 1 to {last}" if last else "there is none before the chequered flag"
        super().__init__(f"no revision {number} of the result; {hint}")


class UnknownRound(LapstreamError):
    """The season has no round of that number."""

    def __init__(self, number: int, rounds: int) -> None:
        self.number = number
        self.rounds = rounds
        super().__init__(f"no round {number} in this season; it has {rounds}")


class UnknownContender(LapstreamError):
    """No contender of that name has scored in the championship."""

    def __init__(self, name: str, of: str, known: tuple[str, ...] = ()) -> None:
        self.name = name
        self.of = of
        self.known = known
        hint = f"there is {', '.join(known)}" if known else "nobody has scored yet"
        super().__init__(f"no {name!r} among the {of} of this season; {hint}")


class NotASession(LapstreamError):
    """The log of a season where that of a session is expected."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!r} is a season: use `lapstream championship {name}`")


class NotASeason(LapstreamError):
    """The log of a session where that of a season is expected."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!r} is a session, not a season")


class WrongSeries(LapstreamError):
    """A session of another series than the season, without any car that is eligible for it."""

    def __init__(self, session: str, series: str | None, season_series: str | None) -> None:
        self.session = session
        self.series = series
        self.season_series = season_series
        super().__init__(
            f"{session} belongs to the series {series}, the season to the {season_series}"
        )


class NotScorable(LapstreamError):
    """A session that does not fit what it is to be scored as; ``reason`` begins with a verb."""

    def __init__(self, session: str, reason: str) -> None:
        self.session = session
        self.reason = reason
        super().__init__(f"{session} {reason}")


class NoForecast(LapstreamError):
    """Nothing can be said about how the session will end."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"no forecast: {reason}")


class NothingTimed(LapstreamError):
    """The session has a declared result but no laps to compute a classification from."""

    def __init__(self, session: str) -> None:
        self.session = session
        super().__init__(
            f"no lap was timed in {session!r}: see its declared result with "
            f"`lapstream results {session} --revision 1`"
        )


class NothingPublished(LapstreamError):
    """No published tables of the season are available."""

    def __init__(self, season: str, known: tuple[str, ...] = ()) -> None:
        self.season = season
        self.known = known
        super().__init__(
            f"no published tables of {season!r}; there are tables of {', '.join(known)}"
        )


class AppendRefused(LapstreamError):
    """No event of the batch was appended."""


class PositionConflict(AppendRefused):
    """The log is not at the position that the writer expected."""

    def __init__(self, session: str, expected: str, actual: str) -> None:
        self.session = session
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"session {session!r} is at position {actual}, not at {expected}: "
            "read the events appended since, then try again"
        )


class IdentityTaken(AppendRefused):
    """Another event has the identity (``source``, ``source_seq``) of an event of the batch.

    ``position`` is that of the recorded event, None if it is in the same batch. ``recorded`` and
    ``sent`` are the JSON of both; ``index`` is the index in the batch of the one that was sent.
    """

    LONGEST = 300

    def __init__(
        self,
        session: str,
        identity: tuple[str, int],
        position: str | None,
        recorded: bytes,
        sent: bytes,
        index: int,
    ) -> None:
        self.session = session
        self.source, self.source_seq = identity
        self.position = position
        self.recorded = recorded
        self.sent = sent
        self.index = index
        where = f"at position {position}" if position else "earlier in the same batch"
        super().__init__(
            f"number {self.source_seq} of source {self.source!r} is taken in {session!r} by "
            f"another event, {where}: {self._shortened(recorded)}; sent: {self._shortened(sent)}"
        )

    def _shortened(self, event: bytes) -> str:
        text = event.decode(errors="replace")
        return text if len(text) <= self.LONGEST else f"{text[: self.LONGEST]}..."


class SessionNotEmpty(AppendRefused):
    """Entries that keep their positions can be imported into an empty session only.

    ``taken`` names an event of the session that differs from the imported one.
    """

    def __init__(self, session: str, taken: IdentityTaken | None = None) -> None:
        self.session = session
        self.taken = taken
        because = f": {taken}" if taken else ""
        super().__init__(f"session {session!r} already has events; choose another id{because}")


class BadSetting(LapstreamError):
    """An environment variable with an invalid value; ``expected`` describes valid ones."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        self.name = name
        self.value = value
        super().__init__(f"{name} must be {expected}, not {value!r}")


class StoreError(LapstreamError):
    """A problem with the server that holds the logs."""


class StoreUnavailable(StoreError):
    """The server does not answer."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"no answer from the store at {url}: {reason}")


class NotConfirmed(StoreUnavailable):
    """Too few replicas have what was sent, which the log may have, or which was refused for it."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        text = f"not confirmed by a replica of the store at {url} ({reason})"
        self.args = (f"{text}: ask again with the same source number; it counts once",)


class StoreUnfit(StoreError):
    """The server answers, but cannot keep lapstream's guarantees."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"the store at {url} is unfit: {reason}")

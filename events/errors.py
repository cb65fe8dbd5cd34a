"""What can go wrong, as one small tree.

The core raises these; the shell logs them and decides. Each keeps the values it speaks
of as attributes, and its text is one line that says what is wrong and, where there is
something to do, what to do.

    LapstreamError
    ├── UndecodableEvent           an entry of a log that cannot be folded
    │   ├── UnreadableEvent        bytes that are no event: parked, the session goes on
    │   ├── UnknownEventType       the session stops: skipping it would be a wrong position
    │   └── NewerEventVersion      likewise
    ├── UnfitName                  a new name with characters that nobody can see
    ├── BadTimingFile              a foreign file, by file, line, column and value
    ├── BadArchive                 an archive that is damaged or of a newer format
    ├── BadRules                   a regulation pack, by file and key
    ├── UnknownRules               no such regulation pack
    ├── NoRules                    a session without a pack, where one is needed
    ├── BadMoment                  an instant such as ``lap:372`` that cannot be found
    │   └── NoSuchMoment           likewise, and the reason tells how far the race came
    ├── BadHypothesis              a supposed penalty that is not written as one
    ├── BadSessionId               a name that no session can have
    ├── UnknownSession             no such session
    ├── UnknownCar                 no such car in the session
    ├── UnknownClass               no such class in the session or season
    ├── UnknownLap                 no such lap of the car
    ├── UnknownEvent               no event of that identity in the log
    ├── UnknownPenalty             no such penalty in the session
    ├── PenaltyNotInForce          it was served or rescinded, and can be no more
    ├── AlreadyVoided              it does not count any more, and cannot be voided again
    ├── BadDecision                a decision that contradicts itself
    ├── RaceNotOver                no result can be declared yet
    ├── UnknownRevision            no such result of the session
    ├── UnknownRound               no such round of the season
    ├── UnknownContender           nobody of that name has scored in the season
    ├── NotASession                a season where a session is wanted
    ├── NotASeason                 a session where a season is wanted
    ├── NothingTimed               a session that holds a declared result and no lap
    ├── NothingPublished           a season of which no published tables are known
    ├── Undecidable                a title fight by rules that are not covered
    ├── AppendRefused              nothing of the batch was appended
    │   ├── PositionConflict       the log is not where the writer believed
    │   └── SessionNotEmpty        an import that keeps positions needs an empty session
    ├── BadSetting                 a variable of the environment, by name and value
    └── StoreError
        ├── StoreUnavailable       no answer from the server
        └── StoreUnfit             too old, or its persistence cannot keep the promise
"""

from __future__ import annotations


class LapstreamError(Exception):
    """The root of every error that lapstream raises on purpose."""


class UndecodableEvent(LapstreamError):
    """An entry that cannot be folded."""


class UnreadableEvent(UndecodableEvent):
    """Bytes that are no event."""

    def __init__(self, raw: bytes, reason: str) -> None:
        self.raw = raw
        self.reason = reason
        super().__init__(f"unreadable event: {reason}: {raw[:80]!r}")


class UnfitName(LapstreamError):
    """A new name with characters that nobody can see, such as a NUL."""

    def __init__(self, member: str, value: str) -> None:
        self.member = member
        self.value = value
        super().__init__(f"{member}: control characters mean nothing in a name, with {value!r}")


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
    """A foreign timing file that cannot be imported; nothing of it was."""

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
    """An archive that cannot be read; nothing of it was imported."""

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
            f"no regulation pack {name!r}; there are {', '.join(known)}, or give a file by its path"
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
    """An instant that is not written as one, or that the race never reached."""

    def __init__(self, value: str, reason: str) -> None:
        self.value = value
        self.reason = reason
        super().__init__(f"{value!r}: {reason}")


class NoSuchMoment(BadMoment):
    """A moment that a race never reached; the reason tells how far it came."""


class BadHypothesis(LapstreamError):
    """A supposed penalty that is not written as one."""

    def __init__(self, value: str, reason: str) -> None:
        self.value = value
        self.reason = reason
        super().__init__(f"{value!r}: {reason}")


class BadSessionId(LapstreamError):
    """A name that no session can have."""

    def __init__(self, session: str) -> None:
        self.session = session
        super().__init__(
            f"{session!r} cannot name a session: 1 to 64 of the characters a-z, 0-9 and -"
        )


class UnknownSession(LapstreamError):
    """No session of that name in this store."""

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
    """The penalty was served or rescinded, and nothing more can become of it."""

    def __init__(self, penalty_id: str, status: str) -> None:
        self.penalty_id = penalty_id
        self.status = status
        super().__init__(f"penalty {penalty_id!r} is {status} already")


class AlreadyVoided(LapstreamError):
    """The event does not count any more, so it cannot be taken out of the count."""

    def __init__(self, source: str, source_seq: int) -> None:
        self.source = source
        self.source_seq = source_seq
        super().__init__(f"event {source_seq} of source {source!r} is voided already")


class BadDecision(LapstreamError):
    """A decision that contradicts itself: the member that does, and what it has to be."""

    def __init__(self, member: str, reason: str) -> None:
        self.member = member
        self.reason = reason
        super().__init__(f"{member}: {reason}")


class RaceNotOver(LapstreamError):
    """No result can be declared before the chequered flag or the end of the session."""

    def __init__(self) -> None:
        super().__init__(
            "the race is not over: a result is declared after the chequered flag, or after "
            "the session's end"
        )


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
    """Nobody of that name has scored in the championship."""

    def __init__(self, name: str, of: str, known: tuple[str, ...] = ()) -> None:
        self.name = name
        self.of = of
        self.known = known
        hint = f"there is {', '.join(known)}" if known else "nobody has scored yet"
        super().__init__(f"no {name!r} among the {of} of this season; {hint}")


class NotASession(LapstreamError):
    """The log of a season, where that of a session is wanted."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!r} is a season: ask `lapstream championship {name}`")


class NotASeason(LapstreamError):
    """The log of a session, where that of a season is wanted."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!r} is a session, and no season")


class WrongSeries(LapstreamError):
    """A session of another series than the season, none of whose cars is entered in the season."""

    def __init__(self, session: str, series: str | None, season_series: str | None) -> None:
        self.session = session
        self.series = series
        self.season_series = season_series
        super().__init__(f"{session} is of the {series}, and the season of the {season_series}")


class NothingTimed(LapstreamError):
    """The session holds a result as it was declared, and no lap that it could follow from."""

    def __init__(self, session: str) -> None:
        self.session = session
        super().__init__(
            f"no lap was timed in {session!r}: see its declared result with "
            f"`lapstream results {session} --revision 1`"
        )


class NothingPublished(LapstreamError):
    """No published tables of the season are known."""

    def __init__(self, season: str, known: tuple[str, ...] = ()) -> None:
        self.season = season
        self.known = known
        super().__init__(
            f"no published tables of {season!r} are known; there are those of {', '.join(known)}"
        )


class Undecidable(LapstreamError):
    """Who can still win a title depends on rules that are not covered."""

    def __init__(self, rule: str, reason: str) -> None:
        self.rule = rule
        self.reason = reason
        super().__init__(f"who can still win cannot be said exactly under {rule}: {reason}")


class AppendRefused(LapstreamError):
    """The batch was not appended, nor was any part of it."""


class PositionConflict(AppendRefused):
    """The log is not at the position that the writer expected."""

    def __init__(self, session: str, expected: str, actual: str) -> None:
        self.session = session
        self.expected = expected
        self.actual = actual
        super().__init__(
            f"session {session!r} is at position {actual}, not at {expected}: "
            "read what has come since, then decide again"
        )


class SessionNotEmpty(AppendRefused):
    """The entries keep their positions, so they need an empty session."""

    def __init__(self, session: str) -> None:
        self.session = session
        super().__init__(f"session {session!r} already has events; name another")


class BadSetting(LapstreamError):
    """A variable of the environment with a value that it cannot have."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        self.name = name
        self.value = value
        super().__init__(f"{name} is {wanted}, not {value!r}")


class StoreError(LapstreamError):
    """Something about the server that holds the logs."""


class StoreUnavailable(StoreError):
    """The server does not answer."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"no answer from the store at {url}: {reason}")


class StoreUnfit(StoreError):
    """The server answers, but cannot keep what lapstream promises."""

    def __init__(self, url: str, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"the store at {url} is unfit: {reason}")

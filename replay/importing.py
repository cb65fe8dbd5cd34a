"""Import of Al Kamel timing files: reads the files and returns their events.

Nothing is appended here. Files are read and checked completely before events are returned,
so a failed import changes nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ValidationError

from events import DataDoubted, RaceEvent
from events.errors import BadTimingFile
from events.formats.alkamel import parse_laps
from events.formats.alkamel_companions import (
    Companions,
    kind_of_file,
    parse_grid,
    parse_pits,
    parse_race_control,
    parse_weather,
)
from events.formats.alkamel_events import result_events, session_events
from events.formats.alkamel_results import ResultsFile, parse_results
from events.formats.doubts import Doubt
from events.formats.encoding import decoded
from events.formats.table import headings_of
from events.session import SessionKind
from projections.results.scheduled_length import length_in_words

T = TypeVar("T", bound="_Parsed")

Progress = Callable[[str, int, int], None]
"""Called with the step that begins, how many are done, and how many there are in all."""

ZONES = {
    "battle-on-the-bricks": "America/Indiana/Indianapolis",
    "belle-isle": "America/Detroit",
    "canadian-tire": "America/Toronto",
    "cota": "America/Chicago",
    "daytona": "America/New_York",
    "detroit": "America/Detroit",
    "fuji": "Asia/Tokyo",
    "indianapolis": "America/Indiana/Indianapolis",
    "laguna-seca": "America/Los_Angeles",
    "le-mans": "Europe/Paris",
    "lime-rock": "America/New_York",
    "long-beach": "America/Los_Angeles",
    "mid-ohio": "America/New_York",
    "petit-le-mans": "America/New_York",
    "road-america": "America/Chicago",
    "road-atlanta": "America/New_York",
    "roar-before-the-24": "America/New_York",
    "sebring": "America/New_York",
    "virginia-international": "America/New_York",
    "watkins-glen": "America/New_York",
}
"""Where the clocks of a circuit stand, by what its files and folders are called: the
files give local times and no zone. The longest name that fits counts."""

KINDS: dict[str, SessionKind] = {
    "race": "race",
    "qual": "qualifying",
    "practice": "practice",
    "warm": "practice",
    "session": "practice",
}
"""Words in a file's name. IMSA's test days have sessions: 202401191100-session-1-laps.csv."""

# IMSA's names begin with the local time the session was due: 202210011210-race-laps.csv
_DUE = re.compile(r"(\d{12})(?!\d)", re.ASCII)
_LONGEST_TITLE = 200


class CompanionPaths(NamedTuple):
    """The paths of the files that accompany the laps, as far as there are any."""

    grid: Path | str | None = None
    pits: Path | str | None = None
    race_control: Path | str | None = None
    weather: Path | str | None = None

    def read(self) -> Companions:
        """Read and parse the files. Raises BadTimingFile."""
        return Companions(
            grid=_parsed_if_any(parse_grid, self.grid),
            pits=_parsed_if_any(parse_pits, self.pits),
            race_control=_parsed_if_any(parse_race_control, self.race_control),
            weather=_parsed_if_any(parse_weather, self.weather),
        )


class _Parsed(Protocol):
    """What a file was parsed to; a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def doubts(self) -> tuple[Doubt, ...]: ...


def _parsed_if_any(parse: Callable[[str, str], T], path: Path | str | None) -> T | None:
    return None if path is None else _parsed(parse, path)


def _parsed(parse: Callable[[str, str], T], path: Path | str) -> T:
    """Parse a file. Raises BadTimingFile, which names what the file is instead if that is known."""
    text, doubts = decoded(_read(Path(path)), str(path))
    try:
        parsed = parse(text, str(path))
    except BadTimingFile as fault:
        other = kind_of_file(headings_of(text)) if fault.line == 1 else None
        if other is None:
            raise
        raise BadTimingFile(str(path), f"this is {other}: {fault.reason}", line=1) from None
    return replace(parsed, doubts=(*doubts, *parsed.doubts)) if doubts else parsed


def import_alkamel(  # noqa: PLR0913 (options, by keyword)
    laps_path: Path | str,
    results_path: Path | str | None = None,
    *,
    title: str | None = None,
    kind: SessionKind | None = None,
    series: str | None = None,
    season: str | None = None,
    round_number: int | None = None,
    rules: str | None = None,
    length_ms: int | None = None,
    day: date | None = None,
    zone: str | None = None,
    beside: CompanionPaths | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> list[RaceEvent]:
    """Return the events of an Al Kamel laps file and, optionally, its official result.

    ``length_ms`` is the scheduled length, which is not in the files; ``beside`` are the files of
    grid, pit visits, race control and weather. With ``strict``, files
    with a doubtful value are refused, where otherwise each is a DataDoubted.

    Missing arguments are inferred from the path where possible: the title from file and
    folder, the kind from the file name (default: race), the day of the start from an IMSA
    name, the time zone (such as ``America/New_York``) from the circuit's name. Without day or
    zone the session has no ``starts_at``. The events are in order, numbered from 0; the same
    files always give the same events. Raises BadTimingFile, with path, line, column and value,
    for a file that cannot be read or is inconsistent, and ValueError for an unknown zone, or a
    title or rules that a session cannot have.
    """
    path = Path(laps_path)
    steps = [f"read {path.name}", "make the events"]
    if results_path is not None:
        steps.insert(1, f"read {Path(results_path).name}")
    report = _reporter(steps, progress)
    report()
    laps = _parsed(parse_laps, laps_path)
    results = None
    if results_path is not None:
        report()
        results = _parsed(parse_results, results_path)
    companions = (beside or CompanionPaths()).read()
    report()
    if zone is not None and _zone_info(zone) is None:
        raise ValueError(f"no time zone {zone!r}; one is America/New_York")
    zone = zone or zone_of(path)
    with _session_faults():
        events = session_events(
            laps,
            results,
            title=title or title_of(path),
            kind=kind or _named_kind(path) or _kind_by_result(results),
            series=series,
            season=season,
            round_number=round_number,
            rules=rules,
            time_limit_ms=length_ms or _stated_length(path, title, kind),
            starts_at=_starts_at(path, laps.start_of_day_ms, day, zone),
            zone=zone,
            companions=companions,
        )
    if strict:
        refuse_doubts(events, laps_path, results_path, *companions.files)
    report()
    return events


def import_alkamel_result(
    results_path: Path | str,
    *,
    title: str | None = None,
    series: str | None = None,
    season: str | None = None,
    round_number: int | None = None,
    rules: str | None = None,
    length_ms: int | None = None,
    strict: bool = False,
) -> list[RaceEvent]:
    """Return the events of an official result alone, for a session without a laps file.

    Raises BadTimingFile and ValueError as `import_alkamel` does.
    """
    path = Path(results_path)
    results = _parsed(parse_results, results_path)
    with _session_faults():
        events = result_events(
            results,
            title=title or title_of(path),
            series=series,
            season=season,
            round_number=round_number,
            rules=rules,
            time_limit_ms=length_ms or _stated_length(path, title, None),
        )
    if strict:
        refuse_doubts(events, results_path)
    return events


def refuse_doubts(events: Iterable[RaceEvent], *paths: Path | str | None) -> None:
    """Raise BadTimingFile for the first doubt of the events, if there is any."""
    doubts = [event for event in events if isinstance(event, DataDoubted)]
    if doubts:
        first, *others = sorted(doubts, key=lambda doubt: (doubt.file or "", doubt.line or 0))
        reason = f"{first.reason} (refused as doubts are, under --strict"
        reason += f"; there are {len(others)} more)" if others else ")"
        given = {Path(path).name: str(path) for path in paths if path is not None}
        name = first.file or ""
        raise BadTimingFile(
            given.get(name, name), reason, line=first.line, column=first.column, value=first.value
        )


@contextlib.contextmanager
def _session_faults() -> Iterator[None]:
    """Convert a ValidationError of the session's members to a ValueError."""
    try:
        yield
    except ValidationError as invalid:
        fault = invalid.errors()[0]
        raise ValueError(f"{fault['loc'][0]}: {fault['msg']}") from None


def title_of(path: Path) -> str:
    """A title from the names of file and folder: ``Road Atlanta 2022, race``."""
    stem = re.sub(r"[-_ ]?(laps|results)$", "", path.stem, flags=re.IGNORECASE)
    due = _DUE.match(stem)
    if due is None:
        return (_in_words(stem) or path.name)[:_LONGEST_TITLE]
    # IMSA numbers the folders of a season's events: 19-road-atlanta
    event = _in_words(re.sub(r"^\d+[-_ ]", "", path.resolve().parent.name))
    session = " ".join(_words(stem[due.end() :]))
    year = due[1][:4]
    return (f"{event} {year}, {session}" if session else f"{event} {year}")[:_LONGEST_TITLE]


def kind_of(path: Path) -> SessionKind:
    """Infer the kind of session from the file name; a race by default."""
    return _named_kind(path) or "race"


def _stated_length(path: Path, title: str | None, kind: SessionKind | None) -> int | None:
    """Return the length (ms) that the title or the file's name states, of a race only."""
    if (kind or kind_of(path)) != "race":
        return None
    return length_in_words(title or "") or length_in_words(title_of(path))


def _named_kind(path: Path) -> SessionKind | None:
    name = path.name.casefold()
    return next((kind for word, kind in KINDS.items() if word in name), None)


def _kind_by_result(results: ResultsFile | None) -> SessionKind:
    """Return the kind of a session whose name has none: a result by best laps is not a race."""
    return "practice" if results and results.kind != "race" else "race"


def zone_of(path: Path) -> str | None:
    """Infer the time zone of the circuit from the names of file and folder."""
    names = f"{path.resolve().parent.name}/{path.name}".casefold().replace("_", "-")
    fitting = [circuit for circuit in ZONES if circuit in names]
    return ZONES[max(fitting, key=len)] if fitting else None


def _reporter(steps: list[str], progress: Progress | None) -> Callable[[], None]:
    """A function that reports the next step, and after the last one that all are done."""
    coming = enumerate([*steps, "done"])

    def report() -> None:
        done, step = next(coming)
        if progress is not None:
            progress(step, done, len(steps))

    return report


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadTimingFile(str(path), f"cannot be read: {error.strerror}") from None


def _starts_at(
    path: Path, start_of_day_ms: int | None, day: date | None, zone: str | None
) -> datetime | None:
    """When session clock 0 was: a time of day, on the day given or nearest to when due."""
    info = _zone_info(zone) if zone else None
    if info is None or start_of_day_ms is None:
        return None
    time_of_day = timedelta(milliseconds=start_of_day_ms)
    if day is not None:
        start = datetime.combine(day, time()) + time_of_day
    else:
        due = _due(path)
        if due is None:
            return None
        midnight = datetime.combine(due.date(), time())
        days = (timedelta(days=shift) for shift in (-1, 0, 1))
        start = min(
            (midnight + shift + time_of_day for shift in days), key=lambda at: abs(at - due)
        )
    return start.replace(tzinfo=info)


def _zone_info(zone: str) -> ZoneInfo | None:
    """The zone; None if it is not known here, as on a machine without the database."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _due(path: Path) -> datetime | None:
    named = _DUE.match(path.name)
    try:
        return datetime.strptime(named[1], "%Y%m%d%H%M") if named else None  # noqa: DTZ007 (local)
    except ValueError:
        return None  # twelve digits that are not a time


def _in_words(name: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in _words(name))


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[-_ ]+", name) if word]

"""Import of RMonitor feed recordings: the sessions of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from events import Event
from events.errors import BadTimingFile
from events.formats.rmonitor import Reader, Record, RunNamed, Unreadable
from events.formats.rmonitor_entries import RunOptions
from events.formats.rmonitor_events import Translator
from events.formats.rmonitor_kind import unmatched_names


def import_rmonitor(path: Path | str, options: RunOptions | None = None) -> list[list[Event]]:
    """Return the events of each run of a feed recording that has any, in the file's order.

    Unreadable lines are skipped, as when a feed is followed live. Raises BadTimingFile for a
    file that cannot be opened or has no RMonitor record at all, and for kinds given for a name
    that no run has.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadTimingFile(str(path), f"cannot be read: {error.strerror}") from None
    reader = Reader()
    records = reader.feed(data) + reader.end()
    if all(isinstance(record, Unreadable) for record in records):
        raise BadTimingFile(str(path), "no line is an RMonitor record", line=1)
    _check_names(path, options or RunOptions(), records)
    translator = Translator(options)
    runs: dict[int, list[Event]] = {}
    for run_event in (*translator.take(records), *translator.end()):
        runs.setdefault(run_event.run, []).append(run_event.event)
    return [runs[number] for number in sorted(runs)]


def _check_names(path: Path | str, options: RunOptions, records: Sequence[Record]) -> None:
    names = list(dict.fromkeys(one.name for one in records if isinstance(one, RunNamed)))
    unmatched = unmatched_names(dict(options.kinds), names)
    if unmatched:
        there_are = ", ".join(repr(name) for name in names) or "none is named"
        reason = f"no run is named {unmatched[0]!r}, for which a kind is given; runs: {there_are}"
        raise BadTimingFile(str(path), reason)

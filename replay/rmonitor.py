"""Import of RMonitor feed recordings: the sessions of a file."""

from __future__ import annotations

from pathlib import Path

from events import Event
from events.errors import BadTimingFile
from events.formats.rmonitor import Reader, Unreadable
from events.formats.rmonitor_entries import RunOptions
from events.formats.rmonitor_events import Translator


def import_rmonitor(path: Path | str, options: RunOptions | None = None) -> list[list[Event]]:
    """Return the events of each run of a feed recording that has any, in the file's order.

    Unreadable lines are skipped, as when a feed is followed live. Raises BadTimingFile for a
    file that cannot be opened or has no RMonitor record at all.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadTimingFile(str(path), f"cannot be read: {error.strerror}") from None
    reader = Reader()
    records = reader.feed(data) + reader.end()
    if all(isinstance(record, Unreadable) for record in records):
        raise BadTimingFile(str(path), "no line is an RMonitor record", line=1)
    translator = Translator(options)
    runs: dict[int, list[Event]] = {}
    for run_event in (*translator.take(records), *translator.end()):
        runs.setdefault(run_event.run, []).append(run_event.event)
    return [runs[number] for number in sorted(runs)]

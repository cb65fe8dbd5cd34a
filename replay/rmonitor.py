"""Sessions out of a recorded RMonitor feed."""

from __future__ import annotations

from pathlib import Path

from events import Event
from events.errors import BadTimingFile
from events.formats.rmonitor import Reader, Unreadable
from events.formats.rmonitor_entries import Wishes
from events.formats.rmonitor_events import Translator


def import_rmonitor(path: Path | str, wishes: Wishes | None = None) -> list[list[Event]]:
    """The events of each run that a recording has something to tell of, in its order.

    A recording is what came over the wire, with lines that say when it was received in
    between. What cannot be read of it is left out, as it is when a feed is followed live.
    Raises BadTimingFile for a file that cannot be opened, or has no record at all.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadTimingFile(str(path), f"cannot be read: {error.strerror}") from None
    reader = Reader()
    records = reader.feed(data) + reader.end()
    if all(isinstance(record, Unreadable) for record in records):
        raise BadTimingFile(str(path), "no line of it is a record of RMonitor", line=1)
    translator = Translator(wishes)
    runs: dict[int, list[Event]] = {}
    for news in (*translator.take(records), *translator.end()):
        runs.setdefault(news.run, []).append(news.event)
    return [runs[number] for number in sorted(runs)]

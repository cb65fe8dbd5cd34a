"""Import of recorded Formula One streams: a folder with a ``.jsonStream`` file for each topic."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from events import RaceEvent
from events.errors import BadTimingFile
from events.formats.encoding import decoded
from events.formats.f1_events import TIMING, TOPICS, session_events
from events.formats.f1_stream import Stream, parse_stream
from events.session import SessionKind
from replay.importing import refuse_doubts

SUFFIX = ".jsonStream"


def import_f1(
    folder: Path | str,
    *,
    title: str | None = None,
    kind: SessionKind | None = None,
    rules: str | None = None,
    strict: bool = False,
) -> list[RaceEvent]:
    """Return the events of a recorded session, in order.

    ``TimingData.jsonStream`` is required; every other topic adds what it has. Raises BadTimingFile
    for a folder without it and for a file of which no line can be read, ValueError for a title or
    rules that a session cannot have. With ``strict``, a doubt refuses the folder.
    """
    path = Path(folder)
    if not (path / f"{TIMING}{SUFFIX}").is_file():
        reason = f"there is no {TIMING}{SUFFIX} in it" if path.is_dir() else "not a folder"
        raise BadTimingFile(str(path), reason)
    files = {topic: path / f"{topic}{SUFFIX}" for topic in TOPICS}
    streams = {topic: _stream(file) for topic, file in files.items() if file.is_file()}
    try:
        events = session_events(streams, title=title, kind=kind, rules=rules)
    except ValidationError as invalid:
        fault = invalid.errors()[0]
        raise ValueError(f"{fault['loc'][0]}: {fault['msg']}") from None
    if strict:
        refuse_doubts(events, *files.values())
    return events


def _stream(path: Path) -> Stream:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadTimingFile(str(path), f"cannot be read: {error.strerror}") from None
    text, _ = decoded(raw, str(path))
    return parse_stream(text, path.name)

"""Write what the unit tests of the page are held to: the messages of this gateway.

    python web/test/write_fixtures.py

A test of the Python side fails where the files are no longer what this writes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from projections.timeline import Timeline
from projections.views.driver_names import name_parts
from projections.views.frame import Frame, Token
from projections.views.frame_builder import FrameBuilder
from projections.views.merge_patch import apply_patch, merge_patch
from projections.wording import (
    FLAGS,
    PENALTIES,
    flag_name,
    flag_title,
    ordinal,
    penalty_name,
    penalty_tag,
)
from replay.petit_le_mans_2007 import petit_le_mans_2007
from services.formatting import clock_text, gap_text, lap_time_text, running_text
from services.gateway.live.channel import Channel
from services.gateway.live.filters import Filter
from services.gateway.live.frame_buffer import FrameBuffer
from services.terminal.tower_columns import penalty_text, short_tags, state_of

FOLDER = Path(__file__).resolve().parent / "fixtures"
TOPICS = frozenset({"session", "standings", "control", "fastest", "cautions"})
LEARNED_MS = 1_191_700_000_000
"""When the log began, by the wall clock; an event is learned when it happens."""

STRETCHES = (
    (0, 120_000, 10_000),
    (31_800_000, 32_300_000, 25_000),
    (33_300_000, 33_700_000, 80_000),
)
"""Of the race: the start, the last caution, the end. From, until, a frame every so many ms."""

FixtureEvent = dict[str, Any]


def messages() -> list[FixtureEvent]:
    """What a subscriber to the screen's topics is sent, with the state after each message.

    Between the stretches lies a new epoch; the last two messages are a delta over several
    frames, as one that fell behind is sent, and a heartbeat.
    """
    timeline = Timeline()
    timeline.add(petit_le_mans_2007())
    found: list[FixtureEvent] = []
    buffer, channel = FrameBuffer(), Channel(Filter(TOPICS))
    sent = None
    for epoch, (start, end, step) in enumerate(STRETCHES, start=1):
        builder = FrameBuilder()
        for number, at in enumerate(range(start, end, step)):
            patch = builder.advance(timeline.race_at(at))
            data = patch if number else builder.state
            kind: Literal["snapshot", "delta"] = "delta" if number else "snapshot"
            learned = LEARNED_MS + at
            token = Token(epoch, f"{learned}-0")
            snapshot = buffer.apply(Frame(token, learned, at, True, kind, data, "another stretch"))
            assert snapshot is not None
            if number % 5 in (3, 4):
                continue  # a slow subscriber: the next message leads over several frames
            message = channel.message(sent, snapshot)
            found.append(
                {"message": message.body.decode(), "state": channel.filter.choose(snapshot.state)}
            )
            sent = snapshot
    assert sent is not None
    alive = channel.heartbeat(sent, sent.at + 4321)
    found.append({"message": alive.body.decode(), "state": found[-1]["state"]})
    return thinned(found)


def thinned(found: list[FixtureEvent]) -> list[FixtureEvent]:
    """The messages, with the whole state only at every ninth, for a smaller file."""
    last = len(found) - 1
    return [
        one if number % 9 == 8 or number == last else {"message": one["message"]}
        for number, one in enumerate(found)
    ]


def patches() -> list[FixtureEvent]:
    """Merge patches: those of RFC 7396 that a state without nulls can meet, and our own."""
    pairs: list[tuple[FixtureEvent, FixtureEvent]] = [
        ({"a": "b"}, {"a": "c"}),
        ({"a": "b"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {}),
        ({"a": "b", "b": "c"}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}),
        ({"a": {"b": 1}}, {"a": 1}),
        ({"a": 1}, {"a": {"b": {"c": {}}}}),
        ({}, {"__proto__": {"x": 1}, "constructor": {"name": "y"}}),
        ({"7": {"gap": {"laps": 1}}}, {"7": {"gap": {"ms": 35104}}}),
        ({"07": 1, "7": 2, "007": 3}, {"07": 1, "007": 4}),
        ({"driver": "Jean-Éric Vergne"}, {"driver": "Kévin Estre ✓"}),
    ]
    rows = []
    for before, after in pairs:
        patch = merge_patch(before, after)
        assert apply_patch(before, patch) == after
        rows.append({"before": before, "patch": patch, "after": after})
    return rows


def words() -> FixtureEvent:
    """How the terminal's tower writes things: the page writes them alike."""
    times = [0, 1, 999, 1000, 59_999, 60_000, 69_195, 599_999, 600_000, 3_733_000, 36_000_000]
    gaps: list[tuple[FixtureEvent | None, bool]] = [
        (None, False),
        ({}, False),
        ({"laps": 0, "ms": 0}, True),
        ({"ms": 0}, False),
        ({"laps": 2}, False),
        *(({"ms": ms}, False) for ms in times),
    ]
    penalties: list[list[FixtureEvent]] = [
        [],
        [{"kind": "drive_through", "status": "imposed"}],
        [{"kind": "stop_and_hold", "amount": 30, "status": "served"}],
        [{"kind": "time", "amount": 97, "status": "imposed"}, {"kind": "fine", "status": "served"}],
        [{"kind": "laps", "amount": 2, "status": "imposed"}],
        [{"kind": "back_of_class", "status": "converted"}],
        [{"kind": "grid_drop", "amount": 5, "status": "imposed"}],
    ]
    base: FixtureEvent = {"status": "running", "laps": 10, "penalties": {}}
    cars: list[FixtureEvent] = [
        base,
        *({**base, "status": one} for one in ("pit", "retired", "finished", "not_started")),
        {**base, "last_pit_lap": 10},
        {**base, "last_pit_lap": 9},
        {**base, "penalties": {"a": {"kind": "drive_through", "status": "imposed"}}},
        {**base, "penalties": {"a": {"kind": "drive_through", "status": "served"}}},
    ]
    classes = [
        ["LMP1", "LMP2", "GT1", "GT2"],
        ["HYPERCAR", "LMP2", "LMGT3"],
        ["GTP", "LMP2", "GTDPRO", "GTD"],
        ["GTD", "GTD PRO"],
        ["CHALLENGE A", "CHALLENGE B"],
        [],
    ]
    return {
        "gaps": [[gap, leads, gap_text(gap, leads=leads)] for gap, leads in gaps],
        "lap_times": [[ms, lap_time_text(ms)] for ms in times],
        "clocks": [[ms, clock_text(ms)] for ms in times],
        "running": [[ms, running_text(ms)] for ms in times],
        "penalties": [[many, penalty_text(many).text] for many in penalties],
        "states": [[row, state_of(row)] for row in cars],
        "flags": [[flag, flag_name(flag), flag_title(flag)] for flag in (*FLAGS, "new_flag")],
        "penalty_words": [
            [kind, amount, penalty_name(kind, amount), penalty_tag(kind, amount)]
            for kind in (*PENALTIES, "new_penalty")
            for amount in (None, 1, 30)
        ],
        "ordinals": [[number, ordinal(number)] for number in (*range(1, 24), 53, 101, 111)],
        "tags": [[names, list(short_tags(names).values())] for names in classes],
    }


DRIVERS = (
    *("Jan MEIER JR", "Rui Paulo DA SILVA", "Kees DE GROOT", "山田 太郎", "김 철수"),
    *("ZHOU Guanyu", "YE Yifei", "LOPEZ Jose Maria", "DE GROOT Kees", "Jose Maria LOPEZ"),
    *("PJ Hyett", "PJ HYETT", "JR Hildebrand", "J.P. MONTOYA", "John H. Potter"),
    *("Albert Costa Balboa", "Albert COSTA BALBOA", "Juan Pablo Montoya", "JUAN PABLO MONTOYA"),
    *("Renger van der Zande", "Renger van der ZANDE", "Larry TEN VOORDE", "Reshad DE GÉRUS"),
    *("DE GROOT", "de Groot", "Al Unser Jr.", "Van Smith", "Popow", "   ", "Max V."),
    *("Meier, Jan", "DE GROOT, Kees", "Jan Meier, Jr.", "Jan Meier III", "Bruno Junior"),
    *("Nelson Piquet Junior", "Augusto Farfus dos Santos Junior", "ジェンソン・バトン"),
    *("Laurens McLAREN", "Derek DeBOER", "Pato O'Ward", "Laurents HÖRR", "Valentin Hasse-Clot"),
    *('Luis Felipe "Pipo" Derani', "Luis “Pipo” DERANI", "Nico Varrone (ARG)", "Ann Driver [G]"),
    *("John Smith VI", "Henry TUDOR VIII", "Bob Smith 2nd", "Al Unser V", "Nguyen Vi"),
    *("Dr. Florian Meier", "Sir Chris Hoy", "El Hadji Ba", "Seán Ó Briain", "Tom O Meier"),
    *("(TBA)", '"Fast"', "Meier, Jan (GER)", "Tom 't Hart"),
)


def names() -> list[list[str]]:
    """Drivers with their given and family names."""
    return [[name, *name_parts(name)] for name in DRIVERS]


FIXTURES = {
    "messages.json": messages,
    "patches.json": patches,
    "words.json": words,
    "names.json": names,
}


def text(name: str) -> str:
    """A fixture as it is to be written."""
    found = FIXTURES[name]()
    if isinstance(found, list):
        return "[\n" + ",\n".join(json.dumps(one, ensure_ascii=False) for one in found) + "\n]\n"
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for name in FIXTURES:
        (FOLDER / name).write_text(text(name), encoding="utf-8")

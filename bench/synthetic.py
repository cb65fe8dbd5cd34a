"""A race of any length, made to measure with: regular, and the same at every run."""

from __future__ import annotations

import random
from typing import Any

import events as ev
from events import RANK, AnyEvent, decode_payload

Draft = tuple[type[ev.Event], dict[str, Any]]
HOUR = 3_600_000
LINES = ("S1", "S2", "FL")


def synthetic_race(
    cars: int = 60, hours: float = 24, lap_ms: int = 200_000, seed: int = 24
) -> list[AnyEvent]:
    """A race of two classes in effective order, identities in that order.

    Sixty cars on laps of 200 s make about 3,100 events an hour: two sector lines and a
    finish line each lap, a stop each 25 laps with a driver change, a caution each hour.
    """
    draw = random.Random(seed)
    drafts: list[Draft] = [
        (
            ev.SessionOpened,
            {
                "at": 0,
                "title": "Synthetic race",
                "kind": "race",
                "classes": ("P", "GT"),
                "timing_lines": LINES,
            },
        ),
        (ev.FlagShown, {"at": 0, "flag": "green"}),
    ]
    for number in range(1, cars + 1):
        drafts += _car(str(number), number, cars, int(hours * HOUR), lap_ms, draw)
    for start in range(HOUR // 2, int(hours * HOUR), HOUR):
        drafts.append((ev.FlagShown, {"at": start, "flag": "safety_car"}))
        drafts.append((ev.FlagShown, {"at": start + 300_000, "flag": "green"}))
    return [
        decode_payload(
            {
                "type": model.model_fields["type"].default,
                "source": "bench",
                "source_seq": index,
                **members,
            }
        )
        for index, (model, members) in enumerate(sorted(drafts, key=_order))
    ]


def _order(draft: Draft) -> tuple[int, int, str]:
    model, members = draft
    return (members["at"], RANK[model], members.get("car", ""))


def _car(
    car: str, number: int, cars: int, end: int, lap_ms: int, draw: random.Random
) -> list[Draft]:
    drafts: list[Draft] = []
    fast = number <= cars // 2
    entry = {"at": 0, "car": car, "car_class": "P" if fast else "GT", "team": f"Team {number}"}
    drafts.append((ev.EntryAdded, entry))
    at, lap = number * 300, 0
    pace = lap_ms + number * lap_ms // 400
    while True:
        lap += 1
        stop = 60_000 if lap % 25 == 0 else 0
        ms = pace + draw.randrange(lap_ms // 60) + stop
        if at + ms > end:
            return drafts
        s1, s2 = at + ms // 4, at + ms // 2
        drafts.append((ev.LinePassed, {"at": s1, "car": car, "line": "S1", "lap": lap}))
        drafts.append((ev.LinePassed, {"at": s2, "car": car, "line": "S2", "lap": lap}))
        at += ms
        crew = f"Driver {number}.{lap // 25 % 3 + 1}"
        drafts.append(
            (
                ev.LapCompleted,
                {"at": at, "car": car, "lap": lap, "lap_time_ms": ms, "driver": crew},
            )
        )
        if lap % 25 == 24:
            drafts.append((ev.PitEntered, {"at": at + 100, "car": car}))
            drafts.append((ev.PitExited, {"at": at + 60_100, "car": car}))

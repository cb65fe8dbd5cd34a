"""Older events stay readable: each step alone, every chain, every payload ever stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from events import EVENT_TYPES, AnyEvent, Event, decode, encode
from events.codec import Decoder
from events.errors import NewerEventVersion, UnreadableEvent
from events.upcasting import UPCASTS, Payload, upcast

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads"
STORED = sorted(PAYLOADS.glob("*.json"))


class BoardShown(Event):
    """A pit board at its third version: the gap became milliseconds, then got a car."""

    VERSION = 3
    v: Annotated[int, Field(ge=3, le=3)] = 3
    type: Literal["board_shown"] = "board_shown"
    car: str = ""
    gap_ms: int = 0


class BoardHidden(Event):
    """Another event of that catalogue, at its first version."""

    type: Literal["board_hidden"] = "board_hidden"


def gap_in_milliseconds(payload: Payload) -> Payload:
    """Version 1 had the gap in whole seconds."""
    rest = {name: value for name, value in payload.items() if name != "gap_s"}
    return {**rest, "gap_ms": payload["gap_s"] * 1000}


def board_of_a_car(payload: Payload) -> Payload:
    """Version 2 named the car by its whole number."""
    return {**payload, "car": str(payload["car"])}


STEPS = {("board_shown", 1): gap_in_milliseconds, ("board_shown", 2): board_of_a_car}
BASE = {"type": "board_shown", "at": 5, "source": "pit", "source_seq": 1}
SHOWN = BoardShown(at=5, source="pit", source_seq=1, car="7", gap_ms=35_000)


@pytest.fixture(scope="module")
def decoder() -> Decoder[BoardShown | BoardHidden]:
    """A decoder of a lapstream that has been through three versions of its pit board."""
    return Decoder(BoardShown | BoardHidden, STEPS)


def raw(**members: Any) -> bytes:
    """A pit board's bytes."""
    return json.dumps({**BASE, **members}).encode()


class TestChain:
    """A lapstream of version 3 reads what versions 1 and 2 wrote."""

    @pytest.mark.parametrize(
        "members",
        [
            {"v": 1, "car": 7, "gap_s": 35},
            {"car": 7, "gap_s": 35},
            {"v": 2, "car": 7, "gap_ms": 35_000},
            {"v": 3, "car": "7", "gap_ms": 35_000},
        ],
        ids=["v1", "v left out", "v2", "v3"],
    )
    def test_every_version(
        self, decoder: Decoder[BoardShown | BoardHidden], members: dict[str, Any]
    ) -> None:
        """Whatever version wrote it, the event is the newest one."""
        assert decoder.decode(raw(**members)) == SHOWN
        assert decoder.decode(raw(**members).decode()) == SHOWN

    def test_without_version_is_the_first(self, decoder: Decoder[BoardShown | BoardHidden]) -> None:
        """An event without ``v`` that would pass as the newest version is still of version 1."""
        with pytest.raises(UnreadableEvent, match=r"version 1.*gap_s"):
            decoder.decode(raw(car="7", gap_ms=35))

    def test_others_are_left_alone(self, decoder: Decoder[BoardShown | BoardHidden]) -> None:
        """A type at its first version needs no step, with ``v`` or without."""
        hidden = {"type": "board_hidden", "at": 5, "source": "pit", "source_seq": 2}
        for payload in (hidden, {**hidden, "v": 1}):
            event = decoder.decode(json.dumps(payload))
            assert event == BoardHidden(at=5, source="pit", source_seq=2)

    def test_newer_stops(self, decoder: Decoder[BoardShown | BoardHidden]) -> None:
        """Version 4 is not guessed at."""
        with pytest.raises(NewerEventVersion, match="version 4 is newer than 3"):
            decoder.decode(raw(v=4))

    @pytest.mark.parametrize(
        "members",
        [{"v": 1}, {"v": 1, "gap_s": None}, {"v": 1, "gap_s": "x", "car": []}, {"v": 2}],
        ids=str,
    )
    def test_older_that_is_none(
        self, decoder: Decoder[BoardShown | BoardHidden], members: dict[str, Any]
    ) -> None:
        """Bytes that only claim an older version are unreadable: parked, not a crash."""
        with pytest.raises(UnreadableEvent) as caught:
            decoder.decode(raw(**members))
        assert caught.value.raw == raw(**members)
        assert "\n" not in str(caught.value)

    def test_result_is_checked(self, decoder: Decoder[BoardShown | BoardHidden]) -> None:
        """An upcast event is checked like any other."""
        with pytest.raises(UnreadableEvent, match="colour: Extra"):
            decoder.decode(raw(v=1, gap_s=1, car=7, colour="red"))

    def test_payload_is_left_as_it_was(self) -> None:
        """A chain of steps gives a new payload and changes nothing of the old."""
        payload = {**BASE, "car": 7, "gap_s": 35}
        before = json.dumps(payload)
        newest = upcast(payload, 3, STEPS)
        assert json.dumps(payload) == before
        assert newest == {**BASE, "v": 3, "car": "7", "gap_ms": 35_000}


class TestChains:
    """A chain with a hole is found when the program starts, not in the race."""

    def test_missing_step(self) -> None:
        """Without the step from 2 to 3 nothing is decoded at all."""
        with pytest.raises(LookupError, match=r"missing.*board_shown.*2"):
            Decoder(BoardShown | BoardHidden, {("board_shown", 1): gap_in_milliseconds})

    @pytest.mark.parametrize("key", [("board_shown", 3), ("board_shone", 1), ("board_hidden", 1)])
    def test_step_to_nowhere(self, key: tuple[str, int]) -> None:
        """A step for a type or a version that does not exist is a slip of the pen."""
        with pytest.raises(LookupError, match="superfluous upcasts"):
            Decoder(BoardShown | BoardHidden, {**STEPS, key: board_of_a_car})

    def test_ours_are_whole(self) -> None:
        """Every chain of the real catalogue ends at the current version."""
        Decoder(AnyEvent, UPCASTS)


class TestStored:
    """What was ever written is read for ever."""

    def test_every_version_of_every_type(self) -> None:
        """There is a stored payload of each version of each type, and of nothing else."""
        needed = {
            f"{name}.v{version}.json"
            for name, model in EVENT_TYPES.items()
            for version in range(1, model.VERSION + 1)
        }
        assert {path.name for path in STORED} == needed

    @pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
    def test_is_read(self, path: Path) -> None:
        """A stored payload decodes to its type; in the newest version, to its very bytes."""
        stored = path.read_bytes().rstrip(b"\n")
        event = decode(stored)
        assert f"{event.type}.v" == path.name[: -len("1.json")]
        if path.stem.endswith(f".v{event.VERSION}"):
            assert encode(event) == stored

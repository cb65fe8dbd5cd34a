"""HTTP intake: bodies, their errors, and the rate limit."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import encode
from services.gateway.errors import RequestRefused
from services.gateway.intake import MOST_EVENTS, RateLimit, read_events
from services.gateway.routes.events import EXAMPLE
from services.storage import event_log

ENTERED = {"type": "pit_entered", "at": 5, "source": "rc", "source_seq": 1, "car": "7"}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(), st.lists
)


def refused(body: bytes) -> RequestRefused:
    """Why a body is refused."""
    with pytest.raises(RequestRefused) as caught:
        read_events(body)
    return caught.value


def body(*events: Any) -> bytes:
    """A batch."""
    return json.dumps(events).encode()


class TestBodies:
    """One event, or a list of them."""

    def test_one(self) -> None:
        """An event alone is a batch of one."""
        (event,) = read_events(json.dumps(EXAMPLE).encode())
        assert json.loads(encode(event)) == {"v": 1, "basis": "recorded", **EXAMPLE}

    def test_batch(self) -> None:
        """A list keeps its order."""
        content = [{**ENTERED, "source_seq": number} for number in range(5)]
        assert [event.source_seq for event in read_events(body(*content))] == list(range(5))

    @pytest.mark.parametrize(
        ("wrong", "field", "value"),
        [
            ({"at": "5"}, "at", "'5'"),
            ({"car": ""}, "car", "''"),
            ({"source_seq": -1}, "source_seq", "-1"),
            ({"extra": 1}, "extra", "1"),
            ({"type": "pit_enterd"}, "type", "'pit_enterd'"),
            ({"type": 7}, "type", "7"),
            ({"v": 9}, "v", "9"),
            ({"source": "r\0c"}, "source", r"'r\x00c'"),
            ({"source": "rc\n"}, "source", r"'rc\n'"),
        ],
    )
    def test_faults_name_field_and_value(
        self, wrong: dict[str, Any], field: str, value: str
    ) -> None:
        """A fault says where it is, which event, and what stands there."""
        refusal = refused(body(ENTERED, {**ENTERED, **wrong}))
        (fault,) = refusal.problem.errors
        assert refusal.status == 422
        assert (fault.index, fault.field, fault.value) == (1, field, value)

    def test_all_faults_are_named(self) -> None:
        """Not only the first fault of the first event is told."""
        refusal = refused(body({**ENTERED, "at": None, "car": 7}, [], {**ENTERED, "source": ""}))
        content = [(fault.index, fault.field) for fault in refusal.problem.errors]
        assert content == [(0, "at"), (0, "car"), (1, "event"), (2, "source")]

    @pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"1", b"null", b"\xff", b'"x"', b"[" * 9999])
    def test_no_events(self, raw: bytes) -> None:
        """What is no event is refused."""
        assert refused(raw).status == 422

    def test_too_many(self) -> None:
        """A batch has a largest size."""
        assert refused(b"[" + b",".join([b"{}"] * (MOST_EVENTS + 1)) + b"]").status == 413

    @given(ANYTHING)
    def test_anything_else_is_refused(self, content: Any) -> None:
        """Whatever JSON comes instead of an event, or in one, all of it is refused."""
        assert refused(body(content, {**ENTERED, "car": content})).status == 422


class TestRateLimit:
    """So many events a second, on average."""

    def test_a_burst_and_then_the_rate(self) -> None:
        """What was saved up may come at once; then as much as the rate gives."""
        now = [0.0]
        limit = RateLimit(1000, clock=lambda: now[0])
        assert [limit.take("rc", 1000) for _ in range(5)] == [0.0] * 5
        assert limit.take("rc", 500) == 0.5
        assert limit.take("timing", 500) == 0.0
        now[0] += 0.5
        assert limit.take("rc", 500) == 0.0
        assert limit.take("rc", 1) > 0


class TestAppending:
    """From a body to the log an event is validated once."""

    async def test_the_log_takes_validated_events_as_they_are(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`append_validated` encodes; it neither decodes nor checks names again."""
        sent: list[bytes | str | int] = []

        async def script(_: object, keys: list[str], arguments: list[Any]) -> list[bytes]:
            sent.extend(arguments)
            return [b"1-0", b"2-0", b"2-0"]

        def validated_again(*_: object) -> None:
            raise AssertionError

        events = read_events(body(ENTERED))
        for name in ("decode", "decode_payload", "check_names"):
            monkeypatch.setattr(event_log, name, validated_again)
        monkeypatch.setattr(event_log, "_APPEND", script)
        monkeypatch.setattr(event_log.Log, "_list", AsyncMock())
        result = await event_log.Log(MagicMock(replicas=0)).append_validated("race", events)
        assert result.positions == ("2-0",)
        assert encode(events[0]) in sent
        with pytest.raises(AssertionError):
            await event_log.Log(MagicMock()).append("race", events)

"""Entries as they are stored."""

import pytest

from events.errors import BadSessionId, UnreadableEvent
from replay.entries import LogEntry, check_session_id, entry_payload, parse_position


def test_payload():
    """An entry's one field ``event`` holds its JSON, as pairs or as a dictionary."""
    assert entry_payload([b"event", b"{}"]) == b"{}"
    assert entry_payload({b"event": b"{}"}) == b"{}"
    assert LogEntry("1-0", (b"event", b"{}")).payload == b"{}"


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ([], "none"),
        ([b"lap", b"{}"], "'lap'"),
        ([b"event", b"{}", b"event", b"{}"], "'event', 'event'"),
        ({b"event": b"{}", b"\xff": b""}, "'event', '�'"),
    ],
)
def test_no_payload(fields: list[bytes] | dict[bytes, bytes], names: str):
    """An entry of another shape is unreadable, and its fields are named."""
    with pytest.raises(UnreadableEvent, match="an entry needs one field") as unreadable:
        entry_payload(fields)
    assert unreadable.value.reason.endswith(f"but has {names}")


def test_positions_compare_as_numbers():
    """9-10 comes before 10-9, which text would not say."""
    assert parse_position("9-10") < parse_position("10-9")


@pytest.mark.parametrize("text", ["", "5", "5-", "-5", "5-0-0", "a-b", "01-0", f"{2**64}-0", "٣-٠"])
def test_no_position(text: str):
    """What is no position is named."""
    with pytest.raises(ValueError, match="is not a position"):
        parse_position(text)


@pytest.mark.parametrize("session", ["petit-le-mans-2007", "a", "-", "0" * 64])
def test_session_ids(session: str):
    """Small letters, digits and hyphens name a session."""
    assert check_session_id(session) == session


@pytest.mark.parametrize("session", ["", "A", "a b", "a}b", "ä", "a\n", "0" * 65, "١"])
def test_no_session_ids(session: str):
    """Nothing else does: it could leave the braces of the key."""
    with pytest.raises(BadSessionId):
        check_session_id(session)

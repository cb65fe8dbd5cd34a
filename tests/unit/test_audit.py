"""The vulnerability check: what it makes of the reports of pip-audit and npm."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / ".ci" / "audit.py"


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    """The program as a module."""
    spec = importlib.util.spec_from_file_location("audit", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_vulnerable_python_package(audit: ModuleType) -> None:
    """It is named with its version, its number and where it is mended."""
    vulnerable = {"id": "PYSEC-2026-1", "fix_versions": ["1.2"]}
    report = {
        "dependencies": [
            {"name": "sound", "version": "2.0", "vulns": []},
            {"name": "weak", "version": "1.1", "vulns": [vulnerable]},
        ]
    }
    assert audit.python_vulnerabilities(report) == ["weak 1.1: PYSEC-2026-1, fixed in 1.2"]


def test_a_package_that_was_skipped(audit: ModuleType) -> None:
    """Then nothing is known, which is not the same as no vulnerability."""
    report = {"dependencies": [{"name": "sound", "skip_reason": "not found"}]}
    with pytest.raises(audit.Unreachable, match="not found"):
        audit.python_vulnerabilities(report)


def test_a_vulnerable_page_package(audit: ModuleType) -> None:
    """It is named with its range, how grave it is, and why."""
    via = [{"title": "Prototype pollution"}, "deep"]
    report = {"vulnerabilities": {"weak": {"range": "<2", "severity": "high", "via": via}}}
    (line,) = audit.page_vulnerabilities(report)
    assert line == "weak <2: high, Prototype pollution; through deep"
    assert audit.page_vulnerabilities({"vulnerabilities": {}}) == []


def test_a_database_that_does_not_answer(
    audit: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each lock file says so, and the exit code is one of its own."""
    monkeypatch.setattr(audit, "PYTHON_LOCKS", [])
    failing = [sys.executable, "-c", "import sys; sys.exit('no route to host')"]
    run = audit.subprocess.run
    monkeypatch.setattr(audit.subprocess, "run", lambda _, **options: run(failing, **options))
    assert audit.main() == audit.UNREACHABLE
    (line,) = capsys.readouterr().out.splitlines()
    assert line == (
        "web/package-lock.json: not checked, no database of vulnerabilities answers "
        "(no route to host)"
    )

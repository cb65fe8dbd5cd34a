"""All benchmarks, or those named: ``python -m bench fold rewind``. Each prints one line."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

BENCHMARKS = (
    "pipeline",
    "fold",
    "import",
    "rewind",
    "seek",
    "sessions",
    "latency",
    "fanout",
    "clinch",
    "forecast",
    "startup",
    "memory",
    "screen",
)
HERE = Path(__file__).parent


def machine() -> str:
    """What this runs on, for the reader of the figures."""
    cpuinfo = Path("/proc/cpuinfo")
    names = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next((line.split(":")[1].strip() for line in names if "model name" in line), "")
    return f"{model or platform.processor()}, Python {platform.python_version()}"


def main(names: list[str]) -> int:
    """Run each benchmark in a process of its own, so that none inherits another's memory."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    print(f"# {machine()}", flush=True)
    failed = 0
    for name in names or BENCHMARKS:
        module = "bench.import_" if name == "import" else f"bench.{name}"
        assert find_spec(module), f"{module} is missing"
        failed |= subprocess.run([sys.executable, "-m", module], check=False).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

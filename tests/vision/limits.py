"""Running work in a process of its own, within limits, so that a crash or hang of native code is a
test's failure and not its end.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

CPU_SECONDS = 5
"""What one file may take (issue: hang)."""
PEAK_MB = 512
"""What the process may hold, models included."""

_ROOT = Path(__file__).resolve().parents[2]


def peak_mb() -> int:
    """Most memory this program has held so far, MB. Not ru_maxrss, which a child inherits from its
    parent.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    raise RuntimeError("the kernel does not report VmHWM")


def allow(seconds: int = CPU_SECONDS) -> None:
    """Lets this process live for `seconds` of CPU time more; then the kernel ends it, even inside
    native code.
    """
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def run(module: str, *arguments: str) -> list[str]:
    """Lines printed by `python -m module`; fails with its last line when it dies."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", module, *arguments],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, (
        f"{module} ended with {done.returncode} after {lines[-1:]}: {done.stderr[-2000:]}"
    )
    return lines

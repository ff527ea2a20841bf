"""How long a user waits before anything happens: `import xnorsim` and `xnorsim --help`.

Each command runs in a process of its own, the three in turn, so that a busy moment of the machine
falls on all of them; a bare interpreter in the same run is what they are compared with.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

REPEATS = 10
PROGRAM = Path(sysconfig.get_path("scripts")) / "xnorsim"
COMMANDS = {
    "python -c pass": ([sys.executable, "-c", "pass"], None),
    "import xnorsim": ([sys.executable, "-c", "import xnorsim"], 0.3),
    "xnorsim --help": ([str(PROGRAM), "--help"], 0.5),
}


def seconds(command: list[str]) -> float:
    """Wall-clock time of one run of `command` [s]."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    samples: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for command, _ in COMMANDS.values():
        seconds(command)  # compiles bytecode and warms the disk cache
    for _ in range(REPEATS):
        for name, (command, _) in COMMANDS.items():
            samples[name].append(seconds(command))
    print(f"Python {sys.version.split()[0]}, {REPEATS} runs each")
    print(f"{'command':16} {'median [s]':>10} {'min [s]':>8} {'max [s]':>8} {'limit [s]':>9}")
    late = []
    for name, (_, limit) in COMMANDS.items():
        median = statistics.median(samples[name])
        low, high = min(samples[name]), max(samples[name])
        print(f"{name:16} {median:10.3f} {low:8.3f} {high:8.3f} {limit if limit else '-':>9}")
        if limit is not None and median > limit:
            late.append(name)
    if late:
        print(f"over the limit: {', '.join(late)}", file=sys.stderr)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())

"""What a processor draws, idle and at work, where the kernel lets its energy counters be read."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from xnorsim.kernels.loops import Loop
from xnorsim.measured.activity import Energy, energies, energy_between
from xnorsim.measured.calibration_rounds import pin
from xnorsim.measured.calibration_values import Value, column

__all__ = ["energy_round", "instruction_energy"]

_ROOT = Path("/")
_MOMENT_S = 0.25


def energy_round(
    loop: Loop, addresses: Sequence[int], cpus: tuple[int, ...], root: Path = _ROOT
) -> dict[str, float]:
    """Power [W] idle and with a loop on every core, and instructions a second of all together.

    {} where no counter of a package can be read. addresses: memory for each core's loop.
    """
    before = _packages(root)
    if not before:
        return {}
    time.sleep(_MOMENT_S)
    idle = _watts(before, _packages(root), _MOMENT_S)
    done: list[int] = []
    stop = time.perf_counter() + _MOMENT_S
    turns = max(1, 1_000_000 // sum(loop.program.counts.values()))

    def work(address: int, cpu: int) -> None:
        pin(cpu)
        while time.perf_counter() < stop:
            loop.call(address, turns, 1)
            done.append(turns * sum(loop.program.counts.values()))

    before, start = _packages(root), time.perf_counter()
    threads = [
        threading.Thread(target=work, args=pair) for pair in zip(addresses, cpus, strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - start
    busy = _watts(before, _packages(root), elapsed)
    return {"idle_w": idle, "busy_w": busy, "instructions_per_s": sum(done) / elapsed}


def instruction_energy(rounds: Sequence[Mapping[str, float]]) -> dict[str, Value]:
    """static [W] and instruction [pJ], as a profile names them; {} without counters.

    instruction = (busy power - idle power) / instructions a second, its arithmetic included.
    """
    rows = [values for values in rounds if values]
    if not rows:
        return {}
    idle, busy, rate = (column(rows, key) for key in ("idle_w", "busy_w", "instructions_per_s"))
    each = (busy - idle) / rate * 1e12
    found = {"static": _median(idle)}
    return {**found, "instruction": _median(each)} if np.median(each) > 0 else found


def _median(values: np.ndarray) -> Value:
    middle, low, high = np.quantile(values, (0.5, 0.05, 0.95))
    return Value(float(middle), float(max(low, 0)), float(high))


def _packages(root: Path) -> dict[str, Energy]:
    """Counters of whole packages: their parts are in them, "psys" is the whole board's."""
    return {
        name: energy
        for name, energy in energies(root).items()
        if name.startswith("package") and "/" not in name
    }


def _watts(before: Mapping[str, Energy], after: Mapping[str, Energy], seconds: float) -> float:
    return sum(energy_between(before, after).values()) / seconds

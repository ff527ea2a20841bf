"""A core's instructions lowered to plain arrays: what the instruction-level predictors take."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import UsageError
from xnorsim.machine.instructions import CLASSES, CYCLES, Instruction, Instructions
from xnorsim.machine.lowering import At, pick
from xnorsim.machine.quantity import Quantity, resolve
from xnorsim.machine.schema import HardwareProfile, dimension_of

__all__ = ["Core", "lower_core"]


@dataclasses.dataclass(frozen=True, eq=False)
class Core:
    """What one core pays for each class of instructions, at one end of its ranges or drawn.

    Arrays are [classes], or [classes, ports]; [samples, 1, classes] where drawn. A class that the
    machine cannot execute has no allowed port, uops 0 and busy_cycles NaN. With
    `dataclasses.replace`, busy_cycles and issue_width may get leading axes of design points:
    predictors broadcast.
    """

    classes: tuple[str, ...]  # all of CLASSES, in order
    ports: tuple[str, ...]  # in the order in which the classes name them
    allowed: NDArray[np.bool_]  # [classes, ports] whether a micro-operation may go to a port
    uops: NDArray[np.float64]  # micro-operations as issue_width counts them
    busy_cycles: NDArray[np.float64]  # [cycle] of one port, all micro-operations together
    latency_cycles: NDArray[np.float64]  # [cycle] NaN where it is unknown
    issue_width: Any  # [1/cycle] micro-operations; [samples, 1] where drawn
    write_allocate: bool = True  # whether a line is fetched before a run of stores fills it


def lower_core(profile: HardwareProfile, at: At = "value") -> Core:
    """The instructions of a profile in plain arrays: at its values, its ends, or values drawn.

    The fast end has the shorter busy times and latencies and the wider issue. Raises UsageError
    for another `at`, and for a profile without the sections core and instructions.
    """
    if profile.core is None or profile.instructions is None:
        raise UsageError(
            f"profile {profile.name} has no sections 'core' and 'instructions': "
            "nothing is predicted from instructions for it"
        )
    costs: list[Instruction | None] = [getattr(profile.instructions, name) for name in CLASSES]
    ports = tuple(dict.fromkeys(port for item in costs if item for port in item.ports))
    width = resolve(profile.core.issue_width, dimension_of(("core", "issue_width")))
    return Core(
        classes=tuple(CLASSES),
        ports=ports,
        allowed=_frozen(
            ([item is not None and port in item.ports for port in ports] for item in costs), bool
        ),
        uops=_frozen((item.uops if item else 0 for item in costs), float),
        busy_cycles=_by_class(profile.instructions, "busy", at),
        latency_cycles=_by_class(profile.instructions, "latency", at),
        issue_width=pick(width, "high", at, "core.issue_width"),
        write_allocate=not profile.core.write_streaming,
    )


def _by_class(instructions: Instructions, key: str, at: At) -> NDArray[np.float64]:
    """Cycles [..., classes], NaN where none are given."""
    each = []
    for name in CLASSES:
        quantity: Quantity | None = getattr(getattr(instructions, name), key, None)
        path = f"instructions.{name}.{key}"
        found = None if quantity is None else resolve(quantity, CYCLES)
        each.append(math.nan if found is None else pick(found, "low", at, path))
    array = np.stack(np.broadcast_arrays(*each), axis=-1).astype(np.float64)
    array.setflags(write=False)
    return array


def _frozen(values: Iterable[Any], dtype: type) -> NDArray[Any]:
    array = np.array(list(values), dtype=dtype)
    array.setflags(write=False)
    return array

"""Cycles that a mix of instructions needs at least: its ports, the front end, dependent chains.

Port model: each instruction keeps one of the ports that it may use busy for some cycles, and the
scheduler spreads the work as well as can be. The least time is a linear program (fractional
assignment of work to ports), and by its duality it is the largest of

    busy cycles of the instructions whose ports all lie in U / number of ports in U

over all sets of ports U: work that fits nowhere else must be done there (Hall's theorem says that
nothing else binds). F. Ritter, S. Hack, "PMEvo: Portable Inference of Port Mappings for
Out-of-Order Processors by Evolutionary Optimization", PLDI 2020, has the program and this maximum
as its bottleneck algorithm; A. Abel, J. Reineke, "uops.info: Characterizing Latency, Throughput,
and Port Usage of Instructions on Intel Microarchitectures", ASPLOS 2019, the program.

Assumptions: steady state of a long loop, whose order of instructions does not matter; an ideal
scheduler; a core reaches this bound or stays behind it, never ahead.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xnorsim.errors import UsageError
from xnorsim.machine.core import Core

__all__ = ["chain_cycles", "port_cycles", "port_limits"]

MOST_UNIONS = 4096
"""Unions of port sets that a core may have. Those of today's cores have fewer than a hundred."""

_BLOCK_ROWS = 4096
"""Mixes computed at once: with all that comes of them they fit into a second-level cache."""

_Floats = NDArray[np.float64]
_Ports = frozenset[int]


@dataclass(frozen=True, eq=False)
class _Bounds:
    """The bounds of one core: arrays over unions of port sets, and over classes."""

    names: tuple[str, ...]  # of the unions
    shares: _Floats  # [unions, classes] 1 / ports of the union where the class must stay in it
    busy_cycles: _Floats  # [..., classes] 0 where the class is absent
    front_end: _Floats  # [2, classes] micro-operations; 1 where the class is absent


def port_cycles(mix: ArrayLike, core: Core) -> _Floats:
    """The least cycles for each mix of instructions: the largest of `port_limits`.

    mix: [..., classes] instructions of each of core.classes, whole or on average, none negative;
    its leading axes broadcast against those of core.busy_cycles and core.issue_width.
    Returns [...] [cycle].

    Raises:
        UsageError: instructions of classes that the core does not have, another number of classes,
            or a core with more than MOST_UNIONS unions of port sets.
    """
    bounds = _bounds(core)
    counts, busy, width = _broadcast(mix, bounds, core)
    found = np.empty(width.shape)
    for block in _blocks(width.shape):
        found[block] = _cycles(counts[block], busy[block], width[block], bounds, core).max(axis=0)
    return found


def port_limits(mix: ArrayLike, core: Core) -> tuple[tuple[str, ...], _Floats]:
    """Every bound by name, and the cycles [..., limits] that each asks for; see `port_cycles`.

    Names are those of the ports that share the work, as "F0+F1", smaller sets first, and "issue"
    last. Sets that only put together others without a port in common are left out, since one of
    those always binds as much: (a + b) / (p + q) <= max(a / p, b / q).
    """
    bounds = _bounds(core)
    cycles = _cycles(*_broadcast(mix, bounds, core), bounds, core)
    return (*bounds.names, "issue"), np.moveaxis(cycles, 0, -1)


def chain_cycles(chained: ArrayLike, core: Core) -> _Floats:
    """Cycles of instructions that wait for each other: the sum of their latencies [cycle].

    chained: [..., classes] instructions in a row; leading axes broadcast against those of
    core.latency_cycles. Sums that do not wait for each other are no row: of those that go on side
    by side, one is counted. A latency that is not known binds nothing.

    Source: R. Bryant, D. O'Hallaron, "Computer Systems: A Programmer's Perspective", 3rd edition,
    sections 5.7.2 (latency bound) and 5.9.1 (multiple accumulators).
    """
    return np.asarray(np.vecdot(chained, np.nan_to_num(core.latency_cycles, nan=0.0)))


def _broadcast(
    mix: ArrayLike, bounds: _Bounds, core: Core
) -> tuple[NDArray[Any], _Floats, _Floats]:
    """Counts and busy cycles [..., classes], issue width [...], none of them copied."""
    counts, busy = np.asarray(mix), bounds.busy_cycles
    classes = len(core.classes)
    if counts.ndim == 0 or counts.shape[-1] != classes:
        raise UsageError(
            f"a mix of shape {counts.shape}: its last axis must be the core's {classes} classes"
        )
    width = np.asarray(core.issue_width, dtype=np.float64)
    lead = np.broadcast_shapes(counts.shape[:-1], busy.shape[:-1], width.shape)
    return (
        np.broadcast_to(counts, (*lead, classes)),
        np.broadcast_to(busy, (*lead, classes)),
        np.broadcast_to(width, lead),
    )


def _cycles(
    counts: NDArray[Any], busy: _Floats, width: _Floats, bounds: _Bounds, core: Core
) -> _Floats:
    """The cycles that each limit asks for: [limits, ...], the front end last."""
    rows = counts.reshape(-1, counts.shape[-1])
    micro_operations, missing = bounds.front_end @ rows.T
    if (missing > 0).any():
        raise _cannot_execute(rows, core)
    cycles = np.empty((len(bounds.shares) + 1, len(rows)))
    np.matmul(bounds.shares, (rows * busy.reshape(rows.shape)).T, out=cycles[:-1])
    np.divide(micro_operations, width.reshape(-1), out=cycles[-1])
    return cycles.reshape(-1, *width.shape)


def _bounds(core: Core) -> _Bounds:
    allowed = np.asarray(core.allowed, dtype=bool)
    absent = _absent(core)
    used = {frozenset(np.flatnonzero(ports).tolist()) for ports in allowed[~absent]}
    unions = _unions(frozenset(used))
    inside = np.zeros((len(unions), len(core.ports)), dtype=bool)
    for row, union in zip(inside, unions, strict=True):
        row[list(union)] = True
    confined = ~(allowed & ~inside[:, np.newaxis]).any(axis=-1)
    return _Bounds(
        names=tuple("+".join(core.ports[port] for port in sorted(union)) for union in unions),
        shares=confined / inside.sum(axis=1, keepdims=True),
        busy_cycles=np.where(absent, 0.0, core.busy_cycles),
        front_end=np.stack([core.uops, absent]).astype(np.float64),
    )


def _absent(core: Core) -> NDArray[np.bool_]:
    """Classes [classes] that the core, or one of its design points, cannot execute."""
    unknown = np.isnan(core.busy_cycles).reshape(-1, len(core.classes))
    return np.logical_or(unknown.any(axis=0), ~core.allowed.any(axis=-1))


@functools.lru_cache(maxsize=256)
def _unions(port_sets: frozenset[_Ports]) -> tuple[_Ports, ...]:
    """All unions of port sets that hang together, smaller first.

    Each is grown from one set by sets that overlap it, so there are at most 2**sets - 1 and at most
    2**ports - 1, and clusters of ports (vector, load, store) are never multiplied with each other.
    """
    found = set(port_sets)
    new = list(found)
    while new:
        union = new.pop()
        grown = {union | ports for ports in port_sets if union & ports} - found
        found |= grown
        new.extend(grown)
        if len(found) > MOST_UNIONS:
            raise UsageError(
                f"{len(port_sets)} different sets of ports have more than {MOST_UNIONS} unions: "
                "name fewer sets, for example by giving like instructions like ports"
            )
    return tuple(sorted(found, key=lambda union: (len(union), sorted(union))))


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[int | slice, ...]]:
    """Indices that cut an array of this shape into pieces of about _BLOCK_ROWS elements."""
    axis = next((i for i in range(len(shape)) if prod(shape[i + 1 :]) <= _BLOCK_ROWS), None)
    if axis is None:
        yield ()
        return
    step = max(1, _BLOCK_ROWS // max(1, prod(shape[axis + 1 :])))
    for outer in np.ndindex(shape[:axis]):
        for start in range(0, shape[axis], step):
            yield (*outer, slice(start, start + step))


def _cannot_execute(rows: NDArray[Any], core: Core) -> UsageError:
    absent = _absent(core)
    wanted = absent & (rows > 0).any(axis=0)
    names = np.array(core.classes)
    return UsageError(
        f"the machine has no instructions of the class {', '.join(names[wanted])}, which the "
        f"recipe needs; it has: {', '.join(names[~absent]) or 'none'}"
    )

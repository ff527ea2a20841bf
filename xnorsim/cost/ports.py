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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.axes import Mix, narrow, total
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core

__all__ = ["chain_cycles", "port_cycles", "port_limits"]

MOST_UNIONS = 4096
"""Unions of port sets that a core may have. Those of today's cores have fewer than a hundred."""

_Floats = NDArray[np.float64]
_Ports = frozenset[int]


@dataclass(frozen=True, slots=True)
class _Union:
    """Ports that share work: the classes whose ports all lie in it."""

    name: str
    ports: int
    classes: frozenset[str]


def port_cycles(mix: Mix, core: Core) -> _Floats:
    """The least cycles for each mix of instructions: the largest of `port_limits`.

    mix: see axes.Mix; instructions are whole or on average, none negative, and broadcast against
    core.busy_cycles [..., classes] and core.issue_width. Returns [...] [cycle].

    Raises:
        UsageError: instructions of classes that the core does not have, another number of classes,
            or a core with more than MOST_UNIONS unions of port sets.
    """
    issued = _by_class(mix, core)
    _check(issued, core)
    limits = _cycles(issued, _binding(_structure(core), tuple(issued)), core)
    return np.asarray(functools.reduce(np.maximum, limits))


def port_limits(mix: Mix, core: Core) -> tuple[tuple[str, ...], _Floats]:
    """Every bound by name, and the cycles [..., limits] that each asks for; see `port_cycles`.

    Names are those of the ports that share the work, as "F0+F1", smaller sets first, and "issue"
    last. Sets that only put together others without a port in common are left out, since one of
    those always binds as much: (a + b) / (p + q) <= max(a / p, b / q).
    """
    issued, unions = _by_class(mix, core), _unions_of(_structure(core))
    _check(issued, core)
    front_end, *limits = _cycles(issued, unions, core)
    names = (*(union.name for union in unions), "issue")
    return names, np.stack(np.broadcast_arrays(*limits, front_end), axis=-1)


def chain_cycles(chained: Mix, core: Core) -> _Floats:
    """Cycles of instructions that wait for each other: the sum of their latencies [cycle].

    chained: see axes.Mix, instructions in a row; they broadcast against core.latency_cycles. Sums
    that do not wait for each other are no row: of those that go on side by side, one is counted. A
    latency that is not known binds nothing.

    Source: R. Bryant, D. O'Hallaron, "Computer Systems: A Programmer's Perspective", 3rd edition,
    sections 5.7.2 (latency bound) and 5.9.1 (multiple accumulators).
    """
    latency = np.nan_to_num(core.latency_cycles, nan=0.0)
    each = _by_class(chained, core).items()
    return total(number * narrow(latency[..., core.classes.index(name)]) for name, number in each)


def _by_class(mix: Mix, core: Core) -> dict[str, Any]:
    """Class -> how many [...], in the order of the core's classes."""
    if isinstance(mix, Mapping):
        return {name: mix[name] for name in core.classes if name in mix}
    array = np.asarray(mix)
    if array.ndim == 0 or array.shape[-1] != len(core.classes):
        raise UsageError(
            f"a mix of shape {array.shape}: its last axis must be the core's "
            f"{len(core.classes)} classes"
        )
    return dict(zip(core.classes, np.moveaxis(array, -1, 0), strict=True))


def _check(issued: Mapping[str, Any], core: Core) -> None:
    """Raises UsageError for instructions that the core, at any design point, has not."""
    wanted = [name for name in issued if not _has(core, name) and np.any(issued[name])]
    if wanted:
        known = [name for name in core.classes if _has(core, name)]
        raise UsageError(
            f"the machine has no instructions of the class {', '.join(wanted)}, which the "
            f"recipe needs; it has: {', '.join(known) or 'none'}"
        )


def _has(core: Core, name: str) -> bool:
    place = core.classes.index(name)
    return bool(core.allowed[place].any()) and not np.isnan(core.busy_cycles[..., place]).any()


def _cycles(
    issued: Mapping[str, Any], unions: Iterable[_Union], core: Core
) -> Iterator[NDArray[Any]]:
    """The cycles [...] that the front end asks for, and then each union."""
    uops = dict(zip(core.classes, core.uops.tolist(), strict=True))
    yield total(number * uops[name] for name, number in issued.items()) / core.issue_width
    busy = {
        name: number * narrow(core.busy_cycles[..., core.classes.index(name)])
        for name, number in issued.items()
        if _has(core, name)
    }
    for union in unions:
        yield total(cycles for name, cycles in busy.items() if name in union.classes) / union.ports


_Structure = tuple[tuple[str, ...], tuple[str, ...], bytes]
"""The classes of a core, its ports, and which class may go where."""


def _structure(core: Core) -> _Structure:
    return core.classes, core.ports, np.asarray(core.allowed, dtype=bool).tobytes()


@functools.lru_cache(maxsize=256)
def _unions_of(structure: _Structure) -> tuple[_Union, ...]:
    """All unions of a core's port sets that hang together."""
    classes, ports, allowed = structure
    rows = np.frombuffer(allowed, dtype=bool).reshape(len(classes), len(ports))
    sets = {
        name: frozenset(np.flatnonzero(row).tolist())
        for name, row in zip(classes, rows, strict=True)
    }
    return tuple(
        _Union(
            name="+".join(ports[port] for port in sorted(union)),
            ports=len(union),
            classes=frozenset(name for name, each in sets.items() if each and each <= union),
        )
        for union in _unions(frozenset(each for each in sets.values() if each))
    )


@functools.lru_cache(maxsize=4096)
def _binding(structure: _Structure, issued: tuple[str, ...]) -> tuple[_Union, ...]:
    """The unions without those that other ones always bind as much as.

    These do all that those do, on no more ports. That holds for rounded sums as well: a term more,
    in the same order, makes no sum smaller. So it changes no bit what else is issued.
    """
    found = {
        union: union.classes & frozenset(issued)
        for union in sorted(_unions_of(structure), key=lambda union: union.ports)
    }
    kept: list[_Union] = []
    for union, work in sorted(found.items(), key=lambda item: -len(item[1])):
        if work and not any(work <= found[k] and union.ports >= k.ports for k in kept):
            kept.append(union)
    return tuple(kept)


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

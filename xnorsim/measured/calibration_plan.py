"""What a calibration runs: loops of one class, chains, mixes, pairs and streams, by name.

Names are a kind and what it is of: "rate:vector_add", "latency:fp32_fma", "mix:...", "vector:..."
(a mix whose rate is a throughput of the profile), "step:..." (instructions as a kernel mixes them),
"pair:a+b", "stream:8" (so many operations beside each vector that is loaded), "store" and "clock".
None of them is a kernel or a layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from xnorsim.kernels.loops import Dialect, Program, chain, mix, step, stream
from xnorsim.machine.instructions import CLASSES

__all__ = ["CLOCK", "FRONT_ENDS", "STREAM_WORK", "VECTORS", "plan", "streams"]

CLOCK = "clock"
"""A chain of one-cycle operations on machine words: its rate is the clock."""

Counts = Mapping[str, int]

VECTORS: dict[str, tuple[tuple[Counts, float], ...]] = {
    "binary": (
        ({"vector_logic": 1, "vector_popcount": 1, "vector_widening_accumulate": 1}, 1),
        ({"vector_logic": 1, "vector_popcount": 1, "vector_add": 1}, 1),
        ({"vector_logic": 3, "vector_shift": 1, "vector_shuffle": 2, "vector_add": 2}, 1),
    ),
    "bwn": (({"vector_logic": 1, "fp32_add": 1}, 1),),
    "int8": (
        ({"int8_dot": 1}, 1),
        ({"int8_multiply": 2, "vector_widening_accumulate": 2}, 1),
        ({"int8_multiply": 2, "vector_add": 1}, 1),
    ),
    "fp32": (({"fp32_fma": 1}, 1), ({"fp32_mul": 1, "fp32_add": 1}, 1)),
    "elementwise": (({"vector_load": 2, "fp32_add": 1, "vector_store": 1}, 1),),
    "binarize": (
        ({"vector_load": 1, "vector_compare": 1, "vector_mask_move": 1, "scalar_store": 1}, 1),
        (
            {
                "vector_load": 4,
                "vector_compare": 4,
                "vector_shuffle": 3,
                "vector_logic": 1,
                "vector_pairwise_add": 3,
                "scalar_store": 1,
            },
            4,
        ),
    ),
}
"""The inner step of each throughput of a profile, best first: instructions for so many vectors."""

FRONT_ENDS: tuple[Counts, ...] = (
    {"scalar_alu": 3, "vector_logic": 2, "scalar_load": 1},
    {"scalar_alu": 2, "vector_logic": 2, "vector_load": 1},
    {"scalar_alu": 1, "vector_logic": 1},
    {"scalar_alu": 2, "vector_add": 1, "scalar_load": 1},
)
"""Mixes that no port binds: what they reach is what the front end passes."""

STREAM_WORK = (0, 1, 2, 3, 4, 6, 8, 16)
"""Operations beside each vector of a stream: how much of its time hides behind them is overlap."""

_STREAM_CLASS = "vector_logic"
_WITHOUT_PAIRS = ("branch",)


def plan(
    dialect: Dialect,
    pairs: Iterable[tuple[str, str]] = (),
    steps: Mapping[str, Mapping[str, float]] | None = None,
) -> tuple[Program, ...]:
    """All loops of the core, those of memory left out: every class that the dialect has.

    steps: by name the instructions of each (calibration_steps.py).
    """
    known = [name for name in CLASSES if name in dialect.forms]
    found = [chain(CLOCK, "scalar_alu", dialect)]
    found += [mix(f"rate:{name}", {name: 1}, dialect) for name in known]
    found += [chain(f"latency:{name}", name, dialect) for name in known if name in dialect.chains]
    for counts in FRONT_ENDS:
        if set(counts) <= set(known):
            found.append(mix(name_of("mix", counts), counts, dialect))
    for kind, ways in VECTORS.items():
        counts = next((way for way, _ in ways if set(way) <= set(known)), None)
        if counts:
            found.append(mix(f"vector:{kind}", counts, dialect))
    found += [step(f"step:{name}", counts, dialect) for name, counts in (steps or {}).items()]
    found += [mix(name_of("pair", {a: 1, b: 1}), {a: 1, b: 1}, dialect) for a, b in pairs]
    return tuple({program.name: program for program in found}.values())


def name_of(kind: str, counts: Counts) -> str:
    """ "mix:2 vector_load+fp32_add" of {"vector_load": 2, "fp32_add": 1}."""
    parts = (f"{count} {name}" if count > 1 else name for name, count in counts.items())
    return f"{kind}:{'+'.join(parts)}"


def streams(dialect: Dialect) -> tuple[Program, ...]:
    """Loops that read memory, with more or less work beside, and one that writes it."""
    reading = [
        stream(f"stream:{work}", "vector_load", dialect, {_STREAM_CLASS: work} if work else {})
        for work in STREAM_WORK
    ]
    return (*reading, stream("store", "vector_store", dialect, {}))


def pairs_to_check(ports: Mapping[str, Iterable[str]], dialect: Dialect) -> list[tuple[str, str]]:
    """Pairs of classes that a structure of ports says are alike, or have nothing in common."""
    known = [name for name in ports if name in dialect.forms and name not in _WITHOUT_PAIRS]
    return [
        (a, b)
        for a, b in combinations(known, 2)
        if set(ports[a]) == set(ports[b]) or not set(ports[a]) & set(ports[b])
    ]

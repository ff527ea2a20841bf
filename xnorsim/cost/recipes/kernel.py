"""A kernel as data: how often which instructions run, as a function of a layer's loop nest.

    instructions of class c = sum over parts of (times the part runs) x (its instructions of c)

A part names its extent, a function of extents.py with one equation, and what it issues each time,
counted from source code or derived by hand. Instructions are those of the classes of
machine/instructions.py: a load of several registers counts once a register.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import UsageError
from xnorsim.machine.core import Core
from xnorsim.machine.instructions import CLASSES
from xnorsim.work.dimensions import Dimensions

__all__ = [
    "Counts",
    "Extent",
    "Issued",
    "Kernel",
    "Part",
    "Stage",
    "Tile",
    "Walk",
    "always",
    "at_stage",
    "at_width",
    "by_class",
    "executable",
    "instructions",
    "issued",
    "missing_classes",
    "needed_classes",
    "ordered",
    "part_instructions",
    "stages",
    "waiting",
]

Stage = Literal["im2col", "layout", "tables", "product", "border", "results"]

Counts = Mapping[str, float]
"""Instructions by class. A fraction stands for a loop unrolled so many times.

A load that moves its pointer (post-index) counts as one of scalar_alu besides: on out-of-order Arm
cores it takes a micro-operation of its own (LLVM AArch64SchedA57.td and others, WriteAdr); on those
in order it does not, which nothing here tells."""


@dataclass(frozen=True, slots=True)
class Tile:
    """What one inner step computes: filters x positions, over `depth` products of each."""

    filters: int
    positions: int
    depth: int


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a kernel does `per` an extent, with the instructions of each time.

    `stage`: what is done in one go; a kernel finishes one stage before it begins the next. `chain`:
    those of its instructions that wait for each other each time, in a row.
    """

    what: str
    per: Extent
    counts: Counts
    stage: Stage = "product"
    chain: Counts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Walk:
    """How a kernel goes over its operands: what decides the bytes between memory levels.

    `form`: "gemm" (products of matrices, after an im2col where a filter sees several positions),
    "direct" (the input is read where it lies), "depthwise" or "stream". Bits are those of one
    element as the kernel reads or writes it; `pads`: it copies its input into one with its padding
    first; `packs`: it lays out its activations once more before the product, `unpacks`: it goes
    over its results once more after it. `outer`: which tiles the
    outer tile loop runs over; for "direct", "filters": the blocks of filters are outside of those
    of channels. `blocks`: the (filters, positions) of blocks outside of the tiles; `block_depth`:
    products of a block, `block_channels`: the same for "direct", whatever the taps; `chunk`:
    positions from the im2col to the results at a time, between which the nearest level holds what
    is made of them.
    """

    form: Literal["gemm", "direct", "depthwise", "stream"] = "stream"
    activation_bits: int = 32
    weight_bits: int = 32
    output_bits: int = 32
    pads: bool = False
    packs: bool = False
    unpacks: bool = False
    outer: Literal["positions", "filters"] = "positions"
    blocks: Callable[[Kernel, Dimensions], tuple[Any, Any]] | None = None
    block_depth: float = inf
    block_channels: float = inf
    chunk: float = inf


def always(dimensions: Dimensions) -> NDArray[np.bool_]:
    """A kernel for every layer."""
    return np.ones(np.shape(dimensions.positions), dtype=bool)


@dataclass(frozen=True, slots=True)
class Kernel:
    """How one loop nest is computed.

    `word`: the channels of each tap are filled up to a multiple of it. `along` is the side of the
    tile that lies along vectors of `simd_bits`, None for a kernel without vectors or of one width.
    A tile at the border is computed whole, unless `whole_tiles`: then a part of its own does what
    whole tiles leave. `chain` are the instructions of a step that wait for those of the step
    before, in a row. `walk` is how it goes over memory. `applies` says for which layers it is used.
    """

    name: str
    source: str
    tile: Tile
    parts: tuple[Part, ...]
    word: int = 1
    simd_bits: int = 0
    along: Literal["filters", "positions", "depth"] | None = None
    whole_tiles: bool = False
    chain: Counts = field(default_factory=dict)
    walk: Walk = field(default_factory=Walk)
    applies: Callable[[Dimensions], NDArray[np.bool_]] = always


Extent = Callable[[Kernel, Dimensions], Any]
"""How often a part runs: a number, or an array over layers and design points."""

Issued = dict[str, Any]
"""Class of instructions -> how many, a number or an array; in the order of CLASSES."""


def issued(kernel: Kernel, dimensions: Dimensions) -> Issued:
    """The instructions that `kernel` executes for each layer, of the classes that it has.

    Exact: extents are integers, and every count is a sum of their multiples by binary fractions.
    """
    return _summed((part.per(kernel, dimensions), part.counts) for part in kernel.parts)


def waiting(kernel: Kernel, dimensions: Dimensions, steps: Extent) -> Issued:
    """The instructions that have to wait for each other: of its `steps`, and within its parts."""
    chains = ((part.per, part.chain) for part in kernel.parts)
    each = ((per, chain) for per, chain in ((steps, kernel.chain), *chains) if chain)
    return _summed((per(kernel, dimensions), chain) for per, chain in each)


def _summed(done: Iterable[tuple[Any, Counts]]) -> Issued:
    """What is issued so often, added up by class."""
    found: Issued = {}
    for times, counts in done:
        often = np.asarray(times, dtype=float)
        for name, number in counts.items():
            more = often * number
            found[name] = found[name] + more if name in found else more
    return ordered(found)


def ordered(found: Issued) -> Issued:
    """The same in the order of CLASSES."""
    return {name: found[name] for name in CLASSES if name in found}


def by_class(issued: Mapping[str, Any]) -> NDArray[np.float64]:
    """The same as one array [..., classes]."""
    each = np.broadcast_arrays(*(issued.get(name, 0.0) for name in CLASSES))
    return np.stack(each, axis=-1).astype(np.float64)


def part_instructions(
    kernel: Kernel, dimensions: Dimensions
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often each part runs [..., parts], and its instructions each time [parts, classes]."""
    times = [np.asarray(part.per(kernel, dimensions), dtype=float) for part in kernel.parts]
    counts = np.array([by_class(part.counts) for part in kernel.parts]).reshape(-1, len(CLASSES))
    return np.stack(np.broadcast_arrays(*times), axis=-1), counts


def instructions(kernel: Kernel, dimensions: Dimensions) -> NDArray[np.float64]:
    """`issued` as one array [..., classes]."""
    return by_class(issued(kernel, dimensions))


def stages(kernel: Kernel) -> tuple[Stage, ...]:
    """The stages of `kernel`, in the order in which they are done."""
    used = {part.stage for part in kernel.parts}
    return tuple(stage for stage in get_args(Stage) if stage in used)


def at_stage(kernel: Kernel, stage: Stage) -> Kernel:
    """The parts of one stage of `kernel`; sums wait for each other in the product alone."""
    parts = tuple(part for part in kernel.parts if part.stage == stage)
    return replace(kernel, parts=parts, chain=kernel.chain if stage == "product" else {})


def needed_classes(kernel: Kernel) -> tuple[str, ...]:
    """The classes that a machine must have to execute `kernel`, in the order of CLASSES."""
    used = {name for part in kernel.parts for name, count in part.counts.items() if count}
    return tuple(name for name in CLASSES if name in used)


def missing_classes(kernel: Kernel, core: Core) -> tuple[str, ...]:
    """The classes that `kernel` needs and that `core` has not."""
    has = {name for name, ports in zip(core.classes, core.allowed, strict=True) if ports.any()}
    return tuple(name for name in needed_classes(kernel) if name not in has)


def executable(kernel: Kernel, core: Core) -> bool:
    """Whether `core` has every class of instructions of `kernel`."""
    return not missing_classes(kernel, core)


def at_width(kernel: Kernel, simd_bits: int) -> Kernel:
    """The same kernel on vectors of `simd_bits`: its tile grows along them, its counts stay.

    An assumption for machines that do not exist: reductions within a vector cost what they did.

    Raises:
        UsageError: a width that is not a multiple of the kernel's own.
    """
    if kernel.along is None or simd_bits == kernel.simd_bits:
        return kernel
    times, rest = divmod(simd_bits, kernel.simd_bits)
    if rest or not times:
        raise UsageError(
            f"kernel {kernel.name} works on vectors of {kernel.simd_bits} bits, "
            f"not of {simd_bits}: valid are its multiples"
        )
    longer = {kernel.along: getattr(kernel.tile, kernel.along) * times}
    word = kernel.word * times if kernel.word == kernel.simd_bits else kernel.word
    return replace(kernel, simd_bits=simd_bits, tile=replace(kernel.tile, **longer), word=word)

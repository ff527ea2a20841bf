"""Energy of a layer: its instructions, the bytes that it moves, and the time that it takes.

Model: energy = instructions of each class x (overhead + datapath) + bytes over each memory
boundary x energy of a byte there + static power x time. Overhead is what any instruction costs to
be fetched, decoded, scheduled and retired, whatever its width; the datapath is the arithmetic on
its operands. That split, and that overhead outweighs arithmetic, is M. Horowitz's, "Computing's
energy problem (and what we can do about it)", ISSCC 2014, pages 10-14.
https://doi.org/10.1109/ISSCC.2014.6757323

Assumptions: energies add up; operands switch as those behind the published averages do; a class
costs the same in every kernel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xnorsim.cost.axes import Mix, narrow, total
from xnorsim.cost.technology import Estimate
from xnorsim.errors import UsageError, choices
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.lowering import Machine

__all__ = [
    "DATAPATH",
    "DATAPATH_SOURCE",
    "DATAPATH_SPREAD",
    "OVERHEAD_PJ",
    "OVERHEAD_SOURCE",
    "TECHNOLOGY_SOURCE",
    "Datapath",
    "EnergyCosts",
    "datapath_joules",
    "dynamic_shares",
    "nearest_bytes",
    "overhead_joules",
    "share_names",
]

_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EnergyCosts:
    """What each thing costs: arrays whose leading axes broadcast; NaN where it is not known."""

    overhead_j: ArrayLike  # [..., classes] or a number: of one instruction [J]
    datapath_j: ArrayLike  # [..., classes] of one instruction [J]
    level_names: tuple[str, ...]  # memory boundaries, nearest first
    level_j_per_byte: ArrayLike  # [..., levels] of one byte [J/byte]
    static_power_w: ArrayLike  # [...] drawn all the time [W]


def share_names(costs: EnergyCosts) -> tuple[str, ...]:
    """Where energy goes: the names of `dynamic_shares`, and what is drawn all the time."""
    return ("instruction overhead", "datapath", *costs.level_names, "static")


def nearest_bytes(issued: Mapping[str, Any], machine: Machine) -> _Floats:
    """Bytes [...] between the core and the nearest level: those of loads and stores.

    issued: class -> how many instructions [...]. A vector is as wide as simd.bits; anything else is
    taken as a word of 64 bits, or as a vector where that is narrower.
    """
    vector = np.asarray(machine.simd_bits) / 8
    word = np.minimum(vector, 8)
    vectors = total(issued.get(name, 0.0) for name in ("vector_load", "vector_store"))
    words = total(
        issued.get(name, 0.0) for name in ("scalar_load", "scalar_store", "broadcast_load")
    )
    return np.asarray(vectors * vector + words * word)


def dynamic_shares(
    mix: Mix, level_bytes: Sequence[ArrayLike], costs: EnergyCosts
) -> dict[str, _Floats]:
    """The energy of what is done, by where it goes [...] [J].

    mix: class -> how many [...], or an array [..., classes]; level_bytes: bytes [...] over each
    boundary of costs.level_names [byte]. All broadcast. A share of which the cost is not known is
    NaN. Raises UsageError where classes or levels do not fit the costs.
    """
    overhead, datapath = np.asarray(costs.overhead_j), np.asarray(costs.datapath_j)
    per_byte = np.asarray(costs.level_j_per_byte)
    issued = _by_place(mix, datapath.shape[-1])
    if not len(level_bytes) == per_byte.shape[-1] == len(costs.level_names):
        raise UsageError(
            f"memory levels do not agree: bytes over {len(level_bytes)}, energies of "
            f"{per_byte.shape[-1]}, {len(costs.level_names)} names"
        )
    return {
        "instruction overhead": total(
            number * (narrow(overhead[..., place]) if overhead.ndim else overhead)
            for place, number in issued.items()
        ),
        "datapath": total(
            number * narrow(datapath[..., place]) for place, number in issued.items()
        ),
        **{
            name: np.asarray(moved * narrow(per_byte[..., level]))
            for level, (name, moved) in enumerate(zip(costs.level_names, level_bytes, strict=True))
        },
    }


def _by_place(mix: Mix, classes: int) -> dict[int, Any]:
    """Place of a class -> how many [...], in order."""
    if isinstance(mix, Mapping):
        return {place: mix[name] for place, name in enumerate(CLASSES) if name in mix}
    array = np.asarray(mix, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != classes:
        raise UsageError(
            f"classes of instructions do not agree: a mix of shape {array.shape}, energies of "
            f"{classes}"
        )
    return dict(enumerate(np.moveaxis(array, -1, 0)))


# Horowitz, figure 1.1.9, "rough energy costs" at 45 nm and 0.9 V [pJ].
_INT8_ADD, _INT32_ADD, _INT8_MUL, _INT32_MUL = 0.03, 0.1, 0.2, 3.1
_FP16_ADD, _FP32_ADD, _FP16_MUL, _FP32_MUL = 0.4, 0.9, 1.1, 3.7


@dataclass(frozen=True)
class Datapath:
    """The arithmetic of a class at 45 nm and 0.9 V, by operations that Horowitz's table has.

    pj: energy of one element [pJ]; bits: of one element, as many as fill a vector; None where an
    instruction works on one element.
    """

    pj: float
    bits: int | None
    why: str


_BYTES = Datapath(_INT8_ADD, 8, "no more than the addition of its bytes")
_ADDRESS = Datapath(_INT32_ADD, None, "the address; its bytes are counted as memory traffic")
_WORD = Datapath(_INT32_ADD, None, "an addition of 32 bits")
_FLOATS = Datapath(_FP32_ADD, 32, "an addition of fp32")

DATAPATH: Mapping[str, Datapath] = {
    "vector_logic": _BYTES,
    "vector_add": _BYTES,
    "vector_shift": _BYTES,
    "vector_popcount": Datapath(_INT8_ADD, 8, "seven full adders, as an addition of 8 bits has"),
    "vector_pairwise_add": _BYTES,
    "vector_widening_add": _BYTES,
    "vector_widening_accumulate": Datapath(2 * _INT8_ADD, 8, "two additions"),
    "vector_reduce_add": Datapath(_INT8_ADD, 8, "one addition fewer than it has lanes"),
    "vector_sad": Datapath(3 * _INT8_ADD, 8, "a difference, its sign, a sum"),
    "vector_shuffle": _BYTES,
    "vector_compare": _FLOATS,
    "vector_min_max": _FLOATS,
    "vector_narrow": _BYTES,
    "vector_mask_move": _BYTES,
    "vector_move": _BYTES,
    "vector_to_scalar": _WORD,
    "int8_multiply": Datapath(_INT8_MUL + _INT8_ADD, 8, "a product, and its sum with another"),
    "int8_dot": Datapath(4 * (_INT8_MUL + _INT32_ADD), 32, "four products, each added to 32 bits"),
    "fp32_fma": Datapath(_FP32_MUL + _FP32_ADD, 32, "a product and a sum"),
    "fp32_add": _FLOATS,
    "fp32_mul": Datapath(_FP32_MUL, 32, "a product"),
    "fp16_fma": Datapath(_FP16_MUL + _FP16_ADD, 16, "a product and a sum"),
    "fp_convert": Datapath(_FP32_ADD, 32, "a shift and a rounding, as in an addition"),
    "vector_load": _ADDRESS,
    "vector_store": _ADDRESS,
    "broadcast_load": _ADDRESS,
    "scalar_load": _ADDRESS,
    "scalar_store": _ADDRESS,
    "scalar_alu": _WORD,
    "scalar_multiply": Datapath(_INT32_MUL, None, "a product of 32 bits"),
    "scalar_popcount": Datapath(8 * _INT8_ADD, None, "64 bits, as vector_popcount"),
    "scalar_fp32_add": Datapath(_FP32_ADD, None, "a sum"),
    "scalar_fp32_mul": Datapath(_FP32_MUL + _FP32_ADD, None, "a product, perhaps fused"),
    "branch": _WORD,
}
"""Every class. All estimated: operations are published, what a class is made of is not."""

DATAPATH_SPREAD = (0.5, 4.0)
# Low: logic and moves are simpler than the additions they are taken for. High: published energies
# of one 8-bit multiply-accumulate at 45 nm lie between 0.23 pJ (this table) and 1.03 pJ.

DATAPATH_SOURCE = (
    "M. Horowitz, ISSCC 2014, figure 1.1.9 (45 nm, 0.9 V), per class in cost/energy.py"
)
OVERHEAD_SOURCE = (
    "M. Horowitz, ISSCC 2014, figure 1.1.9 (45 nm, 0.9 V); E. Vasilakis, FORTH-ICS/TR-450, 2015"
)
TECHNOLOGY_SOURCE = "A. Stillmaker, B. Baas, Integration 58 (2017), polynomials against simulation"

OVERHEAD_PJ: Mapping[str, tuple[float, float, float]] = {
    "in-order": (70.0, 45.0, 120.0),
    "out-of-order": (280.0, 210.0, 420.0),
}
"""Overhead of one instruction at 45 nm and 0.9 V, (value, low, high) [pJ], all estimated.

In order: about 70 pJ in Horowitz's figure. High: E. Vasilakis, "An Instruction Level Energy
Characterization of ARM Processors", FORTH-ICS/TR-450, 2015, measures 50 to 80 pJ for integer
instructions of a Cortex-A7 at 28 nm, which `technology` scales to 75 to 120 pJ from 1 V (assumed).
Low: without the 25 pJ of the instruction cache in Horowitz's figure, which a loop buffer saves.
Out of order: no figure found; 3 to 6 times as much, 4 as the value, for renaming, scheduling and
reordering.
"""


def datapath_joules(simd_bits: ArrayLike, scale: ArrayLike = 1.0) -> Estimate:
    """The arithmetic of one instruction of each class [..., classes] [J], where none is measured.

    simd_bits: width of a vector [...] [bit]; scale: `technology.energy_scale` from 45 nm and
    0.9 V, [...]. See DATAPATH; the range is a factor of 0.5 to 4, without that of the scale.
    """
    bits = np.asarray(simd_bits, dtype=np.float64)[..., np.newaxis]
    costs = [DATAPATH[name] for name in CLASSES]
    per_bit = np.array([item.pj / item.bits if item.bits else 0.0 for item in costs])
    alone = np.array([0.0 if item.bits else item.pj for item in costs])
    value = (bits * per_bit + alone) * 1e-12 * np.asarray(scale)[..., np.newaxis]
    low, high = DATAPATH_SPREAD
    return Estimate(value, value * low, value * high)


def overhead_joules(kind: str, scale: ArrayLike = 1.0) -> Estimate:
    """What any instruction costs around its arithmetic [...] [J], where none is measured.

    kind: a key of OVERHEAD_PJ; scale: `technology.energy_scale` from 45 nm and 0.9 V, [...]. The
    range is without that of the scale. Raises UsageError for another kind.
    """
    if kind not in OVERHEAD_PJ:
        raise UsageError(f"no core is called '{kind}': {choices(kind, OVERHEAD_PJ)}")
    value, low, high = (np.asarray(scale) * pj * 1e-12 for pj in OVERHEAD_PJ[kind])
    return Estimate(value, low, high)

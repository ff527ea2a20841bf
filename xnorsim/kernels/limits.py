"""What a core can do at most by each method of XNOR GEMM: its operations, with no memory at all.

The loops have what a GEMM's inner loop has except its loads and stores. Operands pass through an
empty piece of assembly in each turn, so that no compiler sees that they stay the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from xnorsim.kernels import gemm, lookup, popcount
from xnorsim.kernels.compiled import (
    HOST,
    address,
    at,
    call,
    cgutils,
    compiled,
    intrinsic,
    ir,
    load,
    store,
    types,
)

__all__ = ["LIMITS", "Limit"]

SUMS = 8  # of a turn: more than any latency, and no more than there are registers for


@dataclass(frozen=True, slots=True)
class Limit:
    """A loop in registers: `run(turns)`, of `macs` binary MACs in each turn."""

    run: Callable[[int], None]
    macs: int


def _loop(turn: Callable[[Any, list[Any]], None], kinds: list[Any]) -> Any:
    """An intrinsic: `turn` over and over with vectors that start from memory and end there."""
    size = HOST.vector_bits // 8

    @intrinsic
    def loop(context, memory, turns):
        def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            places = [at(builder, args[0], n, size) for n in range(len(kinds))]
            held = [
                cgutils.alloca_once_value(builder, load(builder, place, kind))
                for place, kind in zip(places, kinds, strict=True)
            ]
            with cgutils.for_range(builder, args[1]):
                turn(builder, held)
            for place, value in zip(places, held, strict=True):
                store(builder, builder.load(value), place)
            return context.get_dummy_value()

        return types.void(types.intp, types.intp), code

    return loop


def _unknown(builder: Any, held: Any) -> Any:
    """What is held, as a value of which the compiler knows nothing."""
    value = builder.load(held)
    form, register = ir.FunctionType(value.type, [value.type]), "x" if HOST.x86 else "w"
    value = builder.asm(form, "", f"={register},0", [value], side_effect=False)
    builder.store(value, held)
    return value


def _count(builder: Any, held: list[Any]) -> None:
    """xor, popcount and add for each sum."""
    row, filters, *sums = held
    for total in sums:
        differ = builder.xor(_unknown(builder, row), builder.load(filters))
        ones = call(builder, popcount.COUNT, differ)
        builder.store(builder.add(builder.load(total), ones), total)


def _look_up(builder: Any, held: list[Any]) -> None:
    """A group of look-ups for each pair of sums."""
    table, filters, sums = held[0], held[1 : 1 + lookup.GROUP], held[1 + lookup.GROUP :]
    for low, high in zip(sums[::2], sums[1::2], strict=True):
        known = _unknown(builder, table)
        found = [call(builder, lookup.SHUFFLE, known, builder.load(bits)) for bits in filters]
        lookup.add_up(builder, found, low, high)


_counts = _loop(_count, [popcount.COUNTED] * (2 + SUMS))
_look_ups = _loop(
    _look_up, [lookup.BYTES] * (1 + lookup.GROUP) + [lookup.BYTES, lookup.WORDS] * (SUMS // 2)
)


@compiled
def _run_popcount(memory, turns):
    _counts(address(memory), turns)


@compiled
def _run_lookup(memory, turns):
    _look_ups(address(memory), turns)


_MEMORY = np.zeros((2 + lookup.GROUP + SUMS) * HOST.vector_bits // 64, np.uint64)
_LOOPS = {
    "popcount": Limit(partial(_run_popcount, _MEMORY), SUMS * HOST.vector_bits),
    # a byte of a look-up is 4 bits of two rows, and a group has two sums
    "lookup": Limit(partial(_run_lookup, _MEMORY), SUMS // 2 * lookup.GROUP * HOST.vector_bits),
}

LIMITS: Mapping[str, Limit] = MappingProxyType({name: _LOOPS[name] for name in gemm.METHODS})
"""The loop of each method that this processor can run."""

"""A look at a few values of weights, without reading them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from xnorsim.importers.levelled import level_bits
from xnorsim.importers.onnx.merging import folded
from xnorsim.importers.onnx.tensors import is_external, load_tensor, offset_inside, opened
from xnorsim.importers.stamps import Stamp
from xnorsim.network import ops
from xnorsim.network.graph import Parameter
from xnorsim.network.precision import FLOAT32

__all__ = ["Look", "look"]

MOST = 8
"""Weights of the first filter that are looked at."""


@dataclass(frozen=True, slots=True)
class Look:
    """Names of weights: those whose first |w| of the first filter are all `equal`, and those
    whose first w lie at the `levels` of a few bits."""

    equal: frozenset[str]
    levels: frozenset[str]


def look(weights: Iterable[tuple[str, Parameter, ops.Weighted]]) -> Look:
    """What the first weights of (name, weight, layer) look like.

    Not of those that are computed, or that lie in another file. The model file is opened once.
    """
    with ExitStack() as files:
        streams: dict[Path, BinaryIO] = {}

        def stream_of(where: str, source: Stamp) -> BinaryIO:
            if source.path not in streams:
                file = opened(where, source.path, source, buffering=0)
                streams[source.path] = files.enter_context(file)
            return streams[source.path]

        seen = [(name, _first_values(weight, op, stream_of)) for name, weight, op in weights]
    first = {name: np.asarray(values, np.float32) for name, values in seen if values}
    equal = {name for name, values in first.items() if len(set(np.abs(values).tolist())) == 1}
    levels = {name for name, values in first.items() if level_bits(values[None]) is not None}
    return Look(frozenset(equal), frozenset(levels))


def _first_values(
    weight: Parameter, op: ops.Weighted, stream_of: Callable[[str, Stamp], BinaryIO]
) -> list[float]:
    load = weight.load
    if weight.placeholder or weight.spec.encoding != FLOAT32 or not weight.spec.elements:
        return []
    count, step = _first_filter(weight.spec.shape, op)
    if isinstance(load, partial) and load.func is folded:  # its filters are columns
        load, step = load.args[0], weight.spec.shape[0]
    if count < 2 or not isinstance(load, partial) or load.func is not load_tensor:
        return []
    where, tensor, source = load.args
    positions = [at * step for at in range(min(count, MOST))]
    start = offset_inside(tensor)
    if start is not None:
        return list(_values(stream_of(where, source), start, positions))
    if not is_external(tensor) and weight.spec.elements <= SMALL:
        return load().reshape(-1)[positions].tolist()
    return []


def _values(stream: BinaryIO, start: int, positions: Iterable[int]) -> Iterator[float]:
    """float32 values of a file, each read when it is asked for."""
    for position in positions:
        stream.seek(start + 4 * position)
        yield struct.unpack("<f", stream.read(4))[0]


SMALL = 2**12
"""[elements] Weights up to this size lie in the message itself, and are not read again."""


def _first_filter(shape: tuple[int, ...], op: ops.Weighted) -> tuple[int, int]:
    """How many weights the first filter has, and how far they lie apart."""
    if isinstance(op, ops.Dense):
        return (shape[1], 1) if op.transpose_weight else (shape[0], shape[1])
    if isinstance(op, ops.ConvTranspose):  # those of the first input channel alone
        return prod(shape[2:]), 1
    return prod(shape[1:]), 1

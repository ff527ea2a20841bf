"""A look at a few values of weights, without reading them."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from math import prod
from pathlib import Path
from typing import BinaryIO

from xnorsim.importers.onnx.file import Source
from xnorsim.importers.onnx.merging import folded
from xnorsim.importers.onnx.tensors import is_external, load_tensor, offset_inside, opened
from xnorsim.network import ops
from xnorsim.network.graph import Parameter
from xnorsim.network.precision import FLOAT32

__all__ = ["looking_binary"]

MOST = 8
"""Weights of the first filter that are looked at."""


def looking_binary(weights: Iterable[tuple[str, Parameter, ops.Weighted]]) -> frozenset[str]:
    """Those of the (name, weight, layer) whose first |w| of the first filter are all equal.

    None that is computed, or that lies in another file. The model file is opened once.
    """
    with ExitStack() as files:
        streams: dict[Path, BinaryIO] = {}

        def stream_of(where: str, source: Source) -> BinaryIO:
            if source.path not in streams:
                file = opened(where, source.path, source, buffering=0)
                streams[source.path] = files.enter_context(file)
            return streams[source.path]

        return frozenset(n for n, weight, op in weights if _looks_binary(weight, op, stream_of))


def _looks_binary(
    weight: Parameter, op: ops.Weighted, stream_of: Callable[[str, Source], BinaryIO]
) -> bool:
    load = weight.load
    if weight.placeholder or weight.spec.encoding != FLOAT32 or not weight.spec.elements:
        return False
    count, step = _first_filter(weight.spec.shape, op)
    if isinstance(load, partial) and load.func is folded:  # its filters are columns
        load, step = load.args[0], weight.spec.shape[0]
    if count < 2 or not isinstance(load, partial) or load.func is not load_tensor:
        return False
    where, tensor, source = load.args
    positions = [at * step for at in range(min(count, MOST))]
    start = offset_inside(tensor)
    if start is not None:
        values = _values(stream_of(where, source), start, positions)
    elif not is_external(tensor) and weight.spec.elements <= SMALL:
        values = iter(load().reshape(-1)[positions])
    else:
        return False
    first = abs(next(values))
    return all(abs(value) == first for value in values)


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

"""Bytes that layers move over each boundary between memory levels, from how they are blocked.

Each function states the loops and the footprints of one kind of layer; `nests` does the rest, and
has the equations, sources and assumptions. What they share:

- sizes, blocks and bytes broadcast over layers x design points; one element may be 1/8 byte;
- level_sizes: [byte], nearest first, each broadcasting: of caches, since what crosses the outer
  boundary of a level depends on its own size. A level of size 0 gives what loads and stores move;
- since_bytes: operand -> all bytes touched between its use here and the one before (after, if it is
  written), see nests.Operand. Without an entry it comes from, or goes to, the last level. For the
  weights it is what a whole inference touches: if that does not fit they come from the last level
  once an inference;
- line_bytes: of a cache [byte]; 1 counts bytes. Partly used lines count as a whole;
- write_allocate: whether a level fetches a line before it is first written;
- the result: operand -> bytes [...] of each level, both ways, to be summed by `total_bytes`.

How far off (tests/cost/test_traffic_traces.py has the table): two levels of fully associative
caches that replay traces of two dozen small kernels move the same bytes to 1%, three cases apart,
the worst 16%. Caches of 8 ways: the same to 2% where the prediction does not change from 1 / 1.5 to
1.5 times their size, something between those two elsewhere. Rows a power of two apart, which fall
into the same sets, lose more than is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from xnorsim.cost.nests import Extents, Levels, Loop, Operand, Traffic, nest_traffic, total_bytes
from xnorsim.errors import UsageError, choices

__all__ = [
    "Convolution",
    "convolution_loops",
    "depthwise_traffic",
    "direct_traffic",
    "gemm_loops",
    "gemm_traffic",
    "im2col_traffic",
    "stream_traffic",
    "total_bytes",
]

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_WRITTEN = ("outputs", "buffer", "written")


def _operands(
    since_bytes: Mapping[str, Any], **footprints: Callable[[Extents], Any]
) -> dict[str, Operand]:
    """Raises UsageError for a key of since_bytes that is no operand."""
    for name in since_bytes:
        if name not in footprints:
            raise UsageError(f"no operand '{name}': {choices(name, footprints)}")
    return {
        name: Operand(footprint, name in _WRITTEN, since_bytes.get(name, inf))
        for name, footprint in footprints.items()
    }


def _in_lines(runs: Any, run_bytes: Any, row_bytes: Any, line_bytes: Any) -> Any:
    """Bytes of the lines under `runs` pieces of rows, each aligned to a line or all of its row.

    Bytes themselves are not rounded: a piece of a mean size may hold a fraction of one.
    """
    whole = np.ceil(run_bytes / line_bytes) * line_bytes
    return runs * np.minimum(np.where(np.equal(line_bytes, 1), run_bytes, whole), row_bytes)


def gemm_loops(
    tile_positions: Any,
    tile_filters: Any,
    tile_depth: Any,
    *,
    outer: Literal["positions", "filters"] = "positions",
    block_positions: Any = inf,
    block_filters: Any = inf,
    block_depth: Any = inf,
) -> tuple[Loop, ...]:
    """Blocks of depth, positions and filters, in them tiles, and in a tile the steps of depth.

    outer: which tiles the outer one of the two tile loops runs over, and so with the blocks. The
    sums of a tile stay in registers over its depth. Raises UsageError for another `outer`.
    """
    tiles = {"positions": tile_positions, "filters": tile_filters}
    blocks = {"positions": block_positions, "filters": block_filters}
    if outer not in tiles:
        raise UsageError(f"no tile loop over '{outer}': {choices(outer, tiles)}")
    order = (outer, *(name for name in tiles if name != outer))
    return (
        Loop("depth", block_depth),
        *(Loop(name, blocks[name]) for name in order),
        *(Loop(name, tiles[name]) for name in order),
        Loop("depth", tile_depth, in_registers=("outputs",)),
    )


def gemm_traffic(
    positions: ArrayLike,
    filters: ArrayLike,
    depth: ArrayLike,
    loops: Sequence[Loop],
    *,
    level_sizes: Levels,
    activation_bytes: Any,
    weight_bytes: Any,
    output_bytes: Any,
    groups: ArrayLike = 1,
    line_bytes: Any = 1,
    since_bytes: Mapping[str, Any] = _NOTHING,
    write_allocate: ArrayLike = True,
) -> Traffic:
    """Products of matrices: outputs[p, f] = sum of activations[p, k] weights[f, k] over k [byte].

    Parameters
    ----------
    positions, filters, depth : of one group; depth = taps x channels of a filter
    loops : see `gemm_loops`; groups run outside of them
    activation_bytes, weight_bytes, output_bytes : of one element [byte]
    since_bytes, level_sizes, line_bytes, write_allocate : see the module

    Activations are a row-major matrix, the input itself or what `im2col_traffic` wrote (last used
    its own and the input's bytes ago); weights lie in the order of use, packed once when the
    network was loaded; outputs are row-major.
    Returns "activations", "weights", "outputs" by level [byte].
    """
    sizes = {"groups": groups, "positions": positions, "filters": filters, "depth": depth}
    activation_row = np.asarray(depth) * activation_bytes
    output_row = np.asarray(groups) * filters * output_bytes

    def activations(e: Extents) -> Any:
        rows = e["groups"] * e["positions"]
        return _in_lines(rows, e["depth"] * activation_bytes, activation_row, line_bytes)

    def weights(e: Extents) -> Any:
        return e["groups"] * e["filters"] * e["depth"] * weight_bytes

    def outputs(e: Extents) -> Any:
        run = e["groups"] * e["filters"] * output_bytes
        return _in_lines(e["positions"], run, output_row, line_bytes)

    operands = _operands(since_bytes, activations=activations, weights=weights, outputs=outputs)
    nest = (Loop("groups", 1), *loops)
    return nest_traffic(sizes, nest, operands, level_sizes, write_allocate=write_allocate)


@dataclass(frozen=True, slots=True)
class Convolution:
    """The sizes of a two-dimensional convolution, and of its elements [byte]; all broadcast.

    `rows` and `columns` of the output; `input_rows` and `input_columns` without padding, inf:
    nothing is padded. `filters` and `channels` of one group. Tensors lie channels last.
    """

    rows: Any
    columns: Any
    channels: Any
    kernel_rows: Any
    kernel_columns: Any
    activation_bytes: Any
    output_bytes: Any = 0
    weight_bytes: Any = 0
    filters: Any = 1
    stride_rows: Any = 1
    stride_columns: Any = 1
    input_rows: Any = inf
    input_columns: Any = inf
    batch: Any = 1
    line_bytes: Any = 1


_SIDES = ("batch", "rows", "columns", "channels", "filters", "kernel_rows", "kernel_columns")


def _covered(outputs: Any, kernel: Any, stride: Any, inputs: Any) -> Any:
    """Input positions under the windows of `outputs` positions in a row, overlaps once."""
    span = (np.maximum(outputs, 1) - 1) * np.minimum(stride, kernel) + kernel
    return np.where(outputs > 0, np.minimum(span, inputs), 0.0)


def _input(at: Convolution) -> Callable[[Extents], Any]:
    apart = np.maximum(at.stride_columns / np.maximum(at.kernel_columns, 1), 1)
    pitch = apart * at.channels * at.activation_bytes

    def footprint(e: Extents) -> Any:
        height = _covered(e["rows"], e["kernel_rows"], at.stride_rows, at.input_rows)
        width = _covered(e["columns"], e["kernel_columns"], at.stride_columns, at.input_columns)
        run = e["channels"] * at.activation_bytes
        # The columns that a wide stride leaves out lie in lines that come along.
        return e["batch"] * _in_lines(height * width, run, pitch, at.line_bytes)

    return footprint


def convolution_loops(
    tile_columns: Any,
    blocks: Sequence[tuple[str, Any]] = (),
    steps: Sequence[tuple[str, Any]] = (),
) -> tuple[Loop, ...]:
    """Over rows, over tiles of columns, over `blocks`, and over `steps` with sums in registers.

    blocks, steps: (dimension, block), outermost first, such as [("filters", 8)] and then
    [("kernel_rows", 1), ("kernel_columns", 1), ("channels", 32)].
    """
    return (
        Loop("rows", 1),
        Loop("columns", tile_columns),
        *(Loop(over, block) for over, block in blocks),
        *(Loop(over, block, in_registers=("outputs",)) for over, block in steps),
    )


def direct_traffic(
    at: Convolution,
    loops: Sequence[Loop],
    *,
    level_sizes: Levels,
    since_bytes: Mapping[str, Any] = _NOTHING,
    write_allocate: ArrayLike = True,
) -> Traffic:
    """A convolution that reads its input in place, directly or through pointers, in a group [byte].

    loops: over rows, columns, filters, channels, kernel_rows and kernel_columns, in the batch; see
    `convolution_loops`. The rest: see the module.
    Returns "activations", "weights", "outputs" by level [byte].
    """

    def weights(e: Extents) -> Any:
        taps = e["kernel_rows"] * e["kernel_columns"]
        return e["filters"] * e["channels"] * taps * at.weight_bytes

    def outputs(e: Extents) -> Any:
        runs, row = e["batch"] * e["rows"] * e["columns"], at.filters * at.output_bytes
        return _in_lines(runs, e["filters"] * at.output_bytes, row, at.line_bytes)

    operands = _operands(since_bytes, activations=_input(at), weights=weights, outputs=outputs)
    return _convolve(at, loops, operands, level_sizes, write_allocate)


def depthwise_traffic(
    at: Convolution,
    loops: Sequence[Loop],
    *,
    level_sizes: Levels,
    since_bytes: Mapping[str, Any] = _NOTHING,
    write_allocate: ArrayLike = True,
) -> Traffic:
    """As `direct_traffic`, but each channel has one filter of its own; at.filters is left out.

    The loops run over channels where those of a direct convolution run over filters.
    """

    def weights(e: Extents) -> Any:
        return e["channels"] * e["kernel_rows"] * e["kernel_columns"] * at.weight_bytes

    def outputs(e: Extents) -> Any:
        runs, row = e["batch"] * e["rows"] * e["columns"], at.channels * at.output_bytes
        return _in_lines(runs, e["channels"] * at.output_bytes, row, at.line_bytes)

    operands = _operands(since_bytes, activations=_input(at), weights=weights, outputs=outputs)
    return _convolve(at, loops, operands, level_sizes, write_allocate)


def im2col_traffic(
    at: Convolution,
    *,
    level_sizes: Levels,
    since_bytes: Mapping[str, Any] = _NOTHING,
    write_allocate: ArrayLike = True,
) -> Traffic:
    """Writing the inputs under the filter, position after position, into a buffer [byte].

    The buffer is the "activations" of the `gemm_traffic` that comes next, whose traffic comes on
    top. Of `at`, filters, weights and outputs are left out. The rest: see the module.
    Returns "activations" (the input) and "buffer" by level [byte].
    """

    def buffer(e: Extents) -> Any:
        patch = e["kernel_rows"] * e["kernel_columns"] * e["channels"] * at.activation_bytes
        return e["batch"] * e["rows"] * e["columns"] * patch

    operands = _operands(since_bytes, activations=_input(at), buffer=buffer)
    loops = (Loop("rows", 1), Loop("columns", 1))
    return _convolve(at, loops, operands, level_sizes, write_allocate)


def _convolve(
    at: Convolution,
    loops: Sequence[Loop],
    operands: Mapping[str, Operand],
    level_sizes: Levels,
    write_allocate: ArrayLike,
) -> Traffic:
    sizes = {name: getattr(at, name) for name in _SIDES}
    nest = (Loop("batch", 1), *loops)
    return nest_traffic(sizes, nest, operands, level_sizes, write_allocate=write_allocate)


def stream_traffic(
    read_bytes: ArrayLike,
    written_bytes: ArrayLike,
    *,
    level_sizes: Levels,
    since_bytes: Mapping[str, Any] = _NOTHING,
    write_allocate: ArrayLike = True,
) -> Traffic:
    """A layer that reads all once and writes all once [byte]: read + (1 or 2) x written.

    Twice where a level allocates on a write: the line is fetched before it is written. For a layer
    in place, whose write finds the line that it read, set write_allocate to False.
    Returns "read" and "written" by level [byte].
    """
    sizes = {"read": read_bytes, "written": written_bytes}
    operands = _operands(since_bytes, read=lambda e: e["read"], written=lambda e: e["written"])
    return nest_traffic(sizes, (), operands, level_sizes, write_allocate=write_allocate)

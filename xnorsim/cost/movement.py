"""Bytes of a network's layers over each boundary between memory levels, by how kernels walk.

Products move what their loop nest makes them move (traffic.py): the operands of the product, and
before it the patches that im2col writes and the layout that the kernel makes of them. Everything
else reads and writes its tensors once. The weights of a layer were last used an inference ago, its
input just before, and its output is read soon after.

Assumptions: images and filters are taken as square, and several images as one that is larger. Bytes
are those of one thread that does all: several neither fetch anything twice nor bring more cache.
What a kernel copies before a direct product, as a border, moves nothing beyond the nearest level.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost.axes import everywhere, narrow
from xnorsim.cost.nests import Loop, Moved, Traffic
from xnorsim.cost.recipes import Kernel, Walk, filled_depth, stages
from xnorsim.cost.traffic import (
    Convolution,
    convolution_loops,
    depthwise_traffic,
    direct_traffic,
    gemm_loops,
    gemm_traffic,
    im2col_traffic,
    stream_traffic,
)
from xnorsim.cost.uses import Use
from xnorsim.machine.core import Core
from xnorsim.machine.lowering import Machine
from xnorsim.work.dimensions import Dimensions

__all__ = [
    "PASS_COLUMNS",
    "Caches",
    "caches_of",
    "pass_traffic",
    "stage_traffic",
    "use_traffic",
]

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Caches:
    """What the bytes of layers depend on besides themselves.

    level_sizes: of the caches, nearest first, each a number or [..., 1] [byte]; write_allocate:
    whether a line is fetched before a run of stores fills it; weight_bytes: what is read between
    two uses of a layer's weights, those of the whole network, a number or [..., 1] [byte]; before,
    after: what the layer that runs before each, and the one after it, touch [..., layers] [byte].
    """

    level_sizes: Sequence[Any]
    write_allocate: bool
    weight_bytes: Any
    before: NDArray[np.float64]
    after: NDArray[np.float64]

    def of(self, layers: NDArray[np.intp] | list[int]) -> Caches:
        """The same for some of the layers."""
        return replace(self, before=self.before[..., layers], after=self.after[..., layers])


def caches_of(columns: Columns, machine: Machine, core: Core) -> Caches:
    """The caches of a machine, all of its memories but the last, for the network of `columns`."""
    bits = np.sum(columns["weight_bits"] + columns["scale_bits"], axis=-1, keepdims=True)
    weights = bits / 8
    touched = (columns["activation_traffic_bits"] + columns["parameter_traffic_bits"]) / 8
    running = np.flatnonzero(everywhere(columns["runs"] > 0, "run"))
    before, after = np.zeros(touched.shape), np.zeros(touched.shape)
    before[..., running[1:]] = touched[..., running[:-1]]
    after[..., running[:-1]] = touched[..., running[1:]]
    sizes = [narrow(size) for size in machine.level_size_bytes[:-1]]
    return Caches(sizes, core.write_allocate, weights, before, after)


def stage_traffic(use: Use, caches: Caches) -> dict[str, Traffic]:
    """Stage of a kernel -> operand -> bytes of each level [..., n]; see `use_traffic`.

    A product takes in what a stage moves that its kernel has not. One that moves nothing is left
    out.
    """
    found: dict[str, Traffic] = {}
    for stage, operands in use_traffic(use, caches).items():
        is_own = stage in stages(use.kernel)
        into = found.setdefault(stage if is_own else "product", {})
        into |= {name if is_own else f"{stage} {name}": moved for name, moved in operands.items()}
    return found


PASS_COLUMNS = ("macs", "runs", "output_bits", "activation_traffic_bits", "parameter_traffic_bits")
"""Those of the layer table that `pass_traffic` reads."""


def pass_traffic(columns: Columns, caches: Caches) -> Traffic:
    """What layers without products read and write: operand -> bytes of each level [..., layers]."""
    alone = np.where(columns["macs"] > 0, 0, 1)
    written = alone * columns["runs"] * columns["output_bits"] / 8
    moved = columns["activation_traffic_bits"] + columns["parameter_traffic_bits"]
    read = alone * moved / 8 - written
    return stream_traffic(
        read,
        written,
        level_sizes=caches.level_sizes,
        write_allocate=caches.write_allocate,
        since_bytes=_between(caches, read + written),
    )


def _between(caches: Caches, touched: Any) -> dict[str, Any]:
    """Bytes touched between an element's use in a layer that touches so many, and its other use.

    Of an element at the share x of both passes, the pass before has (1 - x) of its bytes to go, and
    this one had x of its own: on average half of both. The same holds for what is written.
    """
    return {
        "read": (caches.before + touched) / 2,
        "written": (touched + caches.after) / 2,
    }


def _since(caches: Caches, touched: Any) -> dict[str, Any]:
    """The same by operand of a product that reads its input where it lies."""
    between = _between(caches, touched)
    return {
        "activations": between["read"],
        "weights": caches.weight_bytes,
        "outputs": between["written"],
    }


def use_traffic(use: Use, caches: Caches) -> dict[str, Traffic]:
    """Stage -> operand -> bytes of each level [..., n] that a product moves in its layers [byte].

    caches: for those layers, see `Caches.of`.
    """
    return _FORMS[use.kernel.walk.form](use.kernel, use.nest, caches)


def _gemm(kernel: Kernel, d: Dimensions, caches: Caches) -> dict[str, Traffic]:
    walk = kernel.walk
    depth = filled_depth(kernel, d)
    filters, positions = walk.blocks(kernel, d) if walk.blocks else (np.inf, np.inf)
    loops = gemm_loops(
        kernel.tile.positions,
        kernel.tile.filters,
        kernel.tile.depth,
        outer=walk.outer,
        block_positions=positions,
        block_filters=filters,
        block_depth=np.maximum(walk.block_depth, kernel.tile.depth),
    )
    patches = d.groups * d.positions * depth * walk.activation_bits / 8
    given = d.groups * d.positions * d.filters * walk.output_bits / 8
    found = _before(kernel, d, patches, caches)
    is_laid_out = _gathers(d) | walk.packs
    taken = np.where(is_laid_out, patches, _input_bytes(kernel, d))
    between = _between(caches, taken + given)
    last = 2 * taken if walk.pads else between["read"]
    found["product"] = gemm_traffic(
        d.positions,
        d.filters,
        depth,
        loops,
        level_sizes=caches.level_sizes,
        write_allocate=caches.write_allocate,
        activation_bytes=walk.activation_bits / 8,
        weight_bytes=walk.weight_bits / 8,
        output_bytes=walk.output_bits / 8,
        groups=d.groups,
        since_bytes={
            "activations": np.where(is_laid_out, 2 * taken, last),
            "weights": caches.weight_bytes,
            "outputs": between["written"],
        },
    )
    if walk.unpacks:
        found["results"] = _rearranged(given, caches, 2 * given, between["written"])
    if np.isfinite(walk.chunk):
        product = found["product"]
        product["activations"] = _times(product["activations"], ~_gathers(d))
        found = _chunked(found, given, caches, between)
    return found


def _times(moved: Moved, number: Any) -> Moved:
    return tuple(level * number for level in moved)


def _gathers(d: Dimensions) -> NDArray[np.bool_]:
    """Where there is an im2col: a filter sees more than its own position."""
    return (np.asarray(d.taps) > 1) | (np.asarray(d.stride) > 1)


def _chunked(
    found: dict[str, Traffic], given: Any, caches: Caches, between: Mapping[str, Any]
) -> dict[str, Traffic]:
    """The same where what is made of some positions stays in the nearest level until its results.

    What the im2col writes and the product reads of it moves no further; the results are written
    once, by a stage of their own.
    """
    found["product"].pop("outputs")
    found.get("im2col", {}).pop("buffer", None)
    written = stream_traffic(
        0.0,
        given,
        level_sizes=caches.level_sizes,
        write_allocate=caches.write_allocate,
        since_bytes=between,
    )
    return found | {"results": {"outputs": written["written"]}}


def _before(kernel: Kernel, d: Dimensions, patches: Any, caches: Caches) -> dict[str, Traffic]:
    """The copy with padding, im2col where a filter sees more than its own position, and the
    kernel's own layout."""
    moves = np.where(_gathers(d), 1.0, 0.0)
    taken = _input_bytes(kernel, d)
    found = _padded(kernel, taken, _between(caches, 2 * taken)["read"], caches)
    read = 2 * taken if found else _between(caches, taken + patches)["read"]
    if moves.any():
        copied = im2col_traffic(
            _geometry(kernel, d),
            level_sizes=caches.level_sizes,
            write_allocate=caches.write_allocate,
            since_bytes={"activations": read, "buffer": taken + patches},
        )
        gathered = {name: _times(moved, moves * d.groups) for name, moved in copied.items()}
        found["im2col"] = found.get("im2col", {}) | gathered
    if kernel.walk.packs:
        found["layout"] = _rearranged(patches, caches, 2 * patches, 2 * patches)
    return found


def _padded(kernel: Kernel, taken: Any, read: Any, caches: Caches) -> dict[str, Traffic]:
    """The copy of an input into one with its padding, before what gathers from that; its border,
    which stays as it is, is left out."""
    if not kernel.walk.pads:
        return {}
    moved = _rearranged(taken, caches, read, 2 * taken)
    return {"im2col": {"image": moved["read"], "padded": moved["written"]}}


def _rearranged(moved: Any, caches: Caches, read: Any, written: Any) -> Traffic:
    """A pass that brings so many bytes into another order, last used and used next so far apart."""
    return stream_traffic(
        moved,
        moved,
        level_sizes=caches.level_sizes,
        write_allocate=caches.write_allocate,
        since_bytes={"read": read, "written": written},
    )


def _direct(kernel: Kernel, d: Dimensions, caches: Caches) -> dict[str, Traffic]:
    """Blocks of channels and filters outside, then rows, tiles of columns and of filters."""
    walk, tile = kernel.walk, kernel.tile
    filters = walk.blocks(kernel, d)[0] if walk.blocks else np.inf
    channels = np.maximum(walk.block_depth / np.maximum(d.taps, 1), 1)
    blocks = (
        Loop("channels", np.minimum(channels, walk.block_channels)),
        Loop("filters", filters),
    )
    loops = (
        *(blocks[::-1] if walk.outer == "filters" else blocks),
        *convolution_loops(tile.positions, [("filters", tile.filters)]),
    )
    given = d.groups * d.positions * d.filters * walk.output_bits / 8
    taken = _input_bytes(kernel, d)
    since, found = _since(caches, taken + given), {}
    if walk.packs:
        found["layout"] = _rearranged(taken, caches, since["activations"], 2 * taken)
        since["activations"] = 2 * taken
    if walk.unpacks:
        found["results"] = _rearranged(given, caches, 2 * given, since["outputs"])
        since["outputs"] = 2 * given
    moved = direct_traffic(
        _geometry(kernel, d),
        loops,
        level_sizes=caches.level_sizes,
        write_allocate=caches.write_allocate,
        since_bytes=since,
    )
    found["product"] = {name: _times(each, d.groups) for name, each in moved.items()}
    return found


def _depthwise(kernel: Kernel, d: Dimensions, caches: Caches) -> dict[str, Traffic]:
    """All channels at each position; the filters of a group share its input."""
    at = _geometry(kernel, d, channels=d.groups * d.filters)
    at = replace(at, activation_bytes=at.activation_bytes / np.maximum(d.filters, 1))
    given = d.groups * d.filters * d.positions * at.output_bytes
    taken = _input_bytes(kernel, d)
    since = _since(caches, taken + given)
    found = _padded(kernel, taken, since["activations"], caches)
    if found:
        since["activations"] = 2 * taken
    found["product"] = depthwise_traffic(
        at,
        convolution_loops(1),
        level_sizes=caches.level_sizes,
        write_allocate=caches.write_allocate,
        since_bytes=since,
    )
    return found


def _input_bytes(kernel: Kernel, d: Dimensions) -> Any:
    elements = d.groups * d.positions * d.stride * d.filter_channels
    return elements * kernel.walk.activation_bits / 8


def _geometry(kernel: Kernel, d: Dimensions, channels: Any = None) -> Convolution:
    """The layer as a square convolution: sides are roots of positions, taps and stride."""
    side, tap, stride = (np.sqrt(np.asarray(x, float)) for x in (d.positions, d.taps, d.stride))
    walk: Walk = kernel.walk
    return Convolution(
        rows=side,
        columns=side,
        channels=d.filter_channels if channels is None else channels,
        kernel_rows=tap,
        kernel_columns=tap,
        filters=d.filters,
        stride_rows=stride,
        stride_columns=stride,
        input_rows=side * stride,
        input_columns=side * stride,
        activation_bytes=walk.activation_bits / 8,
        weight_bytes=walk.weight_bits / 8,
        output_bytes=walk.output_bits / 8,
    )


_FORMS: dict[str, Callable[[Kernel, Dimensions, Caches], dict[str, Traffic]]] = {
    "gemm": _gemm,
    "direct": _direct,
    "depthwise": _depthwise,
}
"""How the bytes of each form of walk are counted; a stream is a pass, and no product."""

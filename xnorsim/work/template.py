"""One convolution of any size: its layer table by formulas, for a whole grid of sizes at once.

The layer is a network of its own: a square convolution without bias over square images, padded so
that it gives ceil(size / stride) positions along each side. If its inputs become binary, their sign
is taken first, as a layer of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xnorsim.errors import UsageError
from xnorsim.network.extents import same_padding
from xnorsim.network.graph import Graph, Node, Parameter, Stored, TensorSpec, check
from xnorsim.network.ops import Conv
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import (
    BIPOLAR,
    FLOAT32,
    Border,
    Scaling,
    mac_class,
)
from xnorsim.work.memory import WORD_BITS
from xnorsim.work.table import COLUMNS

__all__ = ["LAYER", "Template", "convolution", "convolution_graph"]

LAYER = "convolution"
"""The name of the layer; that of its sign has ".sign" behind it."""

MOST = 2**53
"""Counts up to here are exact as floats, too."""


@dataclass(frozen=True, eq=False)
class Template:
    """The layer table of one convolution at many sizes.

    columns: arrays [..., layers], those of COLUMNS; names, kinds: of the layers [layers].
    """

    columns: Mapping[str, NDArray[np.int64]]
    names: tuple[str, ...]
    kinds: tuple[str, ...]


def convolution_graph(
    channels: int,
    filters: int,
    kernel: int,
    size: int,
    stride: int = 1,
    groups: int = 1,
    batch: int = 1,
    *,
    binarize: Binarize = Binarize.XNOR,
    scaling: Scaling = Scaling.ALPHA,
) -> Graph:
    """The network of one convolution: (batch, channels, size, size) by filters of kernel x kernel.

    Raises:
        ShapeError: groups that do not divide channels and filters, or sizes below 1.
    """
    padding = same_padding(size, kernel, stride)
    op = Conv(filters, (kernel,) * 2, (stride,) * 2, (padding,) * 2, (1, 1), groups)
    positions = -(-size // stride)
    weight = TensorSpec((filters, channels // groups, kernel, kernel), FLOAT32)
    graph = Graph(
        LAYER,
        (Node(LAYER, op, ("x",), ("y",), {"weight": "w"}),),
        {
            "x": TensorSpec((batch, channels, size, size), FLOAT32),
            "y": TensorSpec((batch, filters, positions, positions), FLOAT32),
        },
        {"w": Parameter(weight, (Stored("w", weight),))},
        ("x",),
        ("y",),
    )
    return apply(check(graph), policy(binarize, scaling))


def policy(binarize: Binarize, scaling: Scaling) -> Policy:
    """The layer is binarized whatever it is: the first, the last, or depthwise."""
    return Policy(binarize, keep=(), scaling=scaling, depthwise=True, border=Border.ZERO)


def convolution(
    channels: ArrayLike,
    filters: ArrayLike,
    kernel: ArrayLike,
    size: ArrayLike,
    stride: ArrayLike = 1,
    groups: ArrayLike = 1,
    batch: ArrayLike = 1,
    *,
    binarize: Binarize = Binarize.XNOR,
    scaling: Scaling = Scaling.ALPHA,
) -> Template:
    """The layer table of `convolution_graph` at each of many sizes.

    Arrays of whole numbers that broadcast; a column has the axes that it depends on. Groups divide
    channels and filters.

    Raises:
        UsageError: a size below 1, or a count above 2^53.
    """
    given = {"channels": channels, "filters": filters, "kernel": kernel, "size": size,
             "stride": stride, "groups": groups, "batch": batch}  # fmt: skip
    sizes = {name: np.asarray(array) for name, array in given.items()}
    for name, array in sizes.items():
        if array.size and array.min() < 1:
            raise UsageError(f"{name} of a convolution is at least 1 (got {array.min()})")
    _check_exact(sizes, binarize, scaling)
    rows = _rows({n: a.astype(np.int64) for n, a in sizes.items()}, binarize, scaling)
    columns = {
        name: np.stack(np.broadcast_arrays(*(row.get(name, 0) for row in rows.values())), axis=-1)
        for name in COLUMNS
    }
    names = (f"{LAYER}.sign", LAYER) if len(rows) > 1 else (LAYER,)
    return Template(columns, names, tuple(rows))


def _check_exact(sizes: Mapping[str, NDArray[Any]], binarize: Binarize, scaling: Scaling) -> None:
    """Refuse counts that are not exact, looked at in floats, which do not wrap."""
    floats = {name: array.astype(np.float64) for name, array in sizes.items()}
    fewest = ("stride", "groups")  # all counts but that of positions fall with them, or stay
    if all(array.size for array in floats.values()):
        ends = {n: a.min() if n in fewest else a.max() for n, a in floats.items()}
        at_ends = _rows({n: np.asarray(a) for n, a in ends.items()}, binarize, scaling)
        if _largest(at_ends) <= MOST:
            return
    for kind, row in _rows(floats, binarize, scaling).items():
        for name, column in row.items():
            if np.any(column > MOST):
                raise UsageError(
                    f"a convolution's {name} would be {np.max(column):.3g} (layer of kind {kind}): "
                    "counts are exact up to 2^53"
                )


def _largest(rows: Mapping[str, Mapping[str, Any]]) -> float:
    return max(float(np.max(column)) for row in rows.values() for column in row.values())


def _rows(
    at: Mapping[str, NDArray[Any]], binarize: Binarize, scaling: Scaling
) -> dict[str, dict[str, Any]]:
    """The columns of each layer, by its kind; those left out are 0. Arrays of ints, or of floats.

    Source: work/counts.py, memory.py and dimensions.py, of which these are the formulas.
    """
    side = -(-at["size"] // at["stride"])
    positions = at["batch"] * side * side
    pixels = at["batch"] * at["channels"] * at["size"] * at["size"]
    is_xnor, is_binary = binarize is Binarize.XNOR, binarize is not Binarize.NONE
    has_map = is_xnor and scaling is Scaling.ALPHA_K
    read = pixels * (BIPOLAR.bits if is_xnor else FLOAT32.bits)
    read = read + pixels * FLOAT32.bits if has_map else read
    conv = {
        **_products(at, positions, side, binarize),
        **_weights(at, is_binary, scaling),
        "fp_ops": _results(at, positions, pixels, scaling if is_binary else Scaling.NONE),
        "input_bits": read,
        "output_bits": positions * at["filters"] * FLOAT32.bits,
        "output_elements": positions * at["filters"],
        "runs": np.ones_like(at["size"]),
    }
    moved = read + conv["output_bits"]
    conv |= {"activation_traffic_bits": moved, "live_bits": moved}
    if not is_xnor:
        return {"conv": conv}
    moved = pixels * (FLOAT32.bits + BIPOLAR.bits)
    sign = {
        "binarize_ops": pixels,
        "input_bits": pixels * FLOAT32.bits,
        "output_bits": pixels * BIPOLAR.bits,
        "output_elements": pixels,
        "activation_traffic_bits": moved,
        "live_bits": moved,
        "runs": np.ones_like(at["size"]),
    }
    return {"sign": sign, "conv": conv}


def _products(
    at: Mapping[str, NDArray[Any]], positions: Any, side: Any, binarize: Binarize
) -> dict[str, Any]:
    """Multiply-accumulates and the loop nest: positions x groups x filters x channels x taps."""
    taps = at["kernel"] * at["kernel"]
    depth, filters = at["channels"] // at["groups"], at["filters"] // at["groups"]
    weight = FLOAT32 if binarize is Binarize.NONE else BIPOLAR
    activation = BIPOLAR if binarize is Binarize.XNOR else FLOAT32
    macs = positions * at["filters"] * depth * taps
    inside = _valid_taps(at, side)
    return {
        "macs": macs,
        "macs_valid": at["batch"] * at["filters"] * depth * inside * inside,
        f"{mac_class(weight, activation)}_macs": macs,
        "positions": positions,
        "filters": filters,
        "filter_channels": depth,
        "taps": taps,
        "groups": at["groups"],
        "stride": at["stride"] * at["stride"],
    }


def _valid_taps(at: Mapping[str, NDArray[Any]], side: Any) -> Any:
    """Along a side: pairs of output position and tap that read the image, as arithmetic.valid_taps.

    Output o and tap t read o * stride + t - before: of tap t those from ceil((before - t) / stride)
    to floor((size - 1 + before - t) / stride).
    """
    size, kernel, stride = at["size"], at["kernel"], at["stride"]
    before = np.maximum((side - 1) * stride + kernel - size, 0) // 2
    found = np.zeros_like(size * stride)
    for tap in range(int(kernel.max(initial=0))):
        shift = before - tap
        first = np.maximum(-(-shift // stride), 0)
        last = np.minimum((size - 1 + shift) // stride, side - 1)
        found = found + np.where(tap < kernel, np.maximum(last - first + 1, 0), 0)
    return found


def _weights(at: Mapping[str, NDArray[Any]], is_binary: bool, scaling: Scaling) -> dict[str, Any]:
    depth = at["channels"] // at["groups"]
    vectors = at["filters"] * at["kernel"] * at["kernel"]  # one a filter and tap
    weights = vectors * depth
    bits = weights * (BIPOLAR.bits if is_binary else FLOAT32.bits)
    has_scale = is_binary and scaling is not Scaling.NONE
    scales = at["filters"] * FLOAT32.bits if has_scale else np.zeros_like(at["filters"])
    return {
        "parameters": weights,
        "weight_bits": bits,
        "weight_bits_padded": vectors * -(-depth // WORD_BITS) * WORD_BITS if is_binary else bits,
        "scale_bits": scales,
        "weight_bits_fp32": weights * FLOAT32.bits,
        "parameter_traffic_bits": bits + scales,
    }


def _results(at: Mapping[str, NDArray[Any]], positions: Any, pixels: Any, scaling: Scaling) -> Any:
    """What scaling costs: alpha once a result; the map K as arithmetic.k_map_ops says."""
    results = positions * at["filters"]
    if scaling is Scaling.NONE:
        return np.zeros_like(results)
    if scaling is Scaling.ALPHA:
        return results
    box = at["kernel"] * at["kernel"] * positions * at["groups"]
    return results + 2 * pixels + box + results

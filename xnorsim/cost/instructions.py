"""The instruction-level predictor: what a program's kernels issue, on the ports of a core.

    time of a layer = max(instructions on the ports, transfers of each level beyond the nearest)
                      + overhead of a layer that runs on its own

The instructions are those of a recipe set (recipes/), their cycles the bound of the ports and the
front end (ports.py). Loads and stores are among them, so the nearest memory level is; bytes of the
others, and energies, are still those of the roofline (roofline.py). Memory overlaps with the core
completely. All of that makes the time a bound from below for the program that is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.cost import roofline
from xnorsim.cost.latency import combined_seconds, core_seconds, nearest_bound
from xnorsim.cost.ports import port_cycles
from xnorsim.cost.recipes import RecipeSet, elements, layer_instructions, select
from xnorsim.errors import UsageError
from xnorsim.machine.core import Core
from xnorsim.machine.instructions import CLASSES
from xnorsim.machine.lowering import Machine
from xnorsim.work.dimensions import DIMENSIONS, Dimensions

__all__ = ["bound_names", "layer_mix", "predict"]

Columns = Mapping[str, NDArray[Any]]

_PRODUCTS = {
    "binary_macs": "binary",
    "bwn_macs": "bwn",
    "int8_macs": "int8",
    "fp_macs": "fp",
    "other_macs": "fp",  # executed after widening to floats
}
"""The kind of kernel for each column of multiply-accumulates."""

_PASSES = {
    "batch_norm": "bn",
    "add": "add",
    "relu": "relu",
    "max_pool": "max_pool",
    "mean_pool": "average_pool",
}
"""The kind of kernel for a layer without products; others are passes of an operation at a time."""


def layer_mix(
    columns: Columns, kinds: Sequence[str], recipes: RecipeSet, core: Core
) -> NDArray[np.float64]:
    """The instructions [layers, classes] that a program issues for each layer.

    What is done on the results of a product (bias, scale, rectifier) is part of its kernel; what
    goes beyond a bias and a scale each, such as the map K, is not, and costs a pass of operations.
    A layer without products is a pass over its results, or, if there is no kernel of its kind, one
    pass for each operation on an element.

    Raises:
        UsageError: the program has no kernel for a layer, or the core cannot execute it.
    """
    mix = np.zeros((len(kinds), len(CLASSES)))
    for where, kernel, nest in _asked(columns, kinds):
        if where.any():
            mix[where] += _issued(where, kernel, nest, kinds, recipes, core)
    return mix


_Asked = tuple[NDArray[np.bool_], str, Dimensions]


def _asked(columns: Columns, kinds: Sequence[str]) -> Iterator[_Asked]:
    """Where each kind of kernel runs, and on which loop nest."""
    loops = Dimensions(*(columns[name] for name in DIMENSIONS))
    for column, word in _PRODUCTS.items():
        yield columns[column] > 0, word, loops
    yield columns["binarize_ops"] > 0, "binarize", elements(columns["binarize_ops"])
    results, operations = columns["output_elements"], columns["fp_ops"]
    multiplies = columns["macs"] > 0
    beyond = np.where(multiplies, np.maximum(operations - 2 * results, 0), 0)
    yield beyond > 0, "elementwise", elements(beyond)
    window = np.maximum(operations // np.maximum(results, 1), 1)
    nests = dict.fromkeys(("bn", "add", "relu"), elements(results))
    nests |= dict.fromkeys(("max_pool", "average_pool"), elements(results, window))
    words = np.array([_PASSES.get(kind, "elementwise") for kind in kinds])
    for word in dict.fromkeys(words.tolist()):
        where = ~multiplies & (operations > 0) & (words == word)
        yield where, word, nests.get(word, elements(operations))


def _issued(
    where: NDArray[np.bool_],
    kernel: str,
    nest: Dimensions,
    kinds: Sequence[str],
    recipes: RecipeSet,
    core: Core,
) -> NDArray[np.float64]:
    """The instructions [layers, classes] of `kernel` in the layers where it runs."""
    sizes = (np.broadcast_to(getattr(nest, name), where.shape)[where] for name in DIMENSIONS)
    try:
        return layer_instructions(select(recipes, kernel, core), Dimensions(*sizes))
    except UsageError as fault:
        layers = sorted({kind for kind, runs in zip(kinds, where, strict=True) if runs})
        raise UsageError(f"{fault}\n  needed by layers of kind {', '.join(layers)}") from fault


def bound_names(machine: Machine) -> tuple[str, ...]:
    """What can limit a layer: its instructions, a memory level beyond the nearest, or overhead."""
    return ("instructions", *machine.level_names[1:], "overhead")


def predict(
    columns: Columns,
    kinds: Sequence[str],
    machine: Machine,
    core: Core,
    recipes: RecipeSet,
    threads: Any = 1,
) -> roofline.Prediction:
    """Latency [s], energy [J] and nearest bound of each layer by the kernels of `recipes`.

    columns: arrays [layers] of the layer table; kinds: the word for each layer's kind.

    Raises:
        UsageError: as `layer_mix`; kinds for another number of layers.
    """
    if len(kinds) != len(columns["macs"]):
        raise UsageError(f"{len(kinds)} kinds were given for {len(columns['macs'])} layers")
    used = np.minimum(threads, machine.cores)
    cycles = port_cycles(layer_mix(columns, kinds, recipes, core), core)
    on_core = core_seconds(cycles * (columns["runs"] > 0), machine.clock_hz, used)
    transfers = roofline.transfer_seconds(columns, machine, threads)[1:]
    overhead = columns["runs"] * machine.layer_overhead_s
    latency = combined_seconds(on_core, transfers, [1.0] * len(transfers)) + overhead
    bound, _ = nearest_bound(on_core, transfers, overhead)
    return roofline.Prediction(latency, roofline.energy_joules(columns, machine, latency), bound)

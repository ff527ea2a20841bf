"""A network and the arrays that it is run on: each says something about the other.

The arrays given set the shapes of a file's inputs, and so the batch. Without arrays they are
drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from xnorsim.analysis.arrays import read_arrays
from xnorsim.analysis.models import Model, load_model
from xnorsim.errors import ShapeError, UsageError, choices
from xnorsim.network.graph import Graph, TensorSpec
from xnorsim.network.precision import BIPOLAR, Meaning

__all__ = ["Inputs", "as_inputs", "load_with_inputs"]

Array = np.ndarray
Inputs = Array | Mapping[str, Array] | str | PathLike[str] | None


def load_with_inputs(
    model: Model,
    inputs: Inputs = None,
    *,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    seed: int = 0,
) -> tuple[Graph, dict[str, Array]]:
    """A network with the arrays it is to read, by input name.

    Parameters
    ----------
    model : path of an ONNX file, name of a zoo network, or a graph
    inputs : an array for the only input, arrays by name, an .npy or .npz file of either, or None:
        floats are then drawn from a normal distribution, small integers from all there are, wide
        ones (often indices) from 0 and 1
    input_shape, batch : as for load_model, where no arrays are given
    seed : of what is drawn

    Raises:
        UsageError: an array of a wrong name or type.
        ShapeError: an array of a shape that the network cannot read.
        InputError: a file that cannot be read.
    """
    given = read_arrays(inputs) if isinstance(inputs, str | PathLike) else inputs
    if given is None:
        graph = load_model(model, input_shape=input_shape, batch=batch)
        note = f"inputs are drawn from seed {seed}"
        graph = replace(graph, notes=(*graph.notes, note))
        return graph, {n: _drawn(graph.name, n, graph.tensors[n], seed) for n in graph.inputs}
    if input_shape or batch is not None:
        raise UsageError("input_shape and batch are for drawn inputs: arrays have their shapes")
    if isinstance(model, Graph):
        return _fitting(model, model.inputs, given)
    if not Path(model).is_file():
        return _fitting(_from_zoo(str(model), given), ("input",), given)
    stated = _stated_inputs(Path(model))
    arrays = _by_name(str(model), tuple(stated), given)
    try:
        graph = load_model(model, input_shape={n: a.shape for n, a in arrays.items() if a.ndim})
    except (ShapeError, UsageError) as fault:
        shapes = "; ".join(
            f"input '{name}' is {stated[name]} in the file and {list(array.shape)} as given"
            for name, array in arrays.items()
        )
        raise type(fault)(f"{fault}\n{shapes}") from fault
    return _fitting(graph, graph.inputs, arrays)


def _fitting(graph: Graph, names: tuple[str, ...], given: object) -> tuple[Graph, dict[str, Array]]:
    return graph, as_inputs(graph, _by_name(graph.name, names, given))


def as_inputs(graph: Graph, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """`arrays` as a graph reads them; plain bytes become the narrow floats that they stand for.

    Raises:
        UsageError: a name, shape or type that is not the graph's; every fault at once.
    """
    from xnorsim.exact.encodings import dtype_of
    from xnorsim.exact.execute import check_inputs

    found = dict(arrays)
    for name, value in found.items():
        if name in graph.inputs and value.dtype.kind == "V":
            kind = dtype_of(graph.tensors[name].encoding)
            found[name] = value.view(kind) if kind.itemsize == value.dtype.itemsize else value
    check_inputs(graph, found)
    return found


def _from_zoo(name: str, given: Any) -> Graph:
    """A network of the zoo, for as many samples as the array has."""
    only = next(iter(given.values()), None) if isinstance(given, Mapping) else given
    shape = getattr(only, "shape", ())
    return load_model(name, batch=shape[0] if shape and shape[0] else None)


def _by_name(where: str, names: tuple[str, ...], given: object) -> dict[str, Array]:
    """The arrays by input name, every name told.

    Raises:
        UsageError: one array for several inputs, names that are none, inputs without an array.
    """
    if not isinstance(given, Mapping):
        if len(names) != 1:
            raise UsageError(
                f"{where}: one array is given for {len(names)} inputs: give arrays by name, as "
                f"a mapping or an .npz file: {', '.join(names)}"
            )
        given = {names[0]: given}
    faults = [
        f"no input '{name}': {choices(str(name), names)}" for name in given if name not in names
    ]
    faults += [f"input '{name}' is not given" for name in names if name not in given]
    faults += [
        f"input '{name}' must be an array, not {type(value).__name__}"
        for name, value in given.items()
        if not isinstance(value, np.ndarray)
    ]
    if faults:
        raise UsageError(f"{where}: " + "\n  ".join(faults))
    return dict(given)


def _stated_inputs(path: Path) -> dict[str, list[int | str]]:
    """The inputs of a file with their shapes as it states them."""
    from xnorsim.importers.onnx.file import read_model

    model, _ = read_model(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    return {
        item.name: [
            dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "?"
            for dim in item.type.tensor_type.shape.dim
        ]
        for item in model.graph.input
        if item.name not in stored
    }


def _drawn(network: str, name: str, spec: TensorSpec, seed: int) -> Array:
    from xnorsim.exact.encodings import dtype_of
    from xnorsim.zoo.builder import seeded

    generator = seeded(network, f"input {name}", seed)
    kind = dtype_of(spec.encoding)
    if spec.encoding == BIPOLAR:
        return (2 * generator.integers(0, 2, spec.shape) - 1).astype(kind)
    if spec.encoding.meaning is Meaning.FLOAT:
        return generator.standard_normal(spec.shape).astype(kind)
    low, high = (0, 1)
    if spec.encoding.meaning is Meaning.INTEGER and spec.encoding.bits <= 8:
        signed = not spec.encoding.name.startswith("u")
        half = 2 ** (spec.encoding.bits - 1)
        low, high = (-half, half - 1) if signed else (0, 2 * half - 1)
    return generator.integers(low, high + 1, spec.shape).astype(kind)

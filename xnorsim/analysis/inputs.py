"""A network and the arrays that it is run on: each says something about the other.

The arrays given set the shapes of a file's inputs, and so the batch. Without arrays they are
drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from xnorsim.analysis.arrays import is_numeric, read_arrays
from xnorsim.analysis.models import Model, load_model
from xnorsim.errors import InputError, ShapeError, UnsupportedOpError, UsageError, choices
from xnorsim.importers.reading import Stated, stated_inputs
from xnorsim.network.graph import Graph, TensorSpec
from xnorsim.network.precision import BIPOLAR, Meaning

__all__ = ["Inputs", "as_inputs", "drawn", "load_for_inputs"]

Array = np.ndarray
Inputs = Array | Mapping[str, Array] | str | PathLike[str] | None


def load_for_inputs(
    model: Model,
    inputs: Inputs = None,
    *,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    seed: int = 0,
    weights: str | PathLike[str] | None = None,
) -> tuple[Graph, dict[str, Array] | None]:
    """A network, and the arrays it is to read by input name; None if `drawn` is to make them.

    Parameters
    ----------
    model : path of a network file, name of a zoo network, or a graph
    inputs : an array for the only input, arrays by name, an .npy or .npz file of either, or None
    input_shape : as for load_model; with arrays, of inputs whose shape is not to be the file's
    batch : as for load_model, where no arrays are given
    seed : of what is to be drawn, for a note
    weights : as for load_model

    Raises:
        UsageError: an array of a wrong name or type.
        ShapeError: an array of a shape that the network cannot read.
        InputError: a file that cannot be read.
    """
    given = read_arrays(inputs) if isinstance(inputs, str | PathLike) else inputs
    if given is None:
        graph = _loaded(model, input_shape, batch, weights)
        note = (f"inputs are drawn from seed {seed}",) if graph.inputs else ()
        return replace(graph, notes=(*graph.notes, *note)), None
    if batch is not None:
        raise UsageError(f"batch {batch} is for drawn inputs: arrays have their own")
    if isinstance(model, str | PathLike) and Path(model).is_file():
        return _file_for(Path(model), given, input_shape, weights)
    if input_shape:
        raise UsageError("input_shape is for the inputs of a file, or for drawn ones")
    if isinstance(model, str):
        return _fitting(_from_zoo(model, given), ("input",), given)
    graph = load_model(model, weights=weights)
    return _fitting(graph, graph.inputs, given)


def _file_for(
    path: Path,
    given: object,
    input_shape: Mapping[str, Sequence[int]] | None,
    weights: str | PathLike[str] | None,
) -> tuple[Graph, dict[str, Array]]:
    """The network of a file in the shapes of the arrays given, which are those that it states."""
    stated = stated_inputs(path)
    arrays = _by_name(str(path), tuple(stated), given)
    notes = _other_batches(path, stated, arrays, input_shape or {})
    shapes = {name: array.shape for name, array in arrays.items() if array.ndim}
    try:
        graph = _loaded(path, {**shapes, **(input_shape or {})}, None, weights)
    except (ShapeError, UsageError) as fault:
        concerned = {n: a for n, a in arrays.items() if _concerns(str(fault), n, stated[n], a)}
        if not concerned:
            raise
        raise type(fault)(f"{fault}\n{_both_shapes(stated, concerned)}") from fault
    return _fitting(replace(graph, notes=(*graph.notes, *notes)), graph.inputs, arrays)


def _concerns(fault: str, name: str, stated: Stated, array: Array) -> bool:
    """Whether a fault may come of an array: it names the input, or more than the batch is new."""
    if f"'{name}'" in fault or stated is None or len(stated) != array.ndim:
        return True
    return any(size != own for size, own in zip(stated[1:], array.shape[1:], strict=True))


def _other_batches(
    path: Path, stated: Mapping[str, Stated], arrays: Mapping[str, Array], free: Container[str]
) -> list[str]:
    """A note for each array with another first dimension, the batch, than the file's fixed one.

    Raises:
        ShapeError: arrays with other ranks or other fixed dimensions than the file's.
    """
    notes, faults = [], []
    for name, array in arrays.items():
        sizes = stated[name]
        if sizes is None or name in free:
            continue
        other = [
            axis
            for axis, (size, own) in enumerate(zip(sizes, array.shape, strict=False))
            if isinstance(size, int) and size != own
        ]
        if len(sizes) != array.ndim or any(other):
            faults.append(name)
        elif other:
            notes.append(f"input '{name}': a batch of {array.shape[0]}, and {sizes[0]} in the file")
    if faults:
        told = _both_shapes(stated, {name: arrays[name] for name in faults})
        raise ShapeError(f"{path}: {told}; input_shape (--input-shape) sets another shape")
    return notes


def _both_shapes(stated: Mapping[str, Stated], arrays: Mapping[str, Array]) -> str:
    return "; ".join(
        f"input '{name}' is {stated[name] or 'of any shape'} in the file and {list(array.shape)} "
        "as given"
        for name, array in arrays.items()
    )


def _loaded(
    model: Model,
    input_shape: Mapping[str, Sequence[int]] | None,
    batch: int | None,
    weights: str | PathLike[str] | None,
) -> Graph:
    try:
        return load_model(model, input_shape=input_shape, batch=batch, weights=weights)
    except UnsupportedOpError as fault:
        raise UnsupportedOpError(
            f"{fault}\n  (--allow-unknown is for counting: a run needs a rule for each of them)"
        ) from fault


def _fitting(graph: Graph, names: tuple[str, ...], given: object) -> tuple[Graph, dict[str, Array]]:
    return graph, as_inputs(graph, _by_name(graph.name, names, given))


def as_inputs(graph: Graph, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """`arrays` as a graph reads them; plain bytes become the narrow floats that they stand for.

    Raises:
        UsageError: a name, shape or type that is not the graph's; every fault at once.
    """
    from xnorsim.exact.execute import check_inputs

    found = dict(arrays)
    kinds = {name: _type_of(graph.name, name, graph.tensors[name]) for name in graph.inputs}
    for name, value in found.items():
        if name in kinds and value.dtype.kind == "V" and kinds[name].itemsize == value.itemsize:
            found[name] = value.view(kinds[name])
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
        f"input '{name}' {reason}"
        for name, value in given.items()
        if name in names and (reason := _no_tensor(value))
    ]
    if faults:
        raise UsageError(f"{where}: " + "\n  ".join(faults))
    return dict(given)


def _no_tensor(value: object) -> str:
    """Why `value` can be no input, "" if it can."""
    if not isinstance(value, np.ndarray):
        return f"must be an array, not {type(value).__name__}"
    if not is_numeric(value.dtype):
        return f"must hold numbers, not {value.dtype}"
    return "" if value.size else f"has no elements: its shape is {list(value.shape)}"


def drawn(graph: Graph, seed: int = 0) -> dict[str, Array]:
    """Arrays for every input of a graph.

    Floats come from a normal distribution, integers of 8 bits and less from all there are, wider
    ones (often indices) from 0 and 1.

    Raises:
        UsageError: an input of something else than numbers.
    """
    return {name: _drawn(graph.name, name, graph.tensors[name], seed) for name in graph.inputs}


def _drawn(network: str, name: str, spec: TensorSpec, seed: int) -> Array:
    from xnorsim.zoo.builder import seeded

    kind = _type_of(network, name, spec)
    generator = seeded(network, f"input {name}", seed)
    if spec.encoding == BIPOLAR:
        return (2 * generator.integers(0, 2, spec.shape, np.int8) - 1).astype(kind, copy=False)
    if spec.encoding.meaning is Meaning.FLOAT:
        width = np.float64 if kind == np.float64 else np.float32
        return generator.standard_normal(spec.shape, width).astype(kind, copy=False)
    low, high = (0, 1)
    if spec.encoding.meaning is Meaning.INTEGER and spec.encoding.bits <= 8:
        signed = not spec.encoding.name.startswith("u")
        half = 2 ** (spec.encoding.bits - 1)
        low, high = (-half, half - 1) if signed else (0, 2 * half - 1)
    return generator.integers(low, high + 1, spec.shape, np.int16).astype(kind)


def _type_of(network: str, name: str, spec: TensorSpec) -> np.dtype:
    from xnorsim.exact.encodings import dtype_of

    try:
        return dtype_of(spec.encoding)
    except InputError as fault:
        raise type(fault)(f"{network}: input '{name}': {fault}") from fault

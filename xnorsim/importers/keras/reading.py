"""Keras and Larq models -> Graph.

    read_graph("quicknet.json", weights="quicknet_weights.h5")

Latent weights stay in their file: a binary layer's +-1 and alpha are computed when a `Parameter`
is loaded. SAME padding is TensorFlow's. Inputs and outputs keep the file's order of axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xnorsim.errors import InputError, ModelError, ShapeError, UsageError, choices
from xnorsim.importers.channels import Axes, Value
from xnorsim.importers.keras.config import Layer, Model, every_layer, read_model
from xnorsim.importers.keras.file import Source, read_source
from xnorsim.importers.keras.names import named
from xnorsim.importers.keras.rules import INPUT, check_layers, has_weights
from xnorsim.importers.keras.settings import LARGEST, shape_of
from xnorsim.importers.keras.state import MOST_AXES, State
from xnorsim.importers.keras.walk import run_model
from xnorsim.importers.keras.weights import Weights, by_position
from xnorsim.network import ops
from xnorsim.network.assembly import Assembly
from xnorsim.network.graph import Graph
from xnorsim.network.precision import FLOAT32

__all__ = ["read_graph", "stated_inputs"]

Shape = tuple[int | None, ...]


def read_graph(
    path: str | Path,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    allow_unknown: bool = False,
    weights: str | Path | None = None,
) -> Graph:
    """The network of a Keras config (model.to_json()) or of an HDF5 file (model.save("x.h5")).

    `weights` is an .npz or an .h5 with the weights of a config; an HDF5 file has its own. Without
    any, the network can be counted but not run. `input_shapes` sets the sizes of inputs, `batch`
    the first one of each; a batch left open is 1. `allow_unknown` keeps layers without a rule as
    `ops.Unknown` where the file states what they write.

    Raises:
        ModelError: not a Keras model, damaged, or a graph that cannot be.
        ShapeError: shapes that do not fit, those of weights too, or that stay unknown.
        UnsupportedOpError: layers, functions or quantizers without a rule.
        UsageError: input shapes that do not fit the model's inputs.
        MissingExtraError: an HDF5 file, and h5py is not installed.
    """
    path = Path(path)
    try:
        source = read_source(path, None if weights is None else Path(weights))
        return _read(source, input_shapes or {}, batch, allow_unknown, weights)
    except InputError:
        raise
    except Exception as fault:  # whatever a config of the wrong form breaks
        raise ModelError(f"{path}: damaged: {type(fault).__name__}: {fault!s:.200}") from fault


def stated_inputs(path: str | Path) -> dict[str, list[int | str] | None]:
    """The inputs of a model with their shapes as it states them, "?" for an open size.

    Raises:
        ModelError: not a Keras model, or damaged.
        MissingExtraError: an HDF5 file, and h5py is not installed.
    """
    path = Path(path)
    try:
        model = read_model(path.name, read_source(path, None).config)
        stated = _stated_shapes(path.name, model)
    except InputError:
        raise
    except Exception as fault:  # as read_graph
        raise ModelError(f"{path}: damaged: {type(fault).__name__}: {fault!s:.200}") from fault
    return {
        name: None if shape is None else ["?" if size is None else size for size in shape]
        for name, shape in stated.items()
    }


def _read(
    source: Source,
    input_shapes: Mapping[str, Sequence[int]],
    batch: int | None,
    allow_unknown: bool,
    weights: str | Path | None,
) -> Graph:
    file = source.path.name
    model = read_model(file, source.config)
    check_layers(file, model, allow_unknown)
    assembly = Assembly(file)
    notes: list[str] = []
    held = _aligned(source.weights, model, notes)
    state = State(file, assembly, Axes(assembly), held, source.version, model.name)
    inputs = [
        Value(assembly.input(name, shape), False)
        for name, shape in _inputs(file, model, input_shapes, batch).items()
    ]
    results = run_model(state, model, inputs)
    outputs = [_as_written(state, value) for value in results]
    _drop_unread(state, outputs)
    shapes = {name: list(assembly.shape(name)) for name in assembly.inputs}
    metadata = {
        "format": "keras",
        "file": file,
        "graph": model.name,
        "producer": f"{source.form} {source.version}".strip(),
        "weights": Path(weights).name if weights is not None else "",
        "inputs": shapes,
    }
    graph = assembly.graph(
        list(dict.fromkeys(outputs)), metadata=metadata, notes=(*notes, *_notes(state, model))
    )
    return replace(graph, name=source.path.stem)


def _aligned(weights: Weights | None, model: Model, notes: list[str]) -> Weights | None:
    """The weights by the names of the model's own layers."""
    if weights is None:
        return None
    layers = [layer.name for layer in model.layers if has_weights(layer)]
    moved = by_position(weights, layers)
    if moved is not None:
        notes.append(
            f"Layers have other names in {weights.file}: its weights are taken in the order in "
            "which they stand there, as Keras does."
        )
    return moved or weights


def _inputs(
    file: str, model: Model, given: Mapping[str, Sequence[int]], batch: int | None
) -> dict[str, tuple[int, ...]]:
    """The shape of each input, all sizes known."""
    stated = _stated_shapes(file, model)
    for name in given:
        if name not in stated:
            raise UsageError(f"{file}: no input '{name}': {choices(name, stated)}")
    if batch is not None and not 1 <= batch <= LARGEST:
        raise UsageError(f"batch {batch} is not from 1 to {LARGEST}")
    return {
        name: _chosen(file, name, shape, given.get(name), batch) for name, shape in stated.items()
    }


def _stated_shapes(file: str, model: Model) -> dict[str, Shape | None]:
    layers = {layer.name: layer for layer in model.layers}
    return {
        reference.layer: _stated(file, layers.get(reference.layer), reference.layer)
        for reference in model.inputs
    }


def _stated(file: str, layer: Layer | None, name: str) -> Shape | None:
    """What an InputLayer says of its shape; None if it says nothing."""
    if layer is None:
        raise ModelError(f"{file}: input_layers names '{name}', which is not there")
    if layer.kind != INPUT:
        raise ModelError(f"{file}: input_layers names '{name}', which is a {layer.kind}")
    given = layer.config.get("batch_input_shape", layer.config.get("batch_shape"))
    if given is None:
        return None
    shape = shape_of(given)
    if shape is None or not 1 <= len(shape) <= MOST_AXES:
        raise ShapeError(
            f"{file}: the shape of input '{name}' is {given!r:.120}: it must be a list of at most "
            f"{MOST_AXES} sizes from 1 to {LARGEST}, or null for one left open"
        )
    return shape


def _chosen(
    file: str, name: str, stated: Shape | None, given: Sequence[int] | None, batch: int | None
) -> tuple[int, ...]:
    sizes: Shape | None = stated
    if given is not None:
        sizes = tuple(given)
        if stated is not None and len(sizes) != len(stated):
            raise UsageError(
                f"{file}: the shape given for input '{name}' has {len(sizes)} dimensions; the "
                f"file's {_text(stated)} has {len(stated)}"
            )
        if not sizes or any(size is None or not 1 <= size <= LARGEST for size in sizes):
            raise UsageError(
                f"{file}: the shape {list(sizes)} given for input '{name}' has a dimension that "
                f"is not from 1 to {LARGEST}"
            )
        if batch is not None and sizes[0] != batch:
            raise UsageError(
                f"{file}: batch {batch} contradicts the shape {list(sizes)} given for '{name}'"
            )
    if sizes is None:
        raise ShapeError(
            f"{file}: input '{name}' has no shape in the file: give it, with sizes for D0, D1, "
            f"..., as --input-shape {name}=D0,D1,..."
        )
    first = batch if batch is not None else sizes[0] or 1
    result = (first, *sizes[1:])
    if any(size is None for size in result):
        example = ",".join(str(size or 224) for size in result)
        raise ShapeError(
            f"{file}: input '{name}' {_text(sizes)} has open dimensions, which must be set, for "
            f"example: --input-shape {name}={example}"
        )
    return tuple(size for size in result if size is not None)


def _text(shape: Shape) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"


def _as_written(state: State, value: Value) -> str:
    """An output in the file's order of axes, and as floats, as Keras has it."""
    tensor = state.axes.last(value)
    if state.assembly.spec(tensor).encoding == FLOAT32:
        return tensor
    return state.assembly.layer(ops.Cast(FLOAT32), tensor, name=f"{tensor}.float")


def _drop_unread(state: State, outputs: Sequence[str]) -> None:
    """Paddings of +-1 that binary layers have made their own, and that nobody else reads."""
    assembly = state.assembly
    droppable = {name for padded in state.padded.values() for name in padded.nodes}
    read = {*outputs}
    kept = []
    for node in reversed(assembly.nodes):
        if node.name in droppable and not read & {*node.outputs}:
            for tensor in node.outputs:
                del assembly.tensors[tensor]
            continue
        read.update(node.inputs)
        kept.append(node)
    assembly.nodes[:] = reversed(kept)


def _precision(dtype: tuple[str, Mapping[str, Any]]) -> object:
    """The name of a dtype, or of a policy, in which variables may be wider than results."""
    return dtype[1].get("name", dtype[0])


def _notes(state: State, model: Model) -> tuple[str, ...]:
    notes = []
    reduced = [
        name
        for name, layer in every_layer(model)
        if (found := named(layer.config.get("dtype"))) and _precision(found) != "float32"
    ]
    if reduced:
        shown = ", ".join(reduced[:5]) + (", ..." if len(reduced) > 5 else "")
        notes.append(f"{len(reduced)} layers of another type than float32 taken as such ({shown}).")
    if state.unknown:
        shown = ", ".join(state.unknown[:10])
        notes.append(
            f"{len(state.unknown)} layers without a rule that count as nothing: every total is a "
            f"lower bound ({shown})."
        )
    return tuple(notes)

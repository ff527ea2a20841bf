"""ONNX files -> Graph.

    read_graph("resnet18.onnx", input_shapes={"input": (1, 3, 224, 224)})

The weights stay as the file has them: shapes, types and lengths are looked at, values only when a
`Parameter` is loaded. External data is not opened until then. What the file computes from
constants alone is folded into parameters and is no work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx

from xnorsim.errors import InputError, ModelError
from xnorsim.importers.onnx.binary import Known
from xnorsim.importers.onnx.control import walk
from xnorsim.importers.onnx.file import is_onnx, opsets, read_model
from xnorsim.importers.onnx.hints import hinted
from xnorsim.importers.onnx.inline import inline_functions
from xnorsim.importers.onnx.inputs import Inputs, resolve_inputs
from xnorsim.importers.onnx.names import check_names, key_of, node_names, ordered, reads
from xnorsim.importers.onnx.operators import check_operators
from xnorsim.importers.onnx.patterns import recognize
from xnorsim.importers.onnx.qonnx import DOMAINS
from xnorsim.importers.onnx.state import LARGEST_FOLD, State, add_constant, add_tensor
from xnorsim.importers.onnx.tensors import elements_of, is_external, stored_parameter
from xnorsim.importers.onnx.view import Layer
from xnorsim.importers.onnx.walk import emit
from xnorsim.importers.stamps import Stamp
from xnorsim.network import ops
from xnorsim.network.graph import Graph, check

__all__ = ["is_onnx", "read_graph"]


def read_graph(
    path: str | Path,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    allow_unknown: bool = False,
) -> Graph:
    """The network of an ONNX file, opset 7 to the newest that the installed onnx knows.

    `input_shapes` sets the sizes of inputs, those that the file leaves open and others; `batch`
    sets the first dimension of every input. `allow_unknown` keeps operators without a rule as
    `ops.Unknown`.

    Raises:
        ModelError: not an ONNX file, damaged, or a graph that cannot be.
        ShapeError: shapes that do not fit or that stay unknown.
        UnsupportedOpError: operators without a rule, or control flow decided at run time.
        UsageError: input shapes that do not fit the file's inputs.
    """
    path = Path(path)
    try:
        return _read(path, input_shapes or {}, batch, allow_unknown)
    except InputError:
        raise
    except Exception as fault:  # onnx and protobuf raise what they like on a damaged file
        raise ModelError(f"{path}: damaged: {type(fault).__name__}: {fault}") from fault


def _read(
    path: Path, input_shapes: Mapping[str, Sequence[int]], batch: int | None, allow_unknown: bool
) -> Graph:
    model, source = read_model(path)
    stored = _take_tensors(path.name, model)
    expanded = inline_functions(path.name, model)
    repair = expanded is not model  # onnx may repeat a name where it puts a function in place
    model, graph = expanded, expanded.graph
    names = node_names(graph.node, path.name, repair)
    given = [item for item in graph.input if item.name not in stored]
    known = {*stored, *(item.name for item in given)}
    read = [reads(node) for node in graph.node]
    check_names(path.name, graph, names, read, known)
    nodes = ordered(path.name, graph.node, names, read)
    check_operators(path.name, nodes, set(stored), opsets(model), allow_unknown)
    inputs = resolve_inputs(path.name, given, input_shapes, batch)
    state = _start(source, model, stored, inputs, allow_unknown)
    state.read.update(*read)
    state.names.update(names)
    walk(state, nodes)
    for item in graph.output:
        _keep_constant_output(state, item.name)
    _add_notes(state, stored)
    result = Graph(
        path.stem,
        tuple(state.nodes),
        state.tensors,
        state.parameters,
        tuple(inputs.specs),
        tuple(item.name for item in graph.output),
        _metadata(source, model, inputs),
        tuple(dict.fromkeys(state.notes)),
    )
    told = _known(state, nodes, model.producer_name)
    result = recognize(hinted(result, nodes, model.metadata_props), told)
    try:
        return check(result)
    except ModelError as fault:
        raise type(fault)(f"{path.name}: {fault}") from fault


def _known(state: State, nodes: Sequence[tuple[str, onnx.NodeProto]], producer: str) -> Known:
    """What the passes over the finished graph go by."""
    qonnx = any(key_of(node)[0] in DOMAINS for _, node in nodes)
    return Known(state.dequantized, state.magnitudes, qonnx, producer == "xnorsim")


def _take_tensors(file: str, model: onnx.ModelProto) -> dict[str, onnx.TensorProto]:
    """The graph's initializers; the model is left without them, so that nothing copies them."""
    if model.graph.sparse_initializer:
        name = model.graph.sparse_initializer[0].values.name
        raise ModelError(f"{file}: sparse initializers (such as '{name}') are not supported")
    tensors = list(model.graph.initializer)
    stored = {tensor.name: tensor for tensor in tensors}
    if len(stored) < len(tensors):
        seen: set[str] = set()
        twice = [t.name for t in tensors if t.name in seen or seen.add(t.name)]
        raise ModelError(
            f"{file}: initializers with the same name: {', '.join(sorted(set(twice)))}"
        )
    del model.graph.initializer[:]
    return stored


def _start(
    source: Stamp,
    model: onnx.ModelProto,
    stored: Mapping[str, onnx.TensorProto],
    inputs: Inputs,
    allow_unknown: bool,
) -> State:
    graph, file = model.graph, source.path.name
    stated = {item.name: item.type for item in (*graph.value_info, *graph.output)}
    state = State(
        file=file,
        source=source,
        opset_imports=list(model.opset_import),
        ir_version=model.ir_version,
        allow_unknown=allow_unknown,
        read={item.name for item in graph.output},
        stated=stated,
        symbols=inputs.symbols,
        overridden=inputs.overridden,
        batch=inputs.batch,
    )
    for name, tensor in stored.items():
        where = f"{file}: initializer '{name}'"
        add_constant(state, where, name, stored_parameter(where, name, tensor, source))
        if elements_of(tuple(tensor.dims)) <= LARGEST_FOLD and not is_external(tensor):
            state.protos[name] = tensor
    for name, spec in inputs.specs.items():
        add_tensor(state, f"{file}: input '{name}'", name, spec)
    return state


def _keep_constant_output(state: State, name: str) -> None:
    """An output that is known beforehand: a node that hands on its values."""
    if name not in state.constants or name in state.tensors:
        return
    state.tensors[name] = state.specs[name]
    emit(state, state.file, f"{name}.constant", Layer(ops.Identity(), (name,), (name,)))


def _add_notes(state: State, stored: Mapping[str, onnx.TensorProto]) -> None:
    used = {s.key for p in state.parameters.values() for s in p.stored}
    filled = [state.specs[name] for name in state.filled if name in used]
    if filled:
        elements = sum(spec.elements for spec in filled)
        state.notes.append(
            f"{_several(filled, 'weight')} ({elements} elements) not in the file but filled by "
            "ConstantOfShape: counted as the stored weights that they stand for."
        )
    schemes = [node for node in state.nodes if node.scheme is not None]
    if schemes:
        state.notes.append(
            f"{_several(schemes, 'layer')} between QuantizeLinear and DequantizeLinear: MACs and "
            "weights are counted as 8-bit integers, as integer runtimes execute them; activations "
            "and the conversions between them as the file has them, in float32."
        )
    if state.rebatched and state.batch:
        names = list(dict.fromkeys(state.rebatched))
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        old, new = state.batch
        state.notes.append(
            f"{_several(names, 'reshape')} with batch {old} written into the file, where {new} is "
            f"used instead ({shown})."
        )
    if state.unknown:
        state.notes.append(
            f"{_several(state.unknown, 'node')} with operators that have no rule and count as "
            f"nothing: every total is a lower bound ({', '.join(state.unknown[:10])})."
        )
    unused = [state.specs[name] for name in stored if name not in state.read]
    if unused:
        bits = sum(spec.bits for spec in unused)
        state.notes.append(
            f"{_several(unused, 'initializer')} ({bits} bits) read by no node: left out."
        )


def _several(items: Sequence[object], word: str) -> str:
    return f"{len(items)} {word}" + ("" if len(items) == 1 else "s")


def _metadata(source: Stamp, model: onnx.ModelProto, inputs: Inputs) -> dict[str, Any]:
    producer = f"{model.producer_name} {model.producer_version}".strip()
    versions = {domain or "ai.onnx": version for domain, version in opsets(model).items()}
    return {
        "format": "onnx",
        "file": source.path.name,
        "graph": model.graph.name,
        "bytes": source.size,
        "producer": producer,
        "ir_version": model.ir_version,
        "opsets": versions,
        "inputs": {name: list(spec.shape) for name, spec in inputs.specs.items()},
    }

"""What a config says: the layers of a model, and what each of their calls reads.

Sequential models become functional ones. Calls are written in two ways: Keras 2 has lists
[[layer, node, tensor, arguments], ...], Keras 3 {"args": [...], "kwargs": {...}} with tensors that
know where they come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xnorsim.errors import ModelError
from xnorsim.importers.keras.names import LONGEST_NAME
from xnorsim.importers.keras.settings import is_whole, listed

__all__ = ["Call", "Layer", "Model", "Reference", "every_layer", "read_model"]

DEEPEST = 50
"""Models within models beyond this are a fault."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One tensor: the layer that writes it, in which of its calls, and which of its results."""

    layer: str
    call: int
    result: int


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a layer: its arguments, with a `Reference` for each tensor, and those alone."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    reads: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as the file has it; `model` if it is a whole model itself. `entries` is how many
    values its settings and calls are made of, those of inner layers apart."""

    name: str
    kind: str
    module: str
    config: Mapping[str, Any]
    calls: tuple[Call, ...]
    model: Model | None = None
    built_for: Any = None
    entries: int = 1


@dataclass(frozen=True, slots=True)
class Model:
    """Layers, and which tensors go in and out."""

    name: str
    layers: tuple[Layer, ...]
    inputs: tuple[Reference, ...]
    outputs: tuple[Reference, ...]


def _use(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
    return Call(args, kwargs, tuple(_references((args, kwargs))))


def _references(value: object) -> Iterator[Reference]:
    """The tensors in arguments of any structure, in order."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _references(item)


def every_layer(model: Model, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """All layers, those of inner models too, with names "outer/inner"."""
    for layer in model.layers:
        yield prefix + layer.name, layer
        if layer.model is not None:
            yield from every_layer(layer.model, f"{prefix}{layer.name}/")


def read_model(where: str, data: object) -> Model:
    """The model of a config: what model.to_json() writes, read as JSON.

    Raises:
        ModelError: it is not of this form.
    """
    if not isinstance(data, dict) or "class_name" not in data or "config" not in data:
        raise ModelError(
            f"{where}: not the config of a Keras model: it needs 'class_name' and 'config', as "
            "model.to_json() writes them"
        )
    name = data["config"].get("name") if isinstance(data["config"], dict) else None
    name = _checked_name(where, name) if isinstance(name, str) and name else "model"
    model = _model(where, data, name, ())
    if model is None:
        raise ModelError(
            f"{where}: the config of a single {data['class_name']!r:.80}, not of a model: 'config' "
            "has no 'layers'"
        )
    return model


def _checked_name(where: str, name: str) -> str:
    """A name that is none of megabytes, which would be copied over and over."""
    if len(name) > LONGEST_NAME:
        raise ModelError(
            f"{where}: a name of {len(name)} characters, {name!r:.80}: more than {LONGEST_NAME}"
        )
    return name


def _model(where: str, data: Mapping[str, Any], name: str, path: tuple[str, ...]) -> Model | None:
    """The model that a layer's entry holds, or None if it is a plain layer; `path` are the names
    of the layers around its own, and its own."""
    config = data["config"]
    if isinstance(config, list) and data["class_name"] == "Sequential":
        config = {"layers": config}  # as early versions wrote it
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        return None
    if len(path) > DEEPEST:
        raise ModelError(f"{where}: more than {DEEPEST} models within one another")
    sequential = "input_layers" not in config
    layers = [_layer(where, item, path, sequential) for item in config["layers"]]
    if not layers:
        raise ModelError(f"{where}: model '{name}' has no layers")
    _check_names(where, name, layers)
    if sequential:
        return _sequential(where, name, config, layers)
    ends = [
        tuple(_references(_argument(where, _nested(config.get(key)))))
        for key in ("input_layers", "output_layers")
    ]
    if not all(ends):
        raise ModelError(
            f"{where}: model '{name}' has no input_layers or output_layers, as [layer, call, "
            "result] each"
        )
    inputs, outputs = ends
    nodes = (node for item in config["layers"] for node in item.get("inbound_nodes", ()))
    if any(isinstance(node, dict) and "args" in node for node in nodes):
        outputs = tuple(_counted_from_zero(layers, reference) for reference in outputs)
    return Model(name, tuple(layers), inputs, outputs)


def _counted_from_zero(layers: Sequence[Layer], output: Reference) -> Reference:
    """Keras 3 counts calls of functional models from 1 in outputs, and from 0 elsewhere."""
    inner = next((layer for layer in layers if layer.name == output.layer), None)
    functional = inner is not None and inner.model is not None and "input_layers" in inner.config
    return replace(output, call=output.call - 1) if functional and output.call else output


def _nested(ends: object) -> object:
    """Keras 3 writes a single end without the list around it."""
    return [ends] if isinstance(ends, list) and ends and isinstance(ends[0], str) else ends


def _layer(where: str, item: object, path: tuple[str, ...], sequential: bool) -> Layer:
    if not isinstance(item, dict):
        raise ModelError(f"{where}: an entry of 'layers' is {item!r:.80}: it must be an object")
    kind, config = item.get("class_name"), item.get("config")
    if not isinstance(kind, str) or not isinstance(config, dict | list):
        raise ModelError(f"{where}: a layer without 'class_name' or 'config': {dict(item)!r:.120}")
    own = config.get("name") if isinstance(config, dict) else None
    name = item.get("name", own)
    if not isinstance(name, str) or not name:
        raise ModelError(f"{where}: a layer of class {kind!r:.80} has no name")
    _checked_name(where, kind)
    _checked_name(where, "/".join((*path, name)))
    here = f"{where}: layer '{name}'"
    nodes = item.get("inbound_nodes", [])
    if not isinstance(nodes, list):
        raise ModelError(f"{here}: inbound_nodes is {nodes!r:.80}: it must be a list")
    calls = () if sequential else tuple(_call(here, node) for node in nodes)
    inner = _model(where, item, name, (*path, name))
    if inner is None and not isinstance(config, dict):
        raise ModelError(f"{here}: 'config' is a list: it must be an object")
    module, built = item.get("module"), item.get("build_config")
    return Layer(
        name,
        kind.rsplit(">", 1)[-1],
        module if isinstance(module, str) else "",
        config if isinstance(config, dict) else {},
        calls,
        inner,
        built.get("input_shape") if isinstance(built, dict) else None,
        _entries(nodes) + (_entries(config) if inner is None else 1),
    )


def _entries(value: object) -> int:
    """How many values something of JSON is made of."""
    if isinstance(value, dict):
        return 1 + sum(map(_entries, value.values()))
    return 1 + sum(map(_entries, value)) if isinstance(value, list) else 1


def _check_names(where: str, model: str, layers: Sequence[Layer]) -> None:
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            raise ModelError(f"{where}: model '{model}' has two layers called '{layer.name}'")
        seen.add(layer.name)


def _call(where: str, node: object) -> Call:
    if isinstance(node, dict) and "args" in node:
        args = _argument(where, node["args"])
        kwargs = _argument(where, node.get("kwargs") or {})
        if not isinstance(args, tuple) or not isinstance(kwargs, dict):
            raise ModelError(f"{where}: a call with args {node['args']!r:.80}: not a list")
        return _use(args, kwargs)
    if isinstance(node, dict):
        node = list(node.values())
    if not isinstance(node, list) or not node:
        raise ModelError(f"{where}: a call is {node!r:.80}: it must be a list of what it reads")
    given = [node] if isinstance(node[0], str) else node
    kwargs: dict[str, Any] = {}
    for item in given:
        if isinstance(item, list) and len(item) == 4 and isinstance(item[3], dict):
            kwargs |= {key: _argument(where, value) for key, value in item[3].items()}
    return _use(tuple(_argument(where, item) for item in given), kwargs)


def _argument(where: str, value: Any) -> Any:
    """An argument as the file writes it, with a `Reference` for each tensor."""
    items = listed(value)
    if items is not None:
        if len(items) in (3, 4) and items[0] == "_CONSTANT_VALUE":
            return items[2]
        if len(items) in (3, 4) and isinstance(items[0], str):
            return _reference(where, items)
        return tuple(_argument(where, item) for item in items)
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            config = value.get("config")
            history = config.get("keras_history") if isinstance(config, dict) else None
            return _reference(where, listed(history) or ())
        return {key: _argument(where, item) for key, item in value.items()}
    return value


def _reference(where: str, items: Sequence[Any]) -> Reference:
    whole = len(items) >= 3 and all(is_whole(item) and item >= 0 for item in items[1:3])
    if not whole or not isinstance(items[0], str):
        raise ModelError(
            f"{where}: a tensor is given as {list(items)!r:.80}: it must be [layer, call, result]"
        )
    return Reference(_checked_name(where, items[0]), items[1], items[2])


_INPUT_SHAPES = ("batch_input_shape", "batch_shape")


def _sequential(where: str, name: str, config: Mapping[str, Any], layers: Sequence[Layer]) -> Model:
    """One layer after the other as a functional model, with an input where it has none."""
    if layers[0].kind != "InputLayer":
        shape = _first_shape(layers[0]) or config.get("build_input_shape")
        taken = {layer.name for layer in layers}
        title = next(t for i in range(len(taken) + 1) if (t := f"input_{i + 1}") not in taken)
        source = Layer(title, "InputLayer", "", {"batch_input_shape": shape}, ())
        layers = [source, *layers]
    chained = [layers[0]]
    for layer in layers[1:]:
        call = _use((Reference(chained[-1].name, 0, 0),), {})
        chained.append(replace(layer, calls=(call,)))
    ends = (Reference(chained[0].name, 0, 0),), (Reference(chained[-1].name, 0, 0),)
    return Model(name, tuple(chained), *ends)


def _first_shape(layer: Layer) -> Any:
    """The shape of the input that a layer states itself, or that its first layer does."""
    if layer.model is not None:
        first = layer.model.inputs[0].layer
        return next(
            (_first_shape(inner) for inner in layer.model.layers if inner.name == first), None
        )
    return next((layer.config[key] for key in _INPUT_SHAPES if layer.config.get(key)), None)

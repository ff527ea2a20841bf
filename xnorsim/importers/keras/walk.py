"""From layers to nodes: each call of each layer in an order in which all it reads is there."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from xnorsim.errors import InputError, ModelError, ShapeError, choices
from xnorsim.importers.channels import Value
from xnorsim.importers.keras.config import Layer, Model, Reference
from xnorsim.importers.keras.rules import INPUT, RULES, has_rule
from xnorsim.importers.keras.settings import shape_of
from xnorsim.importers.keras.state import State, Use, add
from xnorsim.network import ops

__all__ = ["run_model"]

Step = tuple[int, int]
"""(position of a layer in its model, which of its calls)."""


def run_model(
    state: State, model: Model, inputs: Sequence[Value], path: tuple[str, ...] = ()
) -> tuple[Value, ...]:
    """The model's outputs, with the nodes of all its layers added.

    Raises:
        ModelError: layers that read each other in a circle, or what is not there.
    """
    run = _Run(state, model, path)
    if len(inputs) != len(model.inputs):
        raise ModelError(
            f"{run.where}: it reads {len(model.inputs)} tensors and is given {len(inputs)}"
        )
    for reference, value in zip(model.inputs, inputs, strict=True):
        run.written[reference.layer, 0] = (value,)
    for position, number in run.order():
        layer = model.layers[position]
        run.written[layer.name, number] = run.build(layer, number)
    return tuple(run.value(reference, "the model") for reference in model.outputs)


class _Run:
    """One pass over a model's layers."""

    def __init__(self, state: State, model: Model, path: tuple[str, ...]) -> None:
        self.state, self.model, self.path = state, model, path
        self.layers = {layer.name: layer for layer in model.layers}
        self.written: dict[tuple[str, int], tuple[Value, ...]] = {}
        read = [*model.outputs]
        for layer in model.layers:
            read += (reference for call in layer.calls for reference in call.reads)
        state.spend(operands=len(model.layers) + len(read))
        self.first_call = _first_calls(model, read)
        self.where = f"{state.file}: model '{'/'.join(path) or model.name}'"

    def source(self, reference: Reference, reader: str) -> tuple[str, int]:
        """(layer, call) that a reference names."""
        layer = self.layers.get(reference.layer)
        if layer is None:
            raise ModelError(
                f"{self.where}: {reader} reads layer '{reference.layer}', which is not there: "
                f"{choices(reference.layer, self.layers)}"
            )
        number = reference.call - self.first_call.get(layer.name, 0)
        calls = 1 if layer.kind == INPUT else len(layer.calls)
        if not 0 <= number < calls:
            raise ModelError(
                f"{self.where}: {reader} reads call {reference.call} of layer '{layer.name}', "
                f"which has {calls}"
            )
        return layer.name, number

    def value(self, reference: Reference, reader: str) -> Value:
        """The tensor that a reference names."""
        results = self.written[self.source(reference, reader)]
        if reference.result >= len(results):
            raise ModelError(
                f"{self.where}: {reader} reads result {reference.result} of layer "
                f"'{reference.layer}', which has {len(results)}"
            )
        return results[reference.result]

    def order(self) -> list[Step]:
        """All calls but the inputs', each after what it reads; else in the order of the file."""
        positions = {layer.name: position for position, layer in enumerate(self.model.layers)}
        waits: dict[Step, int] = {}
        readers: defaultdict[Step, list[Step]] = defaultdict(list)
        given = {reference.layer for reference in self.model.inputs}
        ready: list[Step] = []
        for position, layer in enumerate(self.model.layers):
            if layer.kind == INPUT or layer.name in given:
                self._check_input(layer, given)
                continue
            if not layer.calls:
                raise ModelError(f"{self.where}: layer '{layer.name}' reads nothing")
            for number, call in enumerate(layer.calls):
                step = position, number
                named = [self.source(item, f"layer '{layer.name}'") for item in call.reads]
                if not named:
                    raise ModelError(f"{self.where}: layer '{layer.name}' reads nothing")
                needs = {(positions[n], c) for n, c in named if (n, c) not in self.written}
                waits[step] = len(needs)
                for need in needs:
                    readers[need].append(step)
                if not needs:
                    ready.append(step)
        return self._sorted(ready, waits, readers)

    def _check_input(self, layer: Layer, given: set[str]) -> None:
        if layer.name not in given:
            raise ModelError(f"{self.where}: input layer '{layer.name}' is not among input_layers")
        if layer.kind != INPUT:
            raise ModelError(
                f"{self.where}: input_layers names '{layer.name}', which is a {layer.kind}"
            )

    def _sorted(
        self, ready: list[Step], waits: dict[Step, int], readers: Mapping[Step, list[Step]]
    ) -> list[Step]:
        result = []
        heapq.heapify(ready)
        while ready:
            step = heapq.heappop(ready)
            result.append(step)
            for reader in readers.get(step, ()):
                waits[reader] -= 1
                if not waits[reader]:
                    heapq.heappush(ready, reader)
        if len(result) < len(waits):
            done = set(result)
            stuck = [self.model.layers[p].name for p, n in waits if (p, n) not in done]
            shown = ", ".join(dict.fromkeys(stuck[:10]))
            raise ModelError(f"{self.where}: layers read each other in a circle: {shown}")
        return result

    def build(self, layer: Layer, number: int) -> tuple[Value, ...]:
        """What one call of a layer writes."""
        self.state.spend(calls=1, entries=layer.entries)
        call = layer.calls[number]
        path = (*self.path, layer.name)
        reader = f"layer '{layer.name}'"
        args = tuple(self._filled(item, reader) for item in call.args)
        kwargs = {key: self._filled(item, reader) for key, item in call.kwargs.items()}
        inputs = tuple(_values((args, kwargs)))
        if layer.model is not None:
            return run_model(self.state, layer.model, inputs, path)
        name = "/".join(path)
        count = self.state.uses[name] = self.state.uses.get(name, 0) + 1
        title = name if count == 1 else f"{name}.use{count}"
        use = Use(self.state, layer, name, title, path, inputs, args, kwargs)
        result = _built(use, self.model)
        return result if isinstance(result, tuple) else (result,)

    def _filled(self, item: Any, reader: str) -> Any:
        """An argument with values in place of references."""
        if isinstance(item, Reference):
            return self.value(item, reader)
        if isinstance(item, dict):
            return {key: self._filled(part, reader) for key, part in item.items()}
        if isinstance(item, (list, tuple)):
            return tuple(self._filled(part, reader) for part in item)
        return item


def _first_calls(model: Model, read: Sequence[Reference]) -> dict[str, int]:
    """Where calls of inner models are counted from: 1 where the first is the model's own making."""
    least: dict[str, int] = {}
    inner = {layer.name for layer in model.layers if layer.model is not None}
    for reference in read:
        if reference.layer in inner:
            least[reference.layer] = min(least.get(reference.layer, 1), reference.call)
    return least


def _values(item: Any) -> list[Value]:
    """The tensors among arguments, in order."""
    if isinstance(item, Value):
        return [item]
    if not isinstance(item, (dict, tuple)):
        return []
    parts = item.values() if isinstance(item, dict) else item
    return [value for part in parts for value in _values(part)]


def _built(use: Use, model: Model) -> Value | tuple[Value, ...]:
    if not has_rule(use.layer):
        return _unknown(use, model)
    try:
        return RULES[use.layer.kind](use)
    except InputError:
        raise
    except Exception as fault:  # a malformed layer may break any rule; the user gets its name
        raise ModelError(
            f"{use.where}: malformed: {type(fault).__name__}: {fault!s:.200}"
        ) from fault


def _unknown(use: Use, model: Model) -> Value:
    """A layer without a rule that was allowed: its result is as wide as its reader was built for.

    Raises:
        ShapeError: no reader says so.
    """
    use.state.spend(entries=len(model.layers))
    for reader in model.layers:
        alone = any(
            [read.layer for read in call.reads] == [use.layer.name] for call in reader.calls
        )
        shape = shape_of(reader.built_for) if alone else None
        if shape and None not in shape[1:]:
            batch = use.state.axes.shape(use.inputs[0])[0]
            wanted = (batch, *(size for size in shape[1:] if size is not None))
            op = ops.Unknown(use.layer.kind, use.layer.module or "keras", (wanted,))
            tensors = [use.state.axes.last(value) for value in use.inputs]
            use.state.unknown.append(use.name)
            return Value(add(use, op, *tensors), False)
    raise ShapeError(
        f"{use.where}: kept by --allow-unknown, but the file does not state the shape of what it "
        "writes (the build_config of a layer that reads it alone), so shapes after it are unknown"
    )

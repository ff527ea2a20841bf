"""The Lambda layers of Larq Zoo's networks, known by what stands beside their code.

The code of a Lambda is never decoded. Larq Zoo's say in plain text which module wrote them and
what their code refers to; no other Lambda has a rule.

Source: Larq Zoo 2.4, core/utils.py (TFOpLayer), literature/meliusnet.py (improvement_block),
literature/real_to_bin_nets.py (block).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xnorsim.errors import ModelError, ShapeError
from xnorsim.importers.channels import Value, first_axis
from xnorsim.importers.keras.activations import identity
from xnorsim.importers.keras.config import Layer
from xnorsim.importers.keras.elements import joined
from xnorsim.importers.keras.names import named
from xnorsim.importers.keras.settings import is_whole, listed
from xnorsim.importers.keras.state import Use, add, shaped
from xnorsim.network import ops
from xnorsim.network.ops import Operator

__all__ = ["build_lambda", "knows_lambda", "parted"]

Results = Value | tuple[Value, ...]
MOST_PARTS = 2**12


def _closure(layer: Layer) -> tuple[Any, ...]:
    """What the code of a Lambda refers to: the last of (code, defaults, closure)."""
    function = listed(layer.config.get("function"))
    if function is None or len(function) != 3:
        return ()
    return tuple(listed(function[2]) or ())


def _wrapped(layer: Layer) -> tuple[str, tuple[Any, ...], Mapping[str, Any]] | None:
    """(function, arguments, named arguments) of a TFOpLayer."""
    closure = _closure(layer)
    if len(closure) != 3 or not isinstance(closure[1], dict):
        return None
    function = named(closure[2])
    return function and (function[0], tuple(listed(closure[0]) or ()), closure[1])


def knows_lambda(layer: Layer) -> bool:
    """Whether a Lambda is one of Larq Zoo's."""
    return _rule(layer) is not None


def _rule(layer: Layer) -> Callable[[Use], Results] | None:
    module, closure = layer.config.get("module"), _closure(layer)
    if module == "larq_zoo.literature.real_to_bin_nets" and not closure:
        return identity
    if module == "larq_zoo.literature.meliusnet" and len(closure) == 1 and is_whole(closure[0]):
        return _improve
    wrapped = _wrapped(layer)
    if module != "larq_zoo.core.utils" or wrapped is None:
        return None
    return {"split": _split, "concat": _concat}.get(wrapped[0])


def build_lambda(use: Use) -> Results:
    """A Lambda of Larq Zoo."""
    rule = _rule(use.layer)
    if rule is None:
        raise ModelError(f"{use.where}: no rule")  # refused before, with all others of the file
    return rule(use)


def _axis(use: Use, named_arguments: Mapping[str, Any]) -> int:
    axis = named_arguments.get("axis", 0)
    if not is_whole(axis):
        raise ModelError(f"{use.where}: axis is {axis!r:.80}: it must be an integer")
    return axis


def _split(use: Use) -> tuple[Value, ...]:
    wrapped = _wrapped(use.layer)
    arguments, others = wrapped[1:] if wrapped else ((), {})
    return parted(use, arguments[0] if arguments else None, _axis(use, others))


def parted(use: Use, count: object, axis: int) -> tuple[Value, ...]:
    """tf.split: equal parts along an axis."""
    shape = shaped(use, use.value)
    rank = len(shape)
    fits = isinstance(count, int) and 1 < count <= MOST_PARTS and -rank <= axis < rank
    if not isinstance(count, int) or not fits or shape[axis] % count:
        raise ShapeError(f"{use.where}: {list(shape)} has no {count!r:.80} parts along axis {axis}")
    own = first_axis(axis, rank) if use.value.channels_first else axis % rank
    op = ops.Split(own, (shape[axis] // count,) * count)
    tensor = add(use, op, use.value.tensor, results=count)
    names = (tensor, *(f"{tensor}:{part}" for part in range(1, count)))
    return tuple(Value(name, use.value.channels_first) for name in names)


def _concat(use: Use) -> Value:
    """tf.concat along an axis."""
    wrapped = _wrapped(use.layer)
    return joined(use, use.inputs, _axis(use, wrapped[2] if wrapped else {}))


_NEW_CHANNELS = 64


def _improve(use: Use) -> Value:
    """x0 + x1, where x1 has the newest 64 channels alone: zeros stand for those before."""
    if len(use.inputs) != 2:
        raise ModelError(f"{use.where}: it reads two tensors, not {len(use.inputs)}")
    whole, newest = (use.state.axes.first(value) for value in use.inputs)
    (channels,) = _closure(use.layer)
    if not _NEW_CHANNELS <= channels < 2**31:
        raise ShapeError(f"{use.where}: {channels} channels have no newest {_NEW_CHANNELS}")
    pads = ((0, 0), (channels - _NEW_CHANNELS, 0), (0, 0), (0, 0))
    newest = add(use, ops.Pad(pads), newest, part="pad")
    return Value(add(use, ops.Elementwise(Operator.ADD), whole, newest), True)

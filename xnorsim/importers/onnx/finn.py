"""Operators of QONNX that FINN lowers networks to: MultiThreshold, XnorPopcountMatMul, Im2Col.

Source: qonnx.custom_op.general (multithreshold, xnorpopcount, im2col).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod

import numpy as np

from xnorsim.errors import ModelError, choices
from xnorsim.importers.channels import to_first, to_last
from xnorsim.importers.onnx.qonnx import Chain, dequantize
from xnorsim.importers.onnx.quantities import attribute, check_inputs, constant
from xnorsim.importers.onnx.view import (
    DATA,
    Layer,
    NodeView,
    Rule,
    input_spec,
    is_constant,
    require,
)
from xnorsim.network import ops
from xnorsim.network.extents import matmul_shape, window_extent, window_output
from xnorsim.network.graph import Parameter, Stored, TensorSpec
from xnorsim.network.ops import Operator, Padding
from xnorsim.network.precision import BIPOLAR, ENCODINGS, FLOAT32, TERNARY, UNIPOLAR, Encoding

__all__ = ["OPERATORS"]

# Thresholds

_LAYOUTS = ("NC", "NCW", "NCHW", "NCDHW", "NWC", "NHWC", "NDHWC")
_NAMED = {"BIPOLAR": BIPOLAR, "BINARY": UNIPOLAR, "TERNARY": TERNARY}
_NARROW = {(-1, 1): BIPOLAR, (0, 1): UNIPOLAR, (-1, 0, 1): TERNARY}


def _check_thresholds(view: NodeView) -> None:
    check_inputs(view, "data", "thresholds")
    layout = attribute(view, "data_layout", str, "NCHW")
    if layout not in _LAYOUTS:
        raise ModelError(f"{view.where}: no data_layout '{layout}': {choices(layout, _LAYOUTS)}")
    shape, levels = input_spec(view, 0).shape, input_spec(view, 1).shape
    require(view, len(shape) >= 2, f"its input {list(shape)} has no axis of channels")
    channels = shape[-1 if layout.endswith("C") else 1]
    require(
        view,
        len(levels) == 2 and levels[0] in (1, channels) and levels[1] >= 1,
        f"its thresholds {list(levels)} are not (1 or {channels} channels, levels)",
    )
    rows = constant(view, 1)
    falling = np.flatnonzero(np.any(np.diff(rows, axis=1) < 0, axis=1))
    if falling.size:
        row = int(falling[0])
        at = int(np.argmax(np.diff(rows[row]) < 0))
        raise ModelError(
            f"{view.where}: its thresholds '{view.inputs[1]}' of channel {row} do not ascend: "
            f"{rows[row, at]} before {rows[row, at + 1]}"
        )
    _results(view)


def _results(view: NodeView) -> tuple[Encoding, float, float]:
    """The encoding of what is counted, and its scale and offset.

    Raises:
        ModelError: out_dtype does not hold them.
    """
    scale, offset, farthest = _scaling(view)
    stated = attribute(view, "out_dtype", str)
    levels = input_spec(view, 1).shape[1]
    if not (scale.is_integer() and offset.is_integer() and farthest < 2**31):
        return _integer_of(0, levels), 1.0, 0.0  # the floats that they stand for are made later
    values = tuple(int(scale) * count + int(offset) for count in range(levels + 1))
    low, high = min(values), max(values)
    found = _NARROW.get(values) or _integer_of(low, high)
    named = _NAMED.get(stated) or ENCODINGS.get(stated.lower())
    if named is None or named == FLOAT32 or values in _NARROW:
        fits = named in (None, FLOAT32) or _holds(named, low, high)
    else:
        found, fits = named, _holds(named, low, high)
    if not fits:
        raise ModelError(
            f"{view.where}: out_dtype {stated} does not hold its results, {low} to {high} in "
            f"{levels + 1} levels"
        )
    return found, scale, offset


def _scaling(view: NodeView) -> tuple[float, float, float]:
    """out_scale, out_bias, and the greatest magnitude that a result can have.

    Raises:
        ModelError: they make results that float32 does not hold.
    """
    scale = attribute(view, "out_scale", float, 1.0)
    offset = attribute(view, "out_bias", float, 0.0)
    farthest = abs(scale) * input_spec(view, 1).shape[1] + abs(offset)
    if not farthest <= float(np.finfo(np.float32).max):
        raise ModelError(
            f"{view.where}: out_scale {scale:g} and out_bias {offset:g} make results that are no "
            "finite float32"
        )
    return scale, offset, farthest


def _holds(encoding: Encoding, low: int, high: int) -> bool:
    if encoding in _NAMED.values():
        return low >= -1 and high <= 1 and (encoding != UNIPOLAR or low >= 0)
    if encoding.name.startswith("uint"):
        return low >= 0 and high < 2**encoding.bits
    return -(2 ** (encoding.bits - 1)) <= low and high < 2 ** (encoding.bits - 1)


def _integer_of(low: int, high: int) -> Encoding:
    """The narrowest integers that hold both."""
    widths = range(2, 33)
    names = ("uint", "int") if low >= 0 else ("int",)
    return next(
        ENCODINGS[f"{name}{bits}"]
        for bits in widths
        for name in names
        if _holds(ENCODINGS[f"{name}{bits}"], low, high)
    )


def _multi_threshold(view: NodeView) -> tuple[Layer, ...]:
    to, scale, offset = _results(view)
    chain, shape = Chain(view), input_spec(view, 0).shape
    last = attribute(view, "data_layout", str, "NCHW").endswith("C") and len(shape) > 2
    if last:
        _relabelled(chain, to_first(len(shape)))
    spec = TensorSpec(chain.shape, to if to not in _NARROW.values() else FLOAT32)
    if to == BIPOLAR and not np.any(constant(view, 1)):
        chain.add(ops.Sign(), "sign", spec)
    else:
        op = ops.Thresholds(to, scale, offset)
        chain.add(op, "codes", spec, view.inputs[1:2], (DATA, "thresholds"))
    if spec.encoding == to:
        _numbers(chain, view, (scale, offset))
    if last:
        _relabelled(chain, to_last(len(shape)))
    return chain.ended()


def _relabelled(chain: Chain, order: tuple[int, ...]) -> None:
    shape = tuple(chain.shape[axis] for axis in order)
    word = "first" if order == to_first(len(order)) else "last"
    chain.add(ops.Transpose(order, relabels=True), f"channels_{word}", TensorSpec(shape, FLOAT32))


def _numbers(chain: Chain, view: NodeView, counted: tuple[float, float]) -> None:
    """Integers as the floats that they stand for; `counted` are the scale and offset in them."""
    scale, offset, _ = _scaling(view)
    if counted == (scale, offset):
        scale, offset = 1.0, 0.0
    dequantize(chain, scale)
    if offset:
        chain.arithmetic(Operator.ADD, "offset", offset)


# XnorPopcountMatMul


def _product_shape(view: NodeView) -> dict[str, TensorSpec]:
    check_inputs(view, "left", "right")
    if is_constant(view, 0) and is_constant(view, 1):
        raise ModelError(f"{view.where}: both of its operands are constant")
    left, right = (input_spec(view, at).shape for at in (0, 1))
    require(view, min(len(left), len(right)) >= 2, f"its operands {left}, {right} are no matrices")
    text = f"its operands {list(left)} and {list(right)} differ in the inner size"
    require(view, left[-1] == right[-2], text)
    return {view.outputs[0]: TensorSpec(matmul_shape(left, right), FLOAT32)}


def _popcount(view: NodeView) -> tuple[Layer, ...]:
    """How many products of bits are 1: (dot + k) / 2, the bits 0 and 1 being -1 and +1."""
    output = _product_shape(view)[view.outputs[0]]
    left, right = (input_spec(view, at).shape for at in (0, 1))
    sides, layers, held = [], [], {}
    for position, side in enumerate(("left", "right")):
        if is_constant(view, position):
            name = f"{view.name}.{side}_signs"
            held[name] = _signs_of(view, position)
            sides.append(name)
            continue
        chain = Chain(view, view.inputs[position])
        chain.arithmetic(Operator.MUL, f"{side}_doubled", 2.0)
        chain.arithmetic(Operator.ADD, f"{side}_centred", -1.0)
        chain.add(ops.Sign(), f"{side}_sign", TensorSpec(chain.shape, FLOAT32))
        layers += chain.layers
        sides.append(chain.tensor)
    dense = is_constant(view, 1) and not is_constant(view, 0) and len(right) == 2
    op, roles = (
        (ops.Dense(right[0], right[1]), (DATA, "weight")) if dense else (ops.MatMul(), _SIDES)
    )
    dot = f"{view.name}.dot"
    layers.append(Layer(op, tuple(sides), (dot,), roles, ".dot", {dot: output}, held))
    chain = Chain(view, dot, output.shape)
    chain.arithmetic(Operator.ADD, "length", float(left[-1]))
    chain.arithmetic(Operator.MUL, "halved", 0.5)
    return (*layers, *chain.ended())


_SIDES = ("left", "right")


def _signs_of(view: NodeView, position: int) -> Parameter:
    """A constant of 0 and 1 as -1 and +1."""
    given = view.constants[view.inputs[position]]
    key = "+".join(part.key for part in given.stored) or view.inputs[position]
    spec = TensorSpec(given.spec.shape, BIPOLAR)
    load = None
    if given.load is not None:
        load = partial(_bits, f"{view.where}: its input '{view.inputs[position]}'", given.load)
    return Parameter(spec, (Stored(f"{key}.binary", spec),), load, given.placeholder)


def _bits(where: str, load) -> np.ndarray:
    values = load()
    wrong = values[(values != 0) & (values != 1)]
    if wrong.size:
        raise ModelError(f"{where} has the value {wrong.reshape(-1)[0]}; bits are 0 or 1")
    return (2 * values - 1).astype(np.int8)


# Im2Col


@dataclass(frozen=True, slots=True)
class _Window:
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Padding


def _window(view: NodeView) -> _Window:
    check_inputs(view, "data")
    shape = input_spec(view, 0).shape
    require(view, len(shape) == 4, f"its input {list(shape)} is not (batch, height, width, chan.)")
    kernel, stride = (attribute(view, name, tuple) for name in ("kernel_size", "stride"))
    dilation = attribute(view, "dilations", tuple, (1, 1))
    pads = attribute(view, "pad_amount", tuple, (0, 0, 0, 0))
    rows = (("kernel_size", kernel, 2, 1), ("stride", stride, 2, 1), ("dilations", dilation, 2, 1))
    for name, given, length, least in (*rows, ("pad_amount", pads, 4, 0)):
        fits = len(given) == length and min(given) >= least
        require(view, fits, f"{name} {list(given)} is not {length} integers from {least} on")
    return _Window(kernel, stride, dilation, ((pads[0], pads[2]), (pads[1], pads[3])))


def _column_shape(view: NodeView) -> dict[str, TensorSpec]:
    window, spec = _window(view), input_spec(view, 0)
    batch, *size, channels = spec.shape
    padded = [a + sum(pads) for a, pads in zip(size, window.padding, strict=True)]
    extents = map(window_extent, window.kernel, window.dilation)
    for extent, room in zip(extents, padded, strict=True):
        text = f"its window of {extent} is larger than the padded input of {room}"
        require(view, extent <= room, text)
    axes = zip(size, window.kernel, window.stride, window.padding, window.dilation, strict=True)
    result = (batch, *(window_output(*axis) for axis in axes), prod(window.kernel) * channels)
    return {view.outputs[0]: TensorSpec(result, spec.encoding)}


def _im2col(view: NodeView) -> tuple[Layer, ...]:
    """Each tap of the window as a slice of the padded image, all of them side by side."""
    batch, *size, channels = input_spec(view, 0).shape
    window = _window(view)
    result = _column_shape(view)[view.outputs[0]]
    chain, value = Chain(view), attribute(view, "pad_value", int, 0)
    if any(map(any, window.padding)):
        padded = [n + sum(pads) for n, pads in zip(size, window.padding, strict=True)]
        op = ops.Pad(((0, 0), *window.padding, (0, 0)), value=float(value))
        chain.add(op, "padded", TensorSpec((batch, *padded, channels), result.encoding))
    layers, parts = list(chain.layers), []
    ends = [
        step * (out - 1) + 1 for step, out in zip(window.stride, result.shape[1:3], strict=True)
    ]
    for tap in product(*map(range, window.kernel)):
        starts = tuple(at * wide for at, wide in zip(tap, window.dilation, strict=True))
        stops = tuple(start + end for start, end in zip(starts, ends, strict=True))
        part = f"{view.name}.tap_{'_'.join(map(str, tap))}"
        new = {part: TensorSpec((*result.shape[:3], channels), result.encoding)}
        op = ops.Slice((1, 2), starts, stops, window.stride)
        layers.append(Layer(op, (chain.tensor,), (part,), suffix=part[len(view.name) :], new=new))
        parts.append(part)
    return (*layers, Layer(ops.Concat(3), tuple(parts), view.outputs[:1]))


OPERATORS: dict[str, Rule] = {
    "MultiThreshold": Rule(
        _multi_threshold,
        (DATA,),
        _check_thresholds,
        lambda view: {view.outputs[0]: TensorSpec(input_spec(view, 0).shape, FLOAT32)},
    ),
    "XnorPopcountMatMul": Rule(_popcount, _SIDES, None, _product_shape),
    "Im2Col": Rule(_im2col, (DATA,), None, _column_shape),
}

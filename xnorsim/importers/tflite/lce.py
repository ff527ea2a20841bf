"""The operators of Larq Compute Engine: LceQuantize, LceDequantize, LceBconv2d, LceBMaxPool2d.

A file packs bits along its last axis, int32 words, least significant bit first, bit 1 for -1. Here
they are +-1 of encoding bipolar, one an element.

A binary convolution makes the dot product d of k pairs from a count c of the pairs that differ:
d = k - 2c. What it writes is, with an activation as a clamp on integers,

    bits      -1 where c > threshold, else +1
    floats    (k - clamp(d)) * (-multiplier) + (bias + k * multiplier)
    int8      the same divided by the output's scale, plus its zero point, rounded half away from 0

in float32 and in this order, but for bias + k * multiplier, which is rounded once. The padding of
0 is exact, as in LCE's reference kernel; its optimized kernels correct the border in floats
afterwards, and where there is a multiplier they may be off by a rounding there.

Source: larq/compute-engine, larq_compute_engine/core/bconv2d/output_transform.h and reference.h,
tflite/kernels/{bconv2d,bmaxpool,quantization}.cc, mlir/ir/lce_ops.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

import numpy as np
from flatbuffers import flexbuffers

from xnorsim.errors import ModelError
from xnorsim.importers.channels import Value
from xnorsim.importers.recognition import recognized
from xnorsim.importers.tflite.activations import RELU, finish, fused
from xnorsim.importers.tflite.constants import made
from xnorsim.importers.tflite.products import source_of
from xnorsim.importers.tflite.schema import Tensor
from xnorsim.importers.tflite.view import (
    Rule,
    View,
    constant,
    emit,
    encoding,
    has,
    named,
    quantization,
    require,
    tensor,
    value,
    write,
)
from xnorsim.importers.tflite.windows import windows
from xnorsim.network import ops
from xnorsim.network.bits import CONVENTIONS, from_convention, unpack, word_count
from xnorsim.network.graph import Parameter, Stored, TensorSpec
from xnorsim.network.ops import Function
from xnorsim.network.precision import (
    BIPOLAR,
    ENCODINGS,
    FLOAT32,
    INT8,
    INT32,
    Scheme,
)

__all__ = ["RULES"]

WORD = 32
MOST_KEYS = 64
"""Options of one operator."""
PADDINGS = ("SAME", "VALID")
LARGEST_NUMBER = 2**31 - 1
BINARY = Scheme(BIPOLAR, BIPOLAR)

Load = Callable[[], np.ndarray]


def _numbers(view: View, *names: str) -> dict[str, int]:
    """The numbers among the operator's own options, a map of the flexbuffers format.

    Raises:
        ModelError: damaged options, or one that is missing or no number that a layer can have.
    """
    try:
        root = flexbuffers.GetRoot(view.operator.custom_options).AsMap
        held = {key.AsKey for key in root.Keys} if len(root) <= MOST_KEYS else set()
        refs = {name: root[name] for name in names if name in held}
        found = {name: int(ref.AsInt) for name, ref in refs.items() if ref.IsInt}
    except Exception as fault:  # flexbuffers raises what it likes on damaged bytes
        raise ModelError(
            f"{view.where}: its options are damaged: {type(fault).__name__}: {fault}"
        ) from fault
    wrong = [name for name in names if not 0 <= found.get(name, -1) <= LARGEST_NUMBER]
    if wrong:
        raise ModelError(
            f"{view.where}: its option {wrong[0]} is missing, or no number from 0 on: damaged"
        )
    return found


def _one_of(view: View, name: str, number: int, valid: Sequence[str]) -> str:
    if number >= len(valid):
        choices = ", ".join(f"{at} ({word})" for at, word in enumerate(valid))
        raise ModelError(f"{view.where}: {name} {number}: expected {choices}")
    return valid[number]


def _quantize(view: View) -> None:
    """+1 where x >= 0, or x >= its zero point, or true; else -1."""
    given, source = value(view, 0), tensor(view, 0)
    kind = view.state.assembly.spec(given.tensor).encoding
    form = quantization(source)
    if kind == BIPOLAR:
        write(view, given.tensor, given.channels_first)
        return
    first = view.state.axes.first(given)
    zero = 1 if kind == ENCODINGS["bool"] else form.zero_points[0] if form else 0
    if kind == ENCODINGS["bool"]:
        first = emit(view, ops.Cast(INT8), first, suffix="number")
    held = {"thresholds": made(np.full((1, 1), zero, np.int32), INT32)}
    result = (
        emit(view, ops.Thresholds(BIPOLAR, 2.0, -1.0), first, parameters=held)
        if zero
        else emit(view, ops.Sign(), first)
    )
    write(view, result, True)


def _bits(view: View) -> Value:
    """What the operator reads, which has to be bits.

    Raises:
        ModelError: it is something else.
    """
    kind = encoding(view, 0)
    if kind != BIPOLAR:
        raise ModelError(
            f"{view.where}: its input '{named(view, 0)}' is {kind}, not bits that an LceQuantize "
            "or LceBconv2d wrote"
        )
    return value(view, 0)


def _dequantize(view: View) -> None:
    """Bits stay bits: what reads them as numbers converts them. int8 is written here."""
    given = _bits(view)
    target = view.state.model.tensors[view.operator.outputs[0]]
    if target.spec.encoding == FLOAT32:
        write(view, given.tensor, given.channels_first)
        return
    form = quantization(target)
    if form is None or target.spec.encoding != INT8:
        raise ModelError(f"{view.where}: it writes {target.spec.encoding}, not float32 or int8")
    number = emit(view, ops.Cast(FLOAT32), given.tensor, suffix="float")
    finish(view, number, given.channels_first)


_CONVOLUTION = (
    "channels_in",
    "dilation_height_factor",
    "dilation_width_factor",
    "fused_activation_function",
    "pad_values",
    "padding",
    "stride_height",
    "stride_width",
)


def _convolution(view: View) -> None:
    given = _numbers(view, *_CONVOLUTION)
    image = view.state.axes.first(_bits(view))
    packed, words = constant(view, 1), tensor(view, 1)
    channels = given["channels_in"]
    size = view.state.assembly.shape(image)
    if packed is None or len(words.spec.shape) != 4 or words.spec.encoding != INT32:
        raise ModelError(f"{view.where}: its filter is not constant int32[out, height, width, in]")
    require(view, len(size) == 4 and size[1] == channels, f"{channels} channels in {list(size)}")
    out, height, width, held = words.spec.shape
    groups = 1 if held == word_count(channels, WORD) else channels // max(held * WORD, 1)
    inner = channels // max(groups, 1)
    fits = out > 0 and height * width > 0 and groups >= 1 and inner * groups == channels
    require(
        view,
        fits and word_count(inner, WORD) == held and (groups == 1 or inner % WORD == 0),
        f"its filter of {held} words does not fit {channels} channels",
    )
    _one_of(view, "pad_values", given["pad_values"], ("0", "+1"))
    kernel, stride = (height, width), (given["stride_height"], given["stride_width"])
    dilation = (given["dilation_height_factor"], given["dilation_width_factor"])
    padding = windows(
        view,
        _one_of(view, "padding", given["padding"], PADDINGS),
        size[2:],
        kernel,
        stride,
        dilation,
    )
    op = ops.Conv(out, kernel, stride, padding, dilation, groups, given["pad_values"])
    weight = _weight(words, packed, (out, inner, *kernel))
    view.state.assembly.recognized[view.name] = recognized(
        BINARY, "+-1, packed", source_of(view, image)
    )
    _OUTPUTS[_written(view)](view, op, image, weight, given["fused_activation_function"])


def _written(view: View) -> str:
    if not view.operator.outputs:
        raise ModelError(f"{view.where}: it writes nothing")
    kind = view.state.model.tensors[view.operator.outputs[0]].spec.encoding.name
    if kind not in _OUTPUTS:
        raise ModelError(f"{view.where}: it writes {kind}: expected {', '.join(_OUTPUTS)}")
    return kind


def _weight(words: Tensor, packed: Parameter, unpacked: tuple[int, ...]) -> Parameter:
    """Packed (out, height, width, words) as +-1 (out, in, height, width), a bit stored for each."""
    assert packed.load is not None
    spec = TensorSpec(unpacked, BIPOLAR)
    load = partial(_unpacked, packed.load, unpacked[1])
    return Parameter(spec, (Stored(packed.stored[0].key, spec),), load)


def _unpacked(load: Load, channels: int) -> np.ndarray:
    signs = unpack(from_convention(load(), channels, CONVENTIONS["lce"]), channels)
    return np.ascontiguousarray(signs.transpose(0, 3, 1, 2))


def _terms(op: ops.Conv, weight: Parameter) -> int:
    """k: the pairs that a sum of the convolution is made of."""
    return prod(weight.spec.shape[1:])


def _write_bits(view: View, op: ops.Conv, image: str, weight: Parameter, number: int) -> None:
    """-1 where c > threshold, so +1 where d = k - 2c >= k - 2 threshold."""
    given = constant(view, 4) if has(view, 4) else None
    if given is None or given.load is None or given.spec != TensorSpec((op.out_channels,), INT32):
        raise ModelError(f"{view.where}: it writes bits without {op.out_channels} int32 thresholds")
    k = _terms(op, weight)
    spec = TensorSpec((op.out_channels, 1), INT32)
    held = Parameter(spec, given.stored, partial(_thresholds, given.load, k))
    sums = emit(view, op, image, parameters={"weight": weight}, scheme=BINARY)
    op_of_bits = ops.Thresholds(BIPOLAR, 2.0, -1.0)
    bits = emit(view, op_of_bits, sums, suffix="thresholds", parameters={"thresholds": held})
    write(view, bits, True)


def _thresholds(load: Load, k: int) -> np.ndarray:
    """Beyond what a sum can be, one number is as good as another: a bit that is constant."""
    exact = k - 2 * load().astype(np.int64)
    return np.clip(exact, -k, k + 1).astype(np.int32)[:, None]


def _transform(view: View, op: ops.Conv) -> tuple[np.ndarray, np.ndarray]:
    """Multiplier and bias of each channel, float32."""
    found = []
    for position, word in ((2, "multiplier"), (3, "bias")):
        given = constant(view, position) if has(view, position) else None
        if given is None or given.load is None:
            raise ModelError(f"{view.where}: it writes numbers without a {word}")
        spec = TensorSpec((op.out_channels,), FLOAT32)
        require(view, given.spec == spec, f"its {word} {given.spec} is not {spec}")
        values = given.load()
        if not np.all(np.isfinite(values)):
            raise ModelError(f"{view.where}: its {word} has numbers that are not finite")
        found.append(values)
    return found[0], found[1]


def _write_floats(view: View, op: ops.Conv, image: str, weight: Parameter, number: int) -> None:
    write(view, _scaled(view, op, image, weight, number, 1.0, 0), True)


def _write_int8(view: View, op: ops.Conv, image: str, weight: Parameter, number: int) -> None:
    form = quantization(view.state.model.tensors[view.operator.outputs[0]])
    if form is None or len(form.scales) != 1:
        raise ModelError(f"{view.where}: it writes int8 without one scale and zero point")
    scaled = _scaled(view, op, image, weight, number, form.scales[0], form.zero_points[0])
    one = {"scale": made(np.ones((), np.float32), FLOAT32)}
    to = ops.Quantize(INT8, rounding="half_up")
    write(view, emit(view, to, scaled, suffix="int8", parameters=one), True)


def _scaled(
    view: View,
    op: ops.Conv,
    image: str,
    weight: Parameter,
    number: int,
    scale: float,
    zero_point: int,
) -> str:
    """(clamp(d) - k) * m + b, which has the roundings of LCE; d itself where m = 1 and b = 0."""
    multiplier, bias = _transform(view, op)
    k, activation = _terms(op, weight), fused(view, number)
    is_plain = scale == 1 and zero_point == 0 and bool(np.all(multiplier == 1) and not bias.any())
    held = {"weight": weight}
    if not is_plain:
        held["bias"] = made(np.full(op.out_channels, -k, np.float32), FLOAT32)
    result = emit(view, op, image, parameters=held, scheme=BINARY)
    if activation is not None:
        clamp = _clamp(view, activation, 0 if is_plain else k)
        result = emit(view, clamp, result, suffix=str(activation.function))
    if is_plain:
        return result
    if op.pad_value == 0 and any(map(any, op.padding)):
        view.state.counted.setdefault("zero padding", []).append(view.name)
    m, b = multiplier.astype(np.float64) / scale, bias.astype(np.float64)
    shift = (b + k * multiplier.astype(np.float64)) / scale + zero_point
    roles = {"scale": (2, m), "shift": (3, shift)}
    norm = {role: _vector(view, at, values) for role, (at, values) in roles.items()}
    return emit(view, ops.BatchNorm(0.0), result, suffix="transform", parameters=norm)


def _clamp(view: View, activation: ops.Activation, k: int) -> ops.Activation:
    """The activation of d as one of d - k."""
    if activation != RELU and activation.function is not Function.CLIP:
        raise ModelError(
            f"{view.where}: {activation.function} of a binary convolution: only NONE, RELU, "
            "RELU_N1_TO_1 and RELU6"
        )
    if k == 0:
        return activation
    ends = activation.constants or (("min", 0.0),)
    return ops.Activation(Function.CLIP, tuple((name, end - k) for name, end in ends))


def _vector(view: View, position: int, values: np.ndarray) -> Parameter:
    if np.abs(values).max(initial=0) > np.finfo(np.float32).max:
        raise ModelError(f"{view.where}: its scaling has numbers beyond float32")
    given = constant(view, position)
    stored = given.stored if given is not None else ()
    return made(values.astype(np.float32), FLOAT32, *stored)


_OUTPUTS = {"int32": _write_bits, "float32": _write_floats, "int8": _write_int8}


def _max_pool(view: View) -> None:
    given = _numbers(
        view, "padding", "stride_width", "stride_height", "filter_width", "filter_height"
    )
    image = view.state.axes.first(_bits(view))
    kernel = (given["filter_height"], given["filter_width"])
    stride = (given["stride_height"], given["stride_width"])
    word = _one_of(view, "padding", given["padding"], PADDINGS)
    size = view.state.assembly.shape(image)[2:]
    padding = windows(view, word, size, kernel, stride, (1, 1))
    op = ops.Pool(ops.Reduction.MAX, kernel, stride, padding, (1, 1))
    write(view, emit(view, op, image), True)


RULES: dict[str, Rule] = {
    "LceQuantize": Rule(_quantize),
    "LceDequantize": Rule(_dequantize),
    "LceBconv2d": Rule(_convolution),
    "LceBMaxPool2d": Rule(_max_pool),
}

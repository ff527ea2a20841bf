"""Operators that move, cut, join, repeat or resample elements.

Source: TensorFlow, tensorflow/lite/kernels/{reshape,pad,strided_slice,slice,split,pack,unpack,
concatenation,transpose,tile,gather,depth_to_space,resize_bilinear,resize_nearest_neighbor}.cc.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

from xnorsim.errors import ModelError
from xnorsim.importers.channels import Value, to_first
from xnorsim.importers.tflite.activations import finish
from xnorsim.importers.tflite.constants import values_of
from xnorsim.importers.tflite.view import (
    BinaryPad,
    Rule,
    View,
    axis_in,
    constant,
    emit,
    encoding,
    float_constant,
    has,
    option,
    quantization,
    real,
    require,
    settings,
    shape,
    stated_shape,
    tensor,
    value,
    write,
)
from xnorsim.network import ops
from xnorsim.network.precision import BIPOLAR

__all__ = ["RULES"]

END = 2**63 - 1
LARGEST_SHIFT = 31


def _carried(view: View, positions: Sequence[int] = (0,)) -> tuple[list[Value], bool]:
    """What goes through as it is, if it has one encoding and scale with the output; else floats."""
    target = view.state.model.tensors[view.operator.outputs[0]]
    forms = [quantization(tensor(view, at)) for at in positions]
    kinds = {encoding(view, at) for at in positions}
    plain = len(kinds) == 1 and all(form == quantization(target) for form in forms)
    return [(value if plain else real)(view, at) for at in positions], plain


def _end(view: View, result: str, channels_first: bool, plain: bool, position: int = 0) -> None:
    (write if plain else finish)(view, result, channels_first, position)


def _target(view: View, size: int) -> tuple[int, ...]:
    """The shape to make: what the file states, with the batch that is used, if it has as many
    elements; else the setting."""
    target = view.state.model.tensors[view.operator.outputs[0]]
    stated = stated_shape(view.state, target)
    if stated is not None and prod(stated) == size:
        return stated
    fixed = has(view, 1) and constant(view, 1) is not None
    wanted = list(settings(view, 1)) if fixed else list(_stated(view))
    open_axes = [axis for axis, length in enumerate(wanted) if length == -1]
    rest = prod(length for length in wanted if length != -1)
    fits = len(open_axes) <= 1 and rest > 0 and size % rest == 0
    require(view, fits, f"its {size} elements do not fill {wanted}")
    return tuple(size // rest if length == -1 else length for length in wanted)


def _stated(view: View) -> tuple[int, ...]:
    if view.operator.options is not None and not has(view, 1):
        return tuple(view.operator.options.NewShapeAsNumpy())
    return view.state.model.tensors[view.operator.outputs[0]].spec.shape


def _reshape(view: View) -> None:
    _to_shape(view, lambda size: _target(view, prod(size)))


def _squeeze(view: View) -> None:
    def squeezed(size: tuple[int, ...]) -> tuple[int, ...]:
        given = view.operator.options and view.operator.options.SqueezeDimsLength()
        dims = view.operator.options.SqueezeDimsAsNumpy().tolist() if given else None
        chosen = {d % len(size) for d in dims} if dims else set(range(len(size)))
        require(view, not dims or all(size[d] == 1 for d in chosen), f"{dims} of {size} are not 1")
        return tuple(n for axis, n in enumerate(size) if n != 1 or axis not in chosen)

    _to_shape(view, squeezed)


def _expand_dims(view: View) -> None:
    (axis, *_) = settings(view, 1) or (0,)

    def expanded(size: tuple[int, ...]) -> tuple[int, ...]:
        require(view, -len(size) - 1 <= axis <= len(size), f"axis {axis} of {size}")
        at = axis % (len(size) + 1)
        return (*size[:at], 1, *size[at:])

    _to_shape(view, expanded)


def _to_shape(view: View, target: Callable[[tuple[int, ...]], tuple[int, ...]]) -> None:
    (given,), plain = _carried(view)
    data = view.state.axes.last(given)
    wanted = target(view.state.assembly.shape(data))
    _end(view, emit(view, ops.Reshape(wanted), data), False, plain)


def _transpose(view: View) -> None:
    (given,), plain = _carried(view)
    order, rank = settings(view, 1), len(shape(view, 0))
    require(view, all(-rank <= a < rank for a in order), f"axes {order} of {rank} dimensions")
    op = ops.Transpose(tuple(axis % rank for axis in order))
    _end(view, emit(view, op, view.state.axes.last(given)), False, plain)


def _concat(view: View) -> None:
    count, axis = len(view.operator.inputs), int(option(view, "Axis"))
    require(view, count >= 1, "it joins nothing")
    given, plain = _carried(view, range(count))
    rank = len(shape(view, 0))
    first = rank > 2 and all(item.channels_first for item in given)
    axes = view.state.axes
    names = [axes.first(item) if first else axes.last(item) for item in given]
    op = ops.Concat(axis_in(Value("", first), axis, rank, view))
    result = emit(view, op, *names)
    if plain and not int(option(view, "FusedActivationFunction")):
        write(view, result, first)
    else:
        finish(view, result, first, has_fused=True)


def _split_at(view: View, data: int, axis: int, sizes: Sequence[int]) -> None:
    (given,), plain = _carried(view, (data,))
    at = axis_in(given, axis, len(shape(view, data)), view)
    first = emit(view, ops.Split(at, tuple(sizes)), given.tensor, results=len(sizes))
    names = [first, *(f"{first}:{number}" for number in range(1, len(sizes)))]
    for position, name in enumerate(names[: len(view.operator.outputs)]):
        _end(view, name, given.channels_first, plain, position)


def _split(view: View) -> None:
    (axis, *_), count = settings(view, 0) or (0,), int(option(view, "NumSplits"))
    size = shape(view, 1)
    require(view, -len(size) <= axis < len(size), f"axis {axis} of {size}")
    parts = len(view.operator.outputs)
    require(view, count == parts, f"it is cut into {count} parts and has {parts} outputs")
    require(view, size[axis] % count == 0, f"{size[axis]} is not cut into {count} equal parts")
    _split_at(view, 1, axis, [size[axis] // count] * count)


def _split_v(view: View) -> None:
    size, sizes = shape(view, 0), list(settings(view, 1))
    (axis, *_) = settings(view, 2) or (0,)
    require(view, -len(size) <= axis < len(size), f"axis {axis} of {size}")
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = size[axis] - sum(sizes) - 1
    require(view, min(sizes, default=0) >= 1, f"sizes {sizes} of {size[axis]}")
    _split_at(view, 0, axis, sizes)


def _pack(view: View) -> None:
    count, axis = len(view.operator.inputs), int(option(view, "Axis"))
    given, plain = _carried(view, range(count))
    size = shape(view, 0)
    require(view, -len(size) - 1 <= axis <= len(size), f"axis {axis} of {size}")
    at = axis % (len(size) + 1)
    to = ops.Reshape((*size[:at], 1, *size[at:]))
    parts = [
        emit(view, to, view.state.axes.last(item), suffix=f"part_{number}")
        for number, item in enumerate(given)
    ]
    _end(view, emit(view, ops.Concat(at), *parts), False, plain)


def _unpack(view: View) -> None:
    (given,), plain = _carried(view)
    size, axis = shape(view, 0), int(option(view, "Axis"))
    require(view, -len(size) <= axis < len(size), f"axis {axis} of {size}")
    at, parts = axis % len(size), len(view.operator.outputs)
    require(view, size[at] == parts, f"{size[at]} parts and {parts} outputs")
    data = view.state.axes.last(given)
    first = emit(view, ops.Split(at, (1,) * size[at]), data, results=size[at], suffix="split")
    rest = (*size[:at], *size[at + 1 :])
    names = [first, *(f"{first}:{number}" for number in range(1, size[at]))]
    for position, name in enumerate(names[: len(view.operator.outputs)]):
        suffix = f"part_{position}" if position else ""
        part = emit(view, ops.Reshape(rest), name, suffix=suffix)
        _end(view, part, False, plain, position)


def _pad(view: View) -> None:
    """Integers are padded with what stands for 0; of bits, which have no 0, floats are."""
    (given,), plain = _carried(view)
    added, rank = settings(view, 1), len(shape(view, 0))
    require(view, len(added) == 2 * rank, f"{len(added)} paddings for {rank} axes")
    rows = [(added[2 * axis], added[2 * axis + 1]) for axis in range(rank)]
    if given.channels_first:
        rows = [rows[axis] for axis in to_first(rank)]
    form = quantization(tensor(view, 0)) if plain else None
    fill = float(form.zero_points[0]) if form else 0.0
    if has(view, 2):
        number = constant(view, 2) if form else float_constant(view, 2)
        if number is None or number.spec.elements != 1:
            raise ModelError(f"{view.where}: what it pads with is not one constant number")
        fill = float(values_of(view.where, number).reshape(()))
    if encoding(view, 0) == BIPOLAR and fill in (-1.0, 1.0):
        target = view.operator.outputs[0]
        view.state.pads[target] = BinaryPad(given, tuple(rows), int(fill))
        view.state.bypassed.add(view.name)
    elif encoding(view, 0) == BIPOLAR:
        given = real(view, 0)
    op = ops.Pad(tuple(rows), "constant", fill)
    _end(view, emit(view, op, given.tensor), given.channels_first, plain)


def _mirror_pad(view: View) -> None:
    if int(option(view, "Mode")) != 0:
        raise ModelError(f"{view.where}: mirror padding SYMMETRIC: only REFLECT is supported")
    (given,), plain = _carried(view)
    added, rank = settings(view, 1), len(shape(view, 0))
    require(view, len(added) == 2 * rank, f"{len(added)} paddings for {rank} axes")
    rows = tuple((added[2 * axis], added[2 * axis + 1]) for axis in range(rank))
    result = emit(view, ops.Pad(rows, "reflect"), view.state.axes.last(given))
    _end(view, result, False, plain)


def _sliced(view: View, bounds: Sequence[tuple[int, int, int]]) -> tuple[str, bool]:
    """(result, whether it went through as it was); bounds are (start, end, step) by axis."""
    (given,), plain = _carried(view)
    starts, ends, steps = (tuple(column) for column in zip(*bounds, strict=True))
    op = ops.Slice(tuple(range(len(bounds))), starts, ends, steps)
    return emit(view, op, view.state.axes.last(given), suffix=""), plain


def _slice(view: View) -> None:
    starts, sizes, size = settings(view, 1), settings(view, 2), shape(view, 0)
    fits = len(starts) == len(sizes) == len(size)
    fits = fits and all(0 <= at <= n for at, n in zip(starts, size, strict=True))
    require(view, fits, f"starts {starts} and sizes {sizes} do not fit {size}")
    rows = zip(starts, sizes, size, strict=True)
    bounds = [(at, n if many == -1 else at + many, 1) for at, many, n in rows]
    result, plain = _sliced(view, bounds)
    _end(view, result, False, plain)


def _strided_slice(view: View) -> None:
    size = shape(view, 0)
    begins, ends, steps = (settings(view, position) for position in (1, 2, 3))
    fits = len(begins) == len(ends) == len(steps) <= min(len(size), LARGEST_SHIFT)
    require(view, fits and 0 not in steps, f"{begins} : {ends} : {steps} do not fit {size}")
    words = ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask")
    begin_mask, end_mask, ellipsis, new_axis, shrink = (int(option(view, w)) for w in words)
    if ellipsis or new_axis:
        raise ModelError(f"{view.where}: a slice with an ellipsis or new axes is not supported")
    bounds = []
    for axis, (begin, end, step) in enumerate(zip(begins, ends, steps, strict=True)):
        if shrink >> axis & 1:
            bounds.append((begin, begin + 1 if begin != -1 else END, 1))
            continue
        first = -END if step > 0 else END
        start = first if begin_mask >> axis & 1 else begin
        bounds.append((start, -first if end_mask >> axis & 1 else end, step))
    bounds += [(0, END, 1)] * (len(size) - len(bounds))
    result, plain = _sliced(view, bounds)
    if shrink:
        left = view.state.assembly.shape(result)
        kept = tuple(n for axis, n in enumerate(left) if not shrink >> axis & 1)
        result = emit(view, ops.Reshape(kept), result, suffix="squeezed")
    _end(view, result, False, plain)


def _tile(view: View) -> None:
    (given,), plain = _carried(view)
    times, size = settings(view, 1), shape(view, 0)
    fits = len(times) == len(size) and min(times, default=1) >= 1
    require(view, fits, f"multiples {times} do not fit {size}")
    op = ops.Expand(tuple(n * many for n, many in zip(size, times, strict=True)))
    _end(view, emit(view, op, view.state.axes.last(given)), False, plain)


def _broadcast(view: View) -> None:
    (given,), plain = _carried(view)
    op = ops.Expand(settings(view, 1))
    _end(view, emit(view, op, view.state.axes.last(given)), False, plain)


def _gather(view: View) -> None:
    axis, held, names = int(option(view, "Axis")), {}, []
    roles = {"table": 0, "indices": 1}
    for role, position in roles.items():
        fixed = float_constant(view, position)
        if fixed is not None:
            held[role] = fixed
        else:
            names.append((role, view.state.axes.last(real(view, position))))
    table, picks = shape(view, 0), shape(view, 1)
    require(view, -len(table) <= axis < len(table), f"axis {axis} of {table}")
    if int(option(view, "BatchDims")):
        raise ModelError(f"{view.where}: a gather with batch dimensions is not supported")
    at = axis % len(table)
    op = ops.Gather((*table[:at], *picks, *table[at + 1 :]), at)
    own = tuple(role for role, _ in names)
    result = emit(view, op, *(name for _, name in names), parameters=held, roles=own)
    finish(view, result, False)


def _blocks(form: str, *, into_space: bool) -> Callable[[View], None]:
    def build(view: View) -> None:
        (given,), plain = _carried(view)
        data, block = view.state.axes.first(given), int(option(view, "BlockSize"))
        size = view.state.assembly.shape(data)
        require(view, len(size) == 4 and block >= 1, f"block {block} of {size}")
        batch, channels, rows, columns = size
        parts = (channels,) if into_space else (rows, columns)
        unit = block**2 if into_space else block
        require(view, all(n % unit == 0 for n in parts), f"block {block} does not divide {size}")
        wanted = (
            (batch, channels // block**2, rows * block, columns * block)
            if into_space
            else (batch, channels * block**2, rows // block, columns // block)
        )
        _end(view, emit(view, ops.Rearrange(form, wanted, block), data), True, plain)

    return build


def _cast(view: View) -> None:
    given = real(view, 0)
    to = view.state.model.tensors[view.operator.outputs[0]].spec.encoding
    write(view, emit(view, ops.Cast(to), given.tensor), given.channels_first)


def _zeros_like(view: View) -> None:
    target = view.state.model.tensors[view.operator.outputs[0]]
    write(view, emit(view, ops.Constant(shape(view, 0), target.spec.encoding)), False)


def _quantize(view: View) -> None:
    """From floats to integers, or from one scale to another."""
    given = real(view, 0)
    finish(view, given.tensor, given.channels_first)


def _dequantize(view: View) -> None:
    given = real(view, 0)
    write(view, given.tensor, given.channels_first)


def _resize(mode: str) -> Callable[[View], None]:
    def build(view: View) -> None:
        data = view.state.axes.first(real(view, 0))
        size, wanted = view.state.assembly.shape(data), settings(view, 1)
        fits = len(size) == 4 and len(wanted) == 2 and min(wanted) >= 1
        require(view, fits, f"{size} is not resized to {wanted}")
        word, rounding = "asymmetric", "floor"
        if option(view, "AlignCorners"):
            word, rounding = "align_corners", "round_prefer_ceil"
        elif option(view, "HalfPixelCenters"):
            word, rounding = "half_pixel", "round_prefer_ceil"
        op = ops.Resize((*size[:2], *wanted), mode, word, rounding=rounding)
        finish(view, emit(view, op, data), True)

    return build


RULES: dict[str, Rule] = {
    "BROADCAST_TO": Rule(_broadcast),
    "CAST": Rule(_cast),
    "CONCATENATION": Rule(_concat, "ConcatenationOptions"),
    "DEPTH_TO_SPACE": Rule(_blocks("depth_to_space", into_space=True), "DepthToSpaceOptions"),
    "DEQUANTIZE": Rule(_dequantize),
    "EXPAND_DIMS": Rule(_expand_dims),
    "GATHER": Rule(_gather, "GatherOptions"),
    "MIRROR_PAD": Rule(_mirror_pad, "MirrorPadOptions"),
    "PACK": Rule(_pack, "PackOptions"),
    "PAD": Rule(_pad),
    "PADV2": Rule(_pad),
    "QUANTIZE": Rule(_quantize),
    "RESHAPE": Rule(_reshape, "ReshapeOptions"),
    "RESIZE_BILINEAR": Rule(_resize("linear"), "ResizeBilinearOptions"),
    "RESIZE_NEAREST_NEIGHBOR": Rule(_resize("nearest"), "ResizeNearestNeighborOptions"),
    "SLICE": Rule(_slice),
    "SPACE_TO_DEPTH": Rule(_blocks("space_to_depth", into_space=False), "SpaceToDepthOptions"),
    "SPLIT": Rule(_split, "SplitOptions"),
    "SPLIT_V": Rule(_split_v, "SplitVOptions"),
    "SQUEEZE": Rule(_squeeze, "SqueezeOptions"),
    "STRIDED_SLICE": Rule(_strided_slice, "StridedSliceOptions"),
    "TILE": Rule(_tile),
    "TRANSPOSE": Rule(_transpose),
    "UNPACK": Rule(_unpack, "UnpackOptions"),
    "ZEROS_LIKE": Rule(_zeros_like),
}

"""Rules of ONNX operators that compute nothing: they move, repeat, pick or convert elements.

Where the file states something as a tensor (a target shape, the sizes of parts), the op takes it
from the output shapes that onnx's inference found, so that there is one source of truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from xnorsim.errors import ModelError, ShapeError
from xnorsim.importers.onnx.view import (
    DATA,
    SETTING,
    Layer,
    NodeView,
    Rule,
    axis_of,
    has_input,
    input_spec,
    integers,
    is_constant,
    output_spec,
    require,
    scalar,
)
from xnorsim.network import ops

__all__ = ["RULES"]


def _reshape(view: NodeView) -> ops.Reshape:
    return ops.Reshape(output_spec(view).shape)


def _expand(view: NodeView) -> ops.Expand:
    return ops.Expand(output_spec(view).shape)


def _transpose(view: NodeView) -> ops.Transpose:
    rank = len(input_spec(view, 0).shape)
    return ops.Transpose(tuple(view.attributes.get("perm") or range(rank)[::-1]))


def _concat(view: NodeView) -> ops.Op:
    axis = axis_of(view, view.attributes["axis"], len(output_spec(view).shape))
    return ops.Concat(axis) if len(view.inputs) > 1 else ops.Identity()


def _check_split(view: NodeView) -> None:
    stated, parts = view.attributes.get("num_outputs"), len(view.outputs)
    # onnx's inference ends the process where the two differ
    require(view, stated in (None, parts), f"num_outputs is {stated}; it has {parts} outputs")


def _split(view: NodeView) -> ops.Split:
    spec = input_spec(view, 0)
    axis = axis_of(view, view.attributes.get("axis", 0), len(spec.shape))
    sizes = tuple(output_spec(view, i).shape[axis] for i in range(len(view.outputs)))
    text = f"its parts {list(sizes)} do not add up to {spec.shape[axis]} on axis {axis}"
    require(view, sum(sizes) == spec.shape[axis], text)
    return ops.Split(axis, sizes)


def _slice(view: NodeView) -> ops.Slice:
    rank = len(input_spec(view, 0).shape)
    starts, ends = integers(view, "starts", 1) or (), integers(view, "ends", 2) or ()
    axes = integers(view, "axes", 3) or tuple(range(len(starts)))
    steps = integers(view, "steps", 4) or (1,) * len(starts)
    require(
        view,
        len(starts) == len(ends) == len(axes) == len(steps),
        f"starts {list(starts)}, ends {list(ends)}, axes {list(axes)} and steps {list(steps)} "
        "differ in number",
    )
    require(view, 0 not in steps, f"steps {list(steps)} has a 0")
    return ops.Slice(tuple(axis_of(view, axis, rank) for axis in axes), starts, ends, steps)


def _pad(view: NodeView) -> ops.Op | tuple[Layer, ...]:
    rank = len(input_spec(view, 0).shape)
    pads = integers(view, "pads", 1) or ()
    axes = integers(view, "axes", 3) or tuple(range(rank))
    require(view, len(pads) == 2 * len(axes), f"pads {list(pads)} is not for {len(axes)} axes")
    padding = [(0, 0)] * rank
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        padding[axis_of(view, axis, rank)] = (before, after)
    value = view.attributes.get("value", 0.0)
    op = ops.Pad(tuple(padding), view.attributes.get("mode", "constant"), float(value))
    if not has_input(view, 2):
        return op
    if is_constant(view, 2) and input_spec(view, 2).encoding.meaning not in ("text", "complex"):
        return replace(op, value=scalar(view, "constant_value", 2) or 0.0)
    return (Layer(op, view.inputs, view.outputs, (DATA, SETTING, "value", SETTING)),)


def _blocks(form: str) -> Callable[[NodeView], ops.Rearrange]:
    def build(view: NodeView) -> ops.Rearrange:
        block = view.attributes["blocksize"]
        require(view, block >= 1, f"blocksize {block} is below 1")
        mode = view.attributes.get("mode", "DCR")
        name = form if mode == "DCR" else f"{form}_{mode.lower()}"
        return ops.Rearrange(name, output_spec(view).shape, block)

    return build


def _check_picks(view: NodeView, size: int) -> None:
    """Indices that are known point into the axis, from its start or (negative) its end."""
    indices = view.value(view.inputs[1])
    if indices is None or indices.size == 0:
        return
    low, high = int(indices.min()), int(indices.max())
    wrong = low if low < -size else high
    text = f"index {wrong} is out of range for an axis of {size}"
    require(view, -size <= low and high < size, text)


def _gather(form: str) -> Callable[[NodeView], ops.Gather]:
    def build(view: NodeView) -> ops.Gather:
        rank = len(input_spec(view, 0).shape)
        axis = axis_of(view, view.attributes.get("axis", 0), rank)
        if form != "gather_nd":  # its indices count several axes
            _check_picks(view, input_spec(view, 0).shape[axis])
        shared = view.attributes.get("batch_dims", 0)
        return ops.Gather(output_spec(view).shape, axis, form, shared)

    return build


def _cast(view: NodeView) -> tuple[Layer, ...]:
    # CastLike reads only the type of its second input
    op = ops.Cast(output_spec(view).encoding, bool(view.attributes.get("saturate", 1)))
    return (Layer(op, view.inputs[:1], view.outputs[:1]),)


def _identity(view: NodeView) -> tuple[Layer, ...]:
    return (Layer(ops.Identity(), view.inputs[:1], view.outputs[:1]),)


def _dropout(view: NodeView) -> tuple[Layer, ...]:
    """Nothing at inference; a mask that somebody reads is all true, known beforehand."""
    if is_constant(view, 2) and scalar(view, "training_mode", 2):
        raise ModelError(
            f"{view.where}: it is in training mode (training_mode is true): export for inference"
        )
    layers = _identity(view)
    if len(view.outputs) < 2 or not view.outputs[1]:
        return layers
    mask = output_spec(view, 1)
    op = ops.Constant(mask.shape, mask.encoding, 1.0)
    return (*layers, Layer(op, (), view.outputs[1:2], suffix=".mask"))


def _run_time_shape(view: NodeView) -> ops.Op:
    raise ShapeError(
        f"{view.where}: its output's size follows from values that are known only at run time, "
        "so the work after it cannot be counted"
    )


_PICK = ("table", "indices")
_FIRST = (DATA, SETTING)
_KNOWN_ONLY = Rule(_run_time_shape, (SETTING,))

RULES: dict[tuple[str, str], Rule] = {
    ("", "Reshape"): Rule(_reshape, _FIRST),
    ("", "Flatten"): Rule(_reshape),
    ("", "Squeeze"): Rule(_reshape, _FIRST),
    ("", "Unsqueeze"): Rule(_reshape, _FIRST),
    ("", "Expand"): Rule(_expand, _FIRST),
    ("", "Tile"): Rule(_expand, _FIRST),
    ("", "Transpose"): Rule(_transpose),
    ("", "Concat"): Rule(_concat),
    ("", "Split"): Rule(_split, _FIRST, _check_split),
    ("", "Slice"): Rule(_slice, _FIRST),
    ("", "Pad"): Rule(_pad, _FIRST),
    ("", "DepthToSpace"): Rule(_blocks("depth_to_space")),
    ("", "SpaceToDepth"): Rule(_blocks("space_to_depth")),
    ("", "Gather"): Rule(_gather("gather"), _PICK),
    ("", "GatherElements"): Rule(_gather("gather_elements"), _PICK),
    ("", "GatherND"): Rule(_gather("gather_nd"), _PICK),
    ("", "Cast"): Rule(_cast),
    ("", "CastLike"): Rule(_cast),
    ("", "Identity"): Rule(_identity),
    ("", "Dropout"): Rule(_dropout, _FIRST),
    # These make tensors out of settings alone, so they are folded away, or else are an error.
    ("", "Constant"): _KNOWN_ONLY,
    ("", "ConstantOfShape"): _KNOWN_ONLY,
    ("", "Range"): _KNOWN_ONLY,
}

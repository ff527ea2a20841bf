"""Rules of ONNX operators that sample an image anew.

Source: ONNX operator specification, Resize-19, -18, -13, -11 and -10, Upsample-9 and -7.
"""

from __future__ import annotations

from dataclasses import replace

from xnorsim.importers.onnx.view import (
    DATA,
    SETTING,
    Layer,
    NodeView,
    Rule,
    axis_of,
    has_input,
    input_spec,
    is_constant,
    output_spec,
    require,
)
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec

__all__ = ["RULES"]

_CROP = "tf_crop_and_resize"


def _numbers(view: NodeView, name: str, position: int) -> tuple[float, ...]:
    """A setting; () where it is left out, or known at run time only."""
    if not has_input(view, position):
        return tuple(view.attributes.get(name) or ())
    value = view.value(view.inputs[position])
    return () if value is None else tuple(float(item) for item in value.reshape(-1))


def _expanded(
    view: NodeView, name: str, given: tuple[float, ...], axes: tuple[int, ...], default: float
) -> tuple[float, ...]:
    """Numbers for `axes` as one for each axis."""
    rank = len(input_spec(view, 0).shape)
    require(view, len(given) == len(axes), f"{name} {list(given)} is not for {len(axes)} axes")
    result = [default] * rank
    for axis, value in zip(axes, given, strict=True):
        result[axis] = value
    return tuple(result)


def _axes(view: NodeView) -> tuple[int, ...]:
    rank = len(input_spec(view, 0).shape)
    given = view.attributes.get("axes") or range(rank)
    return tuple(axis_of(view, axis, rank) for axis in given)


def _scales(view: NodeView, axes: tuple[int, ...], position: int) -> tuple[float, ...]:
    """As stated; or the common one of sizes that keep the aspect ratio."""
    given = _numbers(view, "scales", position)
    policy = view.attributes.get("keep_aspect_ratio_policy", "stretch")
    if given:
        return _expanded(view, "scales", given, axes, 1.0)
    sizes = _numbers(view, "sizes", position + 1)
    if policy == "stretch" or not sizes:
        return ()
    shape = input_spec(view, 0).shape
    require(view, len(sizes) == len(axes), f"sizes {list(sizes)} is not for {len(axes)} axes")
    every = [size / shape[axis] for axis, size in zip(axes, sizes, strict=True)]
    common = max(every) if policy == "not_smaller" else min(every)
    return _expanded(view, "scales", (common,) * len(axes), axes, 1.0)


def _resize(view: NodeView) -> ops.Resize | tuple[Layer, ...]:
    given, axes = view.attributes, _axes(view)
    op = ops.Resize(
        output_spec(view).shape,
        given["mode"],
        given["coordinate_transformation_mode"],
        _scales(view, axes, 2),
        given["nearest_mode"],
        given["cubic_coeff_a"],
        bool(given["exclude_outside"]),
        bool(given.get("antialias", 0)),
        extrapolation=given["extrapolation_value"],
    )
    if op.coordinates != _CROP or not has_input(view, 1):
        return op
    if not is_constant(view, 1):
        return (Layer(op, view.inputs, view.outputs, (DATA, "roi", SETTING)),)
    roi, half = _numbers(view, "roi", 1), len(axes)
    starts = _expanded(view, "roi", roi[:half], axes, 0.0)
    return replace(op, roi=(*starts, *_expanded(view, "roi", roi[half:], axes, 1.0)))


def _upsample(view: NodeView) -> ops.Resize | tuple[Layer, ...]:
    """Upsample, and Resize-10: position i of the result is i / scale of the input.

    The nearest element is the one before it where an axis grows, the one after it where it
    shrinks (the specification's examples); a node that does both is two layers.
    """
    mode, shape = view.attributes["mode"], output_spec(view).shape
    scales = _scales(view, _axes(view), 1)
    grows = any(scale > 1 for scale in scales)
    shrinks = any(scale < 1 for scale in scales)
    rounding = "ceil" if shrinks else "floor"
    op = ops.Resize(shape, mode, "asymmetric", scales, rounding)
    if mode != "nearest" or not (grows and shrinks):
        return op
    source, name = input_spec(view, 0), f"{view.name}.grown"
    sizes = (max(pair) for pair in zip(source.shape, shape, strict=True))
    spec = TensorSpec(tuple(sizes), source.encoding)
    grown = replace(
        op, shape=spec.shape, scales=tuple(max(s, 1.0) for s in scales), rounding="floor"
    )
    rest = replace(op, scales=tuple(min(scale, 1.0) for scale in scales))
    return (
        Layer(grown, view.inputs[:1], (name,), suffix=".grow", new={name: spec}),
        Layer(rest, (name,), view.outputs),
    )


def _by_version(view: NodeView) -> ops.Resize | tuple[Layer, ...]:
    return _upsample(view) if view.version < 11 else _resize(view)


RULES: dict[tuple[str, str], Rule] = {
    ("", "Resize"): Rule(_by_version, (DATA, SETTING)),
    ("", "Upsample"): Rule(_upsample, (DATA, SETTING)),
}

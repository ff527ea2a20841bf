"""Rules of ONNX operators that work element by element, normalize or reduce.

Source: ONNX operator specification. Attribute defaults come from onnx's own schemas.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from xnorsim.errors import ModelError
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
from xnorsim.network.graph import TensorSpec
from xnorsim.network.ops import Function, Operator, Reduction

__all__ = ["RULES"]

Build = Callable[[NodeView], ops.Op | tuple[Layer, ...]]


def _function(function: Function, *constants: str) -> Build:
    """An activation with the attributes `constants` as its numbers."""

    def build(view: NodeView) -> ops.Activation:
        given = ((name, view.attributes.get(name)) for name in constants)
        return ops.Activation(
            function, tuple((name, float(value)) for name, value in given if value is not None)
        )

    return build


def _gelu(view: NodeView) -> ops.Activation:
    by_tanh = view.attributes.get("approximate") == "tanh"
    return ops.Activation(Function.GELU_TANH if by_tanh else Function.GELU)


def _clip(view: NodeView) -> ops.Op | tuple[Layer, ...]:
    bounds = (("min", 1), ("max", 2))
    if any(has_input(view, at) and not is_constant(view, at) for _, at in bounds):
        return _clip_by_tensors(view)
    found = ((name, scalar(view, name, position)) for name, position in bounds)
    return ops.Activation(Function.CLIP, tuple((n, v) for n, v in found if v is not None))


def _clip_by_tensors(view: NodeView) -> tuple[Layer, ...]:
    """Bounds that other nodes compute: a maximum and a minimum of two tensors."""
    steps = [(at, o) for at, o in ((1, Operator.MAX), (2, Operator.MIN)) if has_input(view, at)]
    layers, name = [], view.inputs[0]
    for position, operator in steps:
        last = (position, operator) == steps[-1]
        result = view.outputs[0] if last else f"{view.name}.{operator}"
        new = {} if last else {result: output_spec(view)}
        inputs = (name, view.inputs[position])
        op = ops.Elementwise(operator)
        layers.append(Layer(op, inputs, (result,), _OPERANDS, f".{operator}", new))
        name = result
    return tuple(layers)


def _elementwise(operator: Operator) -> Build:
    def build(view: NodeView) -> ops.Op:
        return ops.Elementwise(operator) if len(view.inputs) > 1 else ops.Identity()

    return build


def _modulo(view: NodeView) -> ops.Elementwise:
    return ops.Elementwise(Operator.FMOD if view.attributes.get("fmod", 0) else Operator.MOD)


def _compare(view: NodeView) -> ops.Compare:
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in view.operator)
    return ops.Compare(words.lstrip("_"))


def _batch_norm(view: NodeView) -> ops.BatchNorm:
    if view.attributes.get("training_mode", 0):
        raise ModelError(
            f"{view.where}: it is in training mode (training_mode=1): export for inference"
        )
    image = input_spec(view, 0).shape
    require(view, len(image) >= 2, f"its input {list(image)} has no axis of channels")
    for position in range(1, 5):
        vector = input_spec(view, position).shape
        text = f"its input {position} {list(vector)} does not fit {image[1]} channels"
        require(view, vector == (image[1],), text)
    return ops.BatchNorm(view.attributes["epsilon"])


def _normalize(
    form: str, axes: Callable[[NodeView, int], tuple[int, ...]], centered: bool = True
) -> Build:
    def build(view: NodeView) -> ops.Normalize:
        found = axes(view, len(input_spec(view, 0).shape))
        return ops.Normalize(form, found, centered, float(view.attributes.get("epsilon", 0.0)))

    return build


def _from_axis(view: NodeView, rank: int) -> tuple[int, ...]:
    return tuple(range(axis_of(view, view.attributes.get("axis", -1), rank), rank))


def _spatial(view: NodeView, rank: int) -> tuple[int, ...]:
    return tuple(range(2, rank))


def _group_norm(view: NodeView) -> ops.Normalize:
    shape, groups = input_spec(view, 0).shape, view.attributes.get("num_groups", 1)
    require(view, len(shape) >= 2, f"its input {list(shape)} has no axis of channels")
    fits = groups >= 1 and shape[1] % groups == 0
    require(view, fits, f"num_groups {groups} does not divide {shape[1]} channels")
    epsilon = float(view.attributes["epsilon"])
    return ops.Normalize("group", tuple(range(1, len(shape))), epsilon=epsilon, groups=groups)


def _lp_norm(view: NodeView) -> ops.Normalize:
    axis = axis_of(view, view.attributes.get("axis", -1), len(input_spec(view, 0).shape))
    return ops.Normalize("lp", (axis,), False, 0.0, order=view.attributes["p"])


def _mean_variance(view: NodeView) -> ops.Normalize:
    rank = len(input_spec(view, 0).shape)
    axes = view.attributes.get("axes") or (0, 2, 3)
    indices = tuple(sorted({axis_of(view, axis, rank) for axis in axes}))
    return ops.Normalize("mean_variance", indices, epsilon=1e-9)  # that of ONNX's own function


def _local_response(view: NodeView) -> ops.LocalResponseNorm:
    given = view.attributes
    require(view, given["size"] >= 1, f"size {given['size']} is below 1")
    return ops.LocalResponseNorm(given["size"], given["alpha"], given["beta"], given["bias"])


def _softmax(logarithm: bool) -> Build:
    def build(view: NodeView) -> ops.Op | tuple[Layer, ...]:
        spec = input_spec(view, 0)
        axis = view.attributes.get("axis", -1 if view.version >= 13 else 1)
        axis = axis_of(view, axis, max(len(spec.shape), 1))
        op = ops.Softmax(axis, logarithm)
        if view.version >= 13 or prod(spec.shape[axis + 1 :]) == 1:
            return op
        return _flat_softmax(view, spec, axis, logarithm)

    return build


def _flat_softmax(
    view: NodeView, spec: TensorSpec, axis: int, logarithm: bool
) -> tuple[Layer, ...]:
    """Before opset 13, softmax ran over all axes from `axis` on together."""
    flat = TensorSpec((prod(spec.shape[:axis]), prod(spec.shape[axis:])), spec.encoding)
    before, after = f"{view.name}.flattened", f"{view.name}.flat"
    flatten, unflatten = ops.Reshape(flat.shape), ops.Reshape(spec.shape)
    return (
        Layer(flatten, view.inputs, (before,), suffix=".flatten", new={before: flat}),
        Layer(ops.Softmax(1, logarithm), (before,), (after,), new={after: flat}),
        Layer(unflatten, (after,), view.outputs, suffix=".unflatten"),
    )


def _reduce(reduction: Reduction) -> Build:
    def build(view: NodeView) -> ops.Op:
        rank = len(input_spec(view, 0).shape)
        axes = integers(view, "axes", 1)
        if not axes and view.attributes.get("noop_with_empty_axes", 0):
            return ops.Identity()
        every = axes or range(rank)
        indices = tuple(sorted({axis_of(view, axis, rank) for axis in every}))
        return ops.Reduce(reduction, indices, bool(view.attributes.get("keepdims", 1)))

    return build


def _arg(reduction: Reduction) -> Build:
    def build(view: NodeView) -> ops.Reduce:
        axis = axis_of(view, view.attributes.get("axis", 0), len(input_spec(view, 0).shape))
        keepdims = bool(view.attributes.get("keepdims", 1))
        last = bool(view.attributes.get("select_last_index", 0))
        return ops.Reduce(reduction, (axis,), keepdims, last)

    return build


_OPERANDS = ("left", "right", DATA)
_SCALED = (DATA, "scale", "shift")

# Operator -> function, and the attributes that are its numbers.
_FUNCTIONS: dict[str, tuple[Function, tuple[str, ...]]] = {
    "Abs": (Function.ABS, ()),
    "Acos": (Function.ACOS, ()),
    "Acosh": (Function.ACOSH, ()),
    "Asin": (Function.ASIN, ()),
    "Asinh": (Function.ASINH, ()),
    "Atan": (Function.ATAN, ()),
    "Atanh": (Function.ATANH, ()),
    "Ceil": (Function.CEIL, ()),
    "Celu": (Function.CELU, ("alpha",)),
    "Cos": (Function.COS, ()),
    "Cosh": (Function.COSH, ()),
    "Elu": (Function.ELU, ("alpha",)),
    "Erf": (Function.ERF, ()),
    "Exp": (Function.EXP, ()),
    "Floor": (Function.FLOOR, ()),
    "HardSigmoid": (Function.HARD_SIGMOID, ("alpha", "beta")),
    "HardSwish": (Function.HARD_SWISH, ()),
    "LeakyRelu": (Function.LEAKY_RELU, ("alpha",)),
    "Log": (Function.LOG, ()),
    "Mish": (Function.MISH, ()),
    "Neg": (Function.NEG, ()),
    "Not": (Function.NOT, ()),
    "PRelu": (Function.PRELU, ()),
    "Reciprocal": (Function.RECIPROCAL, ()),
    "Relu": (Function.RELU, ()),
    "Round": (Function.ROUND, ()),
    "Selu": (Function.SELU, ("alpha", "gamma")),
    "Shrink": (Function.SHRINK, ("bias", "lambd")),
    "Sigmoid": (Function.SIGMOID, ()),
    "Sign": (Function.SIGNUM, ()),
    "Sin": (Function.SIN, ()),
    "Sinh": (Function.SINH, ()),
    "Softplus": (Function.SOFTPLUS, ()),
    "Softsign": (Function.SOFTSIGN, ()),
    "Sqrt": (Function.SQRT, ()),
    "Tan": (Function.TAN, ()),
    "Swish": (Function.SILU, ("alpha",)),
    "Tanh": (Function.TANH, ()),
    "ThresholdedRelu": (Function.THRESHOLDED_RELU, ("alpha",)),
}

_OPERATORS = {
    "Add": Operator.ADD,
    "Sub": Operator.SUB,
    "Mul": Operator.MUL,
    "Div": Operator.DIV,
    "Max": Operator.MAX,
    "Min": Operator.MIN,
    "Mean": Operator.MEAN,
    "Pow": Operator.POW,
    "Sum": Operator.ADD,
}

_COMPARISONS = ("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or", "Xor")

_REDUCTIONS = {
    "ReduceMax": Reduction.MAX,
    "ReduceMin": Reduction.MIN,
    "ReduceMean": Reduction.MEAN,
    "ReduceSum": Reduction.SUM,
    "ReduceProd": Reduction.PROD,
    "ReduceL1": Reduction.L1,
    "ReduceL2": Reduction.L2,
    "ReduceSumSquare": Reduction.SUM_SQUARE,
    "ReduceLogSum": Reduction.LOG_SUM,
    "ReduceLogSumExp": Reduction.LOG_SUM_EXP,
}

RULES: dict[tuple[str, str], Rule] = {
    **{("", n): Rule(_function(f, *c), (DATA, "slope")) for n, (f, c) in _FUNCTIONS.items()},
    **{("", name): Rule(_elementwise(o), _OPERANDS) for name, o in _OPERATORS.items()},
    **{("", name): Rule(_compare, _OPERANDS) for name in _COMPARISONS},
    **{("", name): Rule(_reduce(r), (DATA, SETTING)) for name, r in _REDUCTIONS.items()},
    ("", "Gelu"): Rule(_gelu),
    ("", "Mod"): Rule(_modulo, _OPERANDS),
    ("", "ArgMax"): Rule(_arg(Reduction.ARG_MAX)),
    ("", "ArgMin"): Rule(_arg(Reduction.ARG_MIN)),
    ("", "Clip"): Rule(_clip, (DATA, SETTING)),
    ("", "Where"): Rule(lambda view: ops.Select(), ("condition", "left", "right")),
    ("", "BatchNormalization"): Rule(_batch_norm, (DATA, "scale", "shift", "mean", "variance")),
    ("", "InstanceNormalization"): Rule(_normalize("instance", _spatial), _SCALED),
    ("", "GroupNormalization"): Rule(_group_norm, _SCALED),
    ("", "LayerNormalization"): Rule(_normalize("layer", _from_axis), _SCALED),
    ("", "RMSNormalization"): Rule(_normalize("rms", _from_axis, centered=False), _SCALED),
    ("", "LpNormalization"): Rule(_lp_norm),
    ("", "MeanVarianceNormalization"): Rule(_mean_variance),
    ("", "LRN"): Rule(_local_response),
    ("", "Softmax"): Rule(_softmax(logarithm=False)),
    ("", "LogSoftmax"): Rule(_softmax(logarithm=True)),
}

"""What each kind of layer writes, and what it refuses: tables by hand."""

from __future__ import annotations

import pytest

from xnorsim.errors import ShapeError, UnsupportedOpError
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import FLOAT32, INT8, encoding
from xnorsim.network.shapes import output_specs, product_encoding

R = ops.Reduction


def spec(*shape: int, of: str = "float32") -> TensorSpec:
    return TensorSpec(shape, encoding(of))


def conv(out: int, kernel: tuple[int, ...], **changes: object) -> ops.Conv:
    axes = len(kernel)
    fields = {"stride": (1,) * axes, "padding": ((0, 0),) * axes, "dilation": (1,) * axes}
    return ops.Conv(out, kernel, **(fields | changes))  # type: ignore[arg-type]


def pool(kernel: tuple[int, ...], **changes: object) -> ops.Pool:
    axes = len(kernel)
    fields = {"stride": kernel, "padding": ((0, 0),) * axes, "dilation": (1,) * axes}
    return ops.Pool(**({"reduction": R.MAX, "kernel": kernel} | fields | changes))  # type: ignore[arg-type]


def transposed(out: int, kernel: tuple[int, ...], **changes: object) -> ops.ConvTranspose:
    plain = conv(out, kernel)
    fields = {name: getattr(plain, name) for name in ("stride", "padding", "dilation")}
    return ops.ConvTranspose(out, kernel, **(fields | changes))  # type: ignore[arg-type]


IMAGE = spec(1, 3, 8, 8)
SAME = ((1, 1), (1, 1))
RELU = ops.Activation(ops.Function.RELU)
ADD = ops.Elementwise(ops.Operator.ADD)

POOLED = "float32[1, 3, 4, 4] int64[1, 3, 4, 4]"  # the largest, and where they are

# (op, inputs, parameters, what it writes)
RESULTS = {
    "conv": (conv(16, (3, 3)), [IMAGE], {"weight": spec(16, 3, 3, 3)}, "float32[1, 16, 6, 6]"),
    "conv, weight computed": (
        conv(4, (1, 1)), [IMAGE, spec(4, 3, 1, 1)], {}, "float32[1, 4, 8, 8]",
    ),
    "conv of a constant": (
        conv(4, (1, 1)), [spec(4, 3, 1, 1)], {"operand_0": IMAGE}, "float32[1, 4, 8, 8]",
    ),
    "conv in 1-D": (
        conv(4, (3,), stride=(2,), padding=((1, 0),)),
        [spec(2, 6, 9)],
        {"weight": spec(4, 6, 3), "bias": spec(4)},
        "float32[2, 4, 4]",  # (9 + 1 - 3) // 2 + 1
    ),
    "conv in groups": (
        conv(8, (3, 3), groups=2, padding=SAME),
        [spec(1, 6, 8, 8)],
        {"weight": spec(8, 3, 3, 3)},
        "float32[1, 8, 8, 8]",
    ),
    "depthwise conv": (
        conv(6, (3, 3), groups=6),
        [spec(1, 6, 8, 8)],
        {"weight": spec(6, 1, 3, 3)},
        "float32[1, 6, 6, 6]",
    ),
    "conv of integers": (
        conv(4, (1, 1)),
        [spec(1, 3, 8, 8, of="uint8")],
        {"weight": spec(4, 3, 1, 1, of="int8")},
        "int32[1, 4, 8, 8]",
    ),
    "conv with narrow weights": (
        conv(4, (1, 1)), [IMAGE], {"weight": spec(4, 3, 1, 1, of="float16")},
        "float32[1, 4, 8, 8]",
    ),
    "conv transpose with narrow weights": (
        transposed(4, (1, 1)), [IMAGE], {"weight": spec(3, 4, 1, 1, of="float16")},
        "float32[1, 4, 8, 8]",
    ),
    "dense with narrow weights": (
        ops.Dense(12, 5), [spec(2, 12)], {"weight": spec(12, 5, of="float16")}, "float32[2, 5]",
    ),
    "mat_mul with narrow weights": (
        ops.MatMul(), [spec(4, 6)], {"right": spec(6, 2, of="float16")}, "float32[4, 2]",
    ),
    "binary conv": (
        conv(4, (1, 1)),
        [spec(1, 3, 8, 8, of="bipolar")],
        {"weight": spec(4, 3, 1, 1, of="bipolar")},
        "float32[1, 4, 8, 8]",
    ),
    "conv transpose": (
        transposed(4, (4, 4), stride=(2, 2), padding=SAME),
        [IMAGE],
        {"weight": spec(3, 4, 4, 4)},
        "float32[1, 4, 16, 16]",
    ),
    "conv transpose with output padding": (
        transposed(4, (3, 3), stride=(2, 2), padding=SAME, output_padding=(1, 0)),
        [IMAGE],
        {"weight": spec(3, 4, 3, 3)},
        "float32[1, 4, 16, 15]",
    ),
    "dense": (ops.Dense(12, 5), [spec(2, 12)], {"weight": spec(12, 5)}, "float32[2, 5]"),
    "dense over the last axis": (
        ops.Dense(12, 5, transpose_weight=True),
        [spec(2, 7, 12)],
        {"weight": spec(5, 12), "bias": spec(5)},
        "float32[2, 7, 5]",
    ),
    "dense of a transposed input": (
        ops.Dense(12, 5, transpose_input=True),
        [spec(12, 2)],
        {"weight": spec(12, 5), "bias": spec(2, 1)},
        "float32[2, 5]",
    ),
    "mat_mul of activations": (
        ops.MatMul(), [spec(2, 8, 4, 16), spec(8, 16, 4)], {}, "float32[2, 8, 4, 4]",
    ),
    "mat_mul, left constant": (
        ops.MatMul(), [spec(16, 3)], {"left": spec(4, 16)}, "float32[4, 3]",
    ),
    "mat_mul of integers": (
        ops.MatMul(), [spec(4, 6, of="int8")], {"right": spec(6, 2, of="int8")}, "int32[4, 2]",
    ),
    "lstm": (
        ops.Recurrent("lstm", 10, 2),
        [spec(7, 3, 5)],
        {"weight": spec(2, 40, 5), "recurrence": spec(2, 40, 10), "bias": spec(2, 80)},
        "float32[7, 2, 3, 10] float32[2, 3, 10] float32[2, 3, 10]",
    ),
    "gru, batch first": (
        ops.Recurrent("gru", 10, 1, batch_first=True),
        [spec(3, 7, 5)],
        {"weight": spec(1, 30, 5), "recurrence": spec(1, 30, 10)},
        "float32[3, 7, 1, 10] float32[3, 1, 10]",
    ),
    "batch norm": (
        ops.BatchNorm(1e-5),
        [IMAGE],
        {role: spec(3) for role in ("scale", "shift", "mean", "variance")},
        "float32[1, 3, 8, 8]",
    ),
    "layer norm": (
        ops.Normalize("layer", (2,)), [spec(2, 5, 64)], {"scale": spec(64)},
        "float32[2, 5, 64] float32[2, 5, 1] float32[2, 5, 1]",
    ),
    "group norm": (
        ops.Normalize("group", (1, 2), groups=2), [spec(2, 4, 6)], {"scale": spec(4)},
        "float32[2, 4, 6]",
    ),
    "lrn": (ops.LocalResponseNorm(5, 1e-4, 0.75, 1.0), [IMAGE], {}, "float32[1, 3, 8, 8]"),
    "relu": (RELU, [IMAGE], {}, "float32[1, 3, 8, 8]"),
    "relu of integers": (RELU, [spec(2, 2, of="int8")], {}, "int8[2, 2]"),
    "prelu": (
        ops.Activation(ops.Function.PRELU), [IMAGE], {"slope": spec(3, 1, 1)},
        "float32[1, 3, 8, 8]",
    ),
    "sign": (ops.Sign(), [IMAGE], {}, "bipolar[1, 3, 8, 8]"),
    "quantize": (ops.Quantize(INT8), [IMAGE], {"scale": spec()}, "int8[1, 3, 8, 8]"),
    "dynamic quantize": (
        ops.Quantize(INT8, dynamic=True), [IMAGE], {"high": spec(), "low": spec()},
        "int8[1, 3, 8, 8] float32[] int8[]",
    ),
    "dequantize": (
        ops.Dequantize(FLOAT32), [spec(1, 3, of="int8")], {"scale": spec()}, "float32[1, 3]",
    ),
    "cast": (ops.Cast(encoding("float16")), [IMAGE], {}, "float16[1, 3, 8, 8]"),
    "add of a constant": (ADD, [IMAGE], {"right": spec(3, 1, 1)}, "float32[1, 3, 8, 8]"),
    "constant minus": (
        ops.Elementwise(ops.Operator.SUB), [spec(2, of="int8")], {"left": spec()}, "float32[2]",
    ),
    "sum of three": (ADD, [spec(1, 4), spec(3, 1), spec()], {}, "float32[3, 4]"),
    "compare": (ops.Compare("less"), [spec(3, 1), spec(4)], {}, "bool[3, 4]"),
    "select": (
        ops.Select(),
        [spec(3, 1, of="bool"), spec(4)],
        {"right": spec(2, 1, 1)},
        "float32[2, 3, 4]",
    ),
    "max pool": (pool((3, 3), stride=(2, 2), padding=SAME), [IMAGE], {}, POOLED),
    "pool, ceil": (pool((3, 3), stride=(2, 2), ceil_mode=True), [IMAGE], {}, POOLED),
    "global pool": (pool((8, 8), reduction=R.MEAN), [IMAGE], {}, "float32[1, 3, 1, 1]"),
    "mean": (ops.Reduce(R.MEAN, (2, 3)), [IMAGE], {}, "float32[1, 3, 1, 1]"),
    "mean, axes dropped": (ops.Reduce(R.MEAN, (2, 3), False), [IMAGE], {}, "float32[1, 3]"),
    "arg max": (ops.Reduce(R.ARG_MAX, (1,), False), [spec(2, 10)], {}, "int64[2]"),
    "softmax": (ops.Softmax(1), [spec(2, 10)], {}, "float32[2, 10]"),
    "concat": (ops.Concat(1), [IMAGE, spec(1, 5, 8, 8)], {}, "float32[1, 8, 8, 8]"),
    "concat of a constant": (ops.Concat(0), [spec(2, 4)], {"left": spec(1, 4)}, "float32[3, 4]"),
    "split": (
        ops.Split(1, (1, 2)), [IMAGE], {}, "float32[1, 1, 8, 8] float32[1, 2, 8, 8]",
    ),
    "slice": (
        ops.Slice((2, -1), (1, -1), (2**63 - 1, -(2**63)), (2, -3)),
        [IMAGE],
        {},
        "float32[1, 3, 4, 3]",  # 1 3 5 7; 7 4 1
    ),
    "pad": (ops.Pad(((0, 0), (0, 1), (2, 2), (-1, 0))), [IMAGE], {}, "float32[1, 4, 12, 7]"),
    "reshape": (ops.Reshape((3, 64)), [IMAGE], {}, "float32[3, 64]"),
    "reshape to a scalar": (ops.Reshape(()), [spec(1, 1)], {}, "float32[]"),
    "transpose": (ops.Transpose((0, 2, 3, 1)), [IMAGE], {}, "float32[1, 8, 8, 3]"),
    "depth to space": (
        ops.Rearrange("depth_to_space", (1, 1, 4, 6), 2), [spec(1, 4, 2, 3)], {},
        "float32[1, 1, 4, 6]",
    ),
    "expand": (ops.Expand((4, 3, 5)), [spec(3, 1)], {}, "float32[4, 3, 5]"),
    "tile": (ops.Expand((4, 9)), [spec(2, 3)], {}, "float32[4, 9]"),
    "resize": (ops.Resize((1, 3, 16, 12), "nearest"), [IMAGE], {}, "float32[1, 3, 16, 12]"),
    "gather from activations": (
        ops.Gather((2, 4), 1), [spec(2, 9)], {"indices": spec(4, of="int64")}, "float32[2, 4]",
    ),
    "embedding": (
        ops.Gather((1, 7, 64)), [spec(1, 7, of="int64")], {"weight": spec(1000, 64)},
        "float32[1, 7, 64]",
    ),
    "identity": (ops.Identity(), [spec(2, of="bool")], {}, "bool[2]"),
    "constant": (ops.Constant((2, 3), INT8), [], {}, "int8[2, 3]"),
    "thresholds": (
        ops.Thresholds(encoding("uint2")), [spec(1, 3, 4, 4)], {"thresholds": spec(3, 3)},
        "uint2[1, 3, 4, 4]",
    ),
    "unknown": (
        ops.Unknown("NMS", "", ((1, 2), (3,))), [spec(4, of="float16")], {},
        "float16[1, 2] float16[3]",
    ),
    "unknown without inputs": (ops.Unknown("Random", "", ((2,),)), [], {}, "float32[2]"),
}  # fmt: skip


BITS = spec(1, 4, 4, 4, of="bipolar")
FLOATS = spec(1, 4, 4, 4)

# op, inputs -> encoding of the result, and why
OF_BITS = [
    (pool((2, 2), reduction=R.MEAN), [BITS], "float32", "means of +-1 lie between"),
    (pool((2, 2)), [BITS], "bipolar", "the largest of +-1"),
    (ops.Reduce(R.SUM, (1,)), [BITS], "float32", "sums"),
    (ops.Reduce(R.MEAN, (1,)), [BITS], "float32", "means"),
    (ops.Reduce(R.MIN, (1,)), [BITS], "bipolar", "the smallest"),
    (ops.Reduce(R.PROD, (1,)), [BITS], "bipolar", "a product of signs is a sign"),
    (ADD, [BITS, BITS], "float32", "0 and +-2"),
    (ADD, [BITS, FLOATS], "float32", "a float on either side"),
    (ADD, [spec(4, of="int8"), BITS], "int8", "the first one's"),
    (ops.Elementwise(ops.Operator.MUL), [BITS, BITS], "bipolar", "a product of signs"),
    (ops.Elementwise(ops.Operator.MUL), [BITS, FLOATS], "float32", "scaled signs"),
    (ops.Concat(1), [BITS, BITS], "bipolar", "the same values"),
    (ops.Concat(1), [BITS, FLOATS], "float32", "holds both"),
    (ops.Select(), [spec(4, of="bool"), BITS, FLOATS], "float32", "holds both"),
    (RELU, [BITS], "float32", "0 and 1"),
    (ops.Softmax(1), [BITS], "float32", "fractions"),
    (ops.BatchNorm(1e-5), [BITS], "float32", "any float"),
    (ops.Resize((1, 4, 8, 8), "nearest"), [BITS], "bipolar", "copies"),
    (ops.Resize((1, 4, 8, 8), "linear"), [BITS], "float32", "means"),
    (ops.Reshape((64,)), [BITS], "bipolar", "the same elements"),
]


@pytest.mark.parametrize(("op", "inputs", "expected", "why"), OF_BITS)
def test_what_is_made_of_bits(op: ops.Op, inputs: list, expected: str, why: str) -> None:
    assert str(output_specs(op, *inputs)[0].encoding) == expected, why


@pytest.mark.parametrize("case", RESULTS)
def test_what_a_layer_writes(case: str) -> None:
    op, inputs, parameters, expected = RESULTS[case]
    assert " ".join(map(str, output_specs(op, *inputs, **parameters))) == expected


def test_the_table_has_every_kind() -> None:
    missing = set(ops.KINDS) - {type(op) for op, *_ in RESULTS.values()}
    assert not missing


WEIGHT = {"weight": spec(16, 3, 3, 3)}

# (op, inputs, parameters, the message)
FAULTS = {
    "channels against weight": (
        conv(16, (3, 3)), [spec(1, 4, 8, 8)], WEIGHT,
        r"conv: weight \[16, 3, 3, 3\] does not fit input \[1, 4, 8, 8\]: expected \[16, 4, 3, 3\]",
    ),
    "thresholds against channels": (
        ops.Thresholds(encoding("uint2")), [spec(1, 3, 4, 4)], {"thresholds": spec(2, 3)},
        r"thresholds: thresholds \[2, 3\] are not \(1 or 3, levels\)",
    ),
    "no thresholds": (
        ops.Thresholds(encoding("uint2")), [spec(1, 3, 4, 4)], {}, "thresholds: no thresholds",
    ),
    "filters against weight": (
        conv(8, (3, 3)), [IMAGE], WEIGHT, r"expected \[8, 3, 3, 3\]",
    ),
    "groups and input": (
        conv(4, (3, 3), groups=2), [IMAGE], WEIGHT, "groups 2 does not divide 3 input channels",
    ),
    "groups and output": (
        conv(4, (3, 3), groups=3), [IMAGE], WEIGHT, "groups 3 does not divide 4 output channels",
    ),
    "no groups": (conv(16, (3, 3), groups=0), [IMAGE], WEIGHT, "groups must be at least 1, not 0"),
    "stride 0": (
        conv(16, (3, 3), stride=(1, 0)), [IMAGE], WEIGHT, "conv: stride must be at least 1, not 0",
    ),
    "dilation 0": (
        conv(16, (3, 3), dilation=(0, 1)), [IMAGE], WEIGHT, "dilation must be at least 1, not 0",
    ),
    "kernel too large": (
        conv(16, (3, 3)), [spec(1, 3, 8, 2)], WEIGHT, "window of 3 .* padded input of 2",
    ),
    "axes of a window": (
        conv(16, (3, 3), stride=(1,)), [IMAGE], WEIGHT,
        r"stride \[1\] is for 1 axes, input \[1, 3, 8, 8\] has 2",
    ),
    "no spatial axes": (pool((2,)), [spec(1, 3)], {}, "has no axes after batch and channels"),
    "bias of a conv": (
        conv(16, (3, 3)), [IMAGE], WEIGHT | {"bias": spec(3)},
        r"bias \[3\] does not fit 16 channels",
    ),
    "no weight": (conv(16, (3, 3)), [IMAGE], {}, "no weight: there are 1 inputs, and par.*: none"),
    "conv transpose's weight": (
        transposed(16, (3, 3)), [IMAGE], WEIGHT, r"expected \[3, 16, 3, 3\]",
    ),
    "conv transpose's groups": (
        transposed(16, (3, 3), groups=2), [IMAGE], WEIGHT, "groups 2 does not divide 3 input",
    ),
    "conv transpose's output padding": (
        transposed(16, (3, 3), output_padding=(1,)), [IMAGE], {"weight": spec(3, 16, 3, 3)},
        r"output padding \[1\] is not for 2 axes",
    ),
    "features": (
        ops.Dense(12, 5), [spec(2, 11)], {"weight": spec(12, 5)},
        r"dense: input \[2, 11\] has 11 features, the layer takes 12",
    ),
    "features against weight": (
        ops.Dense(12, 5), [spec(2, 12)], {"weight": spec(5, 12)},
        r"weight \[5, 12\] does not fit .* expected \[12, 5\]",
    ),
    "bias of a dense layer": (
        ops.Dense(12, 5), [spec(2, 12)], {"weight": spec(12, 5), "bias": spec(3, 1, 5)},
        r"bias \[3, 1, 5\] does not broadcast to \[2, 5\]",
    ),
    "inner sizes": (ops.MatMul(), [spec(2, 3), spec(4, 2)], {}, "inner sizes 3 and 4 differ"),
    "cell": (
        ops.Recurrent("gur", 10, 1), [spec(3, 7, 5)], {"weight": spec(1), "recurrence": spec(1)},
        "no cell 'gur': did you mean gru",
    ),
    "rows of a cell": (
        ops.Recurrent("gru", 10, 1), [spec(3, 7, 5)],
        {"weight": spec(1, 40, 5), "recurrence": spec(1, 30, 10)}, r"expected \[1, 30, 5\]",
    ),
    "batch norm": (
        ops.BatchNorm(1e-5), [IMAGE], {"variance": spec(4)},
        r"batch_norm: variance \[4\] does not fit 3 channels",
    ),
    "slope": (
        ops.Activation(ops.Function.PRELU), [IMAGE], {"slope": spec(4, 1, 1)}, "do not broadcast",
    ),
    "broadcast": (
        ADD, [spec(2, 3), spec(2, 4)], {},
        r"add: shapes \[2, 3\] and \[2, 4\] do not .* 3 against 4",
    ),
    "softmax's axis": (ops.Softmax(2), [spec(2, 3)], {}, "axis 2 is out of range for 2 dimensions"),
    "reduced axis": (
        ops.Reduce(R.MEAN, (4,)), [IMAGE], {}, "mean_reduce: axis 4 is out of range",
    ),
    "concat": (
        ops.Concat(1), [IMAGE, spec(1, 3, 8, 9)], {},
        r"concat: \[1, 3, 8, 9\] does not fit \[1, 3, 8, 8\] outside axis 1",
    ),
    "split": (ops.Split(1, (1, 1)), [IMAGE], {}, r"sizes \[1, 1\] add up to 2, axis 1 has 3"),
    "slice": (ops.Slice((0,), (0,), (1, 2), (1,)), [IMAGE], {}, "differ in number"),
    "pad": (ops.Pad(((0, 0),)), [IMAGE], {}, "padding for 1 axes"),
    "pad to nothing": (ops.Pad(((-2, -2),)), [spec(3)], {}, "leaves"),
    "reshape": (
        ops.Reshape((5, 5)), [spec(4, 6)], {}, r"24 elements of \[4, 6\] do not fill \[5, 5\]",
    ),
    "reshape by two negatives": (ops.Reshape((-4, -6)), [spec(4, 6)], {}, "do not fill"),
    "transpose": (ops.Transpose((0, 0)), [spec(4, 6)], {}, r"\[0, 0\] does not permute"),
    "expand": (ops.Expand((5, 6)), [spec(4, 6)], {}, "repeated does not fill"),
    "resize": (ops.Resize((5,), "nearest"), [spec(4, 6)], {}, "cannot be resized"),
    "gather": (ops.Gather((5,), 2), [spec(4, 6)], {}, "axis 2 is out of range"),
    "axes of a normalization": (
        ops.Normalize("layer", (3,)), [spec(4, 6)], {}, "axis 3 is out of range",
    ),
    "lengths of sequences": (
        ops.Recurrent("gru", 10, 1), [spec(7, 3, 5)],
        {"weight": spec(1, 30, 5), "recurrence": spec(1, 30, 10), "lengths": spec(7, of="int32")},
        r"lengths \[7\] does not fit.*expected \[3\]",
    ),
    "first state, batch first": (
        ops.Recurrent("gru", 10, 1, batch_first=True), [spec(3, 7, 5)],
        {"weight": spec(1, 30, 5), "recurrence": spec(1, 30, 10),
         "initial_state": spec(1, 3, 10)},
        r"initial_state \[1, 3, 10\] does not fit.*expected \[3, 1, 10\]",
    ),
    "lrn": (ops.LocalResponseNorm(0, 1.0, 1.0, 1.0), [IMAGE], {}, "size must be at least 1, not 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_what_does_not_fit(case: str) -> None:
    op, inputs, parameters, message = FAULTS[case]
    with pytest.raises(ShapeError, match=message):
        output_specs(op, *inputs, **parameters)


def test_what_is_no_op_has_no_rule() -> None:
    with pytest.raises(UnsupportedOpError, match=r"shapes\.output_specs has no rule for int"):
        output_specs(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weight", "activation", "expected", "reason"),
    [
        ("bipolar", "bipolar", "float32", "scaled"),
        ("bipolar", "float16", "float16", "the activation's float"),
        ("float16", "bipolar", "float16", "the weight's float"),
        ("int8", "float32", "float32", "weights are dequantized first"),
        ("int8", "uint8", "int32", "accumulator"),
        ("bipolar", "int8", "int32", "sums of integers"),
        ("ternary", "bipolar", "int32", "no scaling belongs to it"),
        ("unipolar", "unipolar", "int32", "sums of integers"),
    ],
)
def test_encoding_of_a_product(weight: str, activation: str, expected: str, reason: str) -> None:
    assert str(product_encoding(encoding(weight), encoding(activation))) == expected, reason

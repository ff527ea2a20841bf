"""The shapes that we compute are the shapes that onnx infers for single layers."""

from __future__ import annotations

from typing import Any

import onnx
from hypothesis import assume, given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from xnorsim.errors import ShapeError
from xnorsim.network import ops
from xnorsim.network.graph import TensorSpec
from xnorsim.network.precision import FLOAT32
from xnorsim.network.shapes import output_specs


def spec(*shape: int) -> TensorSpec:
    return TensorSpec(shape, FLOAT32)


def onnx_output(operator: str, inputs: dict[str, tuple[int, ...]], **attributes: Any) -> list[int]:
    """The shape that onnx infers, strictly, for one node."""
    node = helper.make_node(operator, list(inputs), ["y"], **attributes)
    infos = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in inputs.items()
    ]
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "one", infos, [result])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)])
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    return [d.dim_value for d in inferred.graph.output[0].type.tensor_type.shape.dim]


def flat(padding: ops.Padding) -> list[int]:
    """As ONNX writes it: all before, then all after."""
    return [before for before, _ in padding] + [after for _, after in padding]


pair = st.tuples(st.integers(1, 4), st.integers(1, 4))
pads = st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * 2)
sizes = st.tuples(st.integers(3, 20), st.integers(3, 20))


@given(sizes, pair, pair, pads, pair, st.integers(1, 3))
def test_conv_as_onnx_infers_it(
    size: tuple, kernel: tuple, stride: tuple, padding: ops.Padding, dilation: tuple, groups: int
) -> None:
    image, weight = (2, 2 * groups, *size), (3 * groups, 2, *kernel)
    op = ops.Conv(3 * groups, kernel, stride, padding, dilation, groups)
    try:
        (found,) = output_specs(op, spec(*image), weight=spec(*weight))
    except ShapeError:
        assume(False)  # onnx infers 0 or less for a window that does not fit
    else:
        assert list(found.shape) == onnx_output(
            "Conv",
            {"x": image, "w": weight},
            kernel_shape=kernel,
            strides=stride,
            pads=flat(padding),
            dilations=dilation,
            group=groups,
        )


@given(sizes, pair, pair, pads, pair, pair, st.integers(1, 3))
def test_conv_transpose_as_onnx_infers_it(
    size: tuple, kernel: tuple, stride: tuple, padding: ops.Padding, dilation: tuple,
    extra: tuple, groups: int,
) -> None:  # fmt: skip
    image, weight = (2, 2 * groups, *size), (2 * groups, 3, *kernel)
    op = ops.ConvTranspose(3 * groups, kernel, stride, padding, dilation, groups, extra)
    try:
        (found,) = output_specs(op, spec(*image), weight=spec(*weight))
    except ShapeError:
        assume(False)
    else:
        assert list(found.shape) == onnx_output(
            "ConvTranspose",
            {"x": image, "w": weight},
            kernel_shape=kernel,
            strides=stride,
            pads=flat(padding),
            dilations=dilation,
            group=groups,
            output_padding=extra,
        )


@given(sizes, pair, pair, pads, pair, st.booleans(), st.sampled_from(["MaxPool", "AveragePool"]))
def test_pools_as_onnx_infers_them(
    size: tuple, kernel: tuple, stride: tuple, padding: ops.Padding, dilation: tuple,
    ceil_mode: bool, operator: str,
) -> None:  # fmt: skip
    image = (2, 3, *size)
    op = ops.Pool(ops.Reduction.MAX, kernel, stride, padding, dilation, ceil_mode)
    try:
        found, *_ = output_specs(op, spec(*image))
    except ShapeError:
        assume(False)
    else:
        assert list(found.shape) == onnx_output(
            operator,
            {"x": image},
            kernel_shape=kernel,
            strides=stride,
            pads=flat(padding),
            dilations=dilation,
            ceil_mode=int(ceil_mode),
        )

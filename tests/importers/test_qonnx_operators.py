"""Operators of QONNX, one at a time: their meaning, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from onnx import helper

from tests.importers.conftest import make_model
from xnorsim.errors import ModelError, ShapeError, XnorsimError
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.onnx import read_graph
from xnorsim.network import ops
from xnorsim.network.graph import Graph
from xnorsim.network.precision import BIPOLAR

DOMAIN = "qonnx.custom_op.general"
F = np.float32


def node(operator: str, inputs: Sequence[str], output: str = "y", **attributes: Any) -> Any:
    return helper.make_node(operator, inputs, [output], f"n_{output}", domain=DOMAIN, **attributes)


def constants(**values: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(value, F) for name, value in values.items()}


def ran(graph: Graph, x: np.ndarray) -> np.ndarray:
    (result,) = execute(prepare(graph), {graph.inputs[0]: x}).outputs.values()
    return result.astype(F)


# Rounding as its definition has it, one number at a time; halves are exact in binary.
ROUNDINGS: Mapping[str, Callable[[float], float]] = {
    "ROUND": lambda x: round(x),
    "HALF_EVEN": lambda x: round(x),
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda x: np.sign(x) * np.ceil(abs(x)),
    "DOWN": np.trunc,
    "HALF_UP": lambda x: np.sign(x) * np.floor(abs(x) + 0.5),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(abs(x) - 0.5),
}


def quantized(
    x: float, bits: int, signed: bool, narrow: bool, mode: str, scale: float, zero: int
) -> float:
    """QONNX's definition of Quant: clamped, rounded, scaled back."""
    low = -(2 ** (bits - 1)) + narrow if signed else 0
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
    code = ROUNDINGS[mode](min(max(x / scale + zero, low), high))
    return (code - zero) * scale


@given(
    bits=st.integers(2, 8),
    signed=st.booleans(),
    narrow=st.booleans(),
    mode=st.sampled_from(sorted(ROUNDINGS)),
    scale=st.sampled_from([0.25, 1.0, 2.0]),
    zero=st.integers(-3, 3),
    on_constant=st.booleans(),
)
def test_quant_is_its_definition(
    tmp_path_factory: pytest.TempPathFactory,
    bits: int,
    signed: bool,
    narrow: bool,
    mode: str,
    scale: float,
    zero: int,
    on_constant: bool,
) -> None:
    """Over quarters around all bounds, as an activation and as a weight."""
    x = np.arange(-40, 41, dtype=F).reshape(1, -1) * F(scale / 4) * 2 ** (bits - 2)
    held = constants(s=scale, z=zero, b=bits)
    settings = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": mode}
    inputs = ["w" if on_constant else "x", "s", "z", "b"]
    nodes = [node("Quant", inputs, "q" if on_constant else "y", **settings)]
    if on_constant:
        held["w"] = x
        nodes.append(helper.make_node("Add", ["x", "q"], ["y"], "add"))
    path = tmp_path_factory.mktemp("quant") / "model.onnx"
    path.write_bytes(make_model(nodes, {"x": x.shape}, weights=held).SerializeToString())
    expected = [quantized(float(v), bits, signed, narrow, mode, scale, zero) for v in x[0]]
    given = np.zeros_like(x) if on_constant else x
    assert_array_equal(ran(read_graph(path), given)[0], np.asarray(expected, F))


def test_a_quantized_weight_is_stored_in_its_bits(build: Callable[..., Graph]) -> None:
    """Through a Transpose, which moves codes and scales alike."""
    held = constants(w=np.eye(4, 8), s=0.5, z=0, b=3)
    nodes = [
        node("Quant", ["w", "s", "z", "b"], "q", signed=1, narrow=0),
        helper.make_node("Transpose", ["q"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["y"]),
    ]
    graph = build(nodes, {"x": (1, 8)}, weights=held)
    (layer,) = graph.nodes
    stored = graph.parameters[layer.parameters["weight"]].stored
    assert [(str(part.spec), part.is_scale) for part in stored] == [
        ("int3[4, 8]", False),
        ("float32[]", True),
    ]
    assert str(layer.scheme) == "int3*float32"
    assert "int3" in graph.recognized[layer.name]


def test_bipolar_weights_of_each_filter_s_own_scale(build: Callable[..., Graph]) -> None:
    """A scale below 0 turns the signs; alpha is its magnitude."""
    w = np.array([[0.5, -0.5, 0.0], [1, 2, -3]], F).reshape(2, 3, 1, 1)
    held = {"w": w, "s": np.array([0.5, -2], F).reshape(2, 1, 1, 1)} | constants(one=1)
    nodes = [
        node("BipolarQuant", ["x", "one"], "a"),
        node("BipolarQuant", ["w", "s"], "q"),
        helper.make_node("Conv", ["a", "q"], ["y"], "conv"),
    ]
    graph = build(nodes, {"x": (1, 3, 2, 2)}, weights=held)
    conv = graph.node("conv")
    weight, alpha = (graph.parameters[conv.parameters[role]] for role in ("weight", "alpha"))
    assert weight.spec.encoding == BIPOLAR
    assert weight.load is not None
    assert alpha.load is not None
    assert_array_equal(weight.load().reshape(2, 3), [[1, -1, 1], [-1, -1, 1]])
    assert_array_equal(alpha.load(), [0.5, 2])
    x = np.array([-1.0, 0.0, 2.0], F)[None, :, None, None] * np.ones((1, 3, 2, 2), F)
    assert_array_equal(ran(graph, x)[0, :, 0, 0], [0.5 * (-1 - 1 + 1), -2 * (-1 + 1 - 1)])


def test_thresholds_of_zero_are_a_sign(build: Callable[..., Graph]) -> None:
    settings = {"out_dtype": "BIPOLAR", "out_scale": 2.0, "out_bias": -1.0}
    made = node("MultiThreshold", ["x", "t"], **settings)
    graph = build(made, {"x": (1, 3)}, weights=constants(t=np.zeros((3, 1))))
    assert [type(item.op) for item in graph.nodes] == [ops.Sign]
    assert_array_equal(ran(graph, np.array([[-1, -0.0, 1]], F)), [[-1, 1, 1]])


QUANT = {"signed": 1, "narrow": 0}
STEPS = {"out_dtype": "UINT2"}
WINDOW = {"kernel_size": [2, 2], "stride": [1, 1], "input_shape": "(1,4,4,2)"}
SUM = {"kernel": 2, "stride": 1, "ibits": 4, "obits": 4, "signed": 0}

# What is wrong: operator, constants after x, attributes, what the message must say.
FAULTS: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "bipolar scale 0": ("BipolarQuant", {"s": 0}, {}, r"scale 's' is 0, which leaves no"),
    "bipolar scale NaN": ("BipolarQuant", {"s": np.nan}, {}, r"'s' has values that are no finite"),
    "bipolar without scale": ("BipolarQuant", {}, {}, r"inputs are 'x'; it takes data, scale"),
    "bipolar scale too wide": ("BipolarQuant", {"s": np.ones(5)}, {}, r"'s' \[5\].*broadcast"),
    "scale 0": ("Quant", {"s": 0, "z": 0, "b": 4}, QUANT, r"scale 's' is 0\.0; above 0"),
    "scale below 0": ("Quant", {"s": -0.5, "z": 0, "b": 4}, QUANT, r"scale 's' is -0\.5"),
    "half a bit": ("Quant", {"s": 1, "z": 0, "b": 2.5}, QUANT, r"'b' is 2\.5; it is an integer"),
    "no bits": ("Quant", {"s": 1, "z": 0, "b": 0}, QUANT, r"'b' is 0; .* from 1 to 24"),
    "too many bits": ("Quant", {"s": 1, "z": 0, "b": 33}, QUANT, r"'b' is 33; .* from 1 to 24"),
    "two widths": ("Quant", {"s": 1, "z": 0, "b": [2, 3]}, QUANT, r"'b' has 2 elements"),
    "no signed": ("Quant", {"s": 1, "z": 0, "b": 4}, {"narrow": 0}, r"no attribute 'signed'"),
    "signed a text": (
        "Quant",
        {"s": 1, "z": 0, "b": 4},
        {"signed": "yes", "narrow": 0},
        r"attribute 'signed' is 'yes', not an integer",
    ),
    "rounding": (
        "Quant",
        {"s": 1, "z": 0, "b": 4},
        QUANT | {"rounding_mode": "FLOR"},
        r"no rounding_mode 'FLOR': did you mean FLOOR",
    ),
    "zero point of +-1": ("Quant", {"s": 1, "z": 2, "b": 1}, QUANT, r"zero point 'z' is 2\.0"),
    "trunc to more bits": ("Trunc", {"s": 1, "z": 0, "a": 4, "b": 8}, {}, r"4 bits to 8"),
    "trunc without widths": ("Trunc", {"s": 1, "z": 0}, {}, r"it takes data, scale, zero point"),
    "thresholds fall": (
        "MultiThreshold",
        {"t": [[1, 0, 2]]},
        STEPS,
        r"thresholds 't' of channel 0 do not ascend: 1\.0 before 0\.0",
    ),
    "thresholds for others": (
        "MultiThreshold",
        {"t": np.zeros((5, 3))},
        STEPS,
        r"\[5, 3\].*1 or 4",
    ),
    "thresholds too many": (
        "MultiThreshold",
        {"t": np.arange(7.0)[None]},
        STEPS,
        r"out_dtype UINT2 does not hold its results, 0 to 7",
    ),
    "results beyond float32": (
        "MultiThreshold",
        {"t": [[0, 1, 2, 3]]},
        STEPS | {"out_scale": 1e38},
        r"out_scale 1e\+38 and out_bias 0 make results that are no finite float32",
    ),
    "offset NaN": ("MultiThreshold", {"t": [[0]]}, STEPS | {"out_bias": np.nan}, r"out_bias nan"),
    "layout": (
        "MultiThreshold",
        {"t": [[0]]},
        STEPS | {"data_layout": "NHCW"},
        r"no data_layout 'NHCW'",
    ),
    "no out_dtype": ("MultiThreshold", {"t": [[0]]}, {}, r"no attribute 'out_dtype'"),
    "window 0": ("Im2Col", {}, WINDOW | {"kernel_size": [0, 2]}, r"kernel_size \[0, 2\]"),
    "window of one side": ("Im2Col", {}, WINDOW | {"kernel_size": [2]}, r"kernel_size \[2\]"),
    "window too large": ("Im2Col", {}, WINDOW | {"kernel_size": [9, 9]}, r"window of 9 .* of 4"),
    "no stride": ("Im2Col", {}, {"kernel_size": [2, 2]}, r"no attribute 'stride'"),
    "inner sizes": ("XnorPopcountMatMul", {"w": np.ones((3, 2))}, {}, r"4.*3|\[3, 2\]"),
    "no kernel": ("QuantAvgPool2d", {}, {k: v for k, v in SUM.items() if k != "kernel"}, "kernel"),
    "no such layout": ("QuantAvgPool2d", {}, SUM | {"data_layout": "CHW"}, r"data_layout 'CHW'"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_faults_name_node_and_value(build: Callable[..., Graph], case: str) -> None:
    operator, more, attributes, match = FAULTS[case]
    made = node(operator, ["x", *more], **attributes)
    with pytest.raises((ModelError, ShapeError), match=f"(?s)model.onnx: node 'n_y'.*{match}"):
        build(made, {"x": (1, 4, 4, 4)}, weights=constants(**more))


@pytest.mark.parametrize(
    ("scale", "offset"), [(1e38, 0.0), (1.0, 1e20), (2.0**40, -3.0), (2.0**29, 0.0), (0.5, 0.25)]
)
def test_results_of_thresholds_too_large_for_integers_are_floats(
    build: Callable[..., Graph], scale: float, offset: float
) -> None:
    attributes = {"out_dtype": "FLOAT32", "out_scale": scale, "out_bias": offset}
    made = node("MultiThreshold", ["x", "t"], **attributes)
    graph = build(made, {"x": (1, 4)}, weights=constants(t=[[0, 1, 2]]))
    x = np.array([[-1, 0, 1.5, 9]], F)
    assert_array_equal(ran(graph, x), np.array([[0, 1, 2, 3]], F) * F(scale) + F(offset))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(("operator", "more"), [("BipolarQuant", {}), ("Quant", {"z": 0, "b": 4})])
def test_weights_that_are_no_numbers_are_refused_when_loaded(
    build: Callable[..., Graph], operator: str, more: dict[str, Any], value: float
) -> None:
    weight = np.ones((4, 4))
    weight[1, 2] = value
    attributes = QUANT if more else {}
    nodes = [
        node(operator, ["w", "s", *more], "q", **attributes),
        helper.make_node("MatMul", ["x", "q"], ["y"]),
    ]
    graph = build(nodes, {"x": (1, 4)}, weights=constants(w=weight, s=1, **more))
    with pytest.raises(ModelError, match=r"constant 'w': 1 of its 16 values are NaN or infinite"):
        prepare(graph)


CHAINS: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "+-1": ("BipolarQuant", ["s"], {}),
    "integers": ("Quant", ["s", "z", "b"], QUANT),
}


@pytest.mark.parametrize("case", CHAINS)
def test_quantizers_of_quantizers_of_a_constant(build: Callable[..., Graph], case: str) -> None:
    """Each calls the one before it when it is loaded; 3000 would be too many for the stack."""
    operator, more, attributes = CHAINS[case]
    values = constants(c0=np.ones((4, 4)), s=1, z=0, b=4)
    for count in (64, 3000):
        nodes = [
            node(operator, [f"c{at}", *more], f"c{at + 1}", **attributes) for at in range(count)
        ]
        nodes.append(helper.make_node("MatMul", ["x", f"c{count}"], ["y"]))
        graph = build(nodes, {"x": (1, 4)}, weights=values)
        if count == 64:
            assert_array_equal(ran(graph, np.ones((1, 4), F)), np.full((1, 4), 4))
            continue
        with pytest.raises(ModelError, match=r"computed of constants by 65 nodes \(at most 64\)"):
            prepare(graph)


def test_bits_other_than_0_and_1_are_refused_when_read(build: Callable[..., Graph]) -> None:
    """The matrix of a popcount holds bits; its values are looked at when they are loaded."""
    made = node("XnorPopcountMatMul", ["x", "w"])
    graph = build(made, {"x": (1, 4)}, weights=constants(w=np.full((4, 2), 0.5)))
    with pytest.raises(XnorsimError, match=r"'w' has the value 0\.5; bits are 0 or 1"):
        prepare(graph)


def test_a_scale_known_only_at_run_time_is_refused(build: Callable[..., Graph]) -> None:
    made = node("Quant", ["x", "s", "z", "b"], "y", **QUANT)
    with pytest.raises(ModelError, match=r"input 's' is known only at run time"):
        build(made, {"x": (1, 4), "s": (1,)}, weights=constants(z=0, b=4))

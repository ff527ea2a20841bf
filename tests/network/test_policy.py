"""Which layers a policy binarizes, and what the graph looks like then."""

from __future__ import annotations

import numpy as np
import pytest

from xnorsim import zoo
from xnorsim.errors import UsageError
from xnorsim.network import ops
from xnorsim.network.graph import by_role, check, scheme
from xnorsim.network.policy import (
    Binarize,
    Policy,
    apply,
    as_float,
    binarizable,
    is_depthwise,
    kept,
    parse_keep,
)
from xnorsim.network.precision import BIPOLAR, FLOAT32, FP32, Border, Scaling, Scheme
from xnorsim.zoo.builder import Builder


def chain():
    b = Builder("chain", input=(1, 3, 8, 8))
    x = b.relu(b.conv(b.input, 16, 3, padding=1, name="stem"))
    x = b.relu(b.conv(x, 16, 3, padding=1, groups=16, name="block.dw"))
    x = b.relu(b.conv(x, 32, 1, name="block.pw"))
    x = b.conv(x, 32, 3, padding=1, name="block.full")
    return b.graph(b.dense(b.flatten(b.global_average_pool(x)), 10, name="head"))


def binary_names(graph):
    return {
        node.name
        for node in graph.nodes
        if node.scheme is not None and node.scheme.weight is BIPOLAR
    }


@pytest.mark.parametrize(
    ("policy", "expected", "why"),
    [
        (Policy(Binarize.NONE), set(), "nothing is asked for"),
        (Policy(Binarize.XNOR), {"block.pw", "block.full"}, "ends and depthwise stay"),
        (Policy(Binarize.BWN), {"block.pw", "block.full"}, "the same layers"),
        (Policy(Binarize.XNOR, keep=()), {"stem", "block.pw", "block.full", "head"}, "no keep"),
        (Policy(Binarize.XNOR, keep=("first",)), {"block.pw", "block.full", "head"}, "one end"),
        (Policy(Binarize.XNOR, keep=("block.*",)), {"stem", "head"}, "a glob"),
        (
            Policy(Binarize.XNOR, keep=("first", "last"), depthwise=True),
            {"block.dw", "block.pw", "block.full"},
            "depthwise on request",
        ),
        (Policy(Binarize.XNOR, keep=("stem", "head", "relu*")), {"block.pw", "block.full"}, "ReLU"),
    ],
)
def test_which_layers_become_binary(policy, expected, why):
    assert binary_names(apply(chain(), policy)) == expected, why


def test_first_and_last_count_layers_with_weights_only():
    names = [node.name for node in binarizable(chain())]
    assert names == ["stem", "block.dw", "block.pw", "block.full", "head"]
    assert kept(chain(), Policy(Binarize.XNOR)) == {"stem", "head", "block.dw"}


def test_xnor_signs_each_tensor_once():
    graph = check(apply(zoo.build("resnet18"), Policy(Binarize.XNOR)))
    signs = [node for node in graph.nodes if isinstance(node.op, ops.Sign)]
    sources = [node.inputs[0] for node in signs]
    assert len(sources) == len(set(sources))
    # 19 binary layers; at three stages the first convolution and the shortcut read one tensor
    assert len(binary_names(graph)) == 19
    assert len(signs) == 16


@pytest.mark.parametrize("binarize", [Binarize.BWN, Binarize.XNOR])
def test_operands_and_scheme_agree(binarize):
    graph = check(apply(chain(), Policy(binarize)))
    for name in binary_names(graph):
        node = graph.node(name)
        weight = graph.parameters[node.parameters["weight"]]
        assert weight.spec.encoding is BIPOLAR
        assert weight.stored[0].spec == weight.spec
        assert graph.tensors[node.inputs[0]].encoding is scheme(graph, node).activation
    assert not [n for n in graph.parameters if n == "block.pw.weight"]  # replaced, not kept beside


def test_alpha_k_reads_the_unsigned_input_too():
    graph = apply(chain(), Policy(Binarize.XNOR, scaling=Scaling.ALPHA_K))
    node = graph.node("block.pw")
    assert [graph.tensors[name].encoding for name in node.inputs] == [BIPOLAR, FLOAT32]
    assert node.roles == ("", "unsigned")
    assert by_role(node)[1]["unsigned"] == chain().node("block.pw").inputs[0]
    assert node.scheme == Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA_K)


def test_bwn_has_no_k():
    with pytest.raises(UsageError, match=r"alpha_k does not go with binarize bwn.*none, alpha"):
        Policy(Binarize.BWN, scaling=Scaling.ALPHA_K)


def test_the_border_is_the_policys():
    policy = Policy(Binarize.XNOR, (), Scaling.ALPHA_K, pad_value=1, border=Border.VALID)
    layers = [n for n in apply(chain(), policy).nodes if isinstance(n.op, ops.Conv)]
    layers = [n for n in layers if n.scheme is not None]
    assert layers
    for node in layers:
        assert node.op.pad_value == 1
        assert node.scheme is not None
        assert node.scheme.border is Border.VALID
    weights_only = apply(chain(), Policy(Binarize.BWN, pad_value=1))
    assert all(n.op.pad_value == 0 for n in weights_only.nodes if isinstance(n.op, ops.Conv)), (
        "floats are padded with 0"
    )
    with pytest.raises(UsageError, match="pad value 2: a binary input is padded with 0, 1 or -1"):
        Policy(pad_value=2)


def test_every_word_of_keep_that_fits_nothing_is_named():
    policy = Policy(Binarize.XNOR, keep=("first", "blok.full", "layer9*"))
    with pytest.raises(UsageError, match=r"(?s)'blok.full'.*did you mean block.full.*'layer9\*'"):
        apply(chain(), policy)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("first,last", ("first", "last")),
        (" first , a* ,first", ("first", "a*")),
        ("none", ()),
        ("", ()),
    ],
)
def test_parse_keep(text, expected):
    assert parse_keep(text) == expected


def test_depthwise_means_one_channel_a_filter():
    graph = chain()
    assert [n.name for n in graph.nodes if is_depthwise(graph, n)] == ["block.dw"]


def test_as_float_undoes_the_encodings():
    graph = as_float(apply(chain(), Policy(Binarize.XNOR)))
    assert {spec.encoding for spec in graph.tensors.values()} == {FLOAT32}
    assert {item.spec.encoding for item in graph.parameters.values()} == {FLOAT32}
    assert {scheme(graph, node) for node in binarizable(graph)} == {FP32}


def test_as_float_loads_signs_as_floats():
    b = Builder("binary", input=(1, 8, 4, 4))
    graph = as_float(b.graph(b.binary_conv(b.sign(b.input), 4, 3, name="conv")))
    load = graph.parameters[graph.node("conv").parameters["weight"]].load
    assert load is not None
    values = load()
    assert values.dtype == np.float32
    assert set(np.unique(values)) == {-1, 1}


def test_as_float_reads_what_the_float_layer_read():
    before = chain()
    graph = check(as_float(apply(before, Policy(Binarize.XNOR, scaling=Scaling.ALPHA_K))))
    pointwise = graph.node("block.pw")
    assert (len(pointwise.inputs), pointwise.roles) == (1, ())
    assert set(pointwise.parameters) == set(before.node("block.pw").parameters)


def test_the_summary_counts_what_changed():
    note = apply(chain(), Policy(Binarize.XNOR)).notes[-1]
    assert note.startswith(
        "2 layers binarized as xnor with scaling alpha; kept in high precision: "
    )


def test_some_layers_have_binary_weights_only():
    policy = Policy(Binarize.XNOR, scaling=Scaling.ALPHA_K, weights_only=("*.full",))
    graph = check(apply(chain(), policy))
    pointwise, full = graph.node("block.pw"), graph.node("block.full")
    assert pointwise.scheme == Scheme(BIPOLAR, BIPOLAR, Scaling.ALPHA_K)
    assert full.scheme == Scheme(BIPOLAR, FLOAT32, Scaling.ALPHA)  # no K without binary inputs
    assert full.inputs == chain().node("block.full").inputs
    assert graph.notes[-1] == "with binary weights only: block.full"
    alone = apply(chain(), Policy(Binarize.BWN, keep=("first", "last", "block.pw")))
    assert full == alone.node("block.full")


def test_a_kept_layer_has_no_binary_weights():
    policy = Policy(Binarize.XNOR, keep=("stem", "block.*"), weights_only=("block.*",))
    assert binary_names(apply(chain(), policy)) == {"head"}


def test_weights_only_of_no_layer():
    with pytest.raises(UsageError, match="with binary weights only: 'x' fits no layer"):
        apply(chain(), Policy(Binarize.XNOR, weights_only=("x",)))

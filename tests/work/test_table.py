"""Fusion, memory and the layer table on small networks that can be worked out by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim import zoo
from xnorsim.errors import ModelError
from xnorsim.network import ops
from xnorsim.network.graph import Graph, Node, Parameter, Stored, TensorSpec, consumers
from xnorsim.network.policy import Binarize, Policy, apply, as_float
from xnorsim.network.precision import BIPOLAR, ENCODINGS, FLOAT32, INT8, MAC_CLASSES, Scaling
from xnorsim.work.fusion import Fuse, Fusion, fusions
from xnorsim.work.memory import live_activations, packed_bits, parameter_bits
from xnorsim.work.table import COLUMNS, NOT_SUMMED, layer_table, totals
from xnorsim.zoo.builder import Builder

BITS = 32


def residual_block() -> Graph:
    """conv0 -> bn -> relu -> conv1 -> bn, added to what conv1 read, -> relu."""
    b = Builder("block", input=(1, 8, 4, 4))  # 128 elements everywhere
    x = b.relu(b.batch_norm(b.conv(b.input, 8, 3, padding=1, bias=False, name="conv0"), name="bn0"))
    y = b.batch_norm(b.conv(x, 8, 3, padding=1, bias=False, name="conv1"), name="bn1")
    return b.graph(b.relu(b.add(x, y, name="sum"), name="last"))


def binary_chain(scaling: Scaling = Scaling.ALPHA) -> Graph:
    """conv1 -> bn1 -> its sign -> conv2 -> relu -> bn2 -> its sign -> conv3, all of +-1."""
    b = Builder("chain", input=(1, 64, 4, 4))  # 1024 elements everywhere
    x = b.batch_norm(b.conv(b.input, 64, 3, padding=1, bias=False, name="conv1"), name="bn1")
    x = b.relu(b.conv(x, 64, 3, padding=1, bias=False, name="conv2"), name="relu")
    x = b.conv(b.batch_norm(x, name="bn2"), 64, 3, padding=1, bias=False, name="conv3")
    return apply(b.graph(x), Policy(Binarize.XNOR, keep=(), scaling=scaling))


WITH_SIGNS = (Fuse.BN, Fuse.RELU, Fuse.SIGN)


class TestFusedSigns:
    def test_a_sign_of_a_binary_layer_is_a_threshold_on_its_sums(self):
        """Behind the layer or its batch normalization; not behind a rectifier, nor the input."""
        graph = binary_chain()
        signs = {name for name, item in fusions(graph, WITH_SIGNS).items() if "sign" in name}
        assert signs == {"conv2.sign"}
        assert fusions(graph, WITH_SIGNS)["conv2.sign"].host == "conv1"
        assert not {name for name in fusions(graph) if "sign" in name}, "unless asked"

    def test_the_map_k_has_no_threshold(self):
        assert "conv2.sign" not in fusions(binary_chain(Scaling.ALPHA_K), WITH_SIGNS)

    def test_results_are_held_as_bits(self):
        """conv1 gives 1024 bits, which conv2 reads; conv2 gives floats."""
        table = layer_table(binary_chain(), WITH_SIGNS)
        rows = dict(zip(table.names, range(len(table)), strict=True))
        bits = table.columns["output_bits"]
        assert [int(bits[rows[name]]) for name in ("conv1", "bn1", "conv2.sign")] == [1024] * 3
        assert bits[rows["conv2"]] == 32 * 1024
        moved = table.columns["activation_traffic_bits"]
        assert moved[rows["conv1"]] == 2 * 1024
        assert moved[rows["conv2.sign"]] == 0
        assert table.columns["live_bits"][rows["conv1"]] < 32 * 1024

    def test_a_sign_with_a_layer_of_floats_before_it_runs(self):
        b = Builder("floats", input=(1, 64, 4, 4))
        x = b.conv(b.conv(b.input, 64, 1, name="first"), 64, 1, name="second")
        graph = apply(b.graph(x), Policy(Binarize.XNOR, keep=("first",)))
        assert "second.sign" not in fusions(graph, WITH_SIGNS)


class TestFusion:
    def test_chains_end_in_their_first_node(self):
        hosts = {name: item.host for name, item in fusions(residual_block()).items()}
        assert hosts == {"bn0": "conv0", "relu1": "conv0", "bn1": "conv1", "last": "sum"}

    def test_residual_addition_joins_the_later_producer(self):
        found = fusions(residual_block(), (Fuse.BN, Fuse.RELU, Fuse.ADD))
        assert found["sum"].host == "conv1"
        assert found["sum"].tensor == "bn1"  # its last writer, not the shortcut
        assert found["last"].host == "conv1"

    def test_a_sum_waits_for_the_layer_that_is_ready_last(self):
        """relu(a) runs in a, which is done before b: the sum runs in b and reads relu(a)."""
        b = Builder("wait", input=(1, 4, 4, 4))
        x = b.conv(b.input, 4, 1, name="a")
        y = b.conv(b.input, 4, 1, name="b")
        graph = b.graph(b.add(y, b.relu(x, name="relu"), name="sum"))
        found = fusions(graph, (Fuse.RELU, Fuse.ADD))
        assert (found["relu"].host, found["sum"].host) == ("a", "b")
        table = layer_table(graph, (Fuse.RELU, Fuse.ADD))
        moved = dict(
            zip(table.names, table.columns["activation_traffic_bits"].tolist(), strict=True)
        )
        assert (moved["relu"], moved["sum"]) == (0, 64 * BITS)

    def test_nothing_is_fused_unless_asked(self):
        assert fusions(residual_block(), ()) == {}

    def test_a_tensor_with_two_readers_stays(self):
        b = Builder("two", input=(1, 4, 4, 4))
        x = b.conv(b.input, 4, 1, name="conv")
        graph = b.graph(b.add(b.relu(x), x))
        assert fusions(graph) == {}

    def test_an_output_of_the_network_stays(self):
        b = Builder("out", input=(1, 4, 4, 4))
        x = b.conv(b.input, 4, 1, name="conv")
        assert fusions(b.graph(x, b.relu(x))) == {}

    def test_bn_folds_into_alpha_and_runs_on_the_results_of_bare_signs(self):
        graph = residual_block()
        for scaling, folded in ((Scaling.ALPHA, True), (Scaling.NONE, False)):
            found = fusions(apply(graph, Policy(Binarize.XNOR, keep=(), scaling=scaling)))
            assert found["bn0"] == Fusion("conv0", "conv0", folded), scaling

    @pytest.mark.parametrize("binarize", [Binarize.NONE, Binarize.XNOR])
    def test_behind_an_activation_bn_runs_on_the_results_of_binary_layers_only(self, binarize):
        b = Builder("late", input=(1, 8, 4, 4))
        x = b.relu(b.conv(b.input, 8, 3, padding=1, bias=False, name="conv"), name="relu")
        graph = apply(b.graph(b.batch_norm(x, name="bn")), Policy(binarize, keep=()))
        found = fusions(graph)
        assert found["relu"].host == "conv"
        if binarize is Binarize.NONE:
            assert "bn" not in found
            return
        assert found["bn"] == Fusion("conv", "relu", folded=False)
        table = layer_table(graph)
        at = table.names.index("bn")
        assert table.columns["fp_ops"][at] == 2 * 128, "scale and shift of each result"
        assert table.columns["scale_bits"][at] == 2 * 8 * BITS
        assert table.columns["runs"][at] == 0


class TestParameters:
    def test_fp32_convolution_with_folded_bn(self):
        graph = residual_block()
        bits = parameter_bits(graph, fusions(graph))
        assert bits["conv0"].weights == bits["conv0"].fp32 == 8 * 8 * 9 * BITS
        assert bits["conv0"].count == 576
        assert bits["bn0"].scales == 8 * BITS  # the shift: a bias that conv0 did not have
        assert bits["bn0"].count == 16  # gamma and beta

    def test_bn_that_is_not_folded_keeps_two_vectors(self):
        graph = residual_block()
        assert parameter_bits(graph, {})["bn0"].scales == 2 * 8 * BITS

    @pytest.mark.parametrize(
        ("channels", "padded", "why"),
        [(64, 64, "one word"), (65, 128, "two"), (3, 64, "61 idle bits"), (200, 256, "four")],
    )
    def test_binary_weights_are_padded_to_words_for_each_tap(self, channels, padded, why):
        b = Builder("pad", input=(1, channels, 4, 4))
        graph = apply(b.graph(b.conv(b.input, 16, 3, bias=False, name="c")), _all_xnor())
        bits = parameter_bits(graph, {})["c"]
        assert bits.weights == 16 * channels * 9
        assert bits.padded == 16 * padded * 9, why
        assert bits.scales == 16 * BITS  # alpha
        assert bits.fp32 == 16 * channels * 9 * BITS

    def test_dense_pads_along_its_inputs(self):
        b = Builder("pad", input=(1, 100))
        graph = apply(b.graph(b.dense(b.input, 10, bias=False, name="d")), _all_xnor())
        assert parameter_bits(graph, {})["d"].padded == 10 * 128
        assert packed_bits(TensorSpec((100, 10), BIPOLAR), 100) == 10 * 128

    def test_shared_tensors_are_stored_once_and_worked_each_time(self):
        b = Builder("shared", input=(1, 8, 4, 4))
        x = b.conv(b.input, 8, 3, padding=1, bias=False, name="one")
        graph = b.graph(b.conv(x, 8, 3, padding=1, bias=False, name="two"))
        weights = {**graph.parameters, "two.weight": graph.parameters["one.weight"]}
        table = layer_table(dataclasses.replace(graph, parameters=weights))
        assert table.columns["weight_bits"].tolist() == [576 * BITS, 0]
        assert table.columns["macs"].tolist() == [576 * 16] * 2

    def test_quantized_weights_count_as_stored(self):
        b = Builder("int8", input=(1, 8, 4, 4))
        graph = b.graph(b.conv(b.input, 8, 1, bias=False, name="c"))
        read = TensorSpec((8, 8, 1, 1), FLOAT32)
        stored = (
            Stored("w_int8", TensorSpec((8, 8, 1, 1), INT8)),
            Stored("w_scale", TensorSpec((8,), FLOAT32), is_scale=True),
        )
        graph = dataclasses.replace(graph, parameters={"c.weight": Parameter(read, stored)})
        bits = parameter_bits(graph, {})["c"]
        assert (bits.weights, bits.scales, bits.fp32) == (64 * 8, 8 * 32, 64 * 32)

    def test_a_shared_weight_is_binarized_once(self):
        """Two names of one stored tensor, as Identity makes them."""
        b = Builder("shared", input=(1, 8, 4, 4))
        x = b.conv(b.input, 8, 3, padding=1, bias=False, name="one")
        graph = b.graph(b.conv(x, 8, 3, padding=1, bias=False, name="two"))
        weights = {**graph.parameters, "two.weight": graph.parameters["one.weight"]}
        table = layer_table(apply(dataclasses.replace(graph, parameters=weights), _all_xnor()))
        rows = [table.names.index(name) for name in ("one", "two")]
        assert table.columns["weight_bits"][rows].tolist() == [576, 0]
        assert table.columns["scale_bits"][rows].tolist() == [8 * BITS, 0]
        assert table.columns["parameter_traffic_bits"][rows].tolist() == [576 + 8 * BITS] * 2

    def test_bn_is_not_folded_into_weights_that_another_layer_uses(self):
        b = Builder("shared", input=(1, 8, 4, 4))
        x = b.batch_norm(b.conv(b.input, 8, 3, padding=1, bias=False, name="one"), name="bn1")
        y = b.batch_norm(b.conv(x, 8, 3, padding=1, bias=False, name="two"), name="bn2")
        graph = b.graph(y)
        assert set(fusions(graph)) == {"bn1", "bn2"}
        weights = {**graph.parameters, "two.weight": graph.parameters["one.weight"]}
        assert fusions(dataclasses.replace(graph, parameters=weights)) == {}

    def test_two_bns_that_share_one_vector_are_stored_each(self):
        b = Builder("bn", input=(1, 8, 4, 4))
        graph = b.graph(b.batch_norm(b.batch_norm(b.input, name="one"), name="two"))
        for shared, bits, count in (
            (("scale",), 2 * 8 * BITS, 8),
            (("scale", "shift", "mean", "variance"), 0, 0),
        ):
            same = {f"two.{role}": graph.parameters[f"one.{role}"] for role in shared}
            found = parameter_bits(
                dataclasses.replace(graph, parameters={**graph.parameters, **same}), {}
            )
            assert (found["two"].scales, found["two"].count) == (bits, count)
            assert found["two"].read == 2 * 8 * BITS

    def test_transposed_filters_are_padded_along_their_inputs(self):
        weight = TensorSpec((64, 1, 4, 4), FLOAT32)
        op = ops.ConvTranspose(1, (4, 4), (2, 2), ((1, 1),) * 2, (1, 1))
        graph = Graph(
            "up",
            (Node("up", op, ("x",), ("y",), {"weight": "w"}),),
            {"x": TensorSpec((1, 64, 4, 4), FLOAT32), "y": TensorSpec((1, 1, 8, 8), FLOAT32)},
            {"w": Parameter(weight, (Stored("w", weight),))},
            ("x",),
            ("y",),
        )
        assert parameter_bits(apply(graph, _all_xnor()), {})["up"].padded == 64 * 16

    def test_a_normalization_trains_its_vectors(self):
        vector = TensorSpec((16,), FLOAT32)
        spec = TensorSpec((2, 16), FLOAT32)
        roles = {"scale": "s", "shift": "h"}
        held = {name: Parameter(vector, (Stored(name, vector),)) for name in roles.values()}
        node = Node("ln", ops.Normalize("layer", (1,)), ("x",), ("y",), roles)
        graph = Graph("ln", (node,), {"x": spec, "y": spec}, held, ("x",), ("y",))
        bits = parameter_bits(graph, {})["ln"]
        assert (bits.count, bits.scales, bits.weights, bits.fp32) == (32, 1024, 0, 1024)

    @pytest.mark.parametrize(
        ("role", "shape", "encoding", "count", "why"),
        [
            ("right", (16,), "float32", 16, "a vector of a linear layer written as operators"),
            ("right", (), "float32", 0, "a constant factor is not trained"),
            ("bias", (1,), "float32", 1, "the bias of a single filter is"),
            ("operand_1", (7,), "int64", 0, "nor are indices or initial states"),
        ],
    )
    def test_constants_are_stored_but_not_all_trained(self, role, shape, encoding, count, why):
        held = TensorSpec(shape, ENCODINGS[encoding])
        spec = TensorSpec((2, 16), FLOAT32)
        node = Node("n", ops.Elementwise(ops.Operator.MUL), ("x",), ("y",), {role: "c"})
        parameters = {"c": Parameter(held, (Stored("c", held),))}
        graph = Graph("c", (node,), {"x": spec, "y": spec}, parameters, ("x",), ("y",))
        bits = parameter_bits(graph, {})["n"]
        assert (bits.count, bits.weights, bits.fp32) == (count, held.bits, held.bits), why

    def test_of_a_table_the_picked_entries_are_read(self):
        table = TensorSpec((30_000, 8), FLOAT32)
        tensors = {
            "i": TensorSpec((4,), ENCODINGS["int64"]),
            "y": TensorSpec((4, 8), FLOAT32),
        }
        node = Node("pick", ops.Gather((4, 8)), ("i",), ("y",), {"table": "t"})
        held = {"t": Parameter(table, (Stored("t", table),))}
        bits = parameter_bits(Graph("t", (node,), tensors, held, ("i",), ("y",)), {})["pick"]
        assert (bits.weights, bits.read) == (30_000 * 8 * BITS, 4 * 8 * BITS)


class TestLiveActivations:
    def test_residual_branch_is_counted(self):
        graph = residual_block()
        one = 128 * BITS
        found = live_activations(graph, fusions(graph))
        # the input and conv0's result; then the shortcut, and what conv1 makes of it; the sum too
        assert found.by_node == {
            "conv0": 2 * one,
            "bn0": one,
            "relu1": one,
            "conv1": 2 * one,
            "bn1": 2 * one,
            "sum": 3 * one,
            "last": one,
        }
        assert (found.peak, found.peak_node) == (3 * one, "sum")

    def test_without_fusion_every_result_is_new(self):
        found = live_activations(residual_block(), {})
        assert found.by_node["bn0"] == 2 * 128 * BITS

    def test_views_share_memory(self):
        b = Builder("view", input=(1, 8, 4, 4))
        graph = b.graph(b.flatten(b.relu(b.input)))
        assert live_activations(graph, {}).by_node["flatten1"] == 128 * BITS

    def test_packed_bits_are_a_thirty_second(self):
        graph = apply(residual_block(), _all_xnor())
        found = live_activations(graph, {})
        assert found.by_node["conv0.sign"] == 128 * BITS + 128
        assert found.by_node["conv0"] == 128 + 128 * BITS  # the float input is dead

    def test_alpha_k_keeps_the_unsigned_input_alive(self):
        policy = Policy(Binarize.XNOR, keep=(), scaling=Scaling.ALPHA_K)
        found = live_activations(apply(residual_block(), policy), {})
        assert found.by_node["conv0"] == 128 * BITS + 128 + 128 * BITS

    @given(st.data())
    def test_equal_to_a_walk_that_frees_tensors(self, data):
        graph = _random_graph(data)
        readers = consumers(graph)
        left = {name: len(nodes) for name, nodes in readers.items()}
        for name in graph.outputs:
            left[name] += 1
        held = {name: graph.tensors[name].bits for name in graph.inputs}
        expected = {}
        for node in graph.nodes:
            held |= {name: graph.tensors[name].bits for name in node.outputs}
            expected[node.name] = sum(held.values())
            for name in set(node.inputs):
                left[name] -= 1
            held = {name: bits for name, bits in held.items() if left[name] > 0}
        assert live_activations(graph, {}).by_node == expected


def _random_graph(data: st.DataObject) -> Graph:
    """Random sums and functions over earlier tensors: every shape of liveness."""
    names, nodes = ["x"], []
    for i in range(data.draw(st.integers(1, 8))):
        a, b = (data.draw(st.sampled_from(names)) for _ in range(2))
        nodes.append(Node(f"n{i}", ops.Elementwise(ops.Operator.ADD), (a, b), (f"t{i}",)))
        names.append(f"t{i}")
    read = {name for node in nodes for name in node.inputs}
    if "x" not in read:
        nodes[0] = dataclasses.replace(nodes[0], inputs=("x", "x"))
    outputs = tuple(n.outputs[0] for n in nodes if n.outputs[0] not in read)
    sizes = {name: data.draw(st.integers(1, 50)) for name in names}
    tensors = {name: TensorSpec((size,), FLOAT32) for name, size in sizes.items()}
    return Graph("random", tuple(nodes), tensors, {}, ("x",), outputs)


def _all_xnor() -> Policy:
    return Policy(Binarize.XNOR, keep=())


class TestTable:
    @pytest.mark.parametrize("name", zoo.names())
    @pytest.mark.parametrize("binarize", list(Binarize))
    def test_rows_add_up_and_classes_split_the_macs(self, name, binarize):
        graph = apply(zoo.build(name), Policy(binarize))
        table = layer_table(graph)
        found = totals(table)
        classes = sum(table.columns[f"{item}_macs"] for item in MAC_CLASSES)
        np.testing.assert_array_equal(classes, table.columns["macs"])
        for column in set(COLUMNS) - set(NOT_SUMMED):
            assert found[column] == table.columns[column].sum()
        assert sum(found["macs_by_precision"].values()) == found["macs"]
        assert sum(found["fp_ops_by_kind"].values()) == found["fp_ops"]
        assert found["macs_valid"] <= found["macs"]
        assert found["macs"] == totals(layer_table(zoo.build(name)))["macs"]

    def test_float_network_stores_exactly_its_fp32_size(self):
        found = totals(layer_table(zoo.build("resnet18")))
        assert found["memory_ratio"] == 1.0
        assert found["weight_bits"] + found["scale_bits"] == found["weight_bits_fp32"]

    def test_the_float_twin_of_a_binary_network_is_the_float_network(self):
        graph = zoo.build("resnet18")
        float_layers = {node.name for node in graph.nodes}
        binary = apply(graph, Policy(Binarize.XNOR))
        twin, plain = layer_table(as_float(binary)), layer_table(graph)
        rows = [i for i, name in enumerate(twin.names) if name in float_layers]
        for column in ("macs", "fp_macs", "weight_bits", "output_bits"):
            np.testing.assert_array_equal(twin.columns[column][rows], plain.columns[column])

    def test_folded_bn_costs_its_shift_only_where_there_was_no_bias(self):
        table = layer_table(residual_block())
        at = table.names.index("bn0")
        assert table.fp_ops_by_kind[at] == {"bias": 128}
        assert table.fused_into[at] == "conv0"
        assert table.columns["runs"].tolist() == [1, 0, 0, 1, 0, 1, 0]

    def test_unknown_operators_make_totals_lower_bounds(self):
        spec = TensorSpec((4,), FLOAT32)
        node = Node("odd", ops.Unknown("Odd", "x.y", ((4,),)), ("x",), ("y",))
        graph = Graph("odd", (node,), {"x": spec, "y": spec}, {}, ("x",), ("y",))
        table = layer_table(graph)
        assert table.unknown == ("odd",)
        assert totals(table)["lower_bound"] is True
        assert totals(layer_table(residual_block()))["lower_bound"] is False

    def test_counts_beyond_64_bits_are_an_error(self):
        big = TensorSpec((2**20, 2**20), FLOAT32)
        nodes = tuple(
            Node(f"m{i}", ops.MatMul(), (f"t{i}", f"t{i}"), (f"t{i + 1}",)) for i in range(10)
        )
        tensors = {f"t{i}": big for i in range(11)}
        graph = Graph("big", nodes, tensors, {}, ("t0",), ("t10",))
        with pytest.raises(ModelError, match=r"big: column macs adds up to 11529215046068469760"):
            layer_table(graph)


def test_vectors_that_come_at_run_time_are_counted_like_stored_ones():
    """A normalization's scale: one more product an element, wherever it comes from."""
    x, vector = TensorSpec((2, 16), FLOAT32), TensorSpec((16,), FLOAT32)
    tensors = {"x": x, "s": vector, "y": x}
    op, roles = ops.Normalize("layer", (1,)), ("", "scale")
    named = Graph(
        "ln", (Node("ln", op, ("x", "s"), ("y",), roles=roles),), tensors, {}, ("x", "s"), ("y",)
    )
    assert totals(layer_table(named))["fp_ops_by_kind"] == {"normalize": 6 * 32}


def test_a_parameter_that_is_an_output_is_stored_and_does_not_run():
    spec = TensorSpec((8,), FLOAT32)
    node = Node("c", ops.Identity(), (), ("c",), {"operand_0": "c"})
    held = {"c": Parameter(spec, (Stored("c", spec),))}
    found = totals(layer_table(Graph("g", (node,), {"c": spec}, held, (), ("c",))))
    assert (found["runs"], found["activation_traffic_bits"]) == (0, 0)
    assert (found["parameter_traffic_bits"], found["stored_bits"]) == (0, 256)

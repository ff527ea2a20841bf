"""TensorFlow Lite files with something changed in them: a graph or an InputError, whatever it is,
and memory by the size of the file."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tflite
from hypothesis import given
from hypothesis import strategies as st

from tests.importers.tflite_files import Op, T, make_tflite
from xnorsim.errors import InputError, ModelError
from xnorsim.importers.tflite import read_graph, stated_inputs
from xnorsim.network import ops

X, Y = T((1, 4, 4, 32), name="x"), T((1, 4, 4, 32), name="y")


@pytest.mark.parametrize("of", ["inputs", "operators"])
def test_a_file_that_points_to_itself_over_and_over_is_refused(tmp_path: Path, of: str) -> None:
    """Two thousand operators with one vector of two thousand inputs: four million to be read. And
    one operator that is two hundred thousand."""
    path = tmp_path / "model.tflite"
    count = {"inputs": 2000, "operators": 1}[of]
    data = make_tflite([X, Y], [Op("RELU", [0] * count, [1])] * 2000)
    if of == "operators":
        data = repeated(data, 200_000)
    path.write_bytes(data)
    assert len(data) < 1_000_000
    tracemalloc.start()
    with pytest.raises(ModelError, match="point to the same bytes over and over"):
        read_graph(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 2**20


def repeated(data: bytes, count: int) -> bytes:
    """The file with `count` operators, all of them one empty table at its end."""
    graph = tflite.Model.GetRootAs(data, 0).Subgraphs(0)
    assert graph is not None
    field = graph._tab.Pos + graph._tab.Offset(10)  # that of the operators
    vector = len(data) + (-len(data)) % 4
    table = vector + 4 + 4 * count + 4
    offsets = np.arange(table - vector - 4, 4, -4, dtype="<u4")  # from each entry to the table
    result = bytearray(data.ljust(vector, b"\0"))
    result[field : field + 4] = (vector - field).to_bytes(4, "little")
    empty = bytes([4, 0, 4, 0, 4, 0, 0, 0])  # a vtable of no fields, and the table 4 bytes on
    return bytes(result + count.to_bytes(4, "little") + offsets.tobytes() + empty)


SMALL = Path(__file__).resolve().parent.parent / "data" / "tflite"
SEEDS = {
    name: (SMALL / f"{name}.tflite").read_bytes()
    for name in ("bn_out", "relu6_bn_sign", "maxpool_bits", "int8_pool", "batch_open")
}
WORDS = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", bytes(4), b"\1\0\0\0")


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A sound file with bytes, words or its end changed."""
    data = bytearray(draw(st.sampled_from(list(SEEDS.values()))))
    if draw(st.booleans()) and draw(st.booleans()):
        return bytes(data[: draw(st.integers(0, len(data)))])
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 4))
        if draw(st.booleans()):
            data[at] ^= 1 << draw(st.integers(0, 7))
        else:
            data[at : at + 4] = draw(st.sampled_from(WORDS) | st.binary(min_size=4, max_size=4))
    return bytes(data)


@given(mutations())
def test_whatever_is_changed_ends_in_a_graph_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutated.tflite"
    path.write_bytes(data)
    for reading in (read_graph, stated_inputs):
        with suppress(InputError):
            reading(path)


@given(st.binary(max_size=300))
def test_random_bytes_behind_the_mark_are_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "random.tflite"
    path.write_bytes(data[:4].ljust(4, b"\0") + b"TFL3" + data[4:])
    with pytest.raises(InputError):
        read_graph(path)


def test_reading_takes_memory_by_the_structure_not_by_the_weights(tmp_path: Path) -> None:
    """A weight of 32 MB is not looked at, but for its first values."""
    weight = np.arange(8 * 2**20, dtype=np.float32).reshape(1024, 8192)
    path = tmp_path / "large.tflite"
    dense = Op("FULLY_CONNECTED", [0, 1, -1], [2], "FullyConnectedOptions")
    path.write_bytes(make_tflite([T((1, 8192)), T(values=weight), T((1, 1024))], [dense]))
    read_graph(SMALL / "bn_out.tflite")  # what is imported once is not counted
    tracemalloc.start()
    graph = read_graph(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert graph.node("tensor_2").op == ops.Dense(8192, 1024, transpose_weight=True)
    assert peak < 2**20

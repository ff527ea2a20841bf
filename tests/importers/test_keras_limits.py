"""Small files that ask for much: refused, before the time or the memory is spent."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.importers.keras_configs import Config, conv, hdf5, layer, model, sound, source, write
from xnorsim.errors import InputError, ModelError
from xnorsim.importers.keras import read_graph
from xnorsim.importers.keras.file import LONGEST_CONFIG

KERNEL = np.ones((3, 3, 4, 2), np.float32)


def weight(path: Path, weights: Path | None = None) -> Callable[[], np.ndarray]:
    load = read_graph(path, weights=weights).parameters["conv.weight"].load
    assert load is not None
    return load


def npz(path: Path, kernel: np.ndarray) -> None:
    arrays: dict[str, Any] = {"conv/kernel": kernel}
    np.savez(path, **arrays)


def newer(path: Path) -> None:
    """The same size, written a second later."""
    state = path.stat()
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 10**9))


@pytest.mark.parametrize("form", ["h5", "h5 of weights", "npz"])
def test_values_that_changed_since_are_refused(tmp_path: Path, form: str) -> None:
    config = model(source(), conv())
    path, weights = tmp_path / "net.h5", None
    if form == "h5":
        hdf5(path, config, sound)
    else:
        path = write(tmp_path, config)
        weights = tmp_path / ("w.npz" if form == "npz" else "w.h5")
        if form == "npz":
            npz(weights, KERNEL)
        else:
            hdf5(weights, None, sound)
    load = weight(path, weights)
    assert load().all()
    newer(weights or path)
    with pytest.raises(ModelError, match=r"kernel.*(net|w)\.(h5|npz) was changed after it was rea"):
        load()


# Names


def names(layers: Any, weights: Any) -> Callable[[h5py.Group], None]:
    def fill(group: h5py.Group) -> None:
        sound(group)
        group.parent.attrs["layer_names"] = layers
        group.attrs["weight_names"] = weights

    return fill


@pytest.mark.parametrize(
    ("layers", "weights", "match"),
    [
        (np.array([b"conv"] * 9), np.array([b"conv/kernel:0"]), "'layer_names' has 'conv' more"),
        (np.array([b"conv"]), np.array([b"k"] * 9), "'weight_names' has 'k' more than once"),
        (np.array([b"conv"]), np.array([b"k"] * 17000), "17000 values of type .S1: not a text"),
        (np.array([b"conv"]), np.array([b"/".join([b"a"] * 70)]), "has 70 parts"),
        (np.array([b"conv"]), np.array([b"a" * 1001]), "a text of 1001 bytes: more than 1000"),
        (["conv"], ["a" * 1001, "b"], "a text of 1001 bytes: more than 1000"),
        (["conv"], h5py.Empty("S4"), "no single weight 'kernel' for layer 'conv'"),
    ],
    ids=["layers", "weights", "many", "deep", "long", "long variable", "null"],
)  # fmt: skip
def test_lists_of_names_have_an_end(tmp_path: Path, layers: Any, weights: Any, match: str) -> None:
    fill = names(layers, weights)
    path = hdf5(tmp_path / "net.h5", model(source(), conv()), fill, libver="latest")
    with pytest.raises(ModelError, match=match):
        read_graph(path)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no limit to hold a process to")
def test_one_long_text_named_often_takes_no_memory(tmp_path: Path) -> None:
    """9000 names that are one text of 30 kB in the file would be 270 MB."""

    def fill(group: h5py.Group) -> None:
        sound(group)
        group.attrs["weight_names"] = ["x" * 30_000] * 9000

    path = hdf5(tmp_path / "net.h5", model(source(), conv()), fill, libver="latest")
    with pytest.raises(ModelError, match=r"weight_names' holds 9000 texts|a text of 30000 bytes"):
        read_graph(path)


def test_a_large_file_may_have_names_of_variable_length(tmp_path: Path) -> None:
    """As Keras 2.15 writes them: the size of the file says nothing of theirs."""

    def fill(group: h5py.Group) -> None:
        sound(group)
        group.parent.attrs["layer_names"] = ["conv"]
        group.attrs["weight_names"] = ["conv/kernel:0"]
        group.create_dataset("more", data=np.zeros(2**25, np.float32))

    path = hdf5(tmp_path / "net.h5", model(source(), conv()), fill, libver="latest")
    assert path.stat().st_size > 2**27
    assert read_graph(path).nodes


def test_a_group_may_have_many_names_but_not_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xnorsim.importers.keras.hdf5.MOST_WEIGHTS", 20)
    layers = np.array([b"/" * n + b"conv" for n in range(15)])
    once = names(layers, np.array([b"conv/kernel:0"]))
    read_graph(hdf5(tmp_path / "net.h5", model(source(), conv()), once))
    twice = names(layers, np.array([b"conv/kernel:0", b"conv//kernel:0"]))
    with pytest.raises(ModelError, match="more than 20 weights"):
        read_graph(hdf5(tmp_path / "net.h5", model(source(), conv()), twice))


def test_weights_that_are_no_group_are_refused(tmp_path: Path) -> None:
    path = hdf5(tmp_path / "net.h5", model(source(), conv()), sound)
    with h5py.File(path, "r+") as file:
        del file["model_weights"]
        file["model_weights"] = 1
    with pytest.raises(ModelError, match="'model_weights' is no group of weights"):
        read_graph(path)


# Chunks


def chunked(chunks: tuple[int, ...] = (3, 3, 4, 2), **settings: Any) -> Callable:
    def fill(group: h5py.Group) -> None:
        group.create_dataset(
            "conv/kernel:0", data=KERNEL, maxshape=(None,) * 4, chunks=chunks, **settings
        )

    return fill


@pytest.mark.parametrize("chunks", [(3, 3, 4, 2), (2, 2, 3, 2)])
@pytest.mark.parametrize(
    "settings",
    [{}, {"compression": "gzip"}, {"compression": "gzip", "shuffle": True, "fletcher32": True},
     {"shuffle": True}],
    ids=str,
)  # fmt: skip
def test_chunks_are_read(tmp_path: Path, chunks: tuple[int, ...], settings: dict[str, Any]) -> None:
    path = hdf5(tmp_path / "net.h5", model(source(), conv()), chunked(chunks, **settings))
    assert np.array_equal(weight(path)(), np.ones((2, 4, 3, 3), np.float32))


def test_chunks_much_larger_than_the_dataset_are_refused(tmp_path: Path) -> None:
    fill = chunked((3, 3, 2**10, 2**10), compression="gzip")
    path = hdf5(tmp_path / "net.h5", model(source(), conv()), fill)
    with pytest.raises(ModelError, match=r"take 37748736 bytes, and it has 288: more than twice"):
        read_graph(path)


def test_a_chunk_that_unpacks_to_more_than_a_chunk_is_refused(tmp_path: Path) -> None:
    def fill(group: h5py.Group) -> None:
        chunked(compression="gzip")(group)
        packed = zlib.compress(bytes(2**24), 9)
        group["conv/kernel:0"].id.write_direct_chunk((0, 0, 0, 0), packed)

    load = weight(hdf5(tmp_path / "net.h5", model(source(), conv()), fill))
    with pytest.raises(ModelError, match=r"chunk \[0, 0, 0, 0\] unpacks to more than 292 bytes"):
        load()


def test_compression_within_compression_is_refused(tmp_path: Path) -> None:
    def fill(group: h5py.Group) -> None:
        listed = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        listed.set_chunk(KERNEL.shape)
        listed.set_deflate(9)
        listed.set_deflate(9)
        space = h5py.h5s.create_simple(KERNEL.shape)
        group.create_group("conv")
        h5py.h5d.create(group.id, b"conv/kernel:0", h5py.h5t.IEEE_F32LE, space, listed)

    for make, words in ((fill, "deflate, deflate"), (chunked(compression="lzf"), "filter 32000")):
        path = hdf5(tmp_path / "net.h5", model(source(), conv()), make)
        with pytest.raises(ModelError, match=f"compressed by {words}: chunks may have been"):
            read_graph(path)


# Archives


@pytest.mark.parametrize(
    ("keys", "match"),
    [
        (["a/" * 16 + "kernel"], "in 17 parts, 'a/a/"),
        (["conv/" + "k" * 1000], "a key of 1005 characters in 2 parts, 'conv/kkk"),
        ([f"{n}/kernel" for n in range(16385)], "16385 arrays: more than 16384"),
        ([f"{'a' * 60}/" * 15 + f"{n}" for n in range(2600)], "2600 arrays with keys too long"),
    ],
    ids=["deep", "long", "many", "total"],
)
def test_an_archive_has_no_more_than_a_network(tmp_path: Path, keys: list[str], match: str) -> None:
    buffer = BytesIO()
    np.save(buffer, np.zeros(0, np.float32))
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        for key in keys:
            archive.writestr(f"{key}.npy", buffer.getvalue())
    path = write(tmp_path, model(source(), conv()))
    with pytest.raises(ModelError, match=match) as caught:
        read_graph(path, weights=tmp_path / "w.npz")
    assert len(str(caught.value)) < 500


# Values


def test_values_beyond_float32_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, model(source(), conv()))
    npz(tmp_path / "w.npz", np.full(KERNEL.shape, 1e300))
    with pytest.raises(ModelError, match=r"w.npz: weight 'conv/kernel': it has values up to 1e\+3"):
        weight(path, tmp_path / "w.npz")()
    npz(tmp_path / "w.npz", np.full(KERNEL.shape, np.inf))
    assert np.isinf(weight(path, tmp_path / "w.npz")()).all()


# Configs


def test_a_config_has_a_largest_size(tmp_path: Path) -> None:
    text = json.dumps(model(source(), conv())).ljust(LONGEST_CONFIG)
    read_graph(write(tmp_path, text))
    with pytest.raises(ModelError, match=r"net.json: a config of 16777217 bytes: more than"):
        read_graph(write(tmp_path, text + " "))


@pytest.mark.parametrize("encode", [str, str.encode, np.bytes_], ids=["text", "bytes", "fixed"])
def test_a_config_in_hdf5_has_a_largest_size(tmp_path: Path, encode: Callable) -> None:
    text = json.dumps(model(source(), conv())).ljust(LONGEST_CONFIG + 1)
    path = tmp_path / "net.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["model_config"] = encode(text)
    with pytest.raises(ModelError, match=r"'model_config' holds a text of 16777217 bytes: more"):
        read_graph(path)


# Networks


def again_and_again(inner: Config, levels: int, times: int, shape: tuple[Any, ...]) -> Config:
    """A model that calls a model, so many times, that calls a model, and so on."""
    for level in range(levels):
        calls = [[["x", 0, 0, {}]], *([[[inner["name"], n, 0, {}]]] for n in range(1, times))]
        config = model(source(shape), {**inner, "inbound_nodes": calls})
        config["config"]["output_layers"] = [[inner["name"], times, 0]]
        inner = {**config, "name": f"level{level}"}
    return inner


SPLIT = [None, None, [[4096], {"axis": -1}, {"class_name": "function", "config": "split"}]]
CORES = [
    (layer("Add", "leaf", *["x"] * 5000), (None, 4), "operands and results of layers"),
    (layer("Lambda", "leaf", "x", module="larq_zoo.core.utils", function=SPLIT), (None, 4096),
     "operands and results of layers"),
    (layer("Permute", "leaf", "x", dims=[1], more=[0] * 200_000), (None, 4),
     "values in the configs of the layers used"),
    ({**layer("Dropout", "leaf", "x"), "inbound_nodes": [[["x", 0, 0, {"more": [0] * 200_000}]]]},
     (None, 4), "values in the configs of the layers used"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("core", "shape", "what"), CORES, ids=["wide", "split", "settings", "arguments"]
)
def test_models_used_again_do_not_multiply_without_end(
    tmp_path: Path, core: Config, shape: tuple[Any, ...], what: str
) -> None:
    inner = {**model(source(shape), core, outputs="x"), "name": "core"}
    read_graph(write(tmp_path, again_and_again(inner, 1, 2, shape)))
    with pytest.raises(ModelError, match=f"net.json: more than [0-9]+ {what}"):
        read_graph(write(tmp_path, again_and_again(inner, 4, 5, shape)))


LONG = "x" * 10**6
TEXTS: list[tuple[str, Config]] = [
    ("layer", model(source(), conv(LONG))),
    ("class", model(source(), conv(kind=LONG))),
    ("reader", model(source(), conv("conv", LONG))),
    ("model", {"class_name": "Sequential", "config": {"name": LONG, "layers": [conv()]}}),
    ("activation", model(source(), conv(activation=LONG))),
    ("quantizer", model(source(), conv(kernel_quantizer={"class_name": LONG, "config": {}}))),
    ("padding", model(source(), conv(padding=LONG))),
    ("number", model(source(), conv(filters=[1] * 10**5))),
    ("shape", model(source(), layer("Reshape", "r", "x", target_shape=[7] * 10**5))),
    ("axes", model(source(), layer("Softmax", "r", "x", axis=[7] * 10**5))),
    ("function", model(source(), layer("TFOpLambda", "f", "x", function=LONG))),
    ("input", model(source([1] * 10**5), conv())),
]


@pytest.mark.parametrize(("why", "config"), TEXTS, ids=[row[0] for row in TEXTS])
def test_messages_stay_short(tmp_path: Path, why: str, config: Config) -> None:
    with pytest.raises(InputError) as caught:
        read_graph(write(tmp_path, config))
    assert "net.json" in str(caught.value)
    assert len(str(caught.value)) < 3000


def test_names_of_models_within_models_do_not_grow_without_end(tmp_path: Path) -> None:
    inner = {**model(source(), conv("c" * 200)), "name": "core"}
    for level in range(6):
        outer = model(source(), {**inner, "inbound_nodes": [[["x", 0, 0, {}]]]})
        inner = {**outer, "name": f"{level}" * 200}
    with pytest.raises(
        ModelError, match=r"a name of 10[0-9][0-9] characters, '4444.*more than 1000"
    ):
        read_graph(write(tmp_path, inner))


def test_tensors_have_at_most_64_axes(tmp_path: Path) -> None:
    shape = [1] * 62 + [256]
    read_graph(write(tmp_path, model(source(), layer("Reshape", "r", "x", target_shape=shape))))
    with pytest.raises(ModelError, match="what it writes has 65 axes: more than 64"):
        read_graph(
            write(tmp_path, model(source(), layer("Reshape", "r", "x", target_shape=[1, *shape])))
        )

"""Files that are no network, or that want something else to happen: refused in plain words."""

from __future__ import annotations

import builtins
import marshal
import pickle
import shutil
import zipfile
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.importers.keras_configs import (
    Config,
    conv,
    hdf5,
    layer,
    model,
    sound,
    source,
    write,
)
from xnorsim.errors import (
    InputError,
    MissingExtraError,
    ModelError,
    ShapeError,
    UnsupportedOpError,
    UsageError,
)
from xnorsim.importers.keras import is_hdf5, is_keras_json, read_graph

FAULTS: list[tuple[str, object, type[InputError], str]] = [
    ("no JSON", "{", ModelError, "net.json: not the config of a Keras model: JSONDecodeError"),
    ("a list", [], ModelError, "needs 'class_name' and 'config'"),
    ("a layer", {"class_name": "Dense", "config": {"units": 3}}, ModelError,
     "config of a single 'Dense'"),
    ("deep", '{"class_name": ' + "[" * 100_000, ModelError, "RecursionError"),
    ("no layers", {"class_name": "Sequential", "config": {"layers": []}}, ModelError,
     "has no layers"),
    ("a layer that is a number", model(source(), 7, outputs="x"), ModelError,
     "an entry of 'layers' is 7"),
    ("no ends", {"class_name": "Functional", "config": {"layers": [source()], "input_layers": []}},
     ModelError, "no input_layers or output_layers"),
    ("two of one name", model(source(), conv(), conv()), ModelError, "two layers called 'conv'"),
    ("what is not there", model(source(), conv("conv", "y")), ModelError,
     r"layer 'conv' reads layer 'y', which is not there: valid choices: conv, x"),
    ("nothing", model(source(), layer("Conv2D", "conv")), ModelError, "'conv' reads nothing"),
    ("a circle", model(source(), conv("a", "b"), conv("b", "a")), ModelError,
     "read each other in a circle: a, b"),
    ("a call that is not there", model(source(), {**conv(), "inbound_nodes": [[["x", 3, 0, {}]]]}),
     ModelError, "reads call 3 of layer 'x', which has 1"),
    ("a result that is not there",
     model(source(), {**conv(), "inbound_nodes": [[["x", 0, 9, {}]]]}), ModelError,
     "reads result 9 of layer 'x', which has 1"),
    ("an input that nobody gives", model(source(), source(name="y"), conv()), ModelError,
     "input layer 'y' is not among input_layers"),
    ("an input that is none", model(source(), conv(), inputs="conv"), ModelError,
     "input_layers names 'conv', which is a Conv2D"),
    ("a size that is a word", model(source((None, 8, "8", 4)), conv()), ShapeError,
     "the shape of input 'x' is"),
    ("open sizes", model(source((None, None, None, 4)), conv()), ShapeError,
     r"--input-shape x=1,224,224,4"),
    ("no shape", model(layer("InputLayer", "x"), conv()), ShapeError, "no shape in the file"),
    ("huge", model(source((None, 2**30, 2**30, 4)), conv()), ShapeError, "elements"),
    ("huge filters", model(source((None, 8, 8, 16)), conv(filters=2**31 - 1, kernel_size=[8, 8])),
     ShapeError, "conv.*elements"),
    ("too wide", model(source(), conv(kernel_size=[9, 9])), ShapeError, "larger than the padded"),
    ("other axes", model(source((None, 8, 4)), conv()), ShapeError, r"its input is \[1, 8, 4\]"),
    ("filters", model(source(), conv(filters="4")), ModelError,
     r"layer 'conv' \(Conv2D\): filters is '4': it must be an integer from 1"),
    ("no filters", model(source(), conv(filters=None)), ModelError, "filters is None"),
    ("kernel", model(source(), conv(kernel_size=[3])), ModelError, "kernel_size is .3.: .* 2 int"),
    ("true is no size", model(source(), conv(strides=[True, 1])), ModelError, "strides is"),
    ("padding", model(source(), conv(padding="full")), ModelError,
     "padding is 'full': valid choices: same, valid"),
    ("order", model(source(), conv(data_format="NHWC")), ModelError,
     "data_format is 'NHWC': valid choices: channels_first, channels_last"),
    ("groups", model(source(), conv(groups=3)), ShapeError, "groups 3 does not divide 4"),
    ("a flag", model(source(), conv(use_bias=1)), ModelError, "use_bias is 1: .* true or false"),
    ("NaN", model(source(), layer("BatchNormalization", "bn", "x", epsilon=float("nan"))),
     ModelError, "epsilon is nan: it must be a finite number"),
    ("an axis", model(source(), layer("BatchNormalization", "bn", "x", axis=[7])), ModelError,
     r"axis \[7\] is none"),
    ("inputs of one size", model(source(), conv(), layer("Add", "add", "x", "conv")), ShapeError,
     "layer 'add'.*do not broadcast"),
    ("elements", model(source(), layer("Reshape", "r", "x", target_shape=[7, -1])), ShapeError,
     "does not fill"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "config", "kind", "match"), FAULTS, ids=[row[0] for row in FAULTS])
def test_faults_are_named(
    tmp_path: Path, why: str, config: object, kind: type[InputError], match: str
) -> None:
    with pytest.raises(kind, match=match) as caught:
        read_graph(write(tmp_path, config))
    assert "net.json" in str(caught.value)


def test_all_layers_without_a_rule_are_named_at_once(tmp_path: Path) -> None:
    odd = {"class_name": "MyPackage>OddSign", "config": {}}
    code = b64encode(marshal.dumps(compile("raise SystemExit", "", "exec"))).decode()
    config = model(
        source(),
        conv("first", kernel_quantizer=odd),
        layer("Conv2DD", "second", "first"),
        layer("Lambda", "third", "second", function=[code, None, None]),
        layer("Activation", "fourth", "third", activation="reluu"),
        layer("TFOpLambda", "fifth", "fourth", function="math.tan"),
        layer("QuantConv2D", "sixth", "fifth", input_quantizer="ste_sing"),
    )
    with pytest.raises(UnsupportedOpError) as caught:
        read_graph(write(tmp_path, config))
    text = str(caught.value)
    for words in (
        "layer 'first': kernel_quantizer 'OddSign'",
        "layer 'second': class 'Conv2DD': did you mean Conv2D",
        "layer 'third': Lambda with code of its own, which is not decoded",
        "layer 'fourth': activation 'reluu': did you mean relu",
        "layer 'fifth': TFOpLambda of 'math.tan'",
        "layer 'sixth': input_quantizer 'ste_sing': did you mean ste_sign",
        "classes with a rule: Activation, ",
    ):
        assert words in text


def test_an_unknown_layer_is_kept_where_the_file_states_its_result(tmp_path: Path) -> None:
    reader = conv("conv", "odd")
    config = model(source(), layer("Odd", "odd", "x"), reader)
    with pytest.raises(ShapeError, match=r"'odd' .Odd.: kept by --allow-unknown, but"):
        read_graph(write(tmp_path, config), allow_unknown=True)
    reader["build_config"] = {"input_shape": [None, 6, 6, 5]}
    graph = read_graph(write(tmp_path, config), allow_unknown=True)
    assert graph.tensors["odd"].shape == (1, 6, 6, 5)
    assert graph.tensors["conv"].shape == (1, 2, 4, 4)
    assert "lower bound (odd)" in graph.notes[0]


def test_models_within_models_do_not_multiply_without_end(tmp_path: Path) -> None:
    """Each level calls the next one twice: 2**40 layers in a file of some kilobytes."""
    inner: Config = layer("Dropout", "leaf", "x", rate=0.5)
    for depth in range(40):
        twice = [[["x", 0, 0, {}]], [[inner["name"], 1 if depth else 0, 0, {}]]]
        last = [[inner["name"], 2 if depth else 1, 0]]
        config = model(source(), {**inner, "inbound_nodes": twice})
        config["config"]["output_layers"] = last
        inner = {**config, "name": f"level{depth}", "inbound_nodes": []}
    with pytest.raises(ModelError, match="more than"):
        read_graph(write(tmp_path, inner))


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"input_shapes": {"y": (1, 8, 8, 4)}}, "no input 'y': valid choices: x"),
        ({"input_shapes": {"x": (1, 8, 4)}}, "has 3 dimensions"),
        ({"input_shapes": {"x": (1, 8, 8, 0)}}, "not from 1 to"),
        ({"input_shapes": {"x": (2, 8, 8, 4)}, "batch": 3}, "batch 3 contradicts"),
        ({"batch": 0}, "batch 0"),
        ({"weights": "absent.npz"}, "no such file"),
    ],
)
def test_options_that_make_no_sense(tmp_path: Path, given: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        read_graph(write(tmp_path, model(source(), conv())), **given)


# Weights


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return write(tmp_path, model(source(), conv()))


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **{key.replace("__", "/"): array for key, array in arrays.items()})  # type: ignore[arg-type]
    return path


KERNEL = np.zeros((3, 3, 4, 2), np.float32)


def test_weights_of_another_shape_are_refused_at_once(network: Path, tmp_path: Path) -> None:
    weights = npz(tmp_path / "w.npz", conv__kernel=KERNEL[:2])
    with pytest.raises(ShapeError, match=r"\[2, 3, 4, 2\], and the layer needs \[3, 3, 4, 2\]"):
        read_graph(network, weights=weights)


def test_weights_that_are_missing_are_named(network: Path, tmp_path: Path) -> None:
    weights = npz(tmp_path / "w.npz", convv__kernel=KERNEL)
    with pytest.raises(ModelError, match=r"'kernel' for layer 'conv'; .* did you mean convv"):
        read_graph(network, weights=weights)
    with pytest.raises(ModelError, match=r"w.txt: weights are an .npz or an .h5 file; this begins"):
        read_graph(network, weights=write(tmp_path, "weights", "w.txt"))


def test_pickles_in_an_archive_are_never_read(network: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable, tuple]:
            return (tmp_path / "sprung").touch, ()

    buffer = BytesIO()
    np.lib.format.write_array(buffer, np.array([Trap()] * 72, dtype=object))
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("conv/kernel.npy", buffer.getvalue())
    with pytest.raises(ModelError, match="its type is object"):
        read_graph(network, weights=tmp_path / "w.npz")
    (tmp_path / "w.pkl").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelError, match=r"weights are an .npz or an .h5 file"):
        read_graph(network, weights=tmp_path / "w.pkl")
    assert not (tmp_path / "sprung").exists()


def test_an_archive_cannot_claim_more_than_it_holds(tmp_path: Path) -> None:
    header = BytesIO()
    shape = (3, 3, 2**16, 2**16)
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    with zipfile.ZipFile(tmp_path / "w.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conv/kernel.npy", header.getvalue() + bytes(1000))
    config = model(source((None, 8, 8, 2**16)), conv(filters=2**16))
    with pytest.raises(ModelError, match="bytes do not hold"):
        read_graph(write(tmp_path, config), weights=tmp_path / "w.npz")


# HDF5


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    graph = read_graph(hdf5(tmp_path / "net.h5", model(source(), conv()), sound))
    load = graph.parameters["conv.weight"].load
    assert load is not None
    assert load().shape == (2, 4, 3, 3)
    assert load().all()


def test_weights_alone_are_no_network(tmp_path: Path) -> None:
    path = hdf5(tmp_path / "w.h5", None, sound)
    with pytest.raises(ModelError, match=r"holds weights only.*Give the config"):
        read_graph(path)
    read_graph(write(tmp_path, model(source(), conv())), weights=path)


def external(folder: Path) -> Callable[[h5py.Group], None]:
    def fill(group: h5py.Group) -> None:
        group.create_group("conv")["kernel:0"] = h5py.ExternalLink(folder / "other.h5", "/k")

    return fill


def soft(group: h5py.Group) -> None:
    group.create_group("conv")["kernel:0"] = h5py.SoftLink("/model_weights/conv/conv/kernel:0")


def reference(group: h5py.Group) -> None:
    group["conv/kernel:0"] = np.full((3, 3, 4, 2), group.ref, dtype=h5py.ref_dtype)


def text(group: h5py.Group) -> None:
    group["conv/kernel:0"] = np.full((3, 3, 4, 2), b"abc")


def elsewhere(group: h5py.Group) -> None:
    group.create_dataset(
        "conv/kernel:0", (3, 3, 4, 2), "f4", external=[("other.bin", 0, h5py.h5f.UNLIMITED)]
    )


def virtual(group: h5py.Group) -> None:
    layout = h5py.VirtualLayout((3, 3, 4, 2), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "k", (3, 3, 4, 2))
    group.create_virtual_dataset("conv/kernel:0", layout)


def subgroup(group: h5py.Group) -> None:
    group.create_group("conv/kernel:0")


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda folder: external(folder), "is a ExternalLink: links to other places are not"),
        (lambda folder: soft, "is a SoftLink"),
        (lambda folder: reference, "its type is object"),
        (lambda folder: text, "its type is |S3"),
        (lambda folder: elsewhere, "its values lie in another file"),
        (lambda folder: virtual, "its values lie in another file"),
        (lambda folder: subgroup, "it is no array"),
        (lambda folder: None, "there is no 'conv/kernel:0'"),
    ],
    ids=["external", "soft", "reference", "text", "elsewhere", "virtual", "group", "missing"],
)
def test_nothing_but_numbers_of_the_file_itself_is_read(
    tmp_path: Path, make: Callable[[Path], Any], match: str
) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["k"] = KERNEL
    path = hdf5(tmp_path / "net.h5", model(source(), conv()), make(tmp_path))
    with pytest.raises(ModelError, match=match):
        read_graph(path)


def test_a_dataset_without_values_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    """A shape of 16 GiB takes no room in a file as long as nothing is written."""

    def fill(group: h5py.Group) -> None:
        group.create_dataset("conv/kernel:0", (3, 3, 2**14, 2**14), "f4")

    config = model(source((None, 8, 8, 2**14)), conv(filters=2**14))
    graph = read_graph(hdf5(tmp_path / "net.h5", config, fill))
    load = graph.parameters["conv.weight"].load
    assert load is not None
    with pytest.raises(ModelError, match="bytes of values, the file holds 0"):
        load()


def test_values_that_are_gone_since_are_refused(tmp_path: Path) -> None:
    path = hdf5(tmp_path / "net.h5", model(source(), conv()), sound)
    load = read_graph(path).parameters["conv.weight"].load
    assert load is not None
    path.unlink()
    with pytest.raises(ModelError, match=r"net.h5: its data cannot be read: .*No such file"):
        load()


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + bytes(4096)])
def test_a_truncated_file_is_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.h5").write_bytes(content)
    with pytest.raises(ModelError, match=r"net.h5: damaged"):
        read_graph(tmp_path / "net.h5")


@pytest.mark.parametrize("value", [7, b"{", "[]", np.zeros(3), np.array([b"{}"] * 3)])
def test_an_attribute_that_is_no_config(tmp_path: Path, value: Any) -> None:
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.attrs["model_config"] = value
    with pytest.raises(ModelError, match=r"net\.h5"):
        read_graph(tmp_path / "net.h5")


def test_without_h5py_the_extra_is_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"'xnorsim\[keras\]'"):
        read_graph(data / "keras" / "w_nested_twice" / "model.h5")
    folder = data / "keras" / "w_shared_layer"
    read_graph(folder / "config.json", weights=folder / "weights.npz")


# Content


def test_files_are_told_by_content(data: Path, tmp_path: Path) -> None:
    folder = data / "keras" / "w_nested_twice"
    shutil.copy(folder / "config.json", tmp_path / "a.h5")
    shutil.copy(folder / "model.h5", tmp_path / "b.json")
    assert is_keras_json(tmp_path / "a.h5")
    assert not is_hdf5(tmp_path / "a.h5")
    assert is_hdf5(tmp_path / "b.json")
    assert not is_keras_json(tmp_path / "b.json")
    assert read_graph(tmp_path / "a.h5").nodes == read_graph(tmp_path / "b.json").nodes
    onnx = next((data / "onnx").glob("*.onnx"))
    for path in (onnx, folder / "weights.npz", tmp_path / "absent", tmp_path):
        assert not is_keras_json(path)
        assert not is_hdf5(path)
    with h5py.File(tmp_path / "user.h5", "w", userblock_size=1024) as file:
        file.attrs["a"] = 1
    assert is_hdf5(tmp_path / "user.h5")


def test_archives_are_no_configs(data: Path) -> None:
    with pytest.raises(ModelError, match=r"an archive .*give the config.json in it"):
        read_graph(data / "keras" / "w_nested_twice" / "weights.npz")

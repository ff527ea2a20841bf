"""Export from Python and from the command line: what is written, kept and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.exporters.round_trip import assert_same_results, assert_same_table, inputs_of
from xnorsim import cli
from xnorsim.analysis import load_model, run
from xnorsim.analysis.export import export_onnx, exported
from xnorsim.errors import UsageError
from xnorsim.network.policy import Binarize, Policy, apply
from xnorsim.network.precision import Scaling

NETWORK = "finn-tfc-1w1a"


def test_what_is_read_back_is_what_was_written(tmp_path: Path) -> None:
    path = export_onnx(NETWORK, tmp_path / "net.onnx")
    before, after = load_model(NETWORK), load_model(path)
    assert_same_table(before, after)
    assert_same_results(before, after, inputs_of(before))


def test_a_file_is_written_as_a_policy_says(tmp_path: Path) -> None:
    source = export_onnx("resnet18", tmp_path / "float.onnx", weights="none")
    path = export_onnx(source, tmp_path / "xnor.onnx", binarize="xnor", scaling="alpha_k")
    policy = Policy(Binarize.XNOR, scaling=Scaling.ALPHA_K)
    assert_same_table(apply(load_model("resnet18"), policy), load_model(path))


def test_the_same_bytes(tmp_path: Path) -> None:
    files = [export_onnx(NETWORK, tmp_path / name).read_bytes() for name in ("a.onnx", "b.onnx")]
    assert files[0] == files[1]


def test_drawn_weights_depend_on_the_seed(tmp_path: Path) -> None:
    bare = export_onnx(NETWORK, tmp_path / "bare.onnx", weights="none")
    first, again, other = (
        export_onnx(bare, tmp_path / f"{at}.onnx", weights="seed", seed=seed).read_bytes()
        for at, seed in enumerate((1, 1, 2))
    )
    assert first == again != other


def test_weights_that_are_left_out_are_told(tmp_path: Path) -> None:
    assert not exported(NETWORK, tmp_path / "a.onnx").notes
    notes = exported(NETWORK, tmp_path / "b.onnx", weights="none").notes
    assert any("parameters are left out: ConstantOfShape stands for them" in n for n in notes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": "some"}, "no weights? 'some'|weights 'some'"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"binarize": "int8"}, "binarize 'int8'"),
        ({"binarize": "bwn", "scaling": "alpha_k"}, "alpha_k does not go with binarize bwn"),
    ],
)
def test_options_that_make_no_sense(options: dict, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        export_onnx(NETWORK, tmp_path / "a.onnx", **options)
    assert not [*tmp_path.iterdir()]


def test_the_file_that_is_read_stays(tmp_path: Path) -> None:
    path = export_onnx(NETWORK, tmp_path / "net.onnx")
    before = path.read_bytes()
    link = tmp_path / "link.onnx"
    link.symlink_to(path)
    for target in (path, link):
        with pytest.raises(UsageError, match="is read, and would be written over"):
            export_onnx(path, target)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["x.txt", "x", "x.onnx.gz"])
def test_another_ending_is_refused_as_by_the_command(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{name}': networks are written as ONNX: end it in .onnx"):
        export_onnx(NETWORK, tmp_path / name)
    assert not [*tmp_path.iterdir()]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        export_onnx(NETWORK, tmp_path / "no" / "net.onnx")


def call(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.onnx"
    code, out, err = call("export", NETWORK, "-o", str(path), capsys=capsys)
    assert (code, err) == (0, "")
    assert "wrote" in out
    x = inputs_of(load_model(NETWORK))
    outputs = [run(model, x, weights="file").outputs for model in (NETWORK, path)]
    for pair in zip(*(found.values() for found in outputs), strict=True):
        np.testing.assert_array_equal(*pair)


def test_the_command_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call("export", NETWORK, "-o", str(tmp_path / "net.txt"), capsys=capsys)
    assert (code, "end it in .onnx" in err) == (2, True)
    code, _, err = call("export", "no-such-net", "-o", str(tmp_path / "net.onnx"), capsys=capsys)
    assert (code, "no-such-net" in err) == (2, True)
    assert not [*tmp_path.iterdir()]

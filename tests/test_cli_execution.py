"""run, fidelity, diff and vectors as a user meets them: output, files, exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from xnorsim import cli
from xnorsim.zoo.catalogue import ZOO


def run(*arguments: str, capsys) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    """Three convolutions and a classifier over an open batch, as a file with weights."""
    from onnx import TensorProto, helper, numpy_helper, save

    generator = np.random.default_rng(0)

    def weight(name, *shape):
        return numpy_helper.from_array(generator.standard_normal(shape).astype(np.float32), name)

    weights = [weight("w1", 8, 3, 3, 3), weight("w2", 8, 8, 3, 3), weight("w3", 8, 8, 3, 3)]
    weights.append(weight("w4", 8, 10))
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["/a/Conv_output_0"], name="/a/Conv"),
        helper.make_node("Conv", ["/a/Conv_output_0", "w2"], ["b"], name="/b/Conv"),
        helper.make_node("Conv", ["b", "w3"], ["c"], name="/c/Conv"),
        helper.make_node("GlobalAveragePool", ["c"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flat"),
        helper.make_node("MatMul", ["f", "w4"], ["y"], name="fc"),
    ]
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 9, 9]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10]),
    ]
    graph = helper.make_graph(nodes, "small", ends[:1], ends[1:], weights)
    path = tmp_path_factory.mktemp("models") / "small.onnx"
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return str(path)


@pytest.fixture
def image(tmp_path) -> str:
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(1).standard_normal((4, 3, 9, 9)).astype(np.float32))
    return str(path)


def test_run_writes_outputs_and_kept_tensors(model, image, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    path = tmp_path / "y.npz"
    code, out, err = run(
        *("run", model, "-i", image, "--keep", "/b/Conv", "--keep", "p*", "-o", str(path)),
        *("--binarize", "xnor"),
        capsys=capsys,
    )
    assert (code, err) == (0, f"wrote {path}\n")
    with np.load(path, allow_pickle=False) as found:
        assert {name: found[name].shape for name in found} == {
            "b": (4, 8, 5, 5),
            "p": (4, 8, 1, 1),
            "y": (4, 10),
        }
        best = np.argsort(-found["y"][0])[:5]
        low = found["y"].min()
    assert f"best classes of y[0]: {best[0]} (" in out
    assert f"{low:.4g}" in out
    assert "2 layers" in out, "the note of the policy"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.npy", "y.npz"]


def test_run_says_that_inputs_and_weights_are_drawn(capsys):
    assert "alexnet" in ZOO
    code, out, _ = run("run", "alexnet", "--seed", "7", "--weights", "seed", capsys=capsys)
    assert code == 0
    words = " ".join(out.split())
    assert "inputs are drawn from seed 7" in words
    assert "parameters are drawn from seed 7" in words


def test_fidelity_in_every_form(model, image, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    code, out, _ = run("fidelity", model, "-i", image, "--binarize", "xnor", capsys=capsys)
    assert code == 0
    assert "without retraining" in " ".join(out.split())
    path = tmp_path / "f.json"
    assert run("fidelity", model, "-i", image, "-o", str(path), capsys=capsys)[0] == 0
    doc = json.loads(path.read_text())
    assert [layer["name"] for layer in doc["layers"]] == ["/b/Conv", "/c/Conv"]
    assert 0 <= doc["outputs"][0]["top1_agreement"] <= 1
    assert "without retraining" in doc["caveat"]
    rows = run("fidelity", model, "-i", image, "-f", "csv", capsys=capsys)[1]
    lines = list(csv.DictReader(io.StringIO(rows)))
    assert [line["kind"] for line in lines] == ["conv", "conv", "OUTPUT"]
    assert all("without retraining" in line["caveat"] for line in lines)
    assert float(lines[0]["exact_cosine"]) == doc["layers"][0]["exact"]["cosine"]
    text = run("fidelity", model, "-i", image, "-f", "markdown", capsys=capsys)[1]
    assert "without retraining" in text
    assert "| /b/Conv |" in text


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_fidelity_is_drawn(model, capsys, tmp_path, suffix):
    path = tmp_path / f"f.{suffix}"
    code, out, _ = run("fidelity", model, "--batch", "1", "--plot", str(path), capsys=capsys)
    assert code == 0
    assert f"wrote {path}" in out
    assert {"png": b"\x89PNG", "svg": b"<svg"}[suffix] in path.read_bytes()[:400]


def test_diff_ends_with_one_where_something_differs(model, image, capsys, tmp_path):
    """0: equal, 1: another tensor, as the program diff does."""
    given = ("--input", image, "--binarize", "xnor")
    code, out, err = run("diff", model, "--engine-b", "packed", *given, capsys=capsys)
    assert (code, err) == (0, "")
    assert "no difference" in out
    run("run", model, *given, "--keep", "*", "-o", str(tmp_path / "t.npz"), capsys=capsys)
    with np.load(tmp_path / "t.npz") as found:
        tensors = {name: found[name] for name in found}
    folder = tmp_path / "tensors"
    folder.mkdir()
    for name, value in tensors.items():
        np.save(folder / f"{name.replace('/', '__')}.npy", value)
    assert run("diff", model, str(folder), *given, capsys=capsys)[0] == 0
    np.save(folder / "__a__Conv_output_0.npy", np.nextafter(tensors["/a/Conv_output_0"], 100))
    code, out, err = run("diff", model, str(folder), *given, "-f", "json", capsys=capsys)
    assert (code, err) == (1, "")
    first = json.loads(out)["first"]
    assert (first["tensor"], first["node"]) == ("/a/Conv_output_0", "/a/Conv")
    assert (first["differing"], first["largest_ulp"]) == (first["elements"], 1)
    assert len(first["places"]) == 5
    assert run("diff", model, str(folder), *given, "--ulp", "1", capsys=capsys)[0] == 0
    (folder / "b.npy").write_bytes(b"hello")
    code, _, err = run("diff", model, str(folder), *given, "--ulp", "1", capsys=capsys)
    assert code == 2
    assert "b.npy' is neither an .npy nor an .npz file" in err


def test_vectors(model, capsys, tmp_path):
    given = ("--batch", "1", "--binarize", "xnor", "-o", str(tmp_path / "v"))
    code, out, err = run("vectors", model, "--layer", "/b/Conv", *given, capsys=capsys)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"wrote {tmp_path / 'v'}"
    notes = json.loads((tmp_path / "v" / "vectors.json").read_text())["notes"]
    assert any("inputs are drawn" in note for note in notes)
    words = " ".join(out.split())
    assert all(f"note: {' '.join(note.split())}" in words for note in notes)
    assert {"vectors.json", "weight.hex", "weight.npy"} <= {
        p.name for p in (tmp_path / "v").iterdir()
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "{model}"], "must be set, for example: --input-shape x=1,3,9,9"),
        (["run", "{model}", "-i", "missing.npy"], "cannot read 'missing.npy': No such file"),
        (["run", "{model}", "-i", "{model}"], "neither an .npy nor an .npz file"),
        (["run", "{model}", "-i", "words.npy"], "holds <U1, not numbers"),
        (["run", "{model}", "-i", "wide.npy"], "must be float32[4, 3, 9, 9], not float64"),
        (["run", "{model}", "-i", "image.npy", "--keep", "conv9"], "no tensor or layer called"),
        (["run", "{model}", "-i", "image.npy", "-o", "y.txt"], "end it in .npz"),
        (
            ["run", "{model}", "-i", "image.npy", "--engine", "gpu"],
            "valid choices: blas, native, packed",
        ),
        (["run", "{model}", "-i", "image.npy", "--max-memory", "1 kB"], "more than the 1000 B"),
        (["run", "{model}", "-i", "image.npy", "--max-memory", "x"], "max_memory must be an"),
        (["run", "{model}", "-i", "image.npy", "-o", "no/y.npz"], "there is no folder"),
        (["run", "{model}", "-i", "nan.npy", "--binarize", "xnor"], "NaN"),
        (["fidelity", "{model}", "-i", "image.npy", "--binarize", "none"], "no layer becomes"),
        (
            ["fidelity", "{model}", "-i", "image.npy", "--high-precision", "*"],
            "--high-precision none",
        ),
        (["fidelity", "{model}", "-i", "image.npy", "--plot", "no/f.png"], "no folder"),
        (["fidelity", "{model}", "-i", "image.npy", "--plot", "f.gif"], "f.gif"),
        (["diff", "{model}", "-i", "image.npy"], "nothing to compare with"),
        (["diff", "{model}", "image.npy", "-i", "image.npy"], "one array without a name"),
        (["diff", "{model}", ".", "-i", "image.npy"], "no tensor has the same name"),
        (["diff", "{model}", "{model}", "-i", "image.npy", "--ulp", "-1"], "ulp must be a whole"),
        (["diff", "{model}", "nofold", "-i", "image.npy"], "an .npz file or a folder"),
        (
            ["diff", "{model}", "{model}", "-i", "image.npy", "--engine-b", "gpu"],
            "engine_b 'gpu': valid choices: blas, native, packed",
        ),
        (["run", "{model}", "-i", ""], "the name of a file of arrays is empty"),
        (["run", "{model}", "--batch", "99999999", "--max-memory", "1 GB"], "more than the"),
        (["vectors", "{model}", "-i", "image.npy", "-o", "v"], "layer"),
        (
            ["vectors", "{model}", "-i", "image.npy", "-o", "v", "--layer", "/d/C"],
            "valid choices: /a/Conv",
        ),
        (
            ["vectors", "{model}", "-i", "image.npy", "-o", "v", "--layer", "/a/Conv"],
            "not bipolar*bipolar",
        ),
    ],
)
def test_bad_input_is_told_in_few_lines(model, arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(1)
    given = generator.standard_normal((4, 3, 9, 9))
    np.save("wide.npy", given)
    np.save("image.npy", given.astype(np.float32))
    np.save("nan.npy", np.where(given > 1, np.nan, given).astype(np.float32))
    np.save("words.npy", np.array(["a"]))
    before = sorted(p.name for p in tmp_path.iterdir())
    code, _, err = run(*(word.format(model=model) for word in arguments), capsys=capsys)
    assert code == 2
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 8
    assert sorted(p.name for p in tmp_path.iterdir()) == before, "nothing is half written"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["run", "{model}", "-o", "y.npz"], "the file is written before the screen"),
        (["diff", "{model}", "--engine-b", "packed"], "1 would be a difference"),
        (["diff", "{model}", "--engine-b", "packed", "-f", "json"], "in another form"),
    ],
)
def test_output_that_cannot_be_written_is_no_difference(
    command, reason, model, image, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    words = [word.format(model=model) for word in command]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "xnorsim", *words, "-i", image],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2, reason
    assert "cannot write: No space left on device" in done.stderr
    assert (tmp_path / "y.npz").exists() == ("-o" in command), reason


def test_too_little_memory_is_no_failure_of_ours(model, image, capsys, monkeypatch):
    def refuse(*args, **options):
        raise MemoryError("Unable to allocate 4 TiB")

    monkeypatch.setattr("xnorsim.exact.execute.execute", refuse)
    code, _, err = run("run", model, "-i", image, capsys=capsys)
    assert code == 2
    assert "not enough memory: Unable to allocate 4 TiB" in err


@pytest.mark.parametrize(
    ("width", "columns"), [(40, "shape max"), (50, "shape min max"), (100, "")]
)
def test_a_narrow_terminal_gets_fewer_columns(model, image, capsys, monkeypatch, width, columns):
    monkeypatch.setenv("COLUMNS", str(width))
    _, out, _ = run("run", model, "-i", image, "--keep", "y", "--keep", "b", capsys=capsys)
    lines = out.splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(lines[0].split()) == f"tensor {columns or 'shape type min max mean'}"
    assert [line.split()[0] for line in lines[2:4]] == ["b", "y"], "each tensor on one line, once"


def test_an_input_is_never_written_over(model, capsys, tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=np.zeros((1, 3, 9, 9), np.float32))
    before = path.read_bytes()
    code, _, err = run("run", model, "-i", str(path), "-o", str(path), capsys=capsys)
    assert code == 2
    assert "would be written over" in err
    assert path.read_bytes() == before


def test_no_bar_where_there_is_no_terminal(model, image):
    done = subprocess.run(
        [sys.executable, "-m", "xnorsim", "run", model, "-i", image],
        capture_output=True,
        env={**os.environ, "COLUMNS": "100"},
        check=True,
    )
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("is_terminal", "patience_s", "shows", "reason"),
    [
        (True, 0.0, True, "it takes longer than that"),
        (True, 60.0, False, "it is done before"),
        (False, 0.0, False, "a file or a pipe wants no bar"),
    ],
)
def test_a_bar_appears_on_a_terminal_after_a_while(
    is_terminal, patience_s, shows, reason, monkeypatch
):
    import time

    from xnorsim.cli import progress

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return is_terminal

    page = Terminal()
    monkeypatch.setattr(progress, "_PATIENCE_S", patience_s)
    monkeypatch.setattr(sys, "stderr", page)
    monkeypatch.setenv("TERM", "xterm")
    with progress.progress_bar() as tell:
        for done in range(1, 4):
            time.sleep(0.1)
            tell(done, 3)
    assert ("3 of 3" in page.getvalue()) == shows, reason


def test_a_run_has_the_same_options_in_a_shell_and_in_python():
    from xnorsim.analysis.execution import DEFAULTS
    from xnorsim.cli.options import RUN_OPTIONS

    shell = {item.name: item.default for item in RUN_OPTIONS if item.name in DEFAULTS}
    shell["high_precision"] = tuple(shell["high_precision"].split(","))
    assert shell == DEFAULTS

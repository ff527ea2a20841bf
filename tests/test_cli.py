"""The command line as a user meets it: output, errors, exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from xnorsim import __version__, cli


def run(*arguments: str, capsys) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(stop.value.code or 0), out, err


@pytest.fixture
def resnet(data):
    return str(data / "onnx" / "resnet18__dynamo.onnx")


def test_version(capsys):
    assert run("--version", capsys=capsys) == (0, f"xnorsim {__version__}\n", "")


def test_analyze_prints_a_table(resnet, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    code, out, err = run(
        "analyze", resnet, "--binarize", "xnor", "-p", "raspberry-pi-4b", capsys=capsys
    )
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 100
    assert "raspberry-pi-4b" in out


def test_json_goes_to_standard_output_alone(resnet, capsys):
    code, out, err = run("analyze", resnet, "--format", "json", capsys=capsys)
    assert (code, err) == (0, "")
    assert json.loads(out)["totals"]["macs"] == 1_814_073_344


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("r.json", lambda text: json.loads(text)["totals"]["macs"]),
        ("r.csv", lambda text: int(list(csv.DictReader(io.StringIO(text)))[-1]["macs"])),
    ],
)
def test_the_file_name_says_the_format(resnet, capsys, tmp_path, name, reads):
    path = tmp_path / name
    code, out, err = run("analyze", resnet, "-o", str(path), capsys=capsys)
    assert (code, out) == (0, "")
    assert err == f"wrote {path}\n"
    assert reads(path.read_text()) == 1_814_073_344
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_markdown(resnet, capsys):
    code, out, _ = run("analyze", resnet, "-f", "markdown", capsys=capsys)
    assert code == 0
    assert re.search(r"^\|(\s*:?-+:?\s*\|)+$", out, flags=re.MULTILINE)
    assert "1.81 G" in out


def test_dynamic_dimension_is_asked_for(data, capsys):
    path = str(data / "onnx" / "resnet18__ts17.onnx")
    code, out, err = run("analyze", path, capsys=capsys)
    assert (code, out) == (2, "")
    assert "--input-shape input=" in err
    assert run("analyze", path, "--input-shape", "input=1,3,224,224", capsys=capsys)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["analyze", "nothing.onnx"], "neither a file nor a network of the zoo"),
        (["summary", "."], ".: a directory, not a model file"),
        (["analyze", "resnet18", "--binarize", "xor"], "did you mean xnor"),
        (["analyze", "resnet18", "-p", "rasberry-pi-4b"], "did you mean raspberry-pi-4b"),
        (["analyze", "resnet18", "--input-shape", "x=1,a"], "is not NAME=1,3,224,224"),
        (["analyze", "resnet18", "--input-shape", "1,3"], "is not NAME=1,3,224,224"),
        (["analyze", "resnet18", "--input-shape", "x=0,3"], "sizes of 1 or more"),
        (["analyze", "resnet18", "--batch", "many"], "batch"),
        (["analyze", "resnet18", "--format", "xml"], "xml"),
        (["analyze", "resnet18", "--threads", "9", "-p", "pixel-1"], "has 2 cores"),
        (["analyze", "resnet18", "-o", "figure.png"], "its name says no form"),
        (["analyze"], "model"),
        (["analyse", "resnet18"], "analyse"),
        (["compare", "resnet18"], "two profiles"),
        (["profiles", "show", "pixel-9"], "did you mean pixel-1"),
        (["profiles", "check", "missing.yaml"], "missing.yaml"),
        (["plot", "speedup", "-o", "figure.gif"], "figure.gif"),
    ],
)
def test_bad_input_is_told_in_few_lines(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 8
    assert list(tmp_path.iterdir()) == []


def test_an_input_is_never_written_over(resnet, capsys, tmp_path):
    """Not the model, a profile or a report, nor through a link to one."""
    model, link = tmp_path / "model.txt", tmp_path / "link.txt"
    model.write_bytes(Path(resnet).read_bytes())
    link.symlink_to(model)
    report = tmp_path / "a.json"
    assert run("analyze", "alexnet", "-o", str(report), capsys=capsys)[0] == 0
    for command in (
        ["analyze", str(model), "-o", str(model)],
        ["analyze", str(model), "-o", str(link)],
        ["compare", str(report), "alexnet", "-o", str(report)],
    ):
        before = model.read_bytes(), report.read_bytes()
        code, _, err = run(*command, capsys=capsys)
        assert code == 2
        assert "would be written over" in err
        assert before == (model.read_bytes(), report.read_bytes())


def test_a_dash_is_standard_output(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("analyze", "alexnet", "-f", "json", "-o", "-", capsys=capsys)
    assert code == 0
    assert json.loads(out)["model"]["name"] == "alexnet"
    assert list(tmp_path.iterdir()) == []


def test_options_do_not_change_reports_that_are_made(capsys, tmp_path):
    path = str(tmp_path / "a.json")
    run("analyze", "alexnet", "-o", path, capsys=capsys)
    code, _, err = run("compare", path, path, "--binarize", "xnor", capsys=capsys)
    assert code == 2
    assert "--binarize: two reports are compared as they were made" in err


@pytest.mark.parametrize("form", ["table", "csv", "markdown"])
def test_a_terminal_without_unicode_is_no_failure(resnet, form, tmp_path):
    path = tmp_path / "netz-ü-網.onnx"
    path.write_bytes(Path(resnet).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "xnorsim", "analyze", str(path), "-f", form],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_reader_that_stops_early_gets_no_message(resnet):
    command = f"{sys.executable} -m xnorsim profiles show pixel-1 | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_errors_do_not_steer_the_terminal(capsys):
    _, _, err = run("analyze", "a\x1b[31mb.onnx", capsys=capsys)
    assert "a\\x1b[31mb.onnx" in err
    assert "\x1b" not in err


def test_a_failure_of_ours_is_told_as_such(capsys, monkeypatch):
    monkeypatch.setattr("xnorsim.analysis.analyze", lambda *a, **k: 1 / 0)
    code, _, err = run("analyze", "resnet18", capsys=capsys)
    assert code == 1
    assert "failure of ours: ZeroDivisionError" in err
    assert "Traceback" not in err
    with pytest.raises(ZeroDivisionError):
        cli.main(["analyze", "resnet18", "--debug"])


def test_traceback_only_with_debug():
    command = [sys.executable, "-m", "xnorsim", "analyze", "nothing.onnx"]
    plain = subprocess.run(command, capture_output=True, text=True, check=False)
    assert plain.returncode == 2
    assert "Traceback" not in plain.stderr
    debug = subprocess.run([*command, "--debug"], capture_output=True, text=True, check=False)
    assert "Traceback" in debug.stderr


def test_compare_two_profiles_and_two_reports(capsys, tmp_path):
    code, out, _ = run(
        *("compare", "resnet18", "-p", "pixel-1", "-p", "raspberry-pi-4b"), capsys=capsys
    )
    assert code == 0
    assert "pixel-1" in out
    paths = [str(tmp_path / f"{how}.json") for how in ("none", "xnor")]
    for how, path in zip(("none", "xnor"), paths, strict=True):
        assert run("analyze", "alexnet", "--binarize", how, "-o", path, capsys=capsys)[0] == 0
    code, out, _ = run("compare", *paths, "--format", "json", capsys=capsys)
    assert code == 0
    assert json.loads(out)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_plots_are_files(capsys, tmp_path, suffix):
    for command in (
        ["plot", "speedup", "-p", "raspberry-pi-4b"],
        ["plot", "layers", "resnet18", "-p", "raspberry-pi-4b", "--binarize", "xnor"],
    ):
        path = tmp_path / f"{command[1]}.{suffix}"
        assert run(*command, "-o", str(path), capsys=capsys)[0] == 0
        start = path.read_bytes()[:400]
        assert {"png": b"\x89PNG", "svg": b"<svg", "pdf": b"%PDF"}[suffix] in start


def test_profiles_and_zoo_are_listed(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert "x86-avx512-vpopcnt" in run("profiles", "list", capsys=capsys)[1]
    shown = run("profiles", "show", "raspberry-pi-4b", capsys=capsys)[1]
    assert "throughput.binary" in shown
    assert "slothy-a72" in shown
    assert "alexnet-grouped" in run("zoo", "list", capsys=capsys)[1]


def test_schema_is_json(capsys):
    assert json.loads(run("profiles", "schema", capsys=capsys)[1])["type"] == "object"


def test_check_names_every_fault(capsys, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("schema: 1\nname: bad\nclok: 3\nclock: {value: -1 GHz}\n")
    code, _, err = run("profiles", "check", str(path), capsys=capsys)
    assert code == 2
    assert f"{path}:3: clok" in err
    assert f"{path}:4: clock" in err
    assert run("profiles", "check", "pixel-1", capsys=capsys)[0] == 0

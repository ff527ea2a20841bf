"""explain as a user meets it."""

from __future__ import annotations

import json

import pytest

from xnorsim.cli import main

ASKED = ("explain", "resnet18", "--binarize", "xnor", "-p", "raspberry-pi-4b")


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as done:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(done.value.code or 0), out, err


def test_it_is_printed_for_the_slowest_layer(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    code, out, err = run(*ASKED, capsys=capsys)
    assert (code, err) == (0, "")
    assert out.startswith("conv1 of resnet18 on raspberry-pi-4b\n")
    assert "Layers that take most" in out
    assert "no room at this width" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_a_layer_is_asked_for(capsys):
    code, out, _ = run(
        *ASKED, "--layer", "stage2.0.conv1", "--predictor", "instructions:larq", capsys=capsys
    )
    assert code == 0
    assert out.startswith("stage2.0.conv1 of resnet18")
    assert "Layers that take most" not in out
    assert "bgemm" in out.lower()


def test_forms(capsys, tmp_path):
    path = tmp_path / "found.json"
    code, _, err = run(*ASKED, "-l", "fc", "-o", str(path), capsys=capsys)
    assert (code, err) == (0, f"wrote {path}\n")
    assert json.loads(path.read_text("utf-8"))["layer"]["name"] == "fc"
    _, out, _ = run(*ASKED, "-l", "fc", "-f", "markdown", capsys=capsys)
    assert out.startswith("# fc of resnet18 on raspberry-pi-4b\n")
    _, out, _ = run(*ASKED, "-l", "fc", "-f", "csv", capsys=capsys)
    assert out.startswith("path,value\nschema,1\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("explain", "resnet18"), "one profile, and 0 were given"),
        ((*ASKED, "-p", "pixel-1"), "one profile, and 2 were given"),
        ((*ASKED, "--predictor", "formula"), "'formula' issues no instructions"),
        ((*ASKED, "-l", "conv9"), "did you mean conv1"),
        ((*ASKED, "-l", "batch_norm1"), "runs as part of 'conv1'"),
        ((*ASKED, "-o", "found.xlsx"), "its name says no form"),
    ],
)
def test_bad_input_is_told(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert message in err

"""Every analysis runs as a script, and what its first paragraph answers is what it computes."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure


@pytest.fixture(scope="module")
def paper_figures(project):
    return runpy.run_path(str(project / "analyses" / "paper_figures.py"))


@pytest.fixture(scope="module")
def answer(project) -> str:
    text = (project / "analyses" / "paper_figures.py").read_text("utf-8")
    return " ".join(line.removeprefix("# ") for line in text.split("# %%")[1].splitlines())


def test_every_analysis_is_listed_and_has_its_form(project):
    listed = (project / "analyses" / "README.md").read_text("utf-8")
    files = sorted((project / "analyses").glob("*.py"))
    assert files
    for file in files:
        assert f"`{file.name}`" in listed
        cells = re.findall(r"^# %%(.*)$", file.read_text("utf-8"), flags=re.MULTILINE)
        assert cells[0] == " [markdown]"
        assert "" in cells


def test_the_papers_curves(paper_figures):
    by_channels, by_filter = paper_figures["channels_table"], paper_figures["filter_table"]
    name = "formula over paper"
    assert [by_channels[name][c] for c in (1, 4, 16, 64, 256, 1024)] == [
        7.89, 23.04, 44.31, 57.60, 62.27, 63.56,
    ]  # fmt: skip
    assert [by_filter[name][k] for k in (1, 3, 5, 7, 11, 20)] == [
        51.20, 62.27, 63.37, 63.68, 63.87, 63.96,
    ]  # fmt: skip


def test_the_papers_memory(paper_figures):
    """VGG-19 1 GB to 16 MB, ResNet-18 100 MB to 1.5 MB, AlexNet 475 MB to 7.4 MB, as it rounds."""
    table = paper_figures["memory_table"]
    assert table["parameters"].to_dict() == {
        "alexnet": 62_378_344,
        "vgg19": 143_667_240,
        "resnet18": 11_689_512,
    }
    assert set(table["double / one bit"]) == {64.0}
    assert set(table["single / one bit"]) == {32.0}
    assert table.loc["alexnet", ["double [MiB]", "one bit [MiB]"]].tolist() == [475.91, 7.44]
    assert table.loc["vgg19", "double [MiB]"] == pytest.approx(1024, rel=0.08)
    assert table.loc["resnet18", "one bit [MiB]"] == pytest.approx(1.5, rel=0.08)


def test_the_answer_holds(paper_figures, answer):
    formula, *machines = paper_figures["by_channels"]
    of_filter, *machines_of_filter = paper_figures["by_filter"]
    for paper, curves in ((formula, machines), (of_filter, machines_of_filter)):
        assert (paper.value < 64).all()
        assert len(curves) == 3
        for curve in curves:
            assert (curve.high < paper.value).all(), curve.name  # "gains less than that"
    at_256 = formula.value[np.flatnonzero(formula.x == 256)[0]]
    alexnet = paper_figures["memory_table"].loc["alexnet"]
    for text in (
        f"{at_256:.2f} times",
        f"{alexnet['double [MiB]']:.1f} MiB to {alexnet['one bit [MiB]']:.1f} MiB",
        f"{alexnet['single / as stored']:.1f} for AlexNet",
    ):
        assert text in answer


def test_the_figure_names_its_baselines(paper_figures):
    figure = paper_figures["figure"]
    assert isinstance(figure, Figure)
    assert figure.axes[0].get_ylabel() == "speedup over paper or peak (×)"


def test_as_a_script_it_prints_its_tables(project):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(project / "analyses" / "paper_figures.py")],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=project / "analyses",
        env={**os.environ, "PYTHONPATH": str(project)},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "62.27" in done.stdout
    assert "62378344" in done.stdout

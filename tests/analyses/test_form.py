"""The rules for analyses: what breaks one is found, and every analysis keeps them."""

from __future__ import annotations

import importlib.util
import re
import sys

import pytest

SCRIPT = "notebook_form"

FORM = """\
# ---
# jupyter: {}
# ---

# %% [markdown]
# # How far is it?
#
# It is 62.27× with *one* filter. ResNet-18 takes
# 12 ms.
#
# More in section 4.

# %%
import pandas as pd
from xnorsim.cost.formula import speedup

# %% [markdown]
# ## Parameters

# %%
PROFILES = ("raspberry-pi-4b",)
WIDTH = 64  # of the layer

# %%
pd.DataFrame()

# %%
print(f"It is {speedup(256, 9):.2f}× with one filter.", f"ResNet-18 takes {12} ms.")
"""


@pytest.fixture(scope="module")
def form(project):
    spec = importlib.util.spec_from_file_location(SCRIPT, project / "scripts" / f"{SCRIPT}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[SCRIPT] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[SCRIPT]


def test_a_file_is_read_as_cells_with_their_lines(form):
    cells = form.read_cells(FORM)
    assert [(cell.markdown, cell.line) for cell in cells] == [
        (True, 5), (False, 13), (True, 17), (False, 20), (False, 24), (False, 27),
    ]  # fmt: skip
    assert cells[0].text.startswith("# How far is it?\n\nIt is 62.27×")
    assert cells[2].text == "## Parameters"
    assert form.answer_of(cells) == "It is 62.27× with one filter. ResNet-18 takes 12 ms."


def test_the_form_that_is_meant_has_no_fault(form):
    assert form.form_faults(form.read_cells(FORM)) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        # an answer needs its question
        ("How far is it?", "How far it is", "1: the first cell is no markdown with the question"),
        ("# %% [markdown]\n# # How", "# %%\n# # How", "1: the first cell is no markdown"),
        ("with *one* filter. ResNet", "with *one* filter; ResNet", "5: .* has 1 sentences and"),
        ("# 12 ms.\n#\n", "# 12 ms.\n", "5: .* has 3 sentences and not 2"),  # remarks are apart
        ("62.27× with", "far with", None),  # one figure is enough
        ("It is 62.27× with *one* filter. ResNet-18 takes\n# 12 ms.", "Far. ResNet-18 is.",
         "5: the answer has no figure"),  # that of a name is none
        ("## Parameters", "## What to change", "1: no heading '## Parameters'"),
        ("PROFILES =", "profiles =", "21: among the parameters"),
        ("PROFILES = (", "PROFILES = tuple(", None),  # any value
        ("WIDTH = 64", "print(2)", "22: among the parameters, but not 'NAME = value'"),
        ("import pandas as pd", "import os.path", "14: imports 'os.path', not of xnorsim, pandas"),
        ("from xnorsim.cost", "from scipy.cost", "15: imports 'scipy.cost.formula'"),
        ("from xnorsim.cost", "from .cost", r"15: imports '\.cost"),  # a module beside it
        ("pd.DataFrame()", "class Model:\n    pass", "25: class 'Model' belongs into the package"),
        ("print(", "str(", "27: the last cell does not print the answer"),
        ("{12} ms", "12 ms", "28: '12' is written into the text"),
        ("{speedup(256, 9):.2f}×", "58x", "28: '58' is written into the text"),
        ("one filter.\",", "4-bit A72.\",", None),  # digits of names
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_found(form, old, new, fault):
    assert FORM.count(old) >= 1
    found = form.form_faults(form.read_cells(FORM.replace(old, new)))
    if fault is None:
        assert found == []
    else:
        assert len(found) == 1
        assert re.match(fault, found[0]), found


@pytest.mark.parametrize(
    ("printed", "fault"),
    [
        ("It is 62.27× with one filter.\nResNet-18 takes 12 ms.\n", ""),  # lines break anywhere
        ("It is 62.26× with one filter. ResNet-18 takes 12 ms.", "computed is .*62.26× with"),
        ("It is 62.27× with one filter. ResNet-18 takes 120 ms.", "takes 120 ms"),
        ("It is 62.27× with one filter. ResNet-50 takes 12 ms.", "ResNet-50"),  # words count too
        ("It is 62.27× with one filter.", r"with one filter\. \(end\) \.\.\.'$"),
        ("It is 62.27× with one filter. ResNet-18 takes 12 ms. Or not.", r"Or not"),
        ("", r"computed is '\.\.\. \(end\) \.\.\.'$"),
    ],
)
def test_an_answer_is_borne_out_by_what_is_printed_and_by_nothing_else(form, printed, fault):
    answer = form.answer_of(form.read_cells(FORM))
    found = form.unsupported(answer, printed)
    assert re.search(fault, found) if fault else found == ""


def test_a_file_without_cells_or_code_has_faults_and_breaks_nothing(form):
    assert len(form.form_faults([])) == 3
    assert len(form.form_faults(form.read_cells("# %% [markdown]\n# text\n"))) == 3


def test_every_analysis_keeps_the_rules_and_is_listed_with_its_question(form, project):
    listed = (project / "analyses" / "README.md").read_text("utf-8")
    files = sorted((project / "analyses").glob("*.py"))
    assert files
    for file in files:
        cells = form.read_cells(file.read_text("utf-8"))
        assert form.form_faults(cells) == [], file.name
        question = cells[0].text.splitlines()[0].removeprefix("# ")
        assert f"| `{file.name}` | {question} |" in listed

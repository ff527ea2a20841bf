"""Pages of HTML from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.test_cli import run
from xnorsim.errors import MissingExtraError

NET = "finn-tfc-1w1a"  # the zoo's smallest
SMALL = ("-p", "raspberry-pi-4b")


def test_the_ending_of_a_file_asks_for_a_page(capsys, tmp_path):
    path = tmp_path / "r.html"
    code, out, err = run("analyze", NET, *SMALL, "-o", str(path), capsys=capsys)
    assert (code, out, err) == (0, "", f"wrote {path}\n")
    assert path.read_text().startswith("<!doctype html>")
    code, out, _ = run("analyze", NET, *SMALL, "--format", "html", capsys=capsys)
    assert (code, out) == (0, path.read_text())


def test_models_and_saved_reports_together(capsys, tmp_path):
    saved, page = tmp_path / "old.json", tmp_path / "all.html"
    assert run("analyze", NET, *SMALL, "-o", str(saved), capsys=capsys)[0] == 0
    found = run(
        *("report", NET, "finn-sfc-1w1a", str(saved), "-p", "haswell", "-p", "apple-m1"),
        *("-o", str(page)),
        capsys=capsys,
    )
    assert found == (0, "", f"wrote {page}\n")
    text = page.read_text()
    assert all(f'id="m{number}"' in text for number in (1, 2, 3))
    assert all(name in text for name in ("raspberry-pi-4b", "haswell", "apple-m1"))


def test_a_saved_report_is_shown_as_it_was_made(capsys, tmp_path):
    saved, direct, again = (tmp_path / name for name in ("r.json", "a.html", "b.html"))
    for path in (saved, direct):
        assert run("analyze", NET, *SMALL, "-o", str(path), capsys=capsys)[0] == 0
    assert run("report", str(saved), "-o", str(again), capsys=capsys)[0] == 0
    assert again.read_text() == direct.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", NET, NET, "-o", "c.html"], "no page of HTML can be made of this"),
        (["zoo", "list", "-f", "html"], "valid choices: csv, json, markdown, table"),
        (["analyze", NET, "-o", "r.pdf"], "end it in .json, .csv, .md, .txt or .html"),
        (["report", "r.json", "--batch", "2"], "--batch: saved reports are shown as they were"),
        (["report", NET, "-o", "none/r.html"], "there is no folder"),
        (["report", "no-such-net"], "neither a file nor a network of the zoo"),
        (["report", "other.json"], "is no complete report"),
    ],
)
def test_what_is_refused(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    Path("r.json").write_text('{"schema": 1}')
    Path("other.json").write_text('{"schema": 1}')
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.json", "r.json"]


@pytest.mark.parametrize("command", [("analyze", NET, "-o", "r.html"), ("report", NET)])
def test_the_extra_is_asked_for_before_any_work(capsys, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setattr("xnorsim.analysis.analyze", None)
    monkeypatch.setattr("xnorsim.analysis.reports.report", None)
    code, _, err = run(*command, capsys=capsys)
    assert (code, err) == (2, f"xnorsim: {MissingExtraError('jinja2', 'html', PURPOSE)}\n")


PURPOSE = "a report as a page"


def test_a_file_that_is_read_is_not_written_over(capsys, tmp_path):
    saved = tmp_path / "r.json"
    assert run("analyze", NET, "-o", str(saved), capsys=capsys)[0] == 0
    before = saved.read_text()
    code, _, err = run("report", str(saved), "-o", str(saved), capsys=capsys)
    assert code == 2
    assert "would be written over" in err
    assert json.loads(before) == json.loads(saved.read_text())

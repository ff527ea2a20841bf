from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xnorsim.errors import InputError
from xnorsim.show.page import page
from xnorsim.show.reading import read_document
from xnorsim.show.text import to_csv, to_json, to_markdown


def test_reads_back_what_was_written(doc, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(to_json(doc))
    assert read_document(path) == doc


def test_reads_reports_that_were_written_without_machines(doc, tmp_path):
    path = tmp_path / "r.json"
    del doc["versions"]
    del doc["predictions"][0]["machine"]
    path.write_text(to_json(doc))
    assert read_document(path) == doc


def test_the_ends_of_what_is_read_can_be_drawn(doc, tmp_path):
    path = tmp_path / "r.json"
    for item in doc["predictions"]:
        item["totals"] |= {"latency_s_low": 1e-60, "latency_s_high": 1e60, "bound": None}
    doc["predictions"].append({**doc["predictions"][0], "profile": "other", "machine": None})
    path.write_text(to_json(doc))
    assert page([read_document(path)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a JSON report"),
        (b'{"schema": 1, "model": {', "is not a JSON report"),
        (b"\xff\xfe\x00", "is not a JSON report"),
        (b"[1, 2]", "has no 'schema' at its top"),
        (b"3", "has no 'schema' at its top"),
        (b'{"name": "other"}', "has no 'schema' at its top"),
        (b'{"schema": 2}', "has report schema 2; this version reads 1"),
        (b'{"schema": true}', "has report schema True"),
        (b'{"schema": "1"}', "has report schema '1'"),
        (b'{"schema": NaN}', "NaN is no JSON number"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"schema": 1}', r"model: must be a mapping and is missing"),
        (b'{"schema": 1, "layers": 3}', r"layers: must be a list \(got 3\)"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_report(tmp_path, content, message):
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_document(path)
    assert "r.json" in str(caught.value)


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_document(tmp_path / "none.json")
    with pytest.raises(InputError, match="Is a directory"):
        read_document(tmp_path)


MACHINE = ("predictions", 0, "machine")


def _put(doc, path, value):
    *holders, last = path
    for key in holders:
        doc = doc[key]
    doc[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("layers", 1, "macs"), -1, r"layers\[1\].macs: must be a count .*\(got -1\)"),
        (("layers", 1, "macs"), 1.5, r"layers\[1\].macs: must be a count .*\(got 1.5\)"),
        (("layers", 1, "macs"), True, r"layers\[1\].macs: must be a count .*\(got True\)"),
        (("layers", 1, "macs"), 10**400, r"layers\[1\].macs: must be a count"),
        (("layers", 0), "x", r"layers\[0\]: must be a mapping \(got 'x'\)"),
        (("layers", 1, "name"), "first", "2 layers are named 'first'"),
        (("layers", 1, "scheme"), 3, r"layers\[1\].scheme: must be a text or null"),
        (("layers", 1, "output_shape"), [1, "x"], r"output_shape: must be a list of counts"),
        (("totals", "lower_bound"), "no", r"totals.lower_bound: must be true or false"),
        (("totals", "macs"), 0, r"totals.binary_macs: must be at most macs, 0 \(got \d+\)"),
        (("predictions", 0, "totals", "bound"), 3, r"totals.bound: must be a text or null"),
        # an axis that is logarithmic has no room for these
        (("predictions", 0, "totals", "latency_s_low"), 1e-320, r"0 or from 1e-60 to 1e\+60, or"),
        (("predictions", 0, "totals", "latency_s_high"), 1e300, r"0 or from 1e-60 to 1e\+60, or"),
        (("totals",), None, r"totals: must be a mapping \(got None\)"),
        (("predictions", 0, "layers"), [], r"predictions\[0\].layers: other layers"),
        (("predictions", 0, "layers", 2, "latency_s"), "1 s", r"layers\[2\].latency_s: must be"),
        (("predictions", 0, "totals"), {}, r"predictions\[0\].totals.latency_s: .* is missing"),
        (("predictions", 0, "speedup"), {"peak": "x"}, r"speedup: must be a mapping to numbers"),
        (("unknown_layers",), [1], r"unknown_layers: must be a list of texts"),
        (("versions",), ["1"], r"versions: must be a mapping to texts"),
        ((*MACHINE,), 3, r"predictions\[0\].machine: must be a mapping \(got 3\)"),
        ((*MACHINE, "title"), None, r"machine.title: must be a text"),
        ((*MACHINE, "sources"), {"a": 1}, r"machine.sources: must be a mapping to texts"),
        ((*MACHINE, "ceilings"), {}, r"ceilings.macs_per_s: .* is missing"),
        ((*MACHINE, "ceilings", "bytes_per_s"), {"L1": -1}, r"bytes_per_s: must be a mapping to"),
        ((*MACHINE, "quantities"), {}, r"machine.quantities: must be a list"),
        ((*MACHINE, "quantities", 1, "value"), "4", r"quantities\[1\].value: must be a number"),
        ((*MACHINE, "quantities", 1, "source"), "x", r"quantities\[1\].source: is not a key"),
    ],
)
def test_a_fault_is_named_with_its_path(doc, tmp_path, path, value, message):
    _put(doc, path, value)
    file = tmp_path / "r.json"
    file.write_text(json.dumps(doc))
    with pytest.raises(InputError, match=message):
        read_document(file)


def test_all_faults_at_once_but_not_a_thousand(doc, tmp_path):
    for layer in doc["layers"]:
        layer["macs"] = "many"
    file = tmp_path / "r.json"
    file.write_text(json.dumps(doc))
    with pytest.raises(InputError) as caught:
        read_document(file)
    lines = str(caught.value).splitlines()
    assert len(lines) == 12
    assert lines[-1] == f"... {len(doc['layers'])} in all"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**80) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data(), value=_JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_whatever_is_read_can_be_shown(report, tmp_path, data, value):
    """One value anywhere replaced by anything: a clear refusal, or a report that renders."""
    changed = json.loads(to_json(report.to_dict()))
    holder, key = changed, data.draw(st.sampled_from(sorted(changed)))
    for _ in range(data.draw(st.integers(0, 4))):
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner:
            break
        holder = inner
        keys = sorted(inner) if isinstance(inner, dict) else list(range(len(inner)))
        key = data.draw(st.sampled_from(keys))
    holder[key] = value
    file = tmp_path / "r.json"
    file.write_text(json.dumps(changed))
    try:
        found = read_document(file)
    except InputError:
        return
    assert to_csv(found)
    assert to_markdown(found)
    assert page([found])

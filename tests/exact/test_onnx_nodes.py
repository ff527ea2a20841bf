"""Every case of one node in the onnx wheel, executed and compared with its own expectation, and
with onnxruntime. Run with -s to see the table."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.exact.runtime import session_of
from tests.onnx_cases import Case, node_cases, operands, settings, with_constants
from xnorsim.errors import InputError
from xnorsim.exact.execute import execute, prepare
from xnorsim.importers.onnx import read_graph
from xnorsim.importers.onnx.rules import CONTROL, KNOWN, RULES
from xnorsim.network.graph import Graph

pytestmark = pytest.mark.slow

NEWEST = onnx.defs.onnx_opset_version()

# What the importer refuses: why, the words of its error, and the cases that these may be. A
# refusal that is not here is a failure, and so is a row that no case needs.
REFUSED: dict[str, tuple[str, tuple[str, ...]]] = {
    "a tensor without elements is no layer's": (
        r"is 0: it must be from 1|has a dimension of 0",
        (
            "test_reduce_*_empty_set*", "test_split_zero_size_*", "test_reshape_allowzero_*",
            "test_rotary_embedding*_expanded", "test_constantofshape_int_shape_zero",
            "test_shape_start_greater_than_end", "test_slice_start_out_of_bounds",
            "test_causal_conv_with_state_kernel_size_one_expanded",
        ),
    ),
    "training": ("training", ("test_batchnorm_*_training_mode", "test_training_dropout*")),
    "sizes or rounds that only values at run time tell": (
        r"stays unknown|only known at run time",
        (
            "test_affine_grid_*_expanded", "test_*window*_expanded", "test_if*", "test_loop11",
            "test_center_crop_pad_*_expanded", "test_range_*_expanded",
        ),
    ),
    "a Range of vectors, which onnx's own inference refuses": (
        "Input to 'Range' op should be scalars", ("test_affine_grid_*_expanded",),
    ),
    "a Scan, which has no rule": ("a Scan has no rule", ("test_scan*", "test_linear_attention_*")),
    "sequences and optional values, which are no tensors": (
        r"is no tensor but|(Optional|Sequence)\w* \(domain",
        ("test_identity_sequence", "test_identity_opt", "test_if_opt", "test_loop1?_seq*"),
    ),
    "opsets before 7": ("opset 1 is older than 7", ("test_not_?d",)),
}  # fmt: skip

# What runs, and cannot give the expectation: why.
IMPOSSIBLE: dict[str, str] = {
    "test_equal_string*": "text is not computed with",
}

# What is compared less strictly: how far off, relative, and why. onnxruntime is off as well.
_INSIDE = "ONNX rounds after each step inside of Softmax, and we once, at its end: two ulp"
LOOSE: dict[str, tuple[float, str]] = {
    "test_attention_*_bf16_expanded": (2**-6, _INSIDE),
    "test_attention_*_fp16_expanded": (2**-9, _INSIDE),
}

# Where onnxruntime gives something else than ONNX's expectation and we: why.
_WIDTH = "it takes the rounded size for positions, where ONNX takes the scale that is stated"
OTHERWISE: dict[str, str] = {
    "test_resize_downsample_scales_linear_align_corners": _WIDTH,
    "test_resize_downsample_scales_cubic_align_corners": _WIDTH,
}

# Operators of ours that the wheel has no case of.
WITHOUT_CASE = {("", "GlobalLpPool")}


@dataclass(slots=True)
class Row:
    """How the cases of one operator went; what failed is by case name."""

    passed: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    impossible: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


Outputs = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Outcome:
    """All cases of our operators: a row each operator, and the results of those that ran."""

    rows: dict[str, Row]
    ran: dict[str, Outputs]


def matching(name: str, patterns: Any) -> Any:
    """The first of the patterns that a case's name fits."""
    return next((pattern for pattern in patterns if fnmatchcase(name, pattern)), None)


def _our_cases() -> list[Case]:
    """Those whose operators we claim, and those of other operators spelled out by such."""
    ours = set(RULES) | CONTROL | KNOWN
    return [case for case in node_cases() if case.operators <= ours]


def _class_of(case: Case, fault: InputError) -> str | None:
    for reason, (words, names) in REFUSED.items():
        if re.search(words, str(fault)) and matching(case.name, names):
            return reason
    return None


def _run(graph: Graph, case: Case) -> Outputs:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflows are part of some expectations
        return execute(prepare(graph), {name: case.inputs[name] for name in graph.inputs}).outputs


def comparable(array: np.ndarray) -> np.ndarray:
    """Floats that numpy lacks as float64, which holds all their values."""
    builtin = array.dtype.isbuiltin == 1
    return array if builtin else array.astype(np.float64)


def _check(case: Case, found: Outputs) -> None:
    loose = LOOSE.get(matching(case.name, LOOSE) or "", (0.0, ""))[0]
    for name, expected in case.outputs.items():
        assert found[name].dtype == expected.dtype
        assert_allclose(
            comparable(found[name]), comparable(expected), max(case.rtol, loose), case.atol,
            strict=True, err_msg=name,
        )  # fmt: skip


def _judge(path: Path, choose: Callable[[Case], set[str]]) -> Outcome:
    outcome = Outcome(defaultdict(Row), {})
    for case in _our_cases():
        row = outcome.rows[case.operator]
        model, shapes = with_constants(case, choose)
        path.write_bytes(model.SerializeToString())
        try:
            graph = read_graph(path, input_shapes=shapes)
        except InputError as fault:
            reason = _class_of(case, fault)
            if reason is None:
                row.failed[case.name] = f"refused: {fault}"
            else:
                row.refused[case.name] = reason
            continue
        try:
            outcome.ran[case.name] = _run(graph, case)
            _check(case, outcome.ran[case.name])
        except (InputError, AssertionError) as fault:
            if matching(case.name, IMPOSSIBLE):
                row.impossible.append(case.name)
            else:
                row.failed[case.name] = " ".join(str(fault).split())[:300]
        else:
            row.passed.append(case.name)
    return outcome


def _show(outcome: Outcome, title: str) -> None:
    """The table; pytest shows it with -s, and where a test fails."""
    rows = outcome.rows
    total = sum(
        len(row.passed) + len(row.refused) + len(row.impossible) + len(row.failed)
        for row in rows.values()
    )
    passed = sum(len(row.passed) for row in rows.values())
    print(f"\n{title}: {passed} of {total} cases pass")
    print(f"{'operator':30} cases passed refused failed")
    for operator, row in sorted(rows.items()):
        refused = len(row.refused) + len(row.impossible)
        cases = len(row.passed) + refused + len(row.failed)
        print(f"{operator:30} {cases:5} {len(row.passed):6} {refused:7} {len(row.failed):6}")
    reasons: dict[str, list[str]] = defaultdict(list)
    for row in rows.values():
        for name, reason in row.refused.items():
            reasons[reason].append(name)
        for name in row.impossible:
            reasons[IMPOSSIBLE[matching(name, IMPOSSIBLE)]].append(name)
    for reason, names in reasons.items():
        print(f"refused, {reason}: {len(names)} ({', '.join(names[:3])}, ...)")
    for row in rows.values():
        for name, text in row.failed.items():
            print(f"failed, {name}: {text}")


@pytest.fixture(scope="module")
def at_run_time(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The cases with their settings constant and all operands given when they run."""
    return _judge(tmp_path_factory.mktemp("cases") / "case.onnx", settings)


@pytest.fixture(scope="module")
def as_weights(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The cases with all operands but the first as constants, as weights stand in a file."""
    return _judge(tmp_path_factory.mktemp("cases") / "case.onnx", operands)


@pytest.mark.parametrize("way", ["at_run_time", "as_weights"])
def test_cases_of_onnx(request: pytest.FixtureRequest, way: str) -> None:
    outcome: Outcome = request.getfixturevalue(way)
    _show(outcome, way)
    failed = [name for row in outcome.rows.values() for name in row.failed]
    assert not failed
    assert sum(len(row.passed) for row in outcome.rows.values()) > 1100


def test_every_operator_that_we_claim_has_a_case_that_passes(
    at_run_time: Outcome, as_weights: Outcome
) -> None:
    passed = {
        name
        for outcome in (at_run_time, as_weights)
        for row in outcome.rows.values()
        for name in row.passed
    }
    seen = {key for case in node_cases() if case.name in passed for key in case.operators}
    assert {key for key in set(RULES) - seen if key[0] == ""} == WITHOUT_CASE


def test_every_reason_is_needed(at_run_time: Outcome) -> None:
    refused = {
        name: reason for row in at_run_time.rows.values() for name, reason in row.refused.items()
    }
    only_as_weights = {"a Range of vectors, which onnx's own inference refuses"}
    assert set(refused.values()) == set(REFUSED) - only_as_weights
    names = {case.name for case in _our_cases()}
    for patterns in (IMPOSSIBLE, LOOSE, OTHERWISE, *(names for _, names in REFUSED.values())):
        for pattern in patterns:
            assert any(fnmatchcase(name, pattern) for name in names), pattern


def _by_onnxruntime(case: Case) -> dict[str, Any] | None:
    """Its results by name, or None if it has no kernel, or numpy no way to hand over the type.

    Where it has no kernel of the newest version, one of before is tried: what came since are
    further types of numbers.
    """
    for newest in (NEWEST, 25):
        model = onnx.ModelProto()
        model.CopyFrom(case.model)
        model.ir_version = min(model.ir_version, 10)
        for domain in model.opset_import:
            domain.version = min(domain.version, newest)
        try:
            session = session_of(model)
            names = [item.name for item in session.get_outputs()]
            return dict(zip(names, session.run(None, case.inputs), strict=True))
        except Exception:  # noqa: BLE001 - each way of lacking something has its own exception
            continue
    return None


def _agrees(found: Outputs, theirs: dict[str, Any]) -> str:
    """ "", or how the first output that is not the same differs.

    Integers exactly, floats within 1e-4 and half floats within two ulp. (onnxruntime hands
    floats of 8 bits over as the bytes that they are.)
    """
    for name, value in theirs.items():
        ours, expected = found[name], np.asarray(value)
        if expected.dtype == np.uint8 and ours.dtype.itemsize == 1:
            expected = expected.view(ours.dtype)
        exact = ours.dtype.kind in "iub"
        tolerance = 2e-3 if ours.dtype == np.float16 else 1e-4
        try:
            if exact:
                assert_array_equal(ours, expected, strict=True)
            else:
                assert_allclose(comparable(ours), comparable(expected), tolerance, 1e-4)
        except AssertionError as fault:
            return " ".join(str(fault).split())[:300]
    return ""


def test_onnxruntime_agrees(at_run_time: Outcome) -> None:
    """The same files by another runtime: what both run is the same."""
    differ, both = {}, 0
    compared: set[tuple[str, str]] = set()
    onnxruntime.set_default_logger_severity(4)
    for case in _our_cases():
        ours = at_run_time.ran.get(case.name)
        if ours is None or matching(case.name, IMPOSSIBLE):
            continue
        theirs = _by_onnxruntime(case)
        if theirs is None:
            continue
        both += 1
        compared |= case.operators
        text = _agrees(ours, theirs)
        if text:
            differ[case.name] = text
    print(f"\nonnxruntime agrees in {both - len(differ)} of {both} cases that both run")
    for name, text in differ.items():
        print(f"{name}: {OTHERWISE.get(name, text)}")
    assert set(differ) == set(OTHERWISE)
    assert both > 1000
    assert {key for key in set(RULES) - compared if key[0] == ""} == WITHOUT_CASE

"""Messages that several places share."""

from __future__ import annotations

import pickle

import pytest

from xnorsim.errors import InputError, MissingExtraError, XnorsimError, choices


@pytest.mark.parametrize(
    ("given", "valid", "expected"),
    [
        ("xor", ["xnor", "bwn"], "did you mean xnor? valid choices: bwn, xnor"),
        ("q", ["b", "a"], "valid choices: a, b"),
        ("q", [], "valid choices: none"),
    ],
)
def test_choices_name_the_nearest_first(given, valid, expected):
    assert choices(given, valid) == expected


def test_long_lists_are_cut_and_counted():
    assert choices("q", [f"n{i:02}" for i in range(30)]).endswith("n19, ... (30 in all)")


def test_a_missing_extra_names_what_to_install():
    error = MissingExtraError("numba", "native", "timing a kernel")
    assert isinstance(error, InputError)
    assert isinstance(error, XnorsimError)
    assert "timing a kernel needs the package 'numba'" in str(error)
    assert "pip install 'xnorsim[native]'" in str(error)


def test_a_missing_extra_can_be_told_from_another_process():
    error = pickle.loads(pickle.dumps(MissingExtraError("zarr", "sweep", "a sweep")))
    assert str(error) == str(MissingExtraError("zarr", "sweep", "a sweep"))

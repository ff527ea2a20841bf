from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnorsim.network.precision import ENCODINGS, MacClass
from xnorsim.show import labels


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("conv1", "conv1"),
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\u202eb", r"a\u202eb"),  # would turn the rest of the line around
        ("größe/層", "größe/層"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_visible(text, shown):
    assert labels.visible(text) == shown


@given(st.lists(st.text(max_size=40), unique=True, max_size=30), st.integers(12, 40))
def test_short_names_fit_and_stay_different(names, width):
    short = labels.shorten_all(names, width)
    assert all(len(name) <= width for name in short)
    # Two names that differ in control characters alone look the same when written out.
    assert len(set(short)) >= len({labels.visible(name) for name in names})


def test_long_names_that_differ_in_the_middle_stay_different():
    names = [f"/features/block.{i}/branch/conv/Conv" for i in range(300)]
    short = labels.shorten_all(names, 16)
    assert len(set(short)) == 300
    assert labels.shorten_all(names[:10], 30)[7] == "features/block.7/branch/conv"


def test_paths_lose_their_repetition_only_if_they_stay_different():
    # One block's first and second operator: without them both would be called a/b.
    assert labels.shorten_all(["/a/b/Conv_0", "/a/b/MatMul"], 8) == ["Conv_0", "MatMul"]
    assert labels.shorten_all(["/a/b/Conv_0", "/a/c/MatMul"], 8) == ["a/b", "a/c"]
    # A converter's own limit cuts the operator as well.
    assert labels.shorten_all(["n/bn_1/FusedBatc", "n/bn_2/FusedBatc"], 8) == ["n/bn_1", "n/bn_2"]
    assert labels.shorten_all(["/a/b/Conv"], 20) == ["/a/b/Conv"]  # it fits as it is


@pytest.mark.parametrize("width", [12, 16, 19, 20, 21, 22, 23, 24, 30])
def test_a_number_in_a_short_name_is_the_layers_own(width):
    # As a converter of TensorFlow writes them: the row of a layer is not the number in its name.
    names = ["net/activation/Relu", "net/quant_conv2d/input_quantizer", "92 others"]
    names += [f"net/batch_normalization_{i}/FusedBatchNormV3" for i in range(2, 120)]
    names += [f"net/quant_conv2d_{i}/input_quantizer" for i in range(3, 30)]
    for name, short in zip(names, labels.shorten_all(names, width), strict=True):
        own = set(re.findall(r"\d+", name))
        assert set(re.findall(r"\d+", short)) <= own
        assert own & {str(i) for i in range(2, 120)} <= set(re.findall(r"\d+", short)) | {"2", "3"}


def test_folders_that_all_paths_share_are_left_out_before_the_middle():
    names = ["net/first_of_all/conv", "net/second_of_all/conv", "8 others"]
    assert labels.shorten_all(names, 18) == ["first_of_all/conv", "second_of_all/conv", "8 others"]


def test_names_that_stay_the_same_show_their_place_apart():
    names = [
        "x" * 20 + "".join(pair) + "y" * 20 for pair in [("a" * 20, "b" * 9), ("a" * 21, "b" * 8)]
    ]
    first, second = labels.shorten_all(names, 12)
    assert first != second
    names = [f"{'x' * 20}{i:020b}{'y' * 20}" for i in (1, 2)]
    assert labels.shorten_all(names, 12) == ["#1 xxxx…yyyy", "#2 xxxx…yyyy"]
    assert labels.shorten_all([*names, "#1 xxxx…yyyy"], 12)[2].startswith("#3 #1")


@pytest.mark.parametrize(
    ("scheme", "label", "arithmetic"),
    [
        (None, "", None),
        ("float32*float32", "fp32", MacClass.FP),
        ("bfloat16*bfloat16", "bfp16", MacClass.FP),
        ("int8*int8", "int8", MacClass.INT8),
        ("bipolar*bipolar", "xnor W1A1", MacClass.BINARY),
        ("bipolar*float32", "bwn W1A32", MacClass.BWN),
        ("unipolar*unipolar", "W1A1", MacClass.OTHER),
        ("ternary*int8", "W2A8", MacClass.OTHER),
        ("later*float32", "later*float32", MacClass.OTHER),
    ],
)
def test_precision(scheme, label, arithmetic):
    assert labels.precision_label(scheme) == label
    assert labels.precision_class(scheme) is arithmetic


def test_every_encoding_has_a_label():
    for name in ENCODINGS:
        assert labels.precision_label(f"{name}*{name}")


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (None, 1.0, "-"),
        (1.0, float("inf"), "-"),
        (0.0, 0.0, "0 s"),
        (0.0, 1e-3, "0–1.0 ms"),
        (2e-3, 2e-3, "2.00 ms"),
        (1.02e-6, 1.05e-6, "1.0–1.1 µs"),
        (8.2e-4, 1.6e-3, "0.82–1.6 ms"),
        (9.9e-4, 9.96e-4, "0.99–1.0 ms"),
        (103e-6, 220e-6, "100–220 µs"),
        (1e-9, 1.0, "1.0 ns–1.0 s"),
    ],
)
def test_range(low, high, text):
    assert labels.quantity_range(low, high, "s") == text


@given(st.floats(1e-15, 1e15), st.floats(1.0, 900.0), st.integers(2, 4))
def test_a_range_as_written_holds_the_range(low, times, digits):
    high = low * times
    text = labels.quantity_range(low, high, "s", digits)
    scale = {p: 10.0**e for e, p in zip(range(-18, 19, 3), "afpnµm kMGTPE", strict=True)}
    found = re.findall(r"([\d.]+)(?: ([afpnµmkMGTPE]?)s)?", text)
    (first, own), (second, prefix) = found if len(found) == 2 else (*found, *found)
    unit = scale[prefix or " "]
    assert float(second) * unit >= high * (1 - 1e-9) or low == high
    assert (
        float(first) * (scale[own or " "] if " " in text.split("–")[0] else unit)
        <= low * (1 + 1e-9)
        or low == high
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0×"), (0.0613, "0.0613×"), (1.0, "1.00×"), (62.27, "62.3×"),
     (99.96, "100×"), (1234.5, "1234×"), (float("nan"), "-")],
)  # fmt: skip
def test_factor(value, text):
    assert labels.factor(value) == text


def test_colours_cover_every_class():
    assert set(labels.COLOURS) == {*MacClass, None}
    assert len(set(labels.COLOURS.values())) == len(labels.COLOURS)

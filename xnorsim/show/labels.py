"""How names, precisions and quantities are written for people."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import takewhile
from typing import Any

from xnorsim.errors import InputError
from xnorsim.markup import visible
from xnorsim.network.precision import MacClass, encoding, mac_class
from xnorsim.units import format_bits, format_si

__all__ = [
    "COLOURS",
    "UNKNOWN",
    "amount",
    "factor",
    "limit",
    "literal",
    "memory",
    "percent",
    "precision_class",
    "precision_label",
    "quantity",
    "quantity_range",
    "shape_text",
    "shorten",
    "shorten_all",
    "visible",
]

UNKNOWN = "-"
"""What stands for a value that is not known."""

COLOURS = {
    MacClass.BINARY: "#0072B2",
    MacClass.BWN: "#56B4E9",
    MacClass.INT8: "#009E73",
    MacClass.FP: "#E69F00",
    MacClass.OTHER: "#CC79A7",
    None: "#8C8C8C",
}
"""A colour for each precision class, None for layers without MACs: distinguishable with every
common colour blindness. Source: M. Okabe, K. Ito, "Color universal design", 2008."""


def literal(text: str) -> str:
    """Text for figures of plotly, which would read tags and entities in it.

    >>> literal("<b>a</b> & b")
    '&lt;b&gt;a&lt;/b&gt; &amp; b'
    """
    return visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorten(text: str, width: int) -> str:
    """`text` with its middle left out, at most `width` characters; a number stays whole or goes.

    >>> shorten("layer1.0.conv1.weight", 12)
    'layer1…eight'
    """
    if len(text) <= width:
        return text
    end = _end(text, width - width // 2)
    return f"{_start(text, width - len(end) + 1)[:-1]}{end}"[:width]


def _start(text: str, width: int) -> str:
    """The first characters of `text`, and … where some are left out: no part of a number."""
    if len(text) <= width:
        return text
    first = text[: max(width - 1, 0)]
    if text[len(first)].isdigit():
        first = first.rstrip(_DIGITS)
    return f"{first}…"


def _end(text: str, width: int) -> str:
    """The last characters of `text`, after … where some are left out: no part of a number."""
    if len(text) <= width:
        return text
    last = text[len(text) - max(width - 1, 0) :]
    if text[len(text) - len(last) - 1].isdigit():
        last = last.lstrip(_DIGITS)
    return f"…{last}"


_DIGITS = "0123456789"


def shorten_all(names: Sequence[str], width: int) -> list[str]:
    """Each name in at most `width` characters, different names staying different.

    If one is too long, names lose what exporters repeat in a path, then the folders that all
    paths share, wherever they stay different. Of those still too long the middle is left out, or
    what is around the part that tells them from each other. Where even that is not enough, the
    place in the list goes before the name: "#4 ".

    >>> shorten_all(["/layer1/layer1.0/conv1/Conv", "/fc/Gemm"], 20)
    ['layer1.0/conv1', 'fc']
    >>> shorten_all([f"batch_normalization_{i}_of_the_stage" for i in (9, 10)], 18)
    ['batch_no…9…e_stage', 'batch_n…10…e_stage']
    """
    seen = [visible(name) for name in names]
    whole = list(dict.fromkeys(seen))
    brief = whole
    for step in (_without_repetitions, _without_shared_folders):
        if max(map(len, brief), default=0) > width:
            brief = _where_different(brief, step(brief))
    short = dict(zip(whole, _numbered(brief, _apart(brief, width), width), strict=True))
    return [short[name] for name in seen]


def _where_different(names: Sequence[str], shorter: Sequence[str]) -> list[str]:
    """The shorter name of each, except where another name has it as well."""
    count = Counter([*shorter, *(n for n, s in zip(names, shorter, strict=True) if n != s)])
    return [s if count[s] == 1 else n for n, s in zip(names, shorter, strict=True)]


def _apart(names: Sequence[str], width: int) -> list[str]:
    """The names without their middle; those that would be the same keep what they differ in."""
    same = defaultdict(list)
    for name in names:
        same[shorten(name, width)].append(name)
    return [
        short if len(same[short]) == 1 else _around(name, same[short], width)
        for name, short in ((name, shorten(name, width)) for name in names)
    ]


def _around(name: str, among: Sequence[str], width: int) -> str:
    """A name cut on both sides of the part that tells it from the others, with whole numbers."""
    before = name[: _shared(among)].rstrip(_DIGITS)
    rest = [other[len(before) :][::-1] for other in among]
    after = rest[0][: _shared(rest)][::-1].lstrip(_DIGITS)
    own = name[len(before) : len(name) - len(after)]
    room = width - len(own)
    if room < 2 or not own:
        return shorten(own or name, width)
    end = _end(after, max(room // 2, room - len(before)))
    return f"{_start(before, room - len(end))}{own}{end}"


def _numbered(names: Sequence[str], short: Sequence[str], width: int) -> list[str]:
    """The short names, before those that are the same their place in the list."""
    count = Counter(short)
    if len(count) == len(short):
        return list(short)
    return [
        # Also a name that looks as if it were numbered: another could become the same.
        f"#{i} {shorten(name, width - len(f'#{i} '))}"
        if count[text] > 1 or re.match(r"#\d", text)
        else text
        for i, (name, text) in enumerate(zip(names, short, strict=True), 1)
    ]


def _without_shared_folders(names: Sequence[str]) -> list[str]:
    """Paths without the folders that all of them begin with; other names as they are."""
    paths = [[part for part in name.split("/") if part] for name in names]
    shared = _shared([path[:-1] for path in paths if len(path) > 1])
    return [
        "/".join(path[shared:]) if len(path) > 1 else name
        for path, name in zip(paths, names, strict=True)
    ]


def _shared(texts: Sequence[Sequence[str]]) -> int:
    """With how many equal items, or characters, all begin."""
    return sum(1 for _ in takewhile(lambda items: len(set(items)) == 1, zip(*texts, strict=False)))


def _without_repetitions(names: Sequence[str]) -> list[str]:
    return [_without_repetition(name) for name in names]


def _without_repetition(name: str) -> str:
    """A path without the parts that the next one begins with, and without the operator at its end.

    >>> _without_repetition("/features/features.2/conv/conv.0/conv.0.0/Conv")
    'features.2/conv.0.0'
    """
    parts = [part for part in name.split("/") if part]
    kept = [
        part
        for part, after in zip(parts, [*parts[1:], ""], strict=False)
        if after != part and not after.startswith(f"{part}.")
    ]
    if len(kept) > 1 and _is_operator(kept[-1].rstrip(f"_{_DIGITS}")):
        kept.pop()
    return "/".join(kept) or name


def _is_operator(word: str) -> bool:
    """Whether a word is an operator, or begins one: converters cut names at a length of theirs."""
    return len(word) >= 4 and any(operator.startswith(word) for operator in _OPERATORS)


_OPERATORS = (
    *("Conv", "ConvTranspose", "Gemm", "MatMul", "QLinearConv", "QLinearMatMul"),
    *("Conv2D", "depthwise", "BiasAdd", "FusedBatchNormV", "Relu", "QuantConv2D", "QuantDense"),
)
"""Layers with MACs, of ONNX and of TensorFlow, where a layer has the name of the last operator that
was folded into it: the column of kinds says what it is."""


def precision_class(scheme: str | None) -> MacClass | None:
    """The arithmetic of a scheme as a document names it; None for a layer that multiplies nothing.

    A pair of encodings that this version does not know is MacClass.OTHER.
    """
    if scheme is None:
        return None
    weight, _, activation = scheme.partition("*")
    try:
        return mac_class(encoding(weight), encoding(activation))
    except InputError:
        return MacClass.OTHER


def precision_label(scheme: str | None) -> str:
    """A scheme in the field's words: the bits of weights (W) and activations (A).

    >>> precision_label("bipolar*bipolar"), precision_label("float32*float32")
    ('xnor W1A1', 'fp32')
    """
    if scheme is None:
        return ""
    weight, _, activation = scheme.partition("*")
    if weight == activation and weight not in ("bipolar", "unipolar", "ternary"):
        return weight.replace("float", "fp", 1)
    try:
        bits = f"W{encoding(weight).bits}A{encoding(activation).bits}"
    except InputError:
        return scheme
    names = {MacClass.BINARY: "xnor ", MacClass.BWN: "bwn "}
    return names.get(mac_class(encoding(weight), encoding(activation)), "") + bits


def quantity(value: float | None, unit: str = "") -> str:
    """A value with an SI prefix and its unit, three significant digits; "-" if unknown."""
    return UNKNOWN if value is None or not math.isfinite(value) else format_si(value, unit)


def quantity_range(low: float | None, high: float | None, unit: str = "", digits: int = 2) -> str:
    """A range as "0.82–1.6 ms", rounded outwards, so that it holds all that it should.

    Both ends have the prefix of the upper one, unless they lie far apart; "-" if unknown.

    >>> quantity_range(0.00104, 0.00105, "s"), quantity_range(1e-9, 2.0, "s")
    ('1.0–1.1 ms', '1.0 ns–2.0 s')
    """
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return UNKNOWN
    if low == high:
        return quantity(high, unit)
    bottom, top = _rounded(low, digits, ROUND_FLOOR), _rounded(high, digits, ROUND_CEILING)
    upper = format_si(float(top), unit, digits)
    if not bottom:
        return f"0–{upper}"
    if top.adjusted() - bottom.adjusted() > _CLOSE or abs(top.adjusted()) > _PREFIXED:
        return f"{format_si(float(bottom), unit, digits)}–{upper}"
    scaled = bottom.scaleb(-3 * math.floor(top.adjusted() / 3))
    return f"{scaled:f}–{upper}"


_CLOSE = 3
_PREFIXED = 17


def _rounded(value: float, digits: int, rounding: str) -> Decimal:
    """`value` with that many significant digits; the noise in a float is no reason to round."""
    exact = Decimal(f"{value:.12g}")
    return exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), rounding=rounding)


def amount(value: int) -> str:
    """A count for people: exact below a thousand, else three digits with an SI prefix."""
    return str(value) if abs(value) < 1000 else format_si(value)


def memory(bits: int | None) -> str:
    """Bits as B, KiB, MiB, ...; "-" if unknown."""
    return UNKNOWN if bits is None else format_bits(bits)


def factor(value: float | None) -> str:
    """A ratio as "13.2×": three significant digits, all before the point; "-" if unknown."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:.0f}×" if value >= 99.95 or value == 0 else f"{value:#.3g}×"


_LIMITS = {
    "issue": "issue width",
    "chain": "waiting for results",
    "overhead": "start of layers",
    "compute": "arithmetic",
    "operations": "operations",
}


def limit(name: str, levels: Sequence[str]) -> str:
    """What limits a part of a prediction (cost.bottlenecks), given the names of memory levels.

    >>> limit("issue", ["L1"]), limit("F0+F1", ["L1"]), limit("L", ["L1"]), limit("L1", ["L1"])
    ('issue width', 'ports F0+F1', 'port L', 'L1')
    """
    if name in _LIMITS:
        return _LIMITS[name]
    ports = "" if name in levels else "ports " if "+" in name else "port "
    return visible(f"{ports}{name}")


def percent(share: float) -> str:
    """A share as "92.4%"; only a whole is 100%, only nothing 0%.

    >>> percent(0.99999), percent(1.0), percent(0.00001)
    ('>99.9%', '100%', '<0.1%')
    """
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    text = f"{share:.1%}"
    return {"100.0%": ">99.9%", "0.0%": "<0.1%"}.get(text, text)


def shape_text(shape: Any) -> str:
    """A shape as "1x3x224x224"; "scalar" without axes."""
    return "x".join(str(size) for size in shape) or "scalar"

"""How the results of layers are encoded, from how their operands are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xnorsim.network.functions import Operator, Reduction
from xnorsim.network.precision import BIPOLAR, FLOAT32, INT32, INT64, Encoding, Meaning

__all__ = ["combined", "joint", "product_encoding", "reduced", "widened"]

_NARROW = {Meaning.BIPOLAR, Meaning.UNIPOLAR, Meaning.TERNARY}
_INTEGRAL = {Meaning.INTEGER, *_NARROW}
_CLOSED = {
    *(Operator.MAX, Operator.MIN, Operator.MUL),
    *(Reduction.MAX, Reduction.MIN, Reduction.PROD),
}
"""What gives +-1 of +-1, and likewise {0, 1} and {-1, 0, +1}."""


def product_encoding(weight: Encoding, activation: Encoding, scaled: bool = False) -> Encoding:
    """What a multiplying layer writes; `scaled` says that it multiplies its sums by alpha.

    >>> from xnorsim.network.precision import INT8, UINT8
    >>> str(product_encoding(INT8, UINT8))
    'int32'
    >>> str(product_encoding(BIPOLAR, BIPOLAR)), str(product_encoding(BIPOLAR, FLOAT32))
    ('float32', 'float32')
    """
    if scaled or weight == activation == BIPOLAR:
        return FLOAT32
    if activation.meaning not in _INTEGRAL:
        return activation
    return INT32 if weight.meaning in _INTEGRAL else weight


def widened(encoding: Encoding) -> Encoding:
    """What arithmetic on `encoding` gives: float32 where its few values do not suffice.

    >>> str(widened(BIPOLAR)), str(widened(INT32))
    ('float32', 'int32')
    """
    return FLOAT32 if encoding.meaning in _NARROW else encoding


def joint(encodings: Sequence[Encoding]) -> Encoding:
    """What holds the values of all: the first one's, or of a narrow and a wider one the wider.

    >>> str(joint([BIPOLAR, BIPOLAR])), str(joint([BIPOLAR, INT32]))
    ('bipolar', 'int32')
    """
    first = encodings[0]
    if all(item == first for item in encodings):
        return first
    return next((item for item in encodings if item.meaning not in _NARROW), FLOAT32)


def combined(operator: Operator, first: Encoding, others: Iterable[Encoding]) -> Encoding:
    """What an elementwise operator writes: the sum of two +-1 is 0 or +-2, and so float32.

    >>> str(combined(Operator.ADD, BIPOLAR, [BIPOLAR])), str(combined(Operator.MUL, BIPOLAR, []))
    ('float32', 'bipolar')
    """
    if first.meaning not in _NARROW:
        return first
    encoding = joint([first, *others])
    return encoding if operator in _CLOSED else widened(encoding)


def reduced(reduction: Reduction, encoding: Encoding) -> Encoding:
    """What a reduction or a pool writes: indices, or numbers that hold its sums and means.

    >>> str(reduced(Reduction.MEAN, BIPOLAR)), str(reduced(Reduction.MAX, BIPOLAR))
    ('float32', 'bipolar')
    """
    if reduction in (Reduction.ARG_MAX, Reduction.ARG_MIN):
        return INT64
    return encoding if reduction in _CLOSED else widened(encoding)

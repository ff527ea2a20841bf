"""What an importer took a layer for, and why, in the words of the report.

recognized(XNOR, "+-alpha per channel", "Sign 'sign_3'")
'weights +-alpha per channel, input from Sign 'sign_3': xnor'
"""

from __future__ import annotations

from xnorsim.network.precision import BIPOLAR, FLOAT32, INT8, Scheme

__all__ = ["recognized", "scheme_word"]

_WORDS = {
    (BIPOLAR, BIPOLAR): "xnor",
    (BIPOLAR, FLOAT32): "bwn",
    (FLOAT32, FLOAT32): "fp32",
    (INT8, INT8): "int8",
}


def scheme_word(scheme: Scheme) -> str:
    """The field's word for what a layer multiplies; "weight*activation" where there is none."""
    return _WORDS.get((scheme.weight, scheme.activation), str(scheme))


def recognized(scheme: Scheme, weights: str, source: str) -> str:
    """The sentence: what the weights are, where the input is from, and what follows."""
    return f"weights {weights}, input from {source}: {scheme_word(scheme)}"

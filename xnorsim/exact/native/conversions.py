"""Steps that bring a tensor from one form to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from xnorsim.exact.native.draft import Bound, Draft, Run, Step
from xnorsim.exact.native.layout import Arrays, Form, Held, floats_of, held
from xnorsim.exact.native.links import Link
from xnorsim.kernels.elementwise import transpose
from xnorsim.network.bits import pack, unpack

__all__ = ["need", "operands_of"]

Array = np.ndarray


def need(draft: Draft, tensor: str, form: Form) -> Held:
    """`tensor` in a form: as it is held already, or brought to it by a step."""
    forms = draft.forms[tensor]
    if form not in forms:
        source = forms.get(Form.PLAIN) or next(iter(forms.values()))
        target = held(tensor, draft.spec(tensor), form)
        if Form.PLAIN not in (source.form, form):  # bits of rows, say: by way of what both know
            source = need(draft, tensor, Form.PLAIN)
        draft.add(Step("convert", (), (source,), (target,), _binder(draft, source, target)))
    return draft.forms[tensor][form]


def operands_of(draft: Draft, links: Iterable[Link], form: Form) -> dict[str, Held]:
    """The tensors that links read, each in the form of their chain."""
    names = [link.operand for link in links if isinstance(link.operand, str)]
    return {name: need(draft, name, floats_of(name, draft.spec(name), form).form) for name in names}


def _binder(draft: Draft, source: Held, target: Held) -> Callable[[Arrays], Bound]:
    shape = draft.spec(source.tensor).shape
    batch, channels = shape[:2]

    def bind(arrays: Arrays) -> Bound:
        x, out = arrays[source], arrays[target]
        if Form.BITS in (source.form, target.form):
            return [_packing(x, out) if target.form is Form.BITS else _unpacking(x, out)]
        planes, rows = (batch, channels, -1), (batch, -1, channels)
        shapes = (planes, rows) if target.form is Form.ROWS else (rows, planes)
        taken = x.reshape(shapes[0]), out.reshape(shapes[1])
        return [partial(transpose, *taken, 0, batch)]

    return bind


def _packing(signs: Array, words: Array) -> Run:
    def run() -> None:
        packed = pack(signs, axis=1, checked=False)
        words[...] = np.moveaxis(packed, 1, -1).reshape(words.shape)

    return run


def _unpacking(words: Array, signs: Array) -> Run:
    batch, channels, *size = signs.shape

    def run() -> None:
        values = unpack(words, channels).reshape(batch, *size, channels)
        signs[...] = np.moveaxis(values, -1, 1)

    return run

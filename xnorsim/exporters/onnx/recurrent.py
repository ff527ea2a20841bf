"""Rules of recurrent layers. Source: ONNX operator specification, LSTM-14, GRU-14, RNN-14."""

from __future__ import annotations

from typing import Any

from xnorsim.exporters.onnx.dispatch import write
from xnorsim.exporters.onnx.elements import camel
from xnorsim.exporters.onnx.operands import operands, optional
from xnorsim.exporters.onnx.sheet import Sheet, layer, spec
from xnorsim.network import ops
from xnorsim.network.graph import Node

__all__: list[str] = []

_OPTIONAL = ("bias", "lengths", "initial_state", "initial_cell", "peephole")


@write.register
def _(op: ops.Recurrent, node: Node, sheet: Sheet) -> None:
    inputs = operands(sheet, node, "input", "weight", "recurrence")
    inputs += optional(sheet, node, *_OPTIONAL[: 5 if op.cell == "lstm" else 3])
    direction = "bidirectional" if op.directions == 2 else "reverse" if op.reverse else "forward"
    own = {
        "input_forget": int(op.coupled) if op.cell == "lstm" else None,
        "linear_before_reset": int(op.linear_before_reset) if op.cell == "gru" else None,
    }
    made = layer(
        sheet, node, op.cell.upper(), inputs,
        direction=direction, hidden_size=op.hidden, layout=int(op.batch_first), clip=op.clip,
        **own, **_functions(op),
    )  # fmt: skip

    if node.outputs and len(spec(sheet, node.outputs[0]).shape) == 3:
        made.output.insert(0, "")  # the sequence, which has four axes, is not wanted


def _functions(op: ops.Recurrent) -> dict[str, Any]:
    """The functions of all gates; their numbers in two lists, each for those that have it."""
    if not op.functions:
        return {}
    numbers = {
        f"activation_{word}": [
            dict(f.constants)[word] for f in op.functions if word in dict(f.constants)
        ]
        for word in ("alpha", "beta")
    }
    names = [camel(str(item.function)) for item in op.functions]
    return {"activations": names, **{word: values or None for word, values in numbers.items()}}

"""ONNX files -> Graph.

reading (the entry) takes a file through wire and file (its bytes, without the weights), tensors
(what is stored), inputs and names (checks), control and inline (branches, loops, functions), and
walk, which visits node after node: infer (shapes, by onnx), fold (constants), rules (operators ->
layer kinds, from functions, movement, operators, products and windows; those of QONNX from qonnx,
finn and standard).

patterns then puts the graph in the canonical form of binary networks: layout (Transposes), steps
and codes (signs and integers, however written), merging (pads, scales, lowered convolutions),
binary (which weights are +-alpha, and what each layer was taken for), and expanded (PReLUs in
several nodes).
"""

from xnorsim.importers.onnx.reading import is_onnx, read_graph
from xnorsim.importers.onnx.stated import stated_inputs

__all__ = ["is_onnx", "read_graph", "stated_inputs"]

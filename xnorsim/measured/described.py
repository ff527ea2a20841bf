"""What stands for what on this machine: recipe sets for kernels, and what is compared."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "LIBRARIES",
    "MOST_MACS",
    "NETWORKS",
    "NETWORK_RECIPES",
    "NOT_BY_DEFAULT",
    "NO_RECIPES",
    "ONE_THREAD",
    "PAIRING",
    "RECIPES",
    "SCALAR_LOOP",
    "TWINS",
    "UNROLLED_LOOP",
]

SCALAR_LOOP, UNROLLED_LOOP = "float-loop", "float-unrolled"

RECIPES: Mapping[str, str] = {
    "xnor": "own",
    "xnor-bits": "own",
    "xnor-from-bits": "own",
    "xnor-to-bits": "own",
    "bwn": "own",
    "popcnt": "popcnt",
    "popcnt-bits": "popcnt",
    SCALAR_LOOP: "scalar",
    UNROLLED_LOOP: "scalar-unrolled",
    "fma": "own",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime-alone",
}
"""The recipe set that describes each kernel of kernels.table. One choice each, never by row."""

NO_RECIPES: Mapping[str, str] = {
    "torch": "no recipe set describes the kernels that torch chooses",
}
"""The kernels that nothing predicts, and why. They are baselines of measured speedups alone."""

NETWORK_RECIPES: Mapping[str, str] = {"native": "own", "onnxruntime": "onnxruntime"}
"""The recipe set that describes each program that runs whole networks."""

NETWORKS: Mapping[str, tuple[str, ...]] = {
    "resnet18": ("native", "onnxruntime"),
    "bireal-net-18": ("native",),
    "alexnet": ("native", "onnxruntime"),
}
"""The networks of the zoo that are measured, and the programs that run each."""

TWINS: Mapping[str, str] = {"bireal-net-18": "resnet18"}
"""The float network that a binary one is compared with."""

MOST_MACS: Mapping[str, float] = {SCALAR_LOOP: 1.6e8, UNROLLED_LOOP: 3.3e8}
"""The largest layer that a slow kernel is measured on: half a second a call, at 3 and 1.5 ns."""

ONE_THREAD = (SCALAR_LOOP, UNROLLED_LOOP)
"""Kernels that use one thread, however many they are told to."""

NOT_BY_DEFAULT = ("xnor-from-bits", "xnor-to-bits", "popcnt-bits")
"""Kernels of which another one differs in little: for the full grid, and by name."""

LIBRARIES = ("numpy", "onnxruntime", "torch")
"""The kernels that are float libraries, of which the fastest is the best baseline."""

PAIRING = (SCALAR_LOOP, UNROLLED_LOOP, "popcnt", "xnor")
"""The paper's own pairing, words of 64 bits against a scalar float loop, and the vector kernel."""

"""What right is: `run(op, call)` for every layer kind, in numpy.

Each module registers the rules of its kinds; importing the package imports all of them.
"""

from xnorsim.exact.reference import (
    conversion,
    convolution,
    dense,
    dispatch,
    elements,
    functions,
    gather,
    movement,
    normalization,
    pooling,
    recurrent,
    reductions,
    resize,
)
from xnorsim.exact.reference.dispatch import run

__all__ = [
    "conversion",
    "convolution",
    "dense",
    "dispatch",
    "elements",
    "functions",
    "gather",
    "movement",
    "normalization",
    "pooling",
    "recurrent",
    "reductions",
    "resize",
    "run",
]

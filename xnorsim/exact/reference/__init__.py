"""What right is: `run(op, call)` for every layer kind, in numpy.

Each module registers the rules of its kinds; importing the package imports all of them.
"""

from xnorsim.exact.reference import (
    convolution,
    dense,
    dispatch,
    gather,
    movement,
    recurrent,
    resize,
)
from xnorsim.exact.reference.dispatch import run

__all__ = ["convolution", "dense", "dispatch", "gather", "movement", "recurrent", "resize", "run"]

"""What each kernel executes: instructions by class as functions of a layer's loop nest.

A kernel is data (kernel.py): parts, each with how often it runs (extents.py) and what it issues.
Kernels of a program stand in a file of its name, with where they were counted; sets.py gathers
them by the program's name, and choice.py picks those that a machine can execute.
"""

from __future__ import annotations

from xnorsim.cost.recipes.choice import assigned, elements, layer_instructions, select
from xnorsim.cost.recipes.extents import filled_depth, steps, tiles
from xnorsim.cost.recipes.kernel import (
    Kernel,
    Part,
    Tile,
    Walk,
    at_stage,
    at_width,
    by_class,
    executable,
    instructions,
    issued,
    missing_classes,
    needed_classes,
    part_instructions,
    stages,
    waiting,
)
from xnorsim.cost.recipes.program import KINDS, Kernels, RecipeSet
from xnorsim.cost.recipes.sets import RECIPE_SETS, recipe_set

__all__ = [
    "KINDS",
    "RECIPE_SETS",
    "Kernel",
    "Kernels",
    "Part",
    "RecipeSet",
    "Tile",
    "Walk",
    "assigned",
    "at_stage",
    "at_width",
    "by_class",
    "elements",
    "executable",
    "filled_depth",
    "instructions",
    "issued",
    "layer_instructions",
    "missing_classes",
    "needed_classes",
    "part_instructions",
    "recipe_set",
    "select",
    "stages",
    "steps",
    "tiles",
    "waiting",
]

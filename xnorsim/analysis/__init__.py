"""The questions that xnorsim answers, each a few lines over the rest."""

from xnorsim.analysis.calibration import calibrate
from xnorsim.analysis.costs import analyze, compare, speedup_figure
from xnorsim.analysis.execution import diff, fidelity, run, vectors
from xnorsim.analysis.explanation import explain
from xnorsim.analysis.models import load_model, make_policy, parse_fuse
from xnorsim.analysis.validation import validate_published

__all__ = [
    "analyze",
    "calibrate",
    "compare",
    "diff",
    "explain",
    "fidelity",
    "load_model",
    "make_policy",
    "parse_fuse",
    "run",
    "speedup_figure",
    "validate_published",
    "vectors",
]

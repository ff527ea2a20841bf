"""The questions that xnorsim answers, each a few lines over the rest."""

from xnorsim.analysis.costs import analyze, compare, speedup_figure
from xnorsim.analysis.models import load_model, make_policy, parse_fuse

__all__ = ["analyze", "compare", "load_model", "make_policy", "parse_fuse", "speedup_figure"]

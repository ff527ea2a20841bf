"""The layers of a network as its file has them, in the convention that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike

from xnorsim.analysis.models import Model, load_model
from xnorsim.analysis.options import word_of
from xnorsim.show.layer_summary import ModelSummary
from xnorsim.work.summary import Convention
from xnorsim.work.summary import summary as counted

__all__ = ["summary"]


def summary(
    model: Model,
    *,
    convention: str = "xnorsim",
    input_shape: Mapping[str, Sequence[int]] | None = None,
    batch: int | None = None,
    allow_unknown: bool = False,
    weights: str | PathLike[str] | None = None,
) -> ModelSummary:
    """Weights and MACs of each layer of a file by their number of bits.

    Parameters
    ----------
    model : as for load_model, which has the other parameters too
    convention : whose rules are counted by: "xnorsim", or "larq" for the figures of
        larq.models.summary, of which xnorsim.work.summary says how they differ

    Raises:
        InputError: as load_model; UsageError for another convention.

    Examples
    --------
    >>> summary("resnet18", convention="larq").found.macs
    {32: 1814073344}
    """
    wanted = Convention(word_of(Convention)("convention", convention))
    graph = load_model(
        model, input_shape=input_shape, batch=batch, allow_unknown=allow_unknown, weights=weights
    )
    return ModelSummary(counted(graph, wanted))

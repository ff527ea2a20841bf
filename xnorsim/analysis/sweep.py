"""What if: sweeps over designs, and searches where there are too many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xnorsim.analysis.models import load_model
from xnorsim.network.graph import Graph

if TYPE_CHECKING:
    from os import PathLike

    import xarray

    from xnorsim.analysis.models import Profile
    from xnorsim.explore.search import Search

__all__ = ["open_sweep", "search", "sweep"]


def sweep(
    model: str | PathLike[str] | Graph | Mapping[str, Any],
    axes: Mapping[str, Any],
    profile: Profile | None = None,
    metrics: Sequence[str] = ("latency_s",),
    where: Sequence[str] | str = (),
    reduce: str | None = None,
    layers: bool = False,
    memory: str = "256 MB",
    out: str | PathLike[str] | None = None,
    **question: Any,
) -> xarray.Dataset:
    """Predict every combination of the axes' values (extra `sweep`).

    Parameters
    ----------
    model : path of a network file, name of a zoo network, a graph, or a layer as a mapping:
        {"channels": 64, "filters": 64, "kernel": 3, "size": 56}
    axes : values by field: lists, ranges as "1 GHz .. 4 GHz step 0.5 GHz" or "16 .. 1024 log 7",
        and linked fields; each is a dimension of the result
    profile : name or file of a hardware profile, where it is no axis
    metrics : "latency_s" [s], "energy_j" [J]
    where : conditions in text, as "memories.L2.size <= 256 KiB * threads"; other points are NaN
    reduce : what is kept in place of the whole: "pareto:latency_s,energy_j", "top:10:latency_s",
        "best:latency_s by profile", "histogram:latency_s"
    layers : keep the figures of each layer, too
    memory : of a process, for the points that it works on
    out : a Zarr folder to write to, or to go on with
    question : fields that stay: predictor, threads, binarize, batch, ...; and workers, scheduler,
        progress of explore.sweep.sweep

    Returns a dataset whose dimensions are the axes; a point is the prediction of that point alone.

    Raises:
        InputError: faults of the question (SpecError: all at once), or a package that is missing.
        DiskFullError: there is no room to write; with room the same sweep goes on.
    """
    from xnorsim.explore.sweep import sweep as swept

    return swept(
        model, axes, profile, metrics, where, reduce, layers, memory, out,
        load=load_model, **question,
    )  # fmt: skip


def open_sweep(path: str | PathLike[str], *, partial: bool = False) -> xarray.Dataset:
    """A sweep on disk; figures are read when they are used (extra `sweep`).

    partial: also one that is not complete, whose missing points are NaN.

    Raises:
        UsageError: there is no sweep, or it is not complete.
        MissingExtraError: xarray or zarr is not installed.
    """
    from xnorsim.explore.sweep import open_sweep as opened

    return opened(path, partial=partial)


def search(
    model: str | PathLike[str] | Graph | Mapping[str, Any],
    fields: Mapping[str, Any],
    profile: Profile,
    *,
    objective: str | Mapping[str, float] = "latency_s",
    where: Sequence[str] | str = (),
    seed: int = 0,
    generations: int = 100,
    population: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    **question: Any,
) -> Search:
    """The numbers of a machine, and of threads, that make an objective least.

    Differential evolution, seeded: a population is predicted in one call. It is no proof that there
    is no better design.

    Parameters
    ----------
    model : as of `sweep`
    fields : by field a range as "1 GHz .. 4 GHz" (any value between), "256 KiB .. 8 MiB log" (in
        equal factors), "1 .. 8" (whole numbers of threads), or the values of an axis of `sweep`
    profile : name or file of the machine whose other numbers stay
    objective : a metric, or powers of metrics and fields: {"latency_s": 1, "energy_j": 1}
    where : conditions in text
    seed : the same one gives the same answer
    generations, population : at most so many, of so many designs
    progress : told the generations done, and how many there are at most
    question : fields that stay: predictor, binarize, ...

    Raises:
        InputError: faults of the question, or no design for which the conditions hold.
    """
    from xnorsim.explore.search import search as searched

    return searched(
        model, fields, profile, objective=objective, where=where, seed=seed,
        generations=generations, population=population, load=load_model, progress=progress,
        **question,
    )  # fmt: skip

"""Sweeps: a question over a whole space of designs, its answer a dataset in memory or on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce as folded
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xnorsim.errors import MissingExtraError, UsageError
from xnorsim.explore import store
from xnorsim.explore.contents import Content, Variable, kept_content, whole_content
from xnorsim.explore.points import rows
from xnorsim.explore.reductions import Parts, reduction
from xnorsim.explore.resolve import Load, resolve
from xnorsim.explore.run import Plan, Progress, blocks_of, plan_of, run
from xnorsim.explore.space import Space, chunk_shape
from xnorsim.explore.spec import spec_of
from xnorsim.network.graph import Graph
from xnorsim.units import format_bits, parse_quantity

if TYPE_CHECKING:
    import xarray

__all__ = ["open_sweep", "sweep", "swept"]


def sweep(
    model: str | os.PathLike[str] | Graph | Mapping[str, Any],
    axes: Mapping[str, Any],
    profile: Any = None,
    metrics: Sequence[str] = ("latency_s",),
    where: Sequence[str] | str = (),
    reduce: str | None = None,
    layers: bool = False,
    memory: str = "256 MB",
    out: str | os.PathLike[str] | None = None,
    *,
    workers: int = 0,
    scheduler: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    load: Load | None = None,
    **question: Any,
) -> xarray.Dataset:
    """Predict every combination of the axes' values.

    Parameters
    ----------
    model : a graph, the name or path of a network, or a layer: {"channels": 64, "kernel": 3, ...}
    axes : values by field: lists, ranges in text, {"link": ...}; a dimension of the result each
    profile : the machine, where it is no axis
    metrics : "latency_s" [s], "energy_j" [J]
    where : conditions in text; other points are NaN
    reduce : what is kept in place of the whole: "pareto:latency_s,energy_j", "top:10:latency_s",
        "best:latency_s by profile", "histogram:latency_s"
    layers : keep the figures of each layer, too
    memory : of a process, for the block of points that it works on
    out : a Zarr folder to write to, or to go on with; the result is then read from there
    workers, scheduler : processes on this machine, or the address of a dask cluster
    progress : is told how far it is, after each task
    load : the graph of a network's name
    question : other fields that stay: predictor, threads, batch, binarize, ...

    Returns a dataset of the metrics along the axes, or of the points that are kept, with the values
    of their fields as coordinates; units and assumptions in its attributes.

    Raises:
        SpecError: the question has faults: all of them, and how large it would be.
        UsageError: too little memory for a result without `out`, or `out` holds something else.
        MissingExtraError: a package that this needs is not installed.
        DiskFullError: there is no room; with room the same sweep goes on.
        KeyboardInterrupt: it was stopped; with `out` the same sweep goes on.
    """
    asked = spec_of(
        model=model, axes=axes, profile=profile, metrics=metrics, where=where, layers=layers,
        reduce=reduce, **question,
    )  # fmt: skip
    return swept(
        resolve(asked, load),
        memory=memory, out=out, workers=workers, scheduler=scheduler, progress=progress,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Job:
    """A space with its layers, and how it is worked out."""

    space: Space
    layers: tuple[str, ...]
    plan: Plan
    go: Callable[[Sequence[int], Callable[[int, Parts], None]], None]


def swept(
    space: Space,
    *,
    memory: str = "256 MB",
    out: str | os.PathLike[str] | None = None,
    workers: int = 0,
    scheduler: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> xarray.Dataset:
    """The dataset of a space; parameters and errors as of `sweep`."""
    _xarray()
    layers = rows(space)
    chunk = chunk_shape(space, parse_quantity(memory, "byte"), len(layers))
    path = Path(out).absolute() if out is not None else None
    plan = plan_of(space, chunk, "" if path is None else str(path))

    def go(wanted: Sequence[int], take: Callable[[int, Parts], None]) -> None:
        run(plan, wanted, take, workers=workers, scheduler=scheduler, progress=progress)

    job = _Job(space, layers, plan, go)
    if path is None:
        return _dataset(_reduced(job) if space.reduce else _whole(job))
    with store.locked(path):
        (_store_reduced if space.reduce else _store_whole)(job, path)
    return open_sweep(path)


def _whole(job: _Job) -> Content:
    """Every point, in memory."""
    content = whole_content(job.space, job.layers)
    shapes = {
        name: tuple(content.sizes[dim] for dim in variable.dims)
        for name, variable in content.figures.items()
    }
    needed = 8 * sum(map(prod, shapes.values()))
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there / 2:
        raise UsageError(
            f"the result is {format_bits(8.0 * needed)}, of this machine's "
            f"{format_bits(8.0 * there)} of memory: give `out`, or `reduce`"
        )
    arrays = {name: np.full(shape, np.nan) for name, shape in shapes.items()}

    def take(number: int, found: Parts) -> None:
        (block,) = blocks_of(job.plan, number)
        for name, array in found.items():
            arrays[name][block.slices] = array

    job.go(range(job.plan.tasks), take)
    return _filled(content, arrays)


def _filled(content: Content, arrays: Mapping[str, NDArray[Any]]) -> Content:
    figures = {
        name: Variable(variable.dims, arrays[name], variable.attributes)
        for name, variable in content.figures.items()
    }
    return Content(content.sizes, content.coordinates, figures, content.attributes)


def _reduced(job: _Job) -> Content:
    """What is kept, in memory."""
    of = reduction(job.space.reduce, job.space)
    kept: list[Parts] = []

    def take(number: int, found: Parts) -> None:
        kept[:] = [of.merged(kept[0], found)] if kept else [found]

    job.go(range(job.plan.tasks), take)
    return kept_content(job.space, of, of.result(kept[0]), job.layers)


def _store_whole(job: _Job, path: Path) -> None:
    """Every point, on disk: what is missing of it."""
    content = whole_content(job.space, job.layers)
    if not store.resume(path, content, job.plan.chunk):
        store.create(path, content, job.plan.chunk)
    if not store.attributes_of(path)["complete"]:
        missing = _missing(job, path, content)
        job.go(missing, lambda number, found: None)
        if missing and _missing(job, path, content):
            raise UsageError(f"workers did not write to '{path}': they have to see the same files")
        store.finish(path)


def _missing(job: _Job, path: Path, content: Content) -> list[int]:
    dims = {name: len(variable.dims) for name, variable in content.figures.items()}
    places = (
        [part.start // length for part, length in zip(block.slices, job.plan.chunk, strict=True)]
        for number in range(job.plan.tasks)
        for block in blocks_of(job.plan, number)
    )
    return [
        number
        for number, place in enumerate(places)
        if not store.is_done(path, list(dims), place, dims)
    ]


def _store_reduced(job: _Job, path: Path) -> None:
    """What is kept, on disk: parts first, then all of it at once."""
    of = reduction(job.space.reduce, job.space)
    about = whole_content(job.space, job.layers)
    if not store.resume(path, about, job.plan.chunk):
        store.begin_parts(path, about.attributes, job.plan.chunk)
        done = store.parts_done(path)
        missing = [number for number in range(job.plan.tasks) if number not in done]
        job.go(missing, lambda number, found: store.write_parts(path, number, found))
        each: Iterator[Parts] = (store.read_parts(path, n) for n in range(job.plan.tasks))
        content = kept_content(job.space, of, of.result(folded(of.merged, each)), job.layers)
        store.create(path, content, job.plan.chunk, complete=True)
    store.end_parts(path)


def open_sweep(path: str | os.PathLike[str], *, partial: bool = False) -> xarray.Dataset:
    """A sweep on disk; figures are read when they are used.

    partial: also one that is not complete, whose missing points are NaN.

    Raises:
        UsageError: there is no sweep, or it is not complete.
        MissingExtraError: xarray or zarr is not installed.
    """
    xarray = _xarray()
    store.imported()
    found = store.attributes_of(Path(path))
    if not found["complete"] and not partial:
        raise UsageError(
            f"'{os.fspath(path)}' is not complete: the same sweep goes on with it; "
            "open_sweep(path, partial=True) shows what is there"
        )
    dataset = xarray.open_zarr(os.fspath(path), consolidated=False, chunks=None)
    for name in store.OWN:
        dataset.attrs.pop(name, None)
    dataset = dataset.assign_coords(_words(dataset.coords)).assign(_words(dataset.data_vars))
    # In the order in which they are in memory, and not in that of a folder.
    # Their bare variables, as an array brings all other coordinates, in the order of the folder.
    coordinates = {n: dataset[n].variable for n in found["order"] if n in dataset.coords}
    figures = [n for n in found["order"] if n in dataset.data_vars]
    return dataset[figures].drop_vars(list(coordinates)).assign_coords(coordinates)


def _words(variables: Mapping[Any, Any]) -> dict[Any, Any]:
    """Those of words, as numpy has them in memory."""
    return {
        name: (item.dims, np.array(item.values.tolist(), dtype=str), item.attrs)
        for name, item in variables.items()
        if item.dtype.kind in "OT"
    }


def _xarray() -> Any:
    try:
        import xarray
    except ImportError as error:
        raise MissingExtraError("xarray", "sweep", "a sweep") from error
    return xarray


def _dataset(content: Content) -> xarray.Dataset:
    def variables(of: Mapping[str, Variable]) -> dict[str, Any]:
        return {name: (item.dims, item.values, dict(item.attributes)) for name, item in of.items()}

    return _xarray().Dataset(
        variables(content.figures), variables(content.coordinates), dict(content.attributes)
    )

"""What runs a network: run, fidelity, diff and vectors.

`keep` names what a run is to keep; the layers that a policy leaves in high precision are
`high_precision` here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from xnorsim.analysis.inputs import Inputs, drawn, load_for_inputs
from xnorsim.analysis.models import Model, make_policy
from xnorsim.analysis.options import (
    Check,
    at_least,
    checked,
    distance,
    flag,
    folder,
    integer,
    memory,
    one_of,
    optional,
    whole,
    within,
    word_of,
    word_or_file,
    words,
)
from xnorsim.analysis.policies import check_binary, without_effect
from xnorsim.analysis.sides import named, other_tensors, resembling
from xnorsim.errors import UsageError, choices
from xnorsim.network.graph import Graph, spec_of
from xnorsim.network.policy import Policy, apply, binarizable, kept

if TYPE_CHECKING:
    import numpy as np

    from xnorsim.exact.execute import Run, Tell
    from xnorsim.show.divergence import Divergences
    from xnorsim.show.fidelity import Fidelity

__all__ = ["DEFAULTS", "WEIGHTS", "diff", "fidelity", "loaded", "run", "vectors"]

Keep = str | Iterable[str]

WEIGHTS = ("auto", "file", "seed")
"""Where weights come from: the file's, and drawn where it has none; the file's; all drawn."""


class RunOptions(TypedDict, total=False):
    """What every function here takes besides a model and its inputs; `run` explains them."""

    engine: str
    binarize: str
    high_precision: Keep
    scaling: str
    depthwise: bool
    pad_value: int
    border: str
    input_shape: Mapping[str, Sequence[int]] | None
    batch: int | None
    seed: int
    weights: str


DEFAULTS: dict[str, Any] = {
    "engine": "blas",
    "binarize": "none",
    "high_precision": ("first", "last"),
    "scaling": "alpha",
    "depthwise": False,
    "pad_value": 0,
    "border": "zero",
    "input_shape": None,
    "batch": None,
    "seed": 0,
    "weights": "auto",
}
_LOADING = ("input_shape", "batch", "seed")


def _engine(name: str, value: Any) -> str:
    from xnorsim.exact.engines import ENGINES, NATIVE

    return word_of([*ENGINES, NATIVE.name])(name, value)


_CHECKS: dict[str, Check] = {
    "engine": _engine,
    "high_precision": words,
    "batch": optional(whole),
    "seed": integer,
    "weights": word_or_file(WEIGHTS, "a Keras configuration's weights"),
}
"""Of the options that every function here takes; make_policy and load_model have the others."""


def run(
    model: Model,
    inputs: Inputs = None,
    *,
    keep: Keep = (),
    max_memory: str | float | None = None,
    threads: int | None = None,
    progress: Tell | None = None,
    **options: Unpack[RunOptions],
) -> Run:
    """Run a network, its binary layers exact to the bit: its outputs, and tensors to keep.

    Parameters
    ----------
    model : path of a network file, name of a zoo network, or a graph
    inputs : an array (for the only input), arrays by name, an .npy or .npz file of either, or None
        to draw them from `seed`; they set the dimensions that a file leaves open, and its batch
    keep : tensors to keep, by their name, their layer's, or globs of either
    max_memory : the most that activations and weights may take: "2 GB", "512 MiB", or bytes
    threads : how many the kernels and the BLAS library use; by default as many as there are cores
        for engine native, and as the library chooses for the others
    progress : called after each layer, with the layers done and their number
    engine : how the network is computed: "blas" (the default) or "packed", layer by layer, with the
        same results; or "native", by compiled kernels for the whole network (extra native), whose
        float layers may round their sums in another order
    binarize : run it "none" (as it is, the default), as "bwn" or as "xnor", with the weights it has
    high_precision : layers that stay in high precision then: "first", "last" (both by default),
        names and globs, or "none"
    scaling : of binary layers: "none", "alpha" (the default) or "alpha_k"
    depthwise : binarize depthwise convolutions too
    pad_value : what binary inputs are padded with: 0 (the default), 1 or -1
    border : what K is a mean of at the border: all taps, the padding as "zero" (the default), or
        the "valid" ones
    input_shape : of the inputs of a file, where it is not to be the file's
    batch : of the inputs that are drawn
    seed : of inputs and weights that are drawn, 0 by default
    weights : "auto" (the file's, drawn where it has none; the default), "file", "seed" (all
        drawn), or the path of a Keras configuration's weights (.npz or .h5)

    Raises:
        InputError: model, inputs or an option at fault, or a layer that cannot run on what it
            reads; see xnorsim.errors.
        MissingExtraError: engine native without its extra.

    Examples
    --------
    >>> run("finn-cnv-1w1a", keep="conv2").kept["conv2"].shape
    (1, 64, 28, 28)
    """
    from xnorsim.exact.execute import execute, prepare
    from xnorsim.exact.memory import check_memory

    own = {"keep": keep, "max_memory": max_memory, "threads": threads}
    own = checked(own, _RUN_CHECKS)
    limit = own["max_memory"]
    graph, arrays, given = loaded(model, inputs, options)
    graph = apply(graph, _policy(given))
    if limit is not None:  # before anything is drawn
        check_memory(graph, limit, hold=False)
    arrays = drawn(graph, given["seed"]) if arrays is None else arrays
    with _limited(own["threads"], given["engine"]) as count:
        session = prepare(graph, given["engine"], hold=False, threads=count)
        return execute(session, arrays, own["keep"], limit, progress)


_RUN_CHECKS: dict[str, Check] = {
    "keep": words,
    "max_memory": optional(memory),
    "threads": optional(whole),
}


@contextmanager
def _limited(threads: int | None, engine: str) -> Iterator[int]:
    """Hold the BLAS library to `threads`, or leave it as it is; gives how many kernels are to use.

    Raises:
        UsageError: more threads than there are cores for this process.
    """
    from xnorsim.exact.engines import NATIVE
    from xnorsim.kernels.threads import blas_threads

    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    within(threads or 1, cores)
    if threads is None and engine != NATIVE.name:
        yield 1
        return
    with blas_threads(threads or cores):
        yield threads or cores


def fidelity(
    model: Model,
    inputs: Inputs = None,
    *,
    progress: Tell | None = None,
    **options: Unpack[RunOptions],
) -> Fidelity:
    """How far the binarized form of a float network is off, layer by layer, without retraining.

    The parameters are those of `run`, with "xnor" the default of `binarize`; `progress` is called
    with the layers done and their number.

    Raises:
        InputError: as `run`; UsageError if no layer becomes binary.
    """
    from xnorsim.exact.fidelity import fidelity as found
    from xnorsim.show.fidelity import Fidelity

    graph, arrays, given = loaded(model, inputs, {"binarize": "xnor", **options})
    arrays = drawn(graph, given["seed"]) if arrays is None else arrays
    policy = _policy(given)
    result = found(graph, policy, arrays, given["engine"], progress)
    return Fidelity(_described(graph), _assumptions(graph, policy, given["engine"]), result)


def diff(
    a: Model,
    b: Any = None,
    inputs: Inputs = None,
    *,
    engine_b: str | None = None,
    ulp: int = 0,
    tolerance: float = 0.0,
    progress: Tell | None = None,
    **options: Unpack[RunOptions],
) -> Divergences:
    """Where two runs diverge: the first tensor in execution order that differs.

    Parameters
    ----------
    a : path of a network file, name of a zoo network, or a graph
    b : another one; a mapping, a folder of .npy files or an .npz file with another tool's tensors
        by name (in a folder a tensor a/b lies in a__b.npy); or None: `a` again, on `engine_b`
    inputs : as for `run`; both read the same
    engine_b : of B; A's `engine` by default
    ulp, tolerance : floats so many steps apart, or this far, count as equal; whole numbers this far
    progress : called with the tensors compared and their number

    The other parameters are those of `run`; a policy holds for both.

    Raises:
        InputError: as `run`; UsageError if no two tensors belong together.
    """
    from xnorsim.exact.diff import diff as of_networks
    from xnorsim.exact.diff import diff_with_arrays
    from xnorsim.exact.execute import prepare
    from xnorsim.show.divergence import Divergences

    own = checked({"engine_b": engine_b, "ulp": ulp, "tolerance": tolerance}, _DIFF_CHECKS)
    if b is None and engine_b in (None, options.get("engine", DEFAULTS["engine"])):
        raise UsageError(
            "there is nothing to compare with: give a second network, another tool's tensors, or "
            "another engine_b (--engine-b)"
        )
    graph, arrays, given = loaded(a, inputs, options)
    graph, engine = apply(graph, _policy(given)), given["engine"]
    arrays = drawn(graph, given["seed"]) if arrays is None else arrays
    ours = prepare(graph, engine, hold=False)
    allowed = {"ulp": own["ulp"], "tolerance": own["tolerance"], "progress": progress}
    tensors = other_tensors(graph, b)
    if tensors is not None:
        if engine_b is not None:
            raise UsageError(f"engine_b '{engine_b}' is for a network: B is tensors, and none runs")
        found = diff_with_arrays(ours, tensors, arrays, **allowed)
        return Divergences((named(a), named(b)), (engine, None), found, graph.notes)
    other, theirs_read = graph, arrays
    if b is not None:
        other, read = load_for_inputs(b, resembling(arrays))
        theirs_read = {} if read is None else read
        other = apply(_weighted(other, given["weights"], given["seed"]), _policy(given))
    theirs = prepare(other, engine_b or engine, hold=False)
    found = of_networks(ours, theirs, arrays, theirs_read, **allowed)
    notes = tuple(dict.fromkeys((*graph.notes, *other.notes)))
    sides = named(a), named(a if b is None else b)
    return Divergences(sides, (engine, engine_b or engine), found, notes)


_DIFF_CHECKS: dict[str, Check] = {
    "engine_b": optional(_engine),
    "ulp": at_least(0),
    "tolerance": distance,
}


def vectors(
    model: Model,
    layer: str,
    directory: str | PathLike[str],
    inputs: Inputs = None,
    *,
    word_bits: int = 64,
    overwrite: bool = False,
    **options: Unpack[RunOptions],
) -> Path:
    """Write a binary layer's inputs, weights, thresholds or scales and outputs for a test bench.

    `layer` is its node's name and `word_bits` the width of a memory word: 8, 16, 32 or 64. With
    `overwrite` the directory may hold other files, which stay; the folder it lies in must be there.
    The other parameters are those of `run`. Returns the directory.

    Raises:
        InputError: as `run`; no such layer, or one that is not binary.
    """
    from xnorsim.exact.vectors import write_vectors
    from xnorsim.show.output import check_place

    own = {"directory": directory, "word_bits": word_bits, "overwrite": overwrite}
    own = checked(own, _VECTORS_CHECKS)
    check_place(own["directory"])
    original, arrays, given = loaded(model, inputs, options)
    policy = _policy(given)
    graph = apply(original, policy)
    names = [node.name for node in graph.nodes]
    if layer not in names:
        raise UsageError(f"{graph.name}: no layer '{layer}': {choices(str(layer), names)}")
    check_binary(original, graph, layer, policy)
    arrays = drawn(graph, given["seed"]) if arrays is None else arrays
    target, bits, again = own.values()
    return write_vectors(graph, layer, arrays, target, bits, given["engine"], overwrite=again)


_VECTORS_CHECKS: dict[str, Check] = {
    "directory": folder,
    "word_bits": one_of((8, 16, 32, 64)),
    "overwrite": flag,
}


def loaded(
    model: Model, inputs: Inputs, options: Mapping[str, Any]
) -> tuple[Graph, dict[str, np.ndarray] | None, dict[str, Any]]:
    """The network with its weights, its inputs (None: to be drawn), and every option.

    Raises:
        UsageError: options that there are not, or with other values than they may have.
    """
    unknown = [name for name in options if name not in DEFAULTS]
    if unknown:
        told = (f"no option '{name}': {choices(name, DEFAULTS)}" for name in unknown)
        raise UsageError("\n  ".join(told))
    given = {**DEFAULTS, **options}
    given |= checked(given, _CHECKS)
    policy = _policy(given)  # before the model: its faults are found sooner
    loading = {name: given[name] for name in _LOADING}
    if isinstance(given["weights"], Path):
        loading["weights"], given["weights"] = given["weights"], "file"
    graph, arrays = load_for_inputs(model, inputs, **loading)
    graph = _weighted(graph, given["weights"], given["seed"])
    return replace(graph, notes=(*graph.notes, *without_effect(policy))), arrays, given


def _policy(given: Mapping[str, Any]) -> Policy:
    return make_policy(
        given["binarize"],
        given["high_precision"],
        given["scaling"],
        given["depthwise"],
        given["pad_value"],
        given["border"],
    )


def _weighted(graph: Graph, weights: str, seed: int) -> Graph:
    """The graph with values for the weights it lacks, or that are to be drawn."""
    from xnorsim.exact.weights import seeded

    if weights == "seed":
        return seeded(graph, seed, every=True)
    if graph.metadata.get("format") == "zoo":
        graph = replace(graph, notes=(*graph.notes, _ZOO))
    return graph if weights == "file" else seeded(graph, seed)


_ZOO = "the zoo's weights are drawn from a seed: results say nothing of a trained network"


def _described(graph: Graph) -> dict[str, Any]:
    shapes = {name: list(spec_of(graph, name).shape) for name in graph.inputs}
    return {"name": graph.name, **graph.metadata, "inputs": shapes}


def _assumptions(graph: Graph, policy: Policy, engine: str) -> dict[str, Any]:
    stay = kept(graph, policy)
    return {
        "binarize": str(policy.binarize),
        "scaling": str(policy.scaling),
        "depthwise_binary": policy.depthwise,
        "pad_value": policy.pad_value,
        "border": str(policy.border),
        "high_precision_layers": [n.name for n in binarizable(graph) if n.name in stay],
        "engine": engine,
    }

"""Predicted beside measured: which network, kernels and machine stand for each published row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from xnorsim.analysis.costs import analyze
from xnorsim.analysis.models import Model, make_policy
from xnorsim.measured import published
from xnorsim.measured.published import LayerTime, NetworkTime
from xnorsim.measured.validate import Compared, Part, summarize
from xnorsim.network.graph import Graph, TensorSpec, check
from xnorsim.network.ops import Sign
from xnorsim.network.policy import apply
from xnorsim.network.precision import BIPOLAR
from xnorsim.show.report import Report
from xnorsim.show.validation import Unpredicted, Validation
from xnorsim.work.fusion import DEFAULT_FUSE
from xnorsim.work.table import LayerTable
from xnorsim.zoo.builder import Builder

if TYPE_CHECKING:
    from xnorsim.analysis.models import Profile
    from xnorsim.cost.network import NetworkPrediction

__all__ = [
    "MACHINES",
    "NETWORKS",
    "NO_RECIPES",
    "SOFTWARE",
    "SPEEDUPS",
    "Predicted",
    "Software",
    "Task",
    "float_layer",
    "packed_layer",
    "predict",
    "validate_published",
    "validation",
]


def float_layer(row: LayerTime) -> Graph:
    """The convolution of a row in fp32, as its table describes it."""
    b = Builder(row.layer, input=(1, row.in_channels, row.height, row.width))
    padding = row.kernel // 2
    x = b.conv(
        b.input, row.out_channels, row.kernel, stride=row.stride, padding=padding, name="conv"
    )
    return b.graph(x, source=row.source)


def packed_layer(row: LayerTime) -> Graph:
    """The same with +-1 weights, on bits: signs, packing and padding were done before.

    This is what dabnn's benchmark times. Source: benchmark/benchmark.cpp of
    github.com/JDAI-CV/dabnn, macro SETUP_BCONV and BM_bnn_bconv_3x3_64 and its kin (6 May 2019):
    the input of the layer of 56x56 is a matrix of bits of 58x58.
    """
    border = 2 * (row.kernel // 2)
    shape = (1, row.in_channels, row.height + border, row.width + border)
    b = Builder(row.layer, input=shape)
    x = b.conv(b.input, row.out_channels, row.kernel, stride=row.stride, bias=False, name="conv")
    binary = apply(b.graph(x, source=row.source), _BITS)
    tensors = {name: binary.tensors[name] for name in binary.outputs}
    nodes = [node for node in binary.nodes if not isinstance(node.op, Sign)]
    return check(
        replace(
            binary,
            nodes=tuple(replace(node, inputs=binary.inputs) for node in nodes),
            tensors={**tensors, b.input: TensorSpec(shape, BIPOLAR)},
        )
    )


_BITS = make_policy("xnor", keep="none", scaling="none")


@dataclass(frozen=True, slots=True)
class Software:
    """What predicts the rows of a measured program: a recipe set, and the layer that it timed."""

    recipes: str
    what: str
    layer: Callable[[LayerTime], Graph] = float_layer


SOFTWARE = {
    "LCE 2020-10": Software("larq", "whole networks"),
    "dabnn": Software("dabnn-packed", "single layers on packed and padded bits", packed_layer),
    "tflite_fp32": Software("tflite-eigen", "the same layers in fp32"),
    "caffe_fp32": Software(
        "scalar-blocked", "the same layers in fp32, a float library that is scalar-like"
    ),
}
"""One fixed choice for each program of the tables, never by row."""

NO_RECIPES = {"bmxnet": "no recipe set describes BMXNet's kernels"}
"""The programs of the tables that nothing predicts, and why."""

MACHINES = {"Pixel 1": "pixel-1", "RPi 4B": "raspberry-pi-4b"}
"""The profile of each board of the tables."""

NETWORKS = {
    "QuickNet": "quicknet",
    "BinaryDenseNet28": "binary-densenet-28",
    "BiRealNet": "bireal-net-18",
    "XNORNet": "xnor-net-larq",
    "BinaryAlexNet": "binary-alexnet-dense",  # larq_zoo before May 2021
}
"""The network of the zoo for each network of the tables."""

SPEEDUPS = (("tflite_fp32", "dabnn"), ("caffe_fp32", "dabnn"))
"""(slower, faster): the ratios of their times, layer by layer."""


Measured = NetworkTime | LayerTime


@dataclass(frozen=True, slots=True)
class Task:
    """What is predicted: a model by a recipe set on a profile, and what it fuses (`analyze`)."""

    model: Model
    recipes: str
    profile: Profile
    threads: int
    fuse: tuple[str, ...] = DEFAULT_FUSE


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """The prediction of a model, and what takes most of its time."""

    prediction: NetworkPrediction
    parts: tuple[Part, ...] = ()


Predictor = Callable[[Task], Predicted]


def validate_published() -> Validation:
    """Predictions beside the published latencies that come with xnorsim.

    Whole networks on two boards, single layers on one of them, and the speedups of these. Every
    program of the tables has one recipe set (SOFTWARE), every board one profile (MACHINES).

    Raises:
        InputError: a table with faults; or as `analyze`.

    Examples
    --------
    >>> validate_published().frame["error"]  # doctest: +SKIP
    """
    return validation(published.networks(), published.layers(), predict)


def validation(
    networks: Iterable[NetworkTime], layers: Iterable[LayerTime], predictor: Predictor
) -> Validation:
    """`predictor` beside networks and layers that were measured; see `validate_published`."""
    from xnorsim.cost.ranges import COVERAGE

    missing: list[Unpredicted] = []
    found: dict[Measured, tuple[Task, Predicted]] = {}
    for measured in (*networks, *layers):
        reason = _unknown(measured)
        if reason:
            about = _name(measured), _group(measured), measured.time_s
            missing.append(Unpredicted(*about, reason))
        else:
            task = _task(measured)
            found[measured] = task, predictor(task)
    times = [_compared(measured, *each) for measured, each in found.items()]
    rows = [*times, *_speedups(found)]
    groups = dict.fromkeys(row.group for row in rows)
    summaries = [summarize(g, [row for row in rows if row.group == g], COVERAGE) for g in groups]
    summaries += [summarize("all latencies", times, COVERAGE)] if times else []
    what = {name: f"recipe set {item.recipes}, {item.what}" for name, item in SOFTWARE.items()}
    return Validation(COVERAGE, what, tuple(rows), tuple(summaries), tuple(missing))


def _task(measured: Measured) -> Task:
    """What predicts a measurement of which everything is known."""
    program, profile = SOFTWARE[measured.software], MACHINES[measured.board]
    is_layer = isinstance(measured, LayerTime)
    model = program.layer(measured) if is_layer else NETWORKS[measured.network]
    return Task(model, program.recipes, profile, measured.threads)


def _unknown(measured: Measured) -> str:
    """What of a measurement has no place in the tables above; "" if everything has one."""
    software, board = measured.software, measured.board
    if software not in SOFTWARE:
        return NO_RECIPES.get(software, f"no recipe set is known for '{software}'")
    if board not in MACHINES:
        return f"no profile is known for '{board}'"
    if isinstance(measured, NetworkTime) and measured.network not in NETWORKS:
        return f"no network of the zoo is known for '{measured.network}'"
    return ""


def _name(measured: Measured) -> str:
    return measured.layer if isinstance(measured, LayerTime) else measured.network


def _group(measured: Measured) -> str:
    return f"{measured.software}, {measured.board}"


def _compared(measured: Measured, task: Task, found: Predicted) -> Compared:
    totals = found.prediction.totals
    return Compared(
        group=_group(measured),
        name=_name(measured),
        machine=found.prediction.profile,
        software=measured.software,
        recipes=task.recipes,
        unit="s",
        predicted=totals["latency_s"],
        low=totals["latency_s_low"],
        high=totals["latency_s_high"],
        measured=measured.time_s,
        measured_std=measured.std_s if isinstance(measured, NetworkTime) else None,
        parts=found.parts,
        least=float(found.prediction.draws["latency_s"].min()),
    )


def _speedups(found: Mapping[Measured, tuple[Task, Predicted]]) -> Iterator[Compared]:
    """The ratios of SPEEDUPS for each layer that both programs ran on the same board."""
    layers = [row for row in found if isinstance(row, LayerTime)]
    by_place = {(row.software, row.board, row.layer): row for row in layers}
    for slower, faster in SPEEDUPS:
        for fast in layers:
            slow = by_place.get((slower, fast.board, fast.layer))
            if fast.software == faster and slow is not None:
                yield _speedup(slow, fast, found)


def _speedup(
    slow: LayerTime, fast: LayerTime, found: Mapping[Measured, tuple[Task, Predicted]]
) -> Compared:
    from xnorsim.cost.network import joint_speedup

    (slow_task, above), (fast_task, below) = found[slow], found[fast]
    value, low, high = joint_speedup(below.prediction, above.prediction)
    return Compared(
        group=f"{slow.software} / {fast.software}",
        name=fast.layer,
        machine=below.prediction.profile,
        software=f"{slow.software} / {fast.software}",
        recipes=f"{slow_task.recipes} / {fast_task.recipes}",
        unit="1",
        predicted=value,
        low=low,
        high=high,
        measured=slow.time_s / fast.time_s,
    )


def predict(task: Task) -> Predicted:
    """The public analysis of a task: its total latency, and the kinds of layers that take most."""
    report = analyze(
        task.model,
        profile=task.profile,
        threads=task.threads,
        fuse=task.fuse,
        predictor=f"instructions:{task.recipes}",
    )
    return Predicted(report.predictions[0], _parts(report))


def _parts(report: Report) -> tuple[Part, ...]:
    """Shares of the time by kind and precision, with what bounds most of each; most first."""
    prediction = report.predictions[0]
    latencies = prediction.columns["latency_s"].tolist()
    bounds: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    layers = zip(_words(report.table), latencies, prediction.bounds, strict=True)
    for what, time, bound in layers:
        bounds[what][bound] += time
    whole = sum(latencies)
    found = [
        Part(what, sum(times.values()) / whole, max(times, key=times.__getitem__))
        for what, times in bounds.items()
        if any(times.values())
    ]
    return tuple(sorted(found, key=lambda part: -part.share))


def _words(table: LayerTable) -> list[str]:
    """What each layer is: "xnor W1A1 conv", "fp32 depthwise conv", "max_pool"."""
    from xnorsim.show.labels import precision_label

    groups, channels = table.columns["groups"], table.columns["filter_channels"]
    depthwise = ((groups > 1) & (channels == 1)).tolist()
    return [
        f"{precision_label(used and str(used))} {'depthwise ' * deep}{kind}".lstrip()
        for used, deep, kind in zip(table.schemes, depthwise, table.kinds, strict=True)
    ]

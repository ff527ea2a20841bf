# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Why does a network not gain the 58× of its layers?
#
# The formula's 62.3× of one layer is 6.6× over the peak of the float unit of a raspberry-pi-4b,
# which does 4.0 multiply-accumulates a clock and not one, while the binary kernel needs 2.1 times
# the cycles that its unit would. The whole of resnet18 gains 5.1× over the same program's float
# kernels where the layer gains 8.4×, because 36% of its time goes to layers that stay in floats.
#
# 58× is what the paper measured, 62.27× its formula for the same layer; `paper_figures` has both.

# %%
# %matplotlib inline
import numpy as np
import pandas as pd

import xnorsim as xs
from xnorsim.analysis.host_speedup import measured_layer
from xnorsim.cost.curves import predict_convolution
from xnorsim.show.ranges_plot import Ranged, ranges_figure

# %% [markdown]
# ## Parameters

# %%
PROFILE = "raspberry-pi-4b"
NETWORK = "resnet18"  # binarized as XNOR-Net, its first and last layer in floats
LAYER = "stage3.1.conv1"  # 256 channels, 256 filters of 3 × 3, 14 × 14: that of the formula
PREDICTOR = "instructions:own"  # of a program with kernels for floats too
MEASURE = True  # on this machine, where the extra `native` is installed
HOST_PROFILE = None  # a file of `xnorsim calibrate`; None takes the packaged one that is nearest
SECONDS = 0.5  # that each kernel is measured

# %% [markdown]
# ## From the formula to the network
#
# Each bar takes in one more thing that counts, and ends at the speedup that is left. Above the
# dashed line is one layer, below it the network. Which bar is long is a matter of the machine: with
# `PROFILE = "x86-avx512-vpopcnt"` the float unit costs more, and the binary unit gives it back.

# %%
steps = xs.speedup_steps(NETWORK, profile=PROFILE, layer=LAYER, predictor=PREDICTOR)
steps.figure()

# %%
milliseconds = steps.frame.assign(
    float_ms=1e3 * steps.frame.float_s, binary_ms=1e3 * steps.frame.binary_s
)
milliseconds[["baseline", "float_ms", "binary_ms", "speedup", "change"]].round(3)

# %% [markdown]
# ## Ports: what the inner loop issues
#
# The formula has one operation for 64 products: XNOR and popcount. A kernel has to load, to add up
# the counts of bytes in wider and wider sums, and to go round. Below: instructions of the product
# for a thousand multiply-accumulates, the cycles of a port that they keep busy, and the ports that
# they may go to.

# %%
options = {"profile": PROFILE, "predictor": PREDICTOR, "binarize": "xnor"}
layer = xs.explain(NETWORK, layer=LAYER, **options).layer
product = next(stage for stage in layer.stages if stage.name == "product")
thousands = layer.macs / 1000
pd.DataFrame.from_dict(
    {
        item.name: {
            "instructions / 1000 MACs": round(item.instructions / thousands, 2),
            "busy cycles / 1000 MACs": round(item.instructions * item.busy_cycles / thousands, 2),
            "ports": "+".join(item.ports),
        }
        for item in sorted(product.core.classes, key=lambda item: -item.instructions)
    },
    orient="index",
)

# %% [markdown]
# The fullest set of ports, or the front end (`issue`), sets the pace: the largest of these, over
# the share of it that real loops reach (`efficiency`).

# %%
limits = {item.name: round(item.cycles / thousands, 2) for item in product.core.limits[:4]}
print("cycles / 1000 MACs:", limits, " efficiency:", product.core.efficiency)

# %% [markdown]
# ## Traffic: what crosses the memories meanwhile

# %%
pd.DataFrame(
    {
        f"{item.inner} – {item.outer}": {
            "KiB": sum(item.operand_bytes.values()) / 1024,
            "GB/s": item.bandwidth_bytes_per_s / 1e9,
            "ms": 1e3 * item.seconds,
            "ms of the core": 1e3 * product.core.seconds,
            "hidden behind the core": item.overlap,
        }
        for item in product.transfers
    }
).round(3)

# %% [markdown]
# ## Packing and scaling: what a layer does beside its product

# %%
parts = {stage.name: stage.seconds for stage in layer.stages}
parts["start of the layer"] = layer.overhead_s
signs = steps.steps[steps.of_layer - 1].binary_s - layer.latency_s
parts["signs of its input, packed"] = signs
beside = pd.DataFrame({"ms": 1e3 * pd.Series(parts)})
beside.assign(share=beside.ms / beside.ms.sum()).round(3)

# %% [markdown]
# ## The network: Amdahl
#
# What stays in floats has few of the MACs, and much of the time once the rest is fast.

# %%
sums = steps.frame[["float_s", "binary_s"]].iloc[steps.of_layer :]  # each with all before it
times = 1e3 * sums.diff().fillna(sums)
times.index = ["binary layers, their signs", "layers that stay in floats", "pools, additions, ..."]
times.columns = ["in floats [ms]", "binary [ms]"]
times["share of the binary network"] = times["binary [ms]"] / times["binary [ms]"].sum()
times.round(3)

# %%
network = xs.analyze(NETWORK, **options).predictions[0]
most = network.amdahl["same program"]
print(f"Were its binary layers free, {NETWORK} would gain {most:.1f}× over the same program.")

# %% [markdown]
# ## Five baselines
#
# The same binary kernel, predicted over each baseline, as a layer and as a network. A speedup
# without its baseline says nothing. `paper` counts operations, `scalar` is a float loop with one
# sum, `peak` every float lane busy, `same program` its own float kernels. Lines are ranges.

# %%
alone = predict_convolution(256, 3, xs.load_profile(PROFILE), predictor=PREDICTOR)
baselines = list(alone.speedup)
predicted = [
    Ranged(
        name,
        *([ends[b] for b in baselines] for ends in (p.speedup, p.speedup_low, p.speedup_high)),
    )
    for name, p in (("the formula's layer", alone), (f"all of {NETWORK}", network))
]
label = f"speedup on {PROFILE} over the baseline at the left (×)"
ranges_figure([f"over {name}" for name in baselines], [(label, "", predicted)])

# %%
pd.DataFrame(
    {
        (series.name, end): dict(zip(baselines, getattr(series, end), strict=True))
        for series in predicted
        for end in ("value", "low", "high")
    }
).round(2)

# %% [markdown]
# ## The fifth: measured, on the machine that runs this notebook
#
# The same layer by our XNOR kernel, over a scalar loop (`float-loop`), our float kernel (`fma`)
# and over float libraries; one thread. Beside it is the prediction for this machine: from the
# profile given, or from the packaged one that is nearest to the processor, whose clock and memory
# may differ. This is a moment's measurement: where the lines below tell that it was disturbed,
# something else ran meanwhile, and a ratio may be far off. `xnorsim validate --host` takes more
# time.

# %%
host, why = None, "MEASURE is off"
if MEASURE:
    try:
        host = measured_layer(HOST_PROFILE, seconds=SECONDS)
    except xs.XnorsimError as fault:
        why = str(fault)
told = host.about if host else {"not measured": why}
print(*(f"{name}: {text}" for name, text in told.items()), sep="\n")

# %%
speedups = host.speedups if host else ()
rows = [row.group.removeprefix("xnor ").partition(",")[0] for row in speedups]
values = np.array([[row.predicted, row.low, row.high, row.measured] for row in speedups]).T
pairs = [Ranged("predicted", *values[:3]), Ranged("measured", *values[[3, 3, 3]])] if host else []
axis = "speedup of the XNOR kernel on this machine (×)"
ranges_figure(rows, [(axis, "", pairs)]) if host else None

# %%
columns = ["predicted", "low", "high", "measured"]
pd.DataFrame(values.T.round(1), rows, columns) if host else None

# %% [markdown]
# ## The answer for these parameters

# %%
formula, lanes, rate, ports = (step.speedup for step in steps.steps[:4])
whole = steps.steps[-1].speedup
of_layer, same = (step.speedup for step in steps.steps[steps.of_layer - 2 : steps.of_layer])
stays = times.loc["layers that stay in floats", "share of the binary network"]
print(
    f"The formula's {formula:.1f}× of one layer is {of_layer:.1f}× over the peak of the float unit "
    f"of a {PROFILE}, which does {formula / lanes:.1f} multiply-accumulates a clock and not one, "
    f"while the binary kernel needs {rate / ports:.1f} times the cycles that its unit would. The "
    f"whole of {NETWORK} gains {whole:.1f}× over the same program's float kernels where the layer "
    f"gains {same:.1f}×, because {stays:.0%} of its time goes to layers that stay in floats."
)

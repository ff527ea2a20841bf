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
# # Which layers of my own float network should be binary?
#
# On raspberry-pi-4b only Conv@44 and Conv@52, of 41 layers that may be binary, can be so before the
# network's answer to one of 16 inputs changes, and that saves 1.7% of 9.5 ms. Retraining would open
# no more than 17.4%, with 31 binary layers (without it their output has a cosine of 0.50 with the
# float network's): 63% of the time is in depthwise layers and others that stay.
#
# The network is a trained one as it is published: PP-OCR's classifier of text directions, a small
# MobileNetV3 (`tests/data/text_direction`). Another network will answer otherwise: give its file,
# and inputs that it was made for.

# %%
# %matplotlib inline
import numpy as np

import xnorsim as xs

# %% [markdown]
# ## Parameters

# %%
MODEL = "../tests/data/text_direction/text_direction.onnx"  # a float network with its weights
INPUTS = "../tests/data/text_direction/lines.npz"  # arrays by input name; None draws noise
PROFILE = "raspberry-pi-4b"
PREDICTOR = "instructions:own"  # the kernels that run float, binary-weight and binary layers
THREADS = 1
CHOOSE = ("fp32", "bwn", "xnor")  # what a layer may be, "fp32" first
KEEP = ("first", "last")  # what stays in floats; depthwise layers do too
FIDELITIES = (0.95, 0.9, 0.8, 0.7, 0.5, 0.3, 0.1, 0.03)  # the least, of the points of the front

# %% [markdown]
# ## Where the time goes
#
# Only convolutions and dense layers can become binary; the first and the last stay in floats, and
# so do depthwise ones.

# %%
front = xs.precision_front(
    MODEL,
    profile=PROFILE,
    predictor=PREDICTOR,
    threads=THREADS,
    choose=CHOOSE,
    keep=KEEP,
    fidelities=FIDELITIES,
    inputs=INPUTS,
    batch=None if INPUTS else 1,  # arrays bring their own
)
report = xs.analyze(MODEL, profile=PROFILE, predictor=PREDICTOR, threads=THREADS, batch=1)
layers = report.layers.join(report.costs.droplevel("profile"))
role = np.select(
    [layers.index.isin(front.layer_frame.index), layers.groups > 1, layers.macs > 0],
    ["may be binary", "depthwise, stays", "first or last, stays"],
    "no multiplications",
)
time = layers.groupby(role).agg(layers=("kind", "size"), latency_ms=("latency_s", "sum"))
time["latency_ms"] *= 1e3
time["share"] = time.latency_ms / time.latency_ms.sum()
time.sort_values("share", ascending=False).round(3)

# %% [markdown]
# ## Each layer alone
#
# The cosine of a layer's output with the float layer's, given exact inputs: 1 is the same
# direction, 0 nothing in common. Where a layer saves less than nothing, its signs cost more to take
# and to pack than its products gain. The ten that would save most:

# %%
alone = front.layer_frame.drop(columns="weight_bytes")
gains = [f"{word}_saved" for word in CHOOSE[1:]]
alone[gains] *= 1e6
best = alone.loc[alone[gains].max(axis=1).sort_values(ascending=False).index[:10]]
best.rename(columns={name: f"{name} [µs]" for name in gains}).round(3)

# %% [markdown]
# ## The front
#
# For each least fidelity the precision of every layer that costs least together: a mixed integer
# program over all choices, solved exactly for costs of layers and of neighbours that share the
# packing of signs. Each point is then predicted as a whole, and executed on the inputs.
#
# **What is held to is no accuracy.** It is the product of the layers' cosines, with the weights as
# they are: the error of binarizing without retraining. A network that is trained as a binary one
# gets back much of it, and how much no figure here tells. Hollow points are what became of the
# output; top-1 is in how many inputs the largest class is still the float network's.

# %%
front.figure()

# %%
points = front.frame
table = points[[*CHOOSE]].assign(
    latency=(points.latency_s * 1e3).map("{:.2f} ms".format),
    range=[
        f"{low * 1e3:.1f}-{high * 1e3:.1f} ms"
        for low, high in zip(points.latency_s_low, points.latency_s_high, strict=True)
    ],
    saved=(1 - points.latency_s / points.latency_s.iloc[0]).map("{:.1%}".format),
    product=points.estimated_cosine.map("{:.2g}".format),
    output=points.cosine.map("{:.3f}".format),
)
table["top-1"] = points.top1.map("{:.0%}".format, na_action="ignore")
table.rename_axis("point")

# %% [markdown]
# Ranges are of the profile and of the model; they mostly move all points together.

# %% [markdown]
# ## The answer for these parameters

# %%
base, cheapest = points.iloc[0], points.iloc[-1]
same = points[points.top1.fillna(1).eq(1).cummin()].iloc[-1]  # before an answer changes
chosen = [name for name, word in front.points[same.name - 1].chosen.items() if word != CHOOSE[0]]
which = " and ".join(chosen) if 0 < len(chosen) <= 3 else f"{len(chosen)} layers"
saved, most = (f"{1 - point.latency_s / base.latency_s:.1%}" for point in (same, cheapest))
print(
    f"On {PROFILE} only {which}, of {len(front.layers)} layers that may be binary, can be so "
    f"before the network's answer to one of {front.samples} inputs changes, and that saves {saved} "
    f"of {base.latency_s * 1e3:.1f} ms. Retraining would open no more than {most}, with "
    f"{len(front.layers) - cheapest[CHOOSE[0]]:.0f} binary layers (without it their output has a "
    f"cosine of {cheapest.cosine:.2f} with the float network's): "
    f"{1 - time.share['may be binary']:.0%} of the time is in depthwise layers and others that "
    "stay."
)

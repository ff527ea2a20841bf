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
# # Which change of the hardware pays, until where, and what is the next bottleneck?
#
# On raspberry-pi-4b the SIMD width pays most for quicknet: 1024 bit make it 2.30 times as fast as
# its 45.0 ms before a doubling saves less than 5%, then come popcount and issue ×4 (1.38 times), L2
# size ×4 (1.10 times), issue width ×2 (1.10 times), memory bandwidth ×2 (1.07 times), and the
# popcount rate alone pays at no factor. As it is, 70% of the time is limited by the issue width; at
# the knee of the SIMD width the next bottleneck is DRAM with 36%, and twice the memory bandwidth
# gains 1.20 times there where it gains 1.07 times alone.
#
# Predictions for the Cortex-A72 of a Raspberry Pi 4, one thread, of the instructions that Larq
# Compute Engine's kernels issue. The roofline has one rate for a binary vector step, into which
# popcount, the front end and all else of a step have gone already: neither popcount rate nor issue
# width enters it. Counting instructions keeps them apart, so that those two can be asked about.

# %%
# %matplotlib inline
import pandas as pd

import xnorsim as xs

# %% [markdown]
# ## Parameters

# %%
NETWORK = "quicknet"  # or "bireal-net-18", or a file
PROFILE = "raspberry-pi-4b"
PREDICTOR = "instructions:larq"
OTHERS = ("instructions:own", "roofline")  # do they agree?
FACTORS = (1 / 2, 1, 2, 4, 8, 16)
SAVING = 0.05  # a doubling that saves less of the latency does not pay
FIELDS = {  # fields that are scaled together stand in one tuple
    "popcount rate": "instructions.popcount.per_cycle",
    "issue width": "core.issue_width",
    "popcount and issue": ("instructions.popcount.per_cycle", "core.issue_width"),
    "SIMD width": "simd.bits",
    "L2 size": "memories.L2.size",
    "memory bandwidth": ("memories.DRAM.bandwidth", "memories.DRAM.shared_bandwidth"),
}
SIMD_BITS = ("128 bit", "256 bit", "512 bit", "1024 bit")
MEMORY = (("4.1 GB/s", "5 GB/s"), ("8.2 GB/s", "10 GB/s"), ("16.4 GB/s", "20 GB/s"))  # core, all

# %% [markdown]
# ## Each part alone
#
# One part is so many times what it is, all else stays. The band is the 90% range of all other
# numbers of the profile and of the model; it moves up and down as a whole, since the same numbers
# are off at every factor. A ring marks the last doubling that saves at least `SAVING`.

# %%
table = xs.scaled_hardware(NETWORK, FIELDS, profile=PROFILE, factors=FACTORS, predictor=PREDICTOR)
xs.hardware_figure(table, saving=SAVING)

# %%
knees = xs.knees(table, saving=SAVING)
knees.round(3)

# %%
table[["value", "latency_s", "latency_s_low", "latency_s_high", "energy_j"]].round(4)

# %%
for note in table.attrs["notes"]:
    print("left out:", note)

# %% [markdown]
# ## The next bottleneck
#
# The time of each stage of each layer goes to what it is limited by: the front end (issue width), a
# set of ports (F0 and F1 execute the vector instructions), or a memory level. Where the bars change
# is where another part has become the slowest one.

# %%
xs.bottleneck_figure(table)

# %% [markdown]
# ## Two parts together
#
# What one part gains depends on the other: wide vectors wait for memory, and memory alone is not
# what the machine waits for. Speedup over the machine as it is, by a sweep of both.

# %%
memory = {"link": FIELDS["memory bandwidth"], "values": MEMORY}
both = xs.sweep(
    NETWORK,
    {"memory": memory, "simd.bits": list(SIMD_BITS)},
    profile=PROFILE,
    predictor=PREDICTOR,
)
own = {"simd.bits": SIMD_BITS[0], "memory": ", ".join(MEMORY[0])}
xs.heatmap_figure(both, "simd.bits", "memory", baseline=own)

# %%
latency = both.latency_s.transpose("memory", "simd.bits").values
speedup = pd.DataFrame(
    latency[0, 0] / latency,
    index=pd.Index([row[0] for row in MEMORY], name="memory, one core"),
    columns=pd.Index(SIMD_BITS, name="SIMD width"),
)
speedup.round(2)

# %% [markdown]
# ## Do other predictors agree?
#
# `instructions:own` is another binary loop, that waits for the ports F0 and F1 where Larq's kernels
# wait for the front end. All predictors agree on what pays most; where a knee lies depends on the
# program.

# %%
others = {
    predictor: xs.knees(
        xs.scaled_hardware(
            NETWORK,
            FIELDS,
            profile=PROFILE,
            factors=[factor for factor in FACTORS if factor >= 1],
            predictor=predictor,
        ),
        saving=SAVING,
    )
    for predictor in OTHERS
}
agreement = pd.concat({PREDICTOR: knees, **others}, names=["predictor"])
agreement[["pays_until", "value", "speedup", "limited_by", "share"]].round(2)

# %% [markdown]
# ## What this leaves out
#
# - The program stays the same. A popcount that counts wider words, or counts and adds at once,
#   would need another loop; what is asked here is only how often the one there is may start.
# - Vectors become wider together with all that moves them: loads, stores and registers. Bandwidths
#   of L2 and memory stay. Channels that do not fill a vector leave lanes empty, which is counted.
# - A larger cache or a wider unit costs no clock here, and no area or energy at rest.
# - The ranges are those of one prediction. They do not overlap less because a part is faster; what
#   a change gains is known better than the latency, since both are off in the same way.

# %% [markdown]
# ## The answer, computed


# %%
def gains(row):
    """A part that pays: until where, and what it gains."""
    return f"{row.Index} ×{row.pays_until:g} ({row.speedup:.2f} times)"


rows = list(knees.itertuples())
best, *rest = (row for row in rows if row.pays_until > 1)
unpaid = [row.Index for row in rows if row.pays_until == 1]
start = xs.knees(table[table.index.get_level_values("factor") <= 1], saving=SAVING).iloc[0]
widest = speedup.columns[-1]
alone, beside = speedup[SIMD_BITS[0]].iloc[1], speedup[widest].iloc[1] / speedup[widest].iloc[0]

print(
    f"On {PROFILE} the {best.Index} pays most for {NETWORK}: {best.value} make it "
    f"{best.speedup:.2f} times as fast as its {1e3 * start.latency_s:.1f} ms before a doubling "
    f"saves less than {SAVING:.0%}, then come {', '.join(map(gains, rest))}, and the "
    f"{' and the '.join(unpaid)} alone pays at no factor. As it is, {start.share:.0%} of the time "
    f"is limited by the {start.limited_by}; at the knee of the {best.Index} the next bottleneck is "
    f"{best.limited_by} with {best.share:.0%}, and twice the memory bandwidth gains {beside:.2f} "
    f"times there where it gains {alone:.2f} times alone."
)

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
# # Which machine should run a binary network?
#
# For quicknet within 33.3 ms an image buy raspberry-pi-5 or apple-m1: of what is surely in time
# nothing takes certainly less energy than their 87.3 mJ (80.7–113 mJ) and 54.6 mJ (37.0–90.2 mJ).
# On the machines below quicknet is 1.2 to 1.4 times as fast as bireal-net-18 and 2.5 to 3.6 times
# as fast as resnet18 bwn, and the core, not memory, bounds 77% to 95% of its time.
#
# These are predictions for one program, our own kernels, with the ranges of everything that the
# profiles do not know exactly. Where two ranges overlap there is no difference to tell. Prices are
# not in the profiles, and how accurate these networks are is told by `frontier`.

# %%
# %matplotlib inline
import pandas as pd

import xnorsim as xs
from xnorsim.analysis.ranking import gains, offers
from xnorsim.show.bounds_plot import bounds_figure
from xnorsim.show.labels import quantity, quantity_range
from xnorsim.show.ranges_plot import ranged_totals, ranges_figure

# %% [markdown]
# ## Parameters

# %%
PROFILES = (
    "raspberry-pi-3b-plus",
    "raspberry-pi-4b",
    "raspberry-pi-5",
    "pixel-1",
    "apple-m1",
    "x86-avx512-vpopcnt",
)  # all that there are: xs.profile_names()
NETWORKS = {"bireal-net-18": "none", "quicknet": "none", "resnet18": "bwn"}  # and how to binarize
DEADLINE_S = 1 / 30  # an image must be done by then
WANTED = "quicknet"  # the network to buy for
THREADS = 1
PREDICTOR = "instructions:own"  # or another program's kernels, as instructions:larq on Arm

# %% [markdown]
# ## Latency and energy
#
# A marker is the prediction, a line its range: nine tenths of the predictions when every number of
# the profile is drawn within its own range. Energy has the machine's static power in it.

# %%
options = {"profile": PROFILES, "threads": THREADS, "predictor": PREDICTOR}
reports = {
    name if how == "none" else f"{name} {how}": xs.analyze(name, binarize=how, **options)
    for name, how in NETWORKS.items()
}
latency = (f"predicted latency, threads: {THREADS}", "s", ranged_totals(reports, "latency_s"))
energy = ("predicted energy an image", "J", ranged_totals(reports, "energy_j"))
ranges_figure(PROFILES, [latency, energy])

# %% [markdown]
# ## What to buy
#
# In time is `surely` what keeps the deadline at the slow end of its range, `perhaps` what keeps it
# at the quick end. The rank of an energy is 1 + the number of machines that are surely in time and
# certainly take less: machines of one rank cannot be told apart.

# %%
table = pd.concat({name: offers(report, DEADLINE_S) for name, report in reports.items()})
milli = (1e3 * table.filter(regex="latency|energy")).map("{:.1f}".format)
pd.DataFrame(
    {
        "latency [ms]": milli.latency_s,
        "its range": milli.latency_s_low + " – " + milli.latency_s_high,
        "in time": table.in_time,
        "energy [mJ]": milli.energy_j,
        "range of it": milli.energy_j_low + " – " + milli.energy_j_high,
        "rank by energy": table["rank"].astype(str).replace("<NA>", "-"),
    }
)

# %% [markdown]
# ## Which network
#
# How many times faster the wanted network is than each other one, with the range: both are drawn on
# the same machine, so what they share cancels, and a ratio is known better than either time.

# %%
others = {name: report for name, report in reports.items() if name != WANTED}
ratios = pd.concat({name: gains(reports[WANTED], other) for name, other in others.items()}, axis=1)
ratios.round(2)

# %% [markdown]
# ## What bounds each layer
#
# A strip is one inference, layer after layer, each as wide as its share of the time. Neighbours
# with the same bound are one piece.

# %%
bounds_figure([report.to_dict() for report in reports.values()])

# %%
bounds = pd.concat({name: report.costs for name, report in reports.items()})
bounds = bounds.groupby([bounds.index.get_level_values(0), "profile", "bound"]).latency_s.sum()
shares = bounds.unstack().fillna(0)
shares = shares.div(shares.sum(axis=1), axis=0).reindex(table.index)
shares.round(3)

# %% [markdown]
# ## The answer for these parameters

# %%
wanted = table.loc[WANTED]
bought = wanted[(wanted["rank"] == 1).fillna(False)]
needs = " and ".join(
    f"{quantity(row.energy_j, 'J')} ({quantity_range(row.energy_j_low, row.energy_j_high, 'J', 3)})"
    for row in bought.itertuples()
)
advice = (
    f"buy {' or '.join(bought.index)}: of what is surely in time nothing takes certainly less "
    f"energy than their {needs}"
    if needs
    else "buy none of these machines: none is surely in time"
)
faster = " and ".join(
    f"{ratios[name].value.min():.1f} to {ratios[name].value.max():.1f} times as fast as {name}"
    for name in others
)
core = shares.loc[WANTED].filter(("instructions", "compute")).sum(axis=1)
print(
    f"For {WANTED} within {quantity(DEADLINE_S, 's')} an image {advice}. On the machines below "
    f"{WANTED} is {faster}, and the core, not memory, bounds {core.min():.0%} to {core.max():.0%} "
    "of its time."
)

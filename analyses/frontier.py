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
# # What accuracy does a predicted cost buy?
#
# Of 27 networks 8 are on the latency front of raspberry-pi-4b: binary ones up to quicknet-large
# (66.9% in 121 ms), and float ones from resnet18 (69.8% in 413 ms) on, 2.9 points more for 3.4
# times the cost. On zen-4 real-to-binary-net leaves it and none joins it, too close to call for
# real-to-binary-net.
#
# Accuracies are top-1 on ImageNet as their authors published them, with other recipes, crops and
# years: the front says what was reached, not what a design can reach. Costs are predictions for one
# image on one thread; both machines run the same program, so that only the machine differs.

# %%
# %matplotlib inline
import pandas as pd

import xnorsim as xs

# %% [markdown]
# ## Parameters

# %%
PROFILES = ("raspberry-pi-4b", "zen-4")
PREDICTOR = "instructions:own"  # the same program on both; "roofline" assumes none
NETWORKS = None  # those of the zoo with a published accuracy; or a tuple of names
COST = "latency_s"  # of the answer; or "energy_j"
COSTS = ("latency_s", "energy_j", "memory_bytes")

# %% [markdown]
# ## Accuracy against latency, energy and memory
#
# The dashed line joins the networks that no other beats, being at least as accurate for less.

# %%
tables = {name: xs.frontier(name, networks=NETWORKS, predictor=PREDICTOR) for name in PROFILES}
here, there = (tables[name] for name in PROFILES)
xs.frontier_figure(here)

# %%
xs.frontier_figure(there, metric="latency")

# %% [markdown]
# ## Who is on the front, and who leaves it
#
# Memory is counted and the same on every machine: weights as stored, binary ones in words, and the
# most activations alive at a time.

# %%
members = pd.DataFrame(
    {
        (name, cost): table[f"on_front_{cost}"]
        for name, table in tables.items()
        for cost in COSTS
        if table[cost].notna().all()
    }
)
members = members.reindex(here.index)
members[members.any(axis=1)].replace({True: "front", False: ""})

# %% [markdown]
# ## How sure is that?
#
# A range is wide, and most of it is common to all networks on a machine: if the clock or the
# program is slower than assumed, it is so for each of them. `front_share` takes the same draw of
# all numbers for each network and tells at how many draws it is on the front. `may_be_on_front` is
# more careful: it takes ranges as if they had nothing in common, and asks whether a network at
# least as accurate costs less even at the worst of one and the best of the other. Networks that
# this alone keeps are too close to call if the model is off for one network and not for the other.

# %%
ends = [COST, f"{COST}_low", f"{COST}_high"]
places = [f"{word}_{COST}" for word in ("on_front", "front_share", "may_be_on_front")]
sure = pd.concat(tables, names=["profile"])[["top1", "precision", *ends, *places]]
sure = sure[sure[f"may_be_on_front_{COST}"]]
sure.rename(columns=lambda name: name.removesuffix(f"_{COST}")).round(4)

# %% [markdown]
# ## Where the accuracies are from

# %%
here[["top1", "top5", "accuracy_source", "precision"]]

# %%
for name, table in tables.items():
    for note in table.attrs["notes"]:
        print(f"{name}: {note}")

# %% [markdown]
# ## What this leaves out
#
# - No accuracy is ours: weights of the zoo are drawn from a seed. Float networks of torchvision and
#   binary ones of Larq were trained for as long as their authors liked; years lie between them.
# - Float networks run in float32 here; the zoo has none in int8, whose weights take a quarter, and
#   no small float networks such as MobileNet. The gap between the binary and the float end of the
#   front is also that nothing in the zoo stands between them.
# - A network off the front may still be the right one for another task or another data set.

# %% [markdown]
# ## The answer, computed


# %%
def front(table):
    """The networks on the front of the cost, from the cheapest on."""
    return table[table[f"on_front_{COST}"]].sort_values(COST)


def told(row):
    """A network with what it reaches and takes."""
    return f"{row.name} ({row.top1:.1f}% in {1e3 * row[COST]:.3g} {UNIT})"


UNIT = {"latency_s": "ms", "energy_j": "mJ"}[COST]
first, other = front(here), front(there)
binary = first[first.precision == "binary"].iloc[-1]
floats = first[first.precision == "fp"].iloc[0]
left = list(first.index.difference(other.index))
joined = list(other.index.difference(first.index))
close = [name for name in left if there.loc[name, f"may_be_on_front_{COST}"]]

print(
    f"Of {len(here)} networks {len(first)} are on the {COST.partition('_')[0]} front of "
    f"{PROFILES[0]}: binary ones up to {told(binary)}, and float ones from {told(floats)} on, "
    f"{floats.top1 - binary.top1:.1f} points more for {floats[COST] / binary[COST]:.1f} times the "
    f"cost. On {PROFILES[-1]} {', '.join(left) or 'none'} leaves it and "
    f"{', '.join(joined) or 'none'} joins it, too close to call for "
    f"{' and '.join(close) or 'none'}."
)

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
# # The figures of the XNOR-Net paper, and the same layer on a machine
#
# The paper's two speedup curves follow from operation counts alone (62.27 times at 256 channels
# and 3 × 3 filters, never more than 64), and on the machines below the same layer gains less than
# that over the peak of their float units at every point of both curves. The paper's memory figure
# sets one bit against double precision, a factor of 64 (AlexNet: 475.9 MiB to 7.4 MiB); against
# single precision it is 32, and 10.4 for AlexNet with its first and last layer left in floats.
#
# Source: Rastegari, Ordonez, Redmon, Farhadi, *XNOR-Net*, ECCV 2016 (arXiv 1603.05279), section
# 4.1 and figure 4; the same in *Enabling AI at the Edge with XNOR-Networks*, CACM 63(12), 2020.

# %%
# ruff: noqa: B018 - a cell shows its last expression
# %matplotlib inline
import pandas as pd

import xnorsim as xs
from xnorsim.cost.curves import speedup_by_channels, speedup_by_filter
from xnorsim.show.plots import speedup_figure

# %% [markdown]
# ## Parameters

# %%
PROFILES = ("raspberry-pi-4b", "pixel-1", "x86-avx512-vpopcnt")
BASELINE = "peak"  # of the machines' curves; the formula has its own, "paper"
CHANNELS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
KERNELS = (1, 3, 5, 7, 9, 11, 13, 15, 17, 20)
NETWORKS = ("alexnet", "vgg19", "resnet18")  # AlexNet without groups: 62.4 M parameters

# %% [markdown]
# ## Speedup
#
# One convolution over 14 × 14 positions. The formula counts operations: 64 binary ones or one
# float one a clock, and one float operation an output. The machines' curves add what the formula
# leaves out: taking signs and packing them, scaling, memory, and the start of a layer. Bands span
# the range of every number in the profile.

# %%
machines = [None, *(xs.load_profile(name) for name in PROFILES)]
by_channels = [
    speedup_by_channels(machine, baseline=BASELINE, channels=CHANNELS) for machine in machines
]
by_filter = [speedup_by_filter(machine, baseline=BASELINE, kernels=KERNELS) for machine in machines]
figure = speedup_figure(by_channels, by_filter)
figure


# %%
def table(curves, index):
    """The curves as columns, each with its baseline."""
    columns = {f"{curve.name} over {curve.baseline}": curve.value.round(2) for curve in curves}
    return pd.DataFrame(columns, index=pd.Index(curves[0].x, name=index))


channels_table = table(by_channels, "channels")
channels_table

# %%
filter_table = table(by_filter, "filter side")
filter_table

# %% [markdown]
# ## Memory
#
# One bit a parameter is the paper's figure. What a network needs in the end is more: scales,
# biases, and the layers that stay in floats.


# %%
def memory(name):
    """Sizes of one network in MiB, and how many times smaller each binary form is."""
    totals = xs.analyze(name, binarize="xnor").totals
    mib = 8 * 2**20
    single = totals["weight_bits_fp32"]
    one_bit = single // 32
    return {
        "parameters": totals["parameters"],
        "double [MiB]": 2 * single / mib,
        "single [MiB]": single / mib,
        "one bit [MiB]": one_bit / mib,
        "double / one bit": 2 * single / one_bit,
        "single / one bit": single / one_bit,
        "as stored [MiB]": totals["stored_bits"] / mib,
        "single / as stored": totals["memory_ratio"],
    }


memory_table = pd.DataFrame([memory(name) for name in NETWORKS], index=NETWORKS).round(2)
memory_table

# %%
if __name__ == "__main__":  # as a script, where nothing shows itself
    for each in (channels_table, filter_table, memory_table.T):
        print(each.to_string(), end="\n\n")

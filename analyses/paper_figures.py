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
# # Where do the XNOR-Net paper's speedup and memory figures come from?
#
# Operation counts alone give its speedup, 62.27× at 256 channels and 3 × 3 filters and never more
# than 64×; on the machines below the same convolutions gain 1.2× to 19.7× over the peak of their
# float units. Its memory figure is 64× because it sets one bit against double precision (alexnet:
# 475.9 MiB against 7.4 MiB); against single precision that is 32×, and 10.4× for alexnet as
# stored, with its first and last layer in floats.
#
# Source: Rastegari, Ordonez, Redmon, Farhadi, *XNOR-Net*, ECCV 2016 (arXiv 1603.05279), section
# 4.1 and figure 4; the same in *Enabling AI at the Edge with XNOR-Networks*, CACM 63(12), 2020.

# %%
# %matplotlib inline
import pandas as pd

import xnorsim as xs
from xnorsim.cost.curves import CHANNELS_OF_FILTERS, KERNEL, speedup_by_channels, speedup_by_filter
from xnorsim.cost.formula import BINARY_OPS_PER_CLOCK, speedup
from xnorsim.show.bars import bars_figure
from xnorsim.show.plots import speedup_figure

# %% [markdown]
# ## Parameters

# %%
PROFILES = ("raspberry-pi-4b", "pixel-1", "x86-avx512-vpopcnt")
BASELINE = "peak"  # of the machines' curves; the formula has its own, "paper"
CHANNELS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
FILTERS = (1, 3, 5, 7, 9, 11, 13, 15, 17, 20)
NETWORKS = ("alexnet", "vgg19", "resnet18")  # AlexNet without groups: 62.4 M parameters

# %% [markdown]
# ## Speedup
#
# One convolution over 14 × 14 positions. The formula counts operations, 64 binary ones or one
# float one a clock, and one float operation an output:
#
#     S = 64 c N_W / (c N_W + 64)      c: input channels, N_W: width × height of the filter
#
# The machines' curves add what it leaves out: taking signs and packing them, scaling, memory, and
# the start of a layer. Bands span the range of every number in the profile.

# %%
machines = [None, *(xs.load_profile(name) for name in PROFILES)]
by_channels = [
    speedup_by_channels(machine, baseline=BASELINE, channels=CHANNELS) for machine in machines
]
by_filter = [speedup_by_filter(machine, baseline=BASELINE, kernels=FILTERS) for machine in machines]
speedup_figure(by_channels, by_filter)


# %%
def table(curves, index):
    """The curves as columns, each with its baseline."""
    columns = {f"{curve.name} over {curve.baseline}": curve.value.round(2) for curve in curves}
    return pd.DataFrame(columns, index=pd.Index(curves[0].x, name=index))


table(by_channels, "channels")

# %%
table(by_filter, "filter side")

# %% [markdown]
# ## Memory
#
# One bit a parameter is the paper's figure. What a network needs in the end is more: scales,
# biases, and the layers that stay in floats.

# %%


def sizes(name):
    """Sizes of one network in MiB, and how many times smaller each binary form is."""
    totals = xs.analyze(name, binarize="xnor").totals
    single, stored = totals["weight_bits_fp32"] / 2**23, totals["stored_bits"] / 2**23
    double, one_bit = 2 * single, single / 32
    return {
        "parameters [M]": totals["parameters"] / 1e6,
        "double [MiB]": double,
        "single [MiB]": single,
        "as stored [MiB]": stored,
        "one bit [MiB]": one_bit,
        "double / one bit": double / one_bit,
        "single / one bit": single / one_bit,
        "single / as stored": single / stored,
    }


memory = pd.DataFrame({name: sizes(name) for name in NETWORKS})
mebibytes = memory.filter(like="MiB", axis=0).rename(lambda name: name.removesuffix(" [MiB]"))
bars_figure(NETWORKS, mebibytes.T.to_dict("list"), "all weights (MiB), logarithmic")

# %%
memory.round(2)

# %% [markdown]
# ## What each number of the paper rests on
#
# | in the paper | where it comes from | what it rests on |
# |:---|:---|:---|
# | 62.27×, speedup of a layer | the formula at c = 256, 3 × 3 | one float multiply-accumulate or 64 binary ones a clock; one float operation an output; no memory, packing, K map or normalization |
# | the limit of both curves, 64× | the formula as c N_W grows | registers of 64 bits; XNOR and popcount of a word in one clock together |
# | 58×, a layer on a CPU | measured by the authors, on their CPU | their float convolution is the baseline; allocation of memory and access to it are left out |
# | ~2×, binary weights alone | additions without multiplications | a multiply-accumulate is two operations; where it is one instruction nothing is gained |
# | ~32×, memory (abstract) | 32 bits / 1 bit a parameter | single precision; every parameter binary, of the first and last layer too; no scales |
# | 475 MB to 7.4 MB, AlexNet (figure) | 64 bits / 1 bit a parameter | double precision, otherwise as above; no groups (62.4 M parameters) |
# | 1 GB to 16 MB, VGG-19; 100 MB to 1.5 MB, ResNet-18 | the same | the same; the table above has what the round numbers are |

# %% [markdown]
# ## The answer for these parameters

# %%
of_paper = speedup(CHANNELS_OF_FILTERS, KERNEL**2)
gains = [point for curve in (*by_channels[1:], *by_filter[1:]) for point in curve.value]
first = memory[NETWORKS[0]]
print(
    f"Operation counts alone give its speedup, {of_paper:.2f}× at {CHANNELS_OF_FILTERS} channels "
    f"and {KERNEL} × {KERNEL} filters and never more than {BINARY_OPS_PER_CLOCK}×; on the machines "
    f"below the same convolutions gain {min(gains):.1f}× to {max(gains):.1f}× over the {BASELINE} "
    f"of their float units. Its memory figure is {first['double / one bit']:.0f}× because it sets "
    f"one bit against double precision ({NETWORKS[0]}: {first['double [MiB]']:.1f} MiB against "
    f"{first['one bit [MiB]']:.1f} MiB); against single precision that is "
    f"{first['single / one bit']:.0f}×, and {first['single / as stored']:.1f}× for {NETWORKS[0]} as "
    "stored, with its first and last layer in floats."
)

"""Keras and Larq networks -> Graph: a config as JSON, or HDF5 with it. One module a step:

file and hdf5 open, config reads the layers and who calls whom, rules has what each kind of layer
becomes (products, windows, elements, movement, activations, lambdas), quantizers and kernels what
Larq's quantizers make of inputs and weights, walk runs over the layers.
Weights stay in their file: shapes are looked at, values only when a `Parameter` is loaded.
"""

from xnorsim.importers.keras.file import is_hdf5, is_keras_json
from xnorsim.importers.keras.reading import read_graph, stated_inputs

__all__ = ["is_hdf5", "is_keras_json", "read_graph", "stated_inputs"]

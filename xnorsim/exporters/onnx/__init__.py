"""Graph -> ONNX, with QONNX's operators for binary and other narrow layers."""

from xnorsim.exporters.onnx.model import model

__all__ = ["model"]

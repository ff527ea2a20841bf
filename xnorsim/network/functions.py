"""The elementwise functions, operators and reductions that layer kinds are made of."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Function", "Operator", "Reduction"]


class Function(StrEnum):
    """Elementwise functions of one tensor."""

    ABS = "abs"
    ACOS = "acos"
    ACOSH = "acosh"
    AFFINE = "affine"  # alpha * x + beta, of recurrent layers
    ASIN = "asin"
    ASINH = "asinh"
    ATAN = "atan"
    ATANH = "atanh"
    CEIL = "ceil"
    CELU = "celu"
    CLIP = "clip"
    COS = "cos"
    COSH = "cosh"
    ELU = "elu"
    ERF = "erf"
    EXP = "exp"
    FLOOR = "floor"
    GELU = "gelu"
    GELU_TANH = "gelu_tanh"  # by the approximation with tanh
    HARD_SIGMOID = "hard_sigmoid"
    HARD_SWISH = "hard_swish"
    LEAKY_RELU = "leaky_relu"
    LOG = "log"
    MISH = "mish"
    NEG = "neg"
    NOT = "not"
    PRELU = "prelu"  # parameter: slope
    RECIPROCAL = "reciprocal"
    RELU = "relu"
    ROUND = "round"
    SCALED_TANH = "scaled_tanh"  # alpha * tanh(beta * x), of recurrent layers
    SELU = "selu"
    SHRINK = "shrink"
    SIGMOID = "sigmoid"
    SIGNUM = "signum"  # -1, 0 or +1, and not packed: see ops.Sign for what a binary layer reads
    SILU = "silu"
    SIN = "sin"
    SINH = "sinh"
    SOFTPLUS = "softplus"
    SOFTSIGN = "softsign"
    SQRT = "sqrt"
    TAN = "tan"
    TANH = "tanh"
    THRESHOLDED_RELU = "thresholded_relu"


class Operator(StrEnum):
    """Elementwise operators of two or more tensors."""

    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"
    MAX = "max"
    MIN = "min"
    MEAN = "mean"
    MOD = "mod"  # the sign of the divisor
    FMOD = "fmod"  # the sign of the dividend
    POW = "pow"


class Reduction(StrEnum):
    """How many elements become one."""

    MAX = "max"
    MIN = "min"
    MEAN = "mean"
    SUM = "sum"
    PROD = "prod"
    L1 = "l1"
    L2 = "l2"
    LP = "lp"  # of the order that a pool states
    SUM_SQUARE = "sum_square"
    LOG_SUM = "log_sum"
    LOG_SUM_EXP = "log_sum_exp"
    ARG_MAX = "arg_max"
    ARG_MIN = "arg_min"

"""What is published of the networks: accuracies and sizes with their sources, and how ours differ.

A network of the catalogue has one entry here. Figures are those of the sources named beside them.
"""

from __future__ import annotations

from xnorsim.zoo.card import Accuracy, Card, Published, Quantity

__all__ = ["CARDS"]

IMAGENET = "ImageNet"
MNIST = "MNIST"
CIFAR10 = "CIFAR-10"

_MB, _MIB = 10.0**6, 2.0**20

_XNOR = "Rastegari et al., XNOR-Net, ECCV 2016"
_CACM = "Rastegari et al., Enabling AI at the Edge with XNOR-Networks, CACM 63(12), 2020"
_TORCHVISION = "torchvision, weights IMAGENET1K_V1"
_LARQ_DOCS = "larq_zoo 2.4, documentation"
_LARQ_SUMMARY = "larq.models.summary, larq 0.14 with larq_zoo 2.4"
_DARKNET = "Darknet, pjreddie.com/darknet/imagenet, model Extraction"
_FINN = "Umuroglu et al., FINN, FPGA 2017, abstract"
_BREVITAS = "Brevitas, brevitas_examples/bnn_pynq"
_KRIZHEVSKY = "Krizhevsky, Sutskever, Hinton, NIPS 2012"

_ALL_BINARY = (
    "the paper takes one bit for every weight; here the first and the last layer, scales and batch "
    "normalizations are float32"
)
_PROJECTIONS = (
    "Assumed: projections are binary like the rest. The paper does not tell; the authors' code for "
    "AlexNet takes every convolution but the first and the last."
)
_EXTRACTION = (
    "Known: 21 convolutions of 1x1 and 3x3 in turn, in Darknet's implementation (section 4.2 and "
    "its footnote). Assumed: Darknet's extraction.cfg of today is that of 2016."
)
_SCALED = (
    "Alpha and K are those of the paper. The authors' code leaves K out, and its sign of 0 is 0 "
    "where ours is +1."
)


def _torchvision(
    top1: float, top5: float, parameters: int, gigamacs: float, *notes: str, more: tuple = ()
) -> Card:
    return Card(
        IMAGENET,
        (Accuracy(top1, top5, _TORCHVISION), *more),
        (
            Published(Quantity.PARAMETERS, parameters, 1, "torchvision"),
            Published(Quantity.MACS, gigamacs * 1e9, 1e7, "torchvision (as GFLOPS)"),
        ),
        notes,
    )


def _larq(
    top1: float,
    top5: float,
    parameters: int,
    vectors: int,
    mebibytes: float,
    vectors_stored: int,
    macs: int,
    *notes: str,
) -> Card:
    step = 0.01 * _MIB
    return Card(
        IMAGENET,
        (Accuracy(top1, top5, _LARQ_DOCS),),
        (
            Published(Quantity.PARAMETERS, parameters, 1, _LARQ_DOCS, vectors),
            Published(Quantity.SIZE, mebibytes * _MIB, step, _LARQ_DOCS, vectors_stored),
            Published(Quantity.MACS, macs, 1, _LARQ_SUMMARY),
        ),
        notes,
    )


def _xnor(top1: float, top5: float, table: int, *notes: str, more: tuple = ()) -> Card:
    source = f"{_XNOR}, table {table}"
    return Card(IMAGENET, (Accuracy(top1, top5, source), *more), notes=notes)


def _sized(card: Card, *published: Published) -> Card:
    return Card(card.dataset, card.accuracy, (*card.published, *published), card.notes)


def _one_bit(megabytes: float) -> Published:
    source = f"{_CACM}, figure of memory: a 64th of double precision"
    return Published(Quantity.SIZE, megabytes * _MB, 0.1 * _MB, source, differs=_ALL_BINARY)


_ALEXNETS = {
    "alexnet": Card(
        IMAGENET,
        published=(
            Published(Quantity.SIZE_FLOAT32, 249 * _MB, _MB, f"{_CACM}, section 1"),
            Published(Quantity.SIZE_FLOAT64, 475 * _MIB, _MIB, f"{_CACM}, figure of memory"),
        ),
        notes=(
            "The network of 2012 without its groups: no accuracy of exactly this one is published.",
        ),
    ),
    "alexnet-grouped": Card(
        IMAGENET,
        (Accuracy(59.3, 81.8, f"{_KRIZHEVSKY}, table 2: one network, the mean of ten crops"),),
        (
            Published(Quantity.PARAMETERS, 60e6, 1e6, f"{_KRIZHEVSKY}, abstract"),
            Published(Quantity.PARAMETERS, 61e6, 1e6, f"{_CACM}, section 1"),
            Published(Quantity.OPERATIONS, 1.5e9, 1e8, f"{_CACM}, section 1"),
        ),
        ("The two towers of the paper are one network here, with layers of two groups.",),
    ),
    "alexnet-bn": _xnor(
        56.6, 80.2, 1,
        "After models/alexnet.lua of the authors' Torch code, with padding 2. Table 1 does not say "
        "which AlexNet its full-precision figure is of.",
    ),
    "bwn-alexnet": _sized(
        _xnor(
            56.8, 79.4, 1, "`alexnet-bn` with binary weights from conv2 to fc7; biases stay float."
        ),
        _one_bit(7.4),
    ),
    "xnor-alexnet": _sized(
        _xnor(
            44.2, 69.2, 1, "After models/alexnetxnor.lua of the authors' Torch code.", _SCALED,
            more=(Accuracy(43.3, None, "allenai/XNOR-Net, README: the authors' code, without K"),),
        ),
        _one_bit(7.4),
    ),
}  # fmt: skip

_FLOATS = {
    "vgg16": _torchvision(71.592, 90.382, 138_357_544, 15.47),
    "vgg19": _torchvision(72.376, 90.876, 143_667_240, 19.63),
    "resnet18": _torchvision(
        69.758, 89.078, 11_689_512, 1.81,
        more=(Accuracy(69.3, 89.2, f"{_XNOR}, table 2"),),
    ),
    "resnet50": _torchvision(
        76.13, 92.862, 25_557_032, 4.09,
        "As in torchvision the 3x3 layer of a bottleneck has the stride; He et al. give it to the "
        "1x1 layer before.",
    ),
}  # fmt: skip

_RESIDUAL = {
    "bwn-resnet18": _sized(_xnor(60.8, 83.0, 2, _PROJECTIONS), _one_bit(1.5)),
    "xnor-resnet18": _sized(
        _xnor(
            51.2, 73.2, 2, _PROJECTIONS,
            "Assumed: a projection reads the signs of the block's first convolution, and a batch "
            "normalization and a ReLU stand before the last layer. The paper has the order within "
            "a block only.",
            _SCALED,
        ),
        _one_bit(1.5),
    ),
}  # fmt: skip

_GOOGLENETS = {
    "googlenet-variant": _sized(
        _xnor(
            71.3, 90.0, 2, _EXTRACTION, more=(Accuracy(72.5, 90.8, _DARKNET),)
        ),
        Published(Quantity.OPERATIONS, 8.52e9, 1e7, _DARKNET),
        Published(Quantity.SIZE_FLOAT32, 90 * _MIB, _MIB, _DARKNET),
    ),
    "bwn-googlenet-variant": _xnor(65.5, 86.1, 2, _EXTRACTION),
    "xnor-googlenet-variant": Card(
        IMAGENET,
        notes=(
            _EXTRACTION,
            "The paper has no XNOR-Network of it: this one is its block order applied, with leaky "
            "ReLUs around the two float layers alone.",
        ),
    ),
}  # fmt: skip

_DENSE_2020 = "larq_zoo before c707f2c (May 2021), documentation"

_LARQ_ZOO = {
    "binary-alexnet": _larq(36.30, 61.53, 61_859_192, 3, 7.49, 3, 841_367_552),
    "binary-alexnet-dense": Card(
        IMAGENET,
        (Accuracy(36.30, 61.53, _DENSE_2020),),
        (
            Published(Quantity.PARAMETERS, 61_859_192, 1, _DENSE_2020, 3),
            Published(Quantity.SIZE, 7.49 * _MIB, 0.01 * _MIB, _DENSE_2020, 3),
        ),
        ("The network that Larq's published measurements of 2020 are of.",),
    ),
    "xnor-net-larq": _larq(
        44.96, 69.18, 62_396_768, 3, 22.81, 3, 1_139_124_224,
        "Larq's reading of XNOR-Net: alpha without K, batch normalizations without a scale, and "
        "56x56 positions after the first layer.",
    ),
    "dorefa-net": _larq(53.39, 76.50, 62_403_912, 3, 22.84, 3, 3_049_637_888),
    "bireal-net-18": _larq(57.47, 79.84, 11_699_112, 4, 4.03, 4, 1_814_073_344),
    "binary-resnet-e-18": _larq(58.32, 80.79, 11_699_368, 4, 4.03, 4, 1_814_073_344),
    "binary-densenet-28": _larq(60.91, 82.83, 5_150_504, 4, 4.12, 4, 3_789_867_520),
    "binary-densenet-37": _larq(62.89, 84.19, 8_734_120, 4, 5.25, 4, 4_706_546_688),
    "binary-densenet-37-dilated": _larq(64.34, 85.15, 8_734_120, 4, 5.25, 4, 8_227_095_552),
    "binary-densenet-45": _larq(64.59, 85.21, 13_939_240, 4, 7.54, 4, 6_674_659_584),
    "real-to-binary-net": _larq(65.01, 85.72, 11_995_624, 4, 5.13, 2, 1_814_367_744),
    "meliusnet-22": _larq(
        62.4, 83.9, 6_944_584, 2, 3.88, 2, 4_760_608_768,
        "Larq writes the groups of the first layers as a convolution each; here a layer has them "
        "all, with the same MACs and weights.",
    ),
    "quicknet": _larq(63.3, 84.6, 13_234_088, 2, 4.17, 2, 1_879_339_776),
    "quicknet-small": _larq(59.4, 81.8, 12_655_688, 2, 4.00, 2, 1_171_996_160),
    "quicknet-large": _larq(66.9, 87.0, 23_342_248, 2, 5.40, 2, 3_729_027_840),
}  # fmt: skip

_DENSE_INPUT = (
    "Brevitas' network takes pixels of 0 .. 1 and makes them -1 .. 1 itself; here the input is "
    "what comes of that. Dropout is nothing at inference."
)


def _finn(
    dataset: str, top1: float, *published: Published, more: tuple = (), notes: tuple = ()
) -> Card:
    return Card(
        dataset, (Accuracy(top1, None, _BREVITAS), *more), published, (_DENSE_INPUT, *notes)
    )


_FINNS = {
    "finn-tfc-1w1a": _finn(
        MNIST, 93.17,
        Published(Quantity.MACS, 59_008, 1, "qonnx inference_cost of TFC_1W1A"),
    ),
    "finn-sfc-1w1a": _finn(MNIST, 97.81, more=(Accuracy(95.8, None, _FINN),)),
    "finn-lfc-1w1a": _finn(MNIST, 98.88),
    "finn-cnv-1w1a": _finn(CIFAR10, 84.22, more=(Accuracy(80.1, None, _FINN),)),
}  # fmt: skip

CARDS = {**_ALEXNETS, **_FLOATS, **_RESIDUAL, **_GOOGLENETS, **_LARQ_ZOO, **_FINNS}
"""The card of each network of the catalogue, by name."""

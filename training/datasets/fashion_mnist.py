"""Fashion-MNIST: product pictures of clothes, light on black."""

from service.manifest import InputSpec
from training.dataset import DataSet
from training.formats import idx, npz

_INPUT = InputSpec(height=28, width=28, channels=1)

DATA_SET = DataSet(
    name="fashion_mnist",
    title="Fashion-MNIST: product pictures of clothes, light on black",
    labels=("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    kind="garment",
    input=_INPUT,
    train_images=60_000,
    test_images=10_000,
    digest="ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
    sources=(npz("fashion_mnist", _INPUT), idx(_INPUT)),
    keras_name="fashion_mnist",
    hub_id="zalando-datasets/fashion_mnist",
    licence="MIT",
    citation="Han Xiao, Kashif Rasul, Roland Vollgraf: Fashion-MNIST, 2017, arXiv 1708.07747",
)

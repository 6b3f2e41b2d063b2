"""CIFAR-10: small colour photographs of animals and vehicles."""

from service.manifest import InputSpec
from training.dataset import DataSet
from training.formats import cifar_binary, npz

_INPUT = InputSpec(height=32, width=32, channels=3)

DATA_SET = DataSet(
    name="cifar10",
    title="CIFAR-10: small colour photographs of animals and vehicles",
    labels=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    kind="photo",
    input=_INPUT,
    train_images=50_000,
    test_images=10_000,
    digest="80387ddb9a0edf3fc4a964ee3770296169bb26a651050df20035579673099660",
    sources=(npz("cifar10", _INPUT), cifar_binary()),
    keras_name="cifar10",
    hub_id="uoft-cs/cifar10",
    licence="no licence stated by the authors",
    citation="Alex Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009",
)

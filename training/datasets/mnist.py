"""MNIST: handwritten digits, light ink on black."""

from service.manifest import InputSpec
from training.dataset import DataSet
from training.formats import idx, npz

_INPUT = InputSpec(height=28, width=28, channels=1)

DATA_SET = DataSet(
    name="mnist",
    title="MNIST: handwritten digits, light ink on black",
    labels=tuple("0123456789"),
    kind="digit",
    input=_INPUT,
    train_images=60_000,
    test_images=10_000,
    digest="06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
    sources=(npz("mnist", _INPUT), idx(_INPUT)),
    keras_name="mnist",
    hub_id="ylecun/mnist",
    licence="no licence stated by the authors; commonly distributed as CC BY-SA 3.0",
    citation="Yann LeCun, Corinna Cortes, Christopher J. C. Burges: The MNIST database of handwritten digits",
)

"""The recipes of well-known courses and books, with the settings they state and the accuracy they report.

Sources: Atienza, Advanced Deep Learning with TensorFlow 2 and Keras (Packt 2020), chapter 1; Udacity, Intro to
TensorFlow for Deep Learning; Paddle's quick start and its introductory course; Long's TensorFlow 2 tutorials. What this
code measures stands beside it in docs/reproduction.md.
"""

from training.recipe import Optimizer, Recipe, Reported

_ADAM = Optimizer(name="adam", learning_rate=1e-3, schedule="constant")
_SGD = Optimizer(name="sgd", learning_rate=0.01, schedule="constant")
_ATIENZA = "Atienza, chapter 1"
_UDACITY = "Udacity, Intro to TensorFlow"
_PADDLE = "Paddle, introductory course"
# One field a layer of `plain_cnn.Convolution`: filters, size, padding, pooled.
_CONVOLUTIONS = {
    "atienza": ((64, 3, "valid", True), (64, 3, "valid", True), (64, 3, "valid", False)),
    "lenet5": ((6, 3, "same", True), (16, 5, "valid", True)),
    "conv20": ((20, 5, "same", True), (20, 5, "same", True)),
}
# What most of them have in common; below stands what each has of its own.
_BASE = Recipe(
    name="",
    title="",
    family="textbook",
    data_set="mnist",
    network="mlp",
    epochs=20,
    batch_size=128,
    optimizer=_ADAM,
    scaling="unit",
    validation_images=0,
    precision="float32",
)

RECIPES = (
    _BASE.with_(
        name="cifar10_mlp",
        title="a deep MLP on pixels, at a learning rate that kills some seeds",
        reported=Reported(
            source="TensorFlow 2 tutorials (dragen1860), after lesson 32",
            test=0.46,
            remark="a learning rate of 0.01 is at the edge for this network: where a seed ends is a matter of luck.",
        ),
        data_set="cifar10",
        network_options={"units": (256, 128, 64, 32)},
        epochs=5,
        batch_size=128,
        optimizer=Optimizer(name="adam", learning_rate=0.01, schedule="constant"),
        scaling="symmetric",
    ),
    _BASE.with_(
        name="mnist_mlp",
        title="two dense layers with dropout",
        reported=Reported(source=f"{_ATIENZA}, table 1.3.3", test=0.985),
        network_options={"units": (256, 256), "dropout": 0.45},
        epochs=20,
        batch_size=128,
    ),
    _BASE.with_(
        name="mnist_cnn",
        title="three convolutions of 64 filters",
        reported=Reported(source=f"{_ATIENZA}, table 1.4.1", test=0.994, train=0.9975),
        network="plain_cnn",
        network_options={"convolutions": _CONVOLUTIONS["atienza"], "dropout": 0.2},
        epochs=10,
        batch_size=128,
    ),
    _BASE.with_(
        name="mnist_rnn",
        title="a recurrent network over the rows",
        reported=Reported(source=f"{_ATIENZA}, table 1.5.1", test=0.98, train=0.9726),
        network="row_rnn",
        network_options={"units": 256, "dropout": 0.2},
        epochs=20,
        batch_size=128,
        optimizer=_SGD,
    ),
    _BASE.with_(
        name="fashion_dense128",
        title="one dense layer of 128",
        reported=Reported(
            source=f"{_UDACITY}, lesson 3", train=0.88, remark="the course reports the accuracy on training images."
        ),
        data_set="fashion_mnist",
        network_options={"units": (128,)},
        epochs=5,
        batch_size=32,
    ),
    _BASE.with_(
        name="fashion_dense32",
        title="one dense layer of 32, trained until it overfits",
        reported=Reported(source="TensorFlow tutorials"),
        data_set="fashion_mnist",
        network_options={"units": (32,)},
        epochs=30,
        batch_size=32,
    ),
    _BASE.with_(
        name="fashion_dense128_onehot",
        title="one dense layer of 128, one-hot labels",
        reported=Reported(
            source="TensorFlow tutorials",
            remark="the same network, loss and order as `fashion_dense128`, so to the digit the same result.",
        ),
        data_set="fashion_mnist",
        network_options={"units": (128,)},
        epochs=5,
        batch_size=32,
    ),
    _BASE.with_(
        name="mnist_linear",
        title="the digit as a number, by linear regression",
        reported=Reported(source=f"{_PADDLE}; reports the loss only"),
        epochs=10,
        batch_size=100,
        optimizer=Optimizer(name="sgd", learning_rate=0.001, schedule="constant"),
        loss="squared_error",
        validation_images=10_000,
    ),
    _BASE.with_(
        name="mnist_sigmoid_regression",
        title="the digit as a number, by two sigmoid layers",
        reported=Reported(source=f"{_PADDLE}; reports the loss only"),
        network_options={"units": (10, 10), "activation": "sigmoid"},
        epochs=10,
        batch_size=100,
        optimizer=Optimizer(name="sgd", learning_rate=0.001, schedule="constant"),
        loss="squared_error",
        validation_images=10_000,
    ),
    _BASE.with_(
        name="mnist_lenet5",
        title="LeNet-5 without activations between its dense layers",
        reported=Reported(source="Paddle, quick start", test=0.9844, train=0.986),
        network="plain_cnn",
        network_options={"convolutions": _CONVOLUTIONS["lenet5"], "dense": (120, 84)},
        epochs=5,
        batch_size=64,
        scaling="symmetric",
    ),
    _BASE.with_(
        name="mnist_conv20",
        title="two convolutions of 20 filters, by SGD",
        reported=Reported(source=f"{_PADDLE}; no figure found"),
        network="plain_cnn",
        network_options={"convolutions": _CONVOLUTIONS["conv20"]},
        epochs=10,
        batch_size=100,
        optimizer=_SGD,
        validation_images=10_000,
    ),
)

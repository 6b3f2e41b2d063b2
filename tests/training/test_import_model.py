"""Models trained elsewhere are served as they are, and what could do harm is refused."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner, Result
from keras import layers
from PIL import Image

from service import manifest as contract
from service.inference import operations
from tests.app import app_over
from tests.conftest import SHIPPED, png, shipped
from tests.tiny.datasets import tiny as tiny_data
from training import import_model
from training.cli import main
from training.datasets import arrays
from training.import_model import NotImported

pytestmark = pytest.mark.thorough

LABELS = ("north-west", "north-east", "south-west", "south-east")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with labelled arrays, names of the classes and models as others make them."""
    folder = tmp_path_factory.mktemp("elsewhere")
    keras.config.set_dtype_policy("float32")
    tiny_data.write(folder)
    (folder / "labels.txt").write_text("\n".join(LABELS))
    train, _ = tiny_data.make()
    model = keras.Sequential([keras.Input((12, 12)), layers.Flatten(), layers.Dense(4, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(train.images[..., 0] / 255.0, train.labels, epochs=8, verbose=0)
    model.save(folder / "probabilities.keras")
    model.export(folder / "saved", verbose=False)
    inputs = keras.Input((12, 12, 1), dtype="uint8")
    logits = layers.Dense(4)(layers.Flatten()(layers.Rescaling(1 / 255)(inputs)))
    on_bytes = keras.Model(inputs, logits)
    weights, bias = model.layers[-1].get_weights()
    on_bytes.layers[-1].set_weights([weights, bias])
    on_bytes.save(folder / "logits.keras")
    return folder


def export(place: Path, source: str, models: Path, *words: str) -> Result:
    arrays.read.cache_clear()
    given = ["export", str(place / source), "--models-dir", str(models), "--name", "quarter", "--kind", "photo"]
    labels = () if "--labels" in words else ("--labels", str(place / "labels.txt"))
    return CliRunner().invoke(main, [*given, *labels, *words])


def served(models: Path) -> np.ndarray:
    """The probabilities that the service answers for the first eight test images."""
    client = app_over(models).test_client()
    images = tiny_data.make().test.images[:8, :, :, 0]
    answers = [client.post("/models/quarter/predict", data=png(Image.fromarray(image))) for image in images]
    rows = [answer.get_json()["predictions"][0]["probabilities"] for answer in answers]
    return np.array([[row[label] for label in LABELS] for row in rows])


def expected(place: Path) -> np.ndarray:
    model = keras.saving.load_model(place / "probabilities.keras")
    return np.asarray(model(tiny_data.make().test.images[:8, :, :, 0] / 255.0))


@pytest.mark.parametrize(
    ("source", "pixels"), [("probabilities.keras", "0..1"), ("logits.keras", "0..255"), ("saved", "0..1")]
)
def test_an_imported_model_answers_over_http_as_it_did_elsewhere(
    place: Path, tmp_path: Path, source: str, pixels: str
) -> None:
    result = export(place, source, tmp_path, "--pixels", pixels)
    assert result.exit_code == 0, result.output
    manifest = contract.read(tmp_path / "quarter" / "1")
    assert manifest.labels == LABELS and manifest.temperature is None and manifest.energy_threshold is None
    assert manifest.provenance is None and all(facts.accuracy is None for facts in manifest.engines.values())
    np.testing.assert_allclose(served(tmp_path), expected(place), atol=1e-4)


def test_labelled_images_measure_and_calibrate_it(place: Path, tmp_path: Path) -> None:
    result = export(place, "logits.keras", tmp_path, "--images", str(place / "tiny.npz"))
    assert result.exit_code == 0, result.output
    folder = tmp_path / "quarter" / "1"
    manifest = contract.read(folder)
    assert manifest.temperature and manifest.energy_threshold and (manifest.engines["litert"].accuracy or 0) > 0.8
    assert manifest.calibration_images == 100 and contract.measured_images(manifest, "litert") == 100
    assert "of 100 images (95 % interval" in result.output and "fitted on 100 held-out images" in result.output
    card = (folder / "README.md").read_text()
    assert (folder / "figures" / "confusion.png").exists() and "100 images" in card and "license: unknown" in card
    assert manifest.engines["litert"].validation_images == 100 and manifest.validation_digest
    answer = app_over(tmp_path).test_client().post(
        "/models/quarter/predict", data=png(Image.fromarray(tiny_data.make().test.images[0, :, :, 0]))
    )  # fmt: skip
    assert answer.get_json()["predictions"][0]["in_distribution"] is not None


def test_a_worse_model_is_refused(place: Path, tmp_path: Path) -> None:
    worse = keras.saving.load_model(place / "logits.keras")
    worse.layers[-1].set_weights([-array for array in worse.layers[-1].get_weights()])
    worse.save(tmp_path / "worse.keras")
    words = ("--images", str(place / "tiny.npz"))
    assert export(place, "logits.keras", tmp_path / "models", *words).exit_code == 0
    labels = ("--labels", str(place / "labels.txt"))
    refused = export(tmp_path, "worse.keras", tmp_path / "models", *words, *labels)
    assert refused.exit_code == 1 and "--force" in refused.output


def test_code_inside_a_keras_file_is_not_run(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Lambda(lambda x: x), layers.Flatten(), layers.Dense(2)])
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(NotImported, match="without running code"):
        import_model.load(tmp_path / "lambda.keras", "0..1", 2)


def after(harm: Callable[[tf.Tensor], None], image: tf.Tensor) -> int:
    harm(image)
    return 1


def write_harm(image: tf.Tensor) -> None:
    tf.io.write_file("never", "harm")


def save_harm(image: tf.Tensor) -> None:
    tf.raw_ops.SaveV2(prefix="never", tensor_names=["x"], shape_and_slices=[""], tensors=[image])


def read_harm(image: tf.Tensor) -> None:
    tf.raw_ops.ReaderReadV2(
        reader_handle=tf.raw_ops.WholeFileReaderV2(container="", shared_name=""),
        queue_handle=tf.raw_ops.FIFOQueueV2(
            component_types=[tf.string], shapes=[], capacity=1, container="", shared_name=""
        ),
    )


@pytest.mark.parametrize(
    ("harm", "named"), [(write_harm, "WriteFile"), (save_harm, "SaveV2"), (read_harm, "WholeFileReaderV2")]
)
def test_operations_that_reach_out_of_the_graph_are_refused_by_name(
    tmp_path: Path, harm: Callable[[tf.Tensor], None], named: str
) -> None:
    module = tf.Module()

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        # Inside a branch, as somebody would who hides it.
        tf.cond(tf.reduce_sum(image) < -1, lambda: after(harm, image), lambda: 0)
        return {"logits": tf.reshape(image, (-1, 16))[:, :2]}

    module.serve = tf.function(serve, input_signature=[tf.TensorSpec((None, 4, 4, 1), tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "model"), signatures={"serving_default": module.serve})
    with pytest.raises(NotImported, match=named):
        import_model.load(tmp_path / "model", "0..1", 2)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_models_have_no_operation_that_would_be_refused(name: str) -> None:
    assert operations.refused(shipped(name)) == []


def test_what_litert_cannot_take_is_served_by_tensorflow_alone(place: Path, tmp_path: Path) -> None:
    module = tf.Module()

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        # An operation that LiteRT does not know.
        return {"logits": tf.math.erfinv(tf.reshape(image, (-1, 144))[:, :4] / 300)}

    module.serve = tf.function(serve, input_signature=[tf.TensorSpec((None, 12, 12, 1), tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "model"), signatures={"serving_default": module.serve})
    words = ("--labels", str(place / "labels.txt"))
    for models, more in (("plain", ()), ("measured", ("--images", str(place / "tiny.npz")))):
        result = export(tmp_path, "model", tmp_path / models, *words, *more)
        assert result.exit_code == 0, result.output
        assert list(contract.read(tmp_path / models / "quarter" / "1").engines) == ["tensorflow"]
        assert "only a service that has TensorFlow" in result.output


def saved(folder: Path, layer: layers.Layer, shape: tuple[int | None, ...]) -> Path:
    inputs = keras.Input(shape)
    keras.Model(inputs, layer(inputs)).save(folder / "model.keras")
    return folder / "model.keras"


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotImported, match="not a run, nor"):
        import_model.load(tmp_path, "0..1", 2)
    (tmp_path / "model.keras").write_text("no model")
    with pytest.raises(NotImported, match="cannot be loaded"):
        import_model.load(tmp_path / "model.keras", "0..1", 2)
    with pytest.raises(NotImported, match="3 labels need"):
        import_model.load(saved(tmp_path, layers.GlobalAveragePooling2D(), (8, 8, 1)), "0..1", 3)
    with pytest.raises(NotImported, match="fixed size"):
        import_model.load(saved(tmp_path, layers.GlobalAveragePooling2D(), (None, None, 3)), "0..1", 3)
    with pytest.raises(NotImported, match="images of a fixed size"):
        import_model.load(saved(tmp_path, layers.Dense(2), (64,)), "0..1", 2)


def test_a_model_needs_a_name_and_labels(place: Path) -> None:
    result = CliRunner().invoke(main, ["export", str(place / "logits.keras")])
    assert result.exit_code == 2 and "--name" in result.output and "--labels" in result.output


def test_arrays_of_another_size_than_the_models_are_refused(place: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.npz"
    images, labels = np.zeros((40, 10, 10), np.uint8), np.arange(40) % 4
    np.savez(small, x_train=images, y_train=labels, x_test=images, y_test=labels)
    result = export(place, "logits.keras", tmp_path, "--images", str(small))
    assert result.exit_code == 1 and "takes images of (12, 12, 1), these are (10, 10, 1)" in result.output
    assert "arrays must have that shape already" in result.output


def folder_of(root: Path, images: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> tuple[str, ...]:
    """Writes a folder of images `[N, H, W]` and the names of its classes; returns the options that give both."""
    (root / "labels.txt").write_text("\n".join(names))
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        (root / "own" / names[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(root / "own" / names[label] / f"{number}.png")
    return "--images", str(root / "own"), "--labels", str(root / "labels.txt")


def test_a_folder_of_images_is_read_as_the_model_takes_them(place: Path, tmp_path: Path) -> None:
    # A folder's classes are in the order of their names, the model's in that of its answers.
    test = tiny_data.make().test
    words = folder_of(tmp_path, test.images[:80, :, :, 0], test.labels[:80], ("a", "b", "c", "d"))
    result = export(place, "logits.keras", tmp_path, *words)
    assert result.exit_code == 0, result.output
    assert "accuracy" in result.output
    wrong = export(place, "logits.keras", tmp_path, *words, "--size", "16")
    assert wrong.exit_code == 1 and "without --size and --grey a folder is read as the model takes it" in wrong.output


def test_a_model_of_images_that_are_not_square_is_measured_by_the_advice_that_is_given(tmp_path: Path) -> None:
    inputs = keras.Input((28, 20, 3))
    pooled = layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, layers.Dense(2)(pooled))
    model.layers[-1].set_weights([np.array([[1, -1], [0, 0], [-1, 1]], np.float32) / 50, np.zeros(2, np.float32)])
    model.save(tmp_path / "tall.keras")
    labels = np.arange(80) % 2
    images = np.random.default_rng(1).integers(0, 40, (80, 60, 50, 3), dtype=np.uint8)
    images[np.arange(80), :, :, 2 * labels] += 200
    words = folder_of(tmp_path, images, labels, ("blue", "red")[::-1])
    # By name blue comes first.
    (tmp_path / "labels.txt").write_text("blue\nred")
    model.layers[-1].set_weights([-array for array in model.layers[-1].get_weights()])
    model.save(tmp_path / "tall.keras")
    wrong = export(tmp_path, "tall.keras", tmp_path / "models", *words, "--size", "28")
    assert wrong.exit_code == 1 and "takes images of (28, 20, 3), these are (28, 28, 3)" in wrong.output
    result = export(tmp_path, "tall.keras", tmp_path / "models", *words)
    assert result.exit_code == 0, result.output
    manifest = contract.read(tmp_path / "models" / "quarter" / "1")
    assert manifest.input.shape == (28, 20, 3) and manifest.engines["litert"].accuracy == 1
    client = app_over(tmp_path / "models").test_client()
    answer = client.post("/models/quarter/predict", data=png(Image.fromarray(images[1]))).get_json()
    assert answer["predictions"][0]["label"] == ("red", "blue")[labels[1]]


def two_outputs(folder: Path, names: tuple[str, str]) -> Path:
    """A SavedModel with two outputs of these names, both of four numbers."""
    module = tf.Module()

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        answers = tf.reshape(image, (-1, 144))[:, :4]
        return {names[0]: answers, names[1]: -answers}

    module.serve = tf.function(serve, input_signature=[tf.TensorSpec((None, 12, 12, 1), tf.float32)])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve})
    return folder


def test_of_several_outputs_the_one_to_serve_must_have_its_name(tmp_path: Path) -> None:
    graph = import_model.load(two_outputs(tmp_path / "named", ("embedding", "logits")), "0..255", 4)
    assert (np.asarray(graph.logits(np.full((1, 12, 12, 1), 9, np.uint8))) == -9).all()
    with pytest.raises(
        NotImported, match=r"2 outputs \(embedding, scores\); .* must be called logits or probabilities"
    ):
        import_model.load(two_outputs(tmp_path / "unnamed", ("embedding", "scores")), "0..255", 4)


def test_a_model_that_was_not_measured_does_not_replace_one_that_was(place: Path, tmp_path: Path) -> None:
    assert export(place, "logits.keras", tmp_path, "--images", str(place / "tiny.npz")).exit_code == 0
    refused = export(place, "logits.keras", tmp_path)
    assert refused.exit_code == 1 and "was not measured" in refused.output

"""The model card: a README with Hugging Face's front matter, for people and for model hubs."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from training import backend, calibrate
from training.calibrate import Calibration
from training.cost import Cost
from training.dataset import DataSet, UInt8
from training.evaluate import Exported, confusion
from training.proportions import accuracy_text
from training.recipe import Recipe
from training.report import by_class

_TEMPLATE = """\
---
library_name: tf-keras
pipeline_tag: image-classification
datasets: [{data_set.name}]
metrics: [accuracy]
model-index:
- name: {recipe.name}
  results:
  - task: {{type: image-classification}}
    dataset: {{name: {data_set.name}, type: {data_set.name}, split: test}}
    metrics: [{{type: accuracy, value: {accuracy:.4f}}}]
---

# {recipe.name}

{title}. Takes uint8 images of {height}×{width}×{channels}; scaling, calibration and softmax are inside the
graph. {cost.parameters:,} parameters, {operations:,.1f} million operations an image; {recipe.epochs} epochs on
{data_set.title}. {held_out}

## Measured on the test split

| engine | weights | accuracy | expected calibration error (15 bins) | size |
|---|---|---|---|---|
{engines}

With LiteRT {interval}.

{calibrated}

LiteRT takes {cost.microseconds:.0f} µs for one image, the median of 200 calls on one core of the machine that exported
it ({processor}).

| class | precision | recall | F1 | most often taken for |
|---|---|---|---|---|
{classes}

![Training images](figures/samples.png)
![The network](figures/network.png)
![Learning curves](figures/curves.png)
![Confusion matrix](figures/confusion.png)
![Reliability before and after calibration](figures/reliability.png)
![Test images with predictions](figures/predictions.png)
![The mistakes it was surest of](figures/mistakes.png)

All figures as numbers: [report.json](report.json).

## Limits

Trained on the classes above and nothing else: any other picture still gets one of these names. Not fit for decisions
about people.

## Data and licence

{data_set.title}. Licence of the data: {data_set.licence}. Cite: {data_set.citation}.

## Reproduce

    python -m training {command}
"""


def write(
    recipe: Recipe,
    data_set: DataSet,
    cost: Cost,
    calibration: Calibration | None,
    exported: Exported,
    test_labels: UInt8,
) -> str:
    """The card's Markdown; what was exported was measured on the test split of `test_labels`."""
    measured = exported.measured
    return _TEMPLATE.format(
        recipe=recipe,
        command=_command(recipe),
        title=recipe.title[0].upper() + recipe.title[1:],
        data_set=data_set,
        cost=cost,
        processor=backend.processor(),
        operations=cost.operations / 1e6,
        held_out=_held_out(recipe),
        interval=accuracy_text(measured["litert"].accuracy, len(test_labels)),
        calibrated=_calibrated(calibration),
        accuracy=measured["litert"].accuracy,
        height=data_set.input.height,
        width=data_set.input.width,
        channels=data_set.input.channels,
        engines="\n".join(_engine_rows(exported, cost)),
        classes="\n".join(_class_rows(data_set, confusion(measured["litert"].output.probabilities, test_labels))),
    )


def _engine_rows(exported: Exported, cost: Cost) -> Iterator[str]:
    for name, one in exported.measured.items():
        weights = exported.weights if name == "litert" else "float32"
        size = f"{cost.bytes[name] / 1e6:.2f} MB"
        told = f"{one.accuracy:.2%} | {one.calibration_error:.2%} | {size}"
        yield f"| {name} | {weights} | {told} |"


def _command(recipe: Recipe) -> str:
    options = recipe.data_options
    if recipe.data_set == "arrays":
        return f"train-folder --images FILE.npz --name {recipe.name} --kind {options['kind']}"
    if recipe.data_set != "folder":
        return f"train {recipe.name}"
    shape = f"--size {options['size']}{' --grey' if options['grey'] else ''} --kind {options['kind']}"
    return f"train-folder --images DIR --name {recipe.name} {shape}"


def _held_out(recipe: Recipe) -> str:
    if not recipe.validation_images:
        return "It was trained on the whole training split."
    return f"The last {recipe.validation_images} training images were held out to choose and calibrate."


def _calibrated(calibration: Calibration | None) -> str:
    if calibration is None:
        return f"Calibration: {calibrate.state(None, None)}. `in_distribution` is not answered."
    temperature, slopes = calibration.scaling
    grown = (
        "\nFrom probabilities of 0.5, 0.8 and 0.95 on, the log-odds of the predicted label grow by "
        f"{', '.join(f'{slope:.2f}' for slope in slopes)} of what they did."
    )
    return (
        f"Calibration: {calibrate.state(temperature, calibration.images)}.{grown if calibration.images else ''}\n"
        f"A picture is in distribution if its energy reaches {calibration.energy_threshold:.3f}, which 99 % of the\n"
        "held-out images do, as they are and changed."
    )


def _class_rows(data_set: DataSet, counts: NDArray[np.int64]) -> Iterator[str]:
    for index, (label, found) in enumerate(by_class(data_set.labels, counts).items()):
        wrong = np.where(np.arange(len(counts)) == index, 0, counts[index])
        taken_for = f"{data_set.labels[wrong.argmax()]} ({wrong.max()})" if wrong.any() else "–"
        yield f"| {label} | {found['precision']:.2%} | {found['recall']:.2%} | {found['f1']:.2%} | {taken_for} |"

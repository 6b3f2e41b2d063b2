"""Figures as PNG files; each function draws one and knows nothing of where its numbers come from."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import ConfusionMatrixDisplay

_DPI = 80
_GRID = 5
# Training figures are running means over an epoch of augmented images; they need not lie above the held-out ones.
_CURVES = {"": "training images, augmented, during the epoch", "val_": "held-out images, after the epoch"}


def curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Loss, accuracy and learning rate by epoch; of the held-out images too where there are any."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    epochs = [epoch["epoch"] for epoch in history]
    for axis, name in zip(figure.subplots(1, 3), ("loss", "accuracy", "learning_rate"), strict=True):
        for prefix, text in _CURVES.items():
            if prefix + name in history[0]:
                axis.plot(epochs, [epoch[prefix + name] for epoch in history], marker=".", label=text)
        axis.set_title(name.replace("_", " "))
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    figure.savefig(path, dpi=_DPI)


@rc_context({"text.parse_math": False})  # class names are no formulas
def confusion(counts: Sequence[Sequence[int]], labels: Sequence[str], path: Path) -> None:
    """Counts `[classes, classes]`, true classes down, predicted ones across; the shade is the share of its row."""
    side = max(4.0, 0.62 * len(labels) + 1.5)
    figure = Figure(figsize=(side, side), layout="constrained")
    table = np.asarray(counts)
    shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    display = ConfusionMatrixDisplay(shares, display_labels=labels)
    display.plot(cmap="Blues", xticks_rotation=60, ax=figure.subplots(), colorbar=False, im_kw={"vmin": 0, "vmax": 1})
    for text, count in zip(display.text_.flat, table.flat, strict=True):
        text.set(text=str(count) if count else "", fontsize=8)
    figure.savefig(path, dpi=_DPI)


def reliability(probabilities: Mapping[str, NDArray[np.float32]], truth: NDArray[np.uint8], path: Path) -> None:
    """Accuracy by confidence in 15 bins; on the diagonal a probability means what it says."""
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axis = figure.subplots()
    for name, rows in probabilities.items():
        right = rows.argmax(axis=1) == truth
        confidence = np.minimum(rows.max(axis=1), 1)
        CalibrationDisplay.from_predictions(right, confidence, n_bins=15, pos_label=True, name=name, ax=axis)
    axis.set(xlabel="confidence", ylabel="accuracy")
    figure.savefig(path, dpi=_DPI)


@rc_context({"text.parse_math": False})  # class names are no formulas
def pictures(images: NDArray[np.uint8], captions: Sequence[str], path: Path) -> None:
    """The first 25 of images `[N, H, W, C]` in a square, each below its caption."""
    figure = Figure(figsize=(_GRID * 1.6, _GRID * 1.95), layout="constrained")
    axes = figure.subplots(_GRID, _GRID).ravel()
    for axis, image, caption in zip(axes, images, captions, strict=False):
        axis.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255)
        axis.set_title(caption, fontsize=8)
    for axis in axes:
        axis.set_axis_off()
    figure.savefig(path, format="png", dpi=_DPI)

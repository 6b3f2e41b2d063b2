"""Figures as PNG files; each function draws one and knows nothing of where its numbers come from."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from training.calibrate import Bin
from training.cost import LayerRow
from training.run import Epoch

_DPI = 80
_GRID = 5


def curves(history: Sequence[Epoch], path: Path) -> None:
    """Loss, accuracy and learning rate by epoch; of the held-out images too where there are any."""
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    epochs = [epoch["epoch"] for epoch in history]
    for axis, name in zip(figure.subplots(1, 3), ("loss", "accuracy", "learning_rate"), strict=True):
        for key, told in ((name, "train"), (f"val_{name}", "held out")):
            if key in history[0]:
                axis.plot(epochs, [epoch[key] for epoch in history], marker=".", label=told)
        axis.set_title(name.replace("_", " "))
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(path, dpi=_DPI)


def confusion(counts: NDArray[np.int64], labels: Sequence[str], path: Path) -> None:
    """Counts `[classes, classes]`, true classes down, predicted ones across; the shade is the share of its row."""
    side = max(4.0, 0.62 * len(labels) + 1.5)
    figure = Figure(figsize=(side, side), layout="constrained")
    axis = figure.subplots()
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axis.set_xticks(range(len(labels)), labels, rotation=60, ha="right")
    axis.set_yticks(range(len(labels)), labels)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    for row, column in np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axis.text(column, row, str(counts[row, column]), ha="center", va="center", color=colour, fontsize=8)
    figure.savefig(path, dpi=_DPI)


def reliability(found: Mapping[str, Sequence[Bin]], path: Path) -> None:
    """Accuracy by confidence, one panel a curve; on the diagonal a probability means what it says."""
    figure = Figure(figsize=(4 * len(found), 4), layout="constrained")
    for axis, (name, bins) in zip(np.atleast_1d(figure.subplots(1, len(found))), found.items(), strict=True):
        axis.plot([0, 1], [0, 1], color="grey", linewidth=1)
        axis.bar([b.confidence for b in bins], [b.accuracy for b in bins], width=0.05, alpha=0.8)
        axis.set_title(f"{name} calibration")
        axis.set_xlabel("confidence")
        axis.set_ylabel("accuracy")
        axis.set_xlim(0, 1.02)
        axis.set_ylim(0, 1.02)
    figure.savefig(path, dpi=_DPI)


def network(rows: Sequence[LayerRow], path: Path) -> None:
    """The layers from top to bottom; a box is as wide as its layer has channels, on a logarithmic scale."""
    figure = Figure(figsize=(7, 0.42 * len(rows) + 0.4), layout="constrained")
    axis = figure.subplots()
    for place, row in enumerate(rows):
        width = 0.25 + 0.09 * np.log2(row.output[-1])
        colour = "#c6dbef" if row.parameters else "#eeeeee"
        axis.add_patch(Rectangle((0.5 - width / 2, -place - 0.36), width, 0.72, facecolor=colour, edgecolor="grey"))
        told = f"{row.kind}  {' × '.join(str(length) for length in row.output)}"
        axis.text(0.5, -place, told, ha="center", va="center", fontsize=8)
        if row.parameters:
            counts = f"{row.parameters:,} parameters\n{row.operations:,} operations"
            axis.text(1.02, -place, counts, ha="left", va="center", fontsize=6)
        if place:
            axis.annotate("", (0.5, -place + 0.36), (0.5, -place + 0.64), arrowprops={"arrowstyle": "->", "lw": 0.7})
    axis.set_xlim(-0.05, 1.3)
    axis.set_ylim(-len(rows) + 0.4, 0.6)
    axis.set_axis_off()
    figure.savefig(path, dpi=_DPI)


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

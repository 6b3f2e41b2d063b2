"""A prediction in words and numbers, as every way of asking for one gives it."""

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from PIL import Image

from service.images.kinds import Prepared
from service.images.steps import Step
from service.inference.classifier import Prediction

# Probabilities are float32: more digits would be noise.
_DIGITS = 7


def of(labels: Sequence[str], prediction: Prediction, top_k: int | None = None) -> dict[str, Any]:
    """What JSON holds of a prediction; with `top_k` also the labels of the highest probabilities, in their order."""
    probabilities = [round(probability, _DIGITS) for probability in prediction.probabilities.tolist()]
    answer: dict[str, Any] = {
        "label": labels[prediction.label_index],
        "index": prediction.label_index,
        "probability": probabilities[prediction.label_index],
        "probabilities": dict(zip(labels, probabilities, strict=True)),
    }
    if top_k is not None:
        best = (-prediction.probabilities).argsort(kind="stable")[:top_k].tolist()
        answer["top"] = [{"label": labels[index], "probability": probabilities[index]} for index in best]
    if prediction.in_distribution is not None:
        answer["in_distribution"] = prediction.in_distribution
    return answer | {"warnings": _worded(prediction.warnings)}


def seen(prepared: Prepared) -> dict[str, Any]:
    """What the model saw, as a PNG in base64, and every decision that led to it."""
    array = prepared.array
    png = BytesIO()
    Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array).save(png, "PNG")
    return {"png": base64.b64encode(png.getvalue()).decode(), "steps": _worded(prepared.steps)}


def _worded(steps: tuple[Step, ...]) -> list[dict[str, str]]:
    return [step._asdict() for step in steps]

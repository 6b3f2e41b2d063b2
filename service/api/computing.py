"""From a request's pictures to predictions, whatever the dialect: decoded, prepared, inferred, counted and timed."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.admission import Admission, check_deadline
from service.api import client, deadlines
from service.api.problems import TooManyPixels, UploadFault
from service.api.telemetry import trail
from service.api.telemetry.metrics import Metrics
from service.api.telemetry.trail import Trail
from service.api.uploads import Upload
from service.errors import ImageFault
from service.images.decode import Limits, Picture, decode
from service.images.kinds import Prepared
from service.inference.classifier import Classifier, Prediction
from service.settings import Settings

# Images that are classified between two looks at the clock.
_BETWEEN_LOOKS = 16

# A file of any accepted format, or the array itself that the model takes: uint8 `[height, width, channels]`.
Input = Upload | NDArray[np.uint8]


class Computed(NamedTuple):
    """What the model saw of one input, and what it says of it."""

    prepared: Prepared
    prediction: Prediction


class Computing:
    """The one way from inputs to predictions that every dialect takes."""

    def __init__(self, metrics: Metrics, admission: Admission, settings: Settings) -> None:
        self._metrics, self._admission, self._settings = metrics, admission, settings
        self._limits = Limits(settings.max_image_bytes, settings.max_image_pixels, settings.max_frames)

    def predict(self, classifier: Classifier, inputs: Sequence[Input], deadline: float | None = None) -> list[Computed]:
        """One answer an input, in their order; all or none.

        Arrays are taken as they are and must have the model's shape. `deadline` is in `time.monotonic()` seconds; what
        the caller's `X-Request-Timeout` allows holds too. Raises UploadFault naming the picture that cannot be used,
        TooManyPixels, or what Admission raises.
        """
        deadline = deadlines.earliest(deadline)
        noted, manifest = trail.current(), classifier.manifest
        noted.asked(manifest.name, manifest.version, len(inputs))
        began = time.perf_counter()
        try:
            return self._computed(noted, classifier, inputs, deadline)
        except Exception:
            self._metrics.count_failure(manifest, time.perf_counter() - began)
            raise

    def _computed(
        self, noted: Trail, classifier: Classifier, inputs: Sequence[Input], deadline: float | None
    ) -> list[Computed]:
        with noted.stage("queue", noted.waited_s):
            turn = self._admission.turn(deadline, client.is_there, waited_s=noted.waited_s)
        with turn:
            prepared = self._prepare(noted, classifier, inputs, deadline)
            predictions = self._classify(noted, classifier, prepared, deadline)
        return [Computed(*pair) for pair in zip(prepared, predictions, strict=True)]

    def _prepare(
        self, noted: Trail, classifier: Classifier, inputs: Sequence[Input], deadline: float | None
    ) -> list[Prepared]:
        """One after the other, so that only one picture is held in full."""
        prepared, pixels_left = [], self._settings.max_request_pixels
        client_watch = client.Watch()
        for index, one in enumerate(inputs):
            check_deadline(deadline)
            if not isinstance(one, Upload):
                prepared.append(Prepared(one, ()))
                continue
            client_watch.check()
            with noted.stage("decode"):
                picture = self._decode(index, one)
            pixels_left -= picture.source_pixels
            if pixels_left < 0:
                most = self._settings.max_request_pixels
                raise TooManyPixels(f"the images have more than {most} pixels together; send fewer in a request")
            with noted.stage("prepare"):
                prepared.append(classifier.prepare(picture))
        return prepared

    def _classify(
        self, noted: Trail, classifier: Classifier, prepared: list[Prepared], deadline: float | None
    ) -> list[Prediction]:
        predictions: list[Prediction] = []
        at_once = len(prepared) if deadline is None else _BETWEEN_LOOKS
        for start in range(0, len(prepared), at_once):
            check_deadline(deadline)
            with noted.stage("infer"):
                predictions += classifier.classify(prepared[start : start + at_once])
        manifest = classifier.manifest
        for prediction in predictions:
            noted.answered(manifest.labels[prediction.label_index])
        self._metrics.count_predictions(manifest, predictions)
        return predictions

    def _decode(self, index: int, file: Upload) -> Picture:
        try:
            return decode(file.data, self._limits)
        except ImageFault as fault:
            raise UploadFault(index, file.name, fault) from fault

"""From a request's pictures to predictions, whatever the protocol: decoded, prepared, inferred, counted and timed."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.api import telemetry
from service.api.metrics import Metrics
from service.api.problems import TooManyPixels, UploadFault
from service.api.telemetry import RequestRecord
from service.api.uploads import Upload
from service.errors import Abandoned, DeadlinePassed, ImageFault
from service.images.decode import Limits, Picture, decode
from service.images.kinds import Prepared
from service.inference.classifier import Classifier, Prediction
from service.settings import Settings

# Images that are classified between two looks at the clock and the client.
_IMAGES_BETWEEN_CHECKS = 16

# A file of any accepted format, or the array itself that the model takes: uint8 `[height, width, channels]`.
Input = Upload | NDArray[np.uint8]


class Computed(NamedTuple):
    """What the model saw of one input, and what it says of it."""

    prepared: Prepared
    prediction: Prediction


class Computing:
    """The one way from inputs to predictions that every protocol takes."""

    def __init__(self, metrics: Metrics, settings: Settings) -> None:
        self._metrics, self._settings = metrics, settings
        self._limits = Limits(settings.max_image_bytes, settings.max_image_pixels, settings.max_frames)

    def predict(self, classifier: Classifier, inputs: Sequence[Input]) -> list[Computed]:
        """One answer an input, in their order; all or none.

        Arrays are taken as they are and must have the model's shape. Raises UploadFault naming the picture that cannot
        be used, TooManyPixels, DeadlinePassed, or Abandoned if the client has closed its connection.
        """
        record, manifest = telemetry.current(), classifier.manifest
        record.model, record.version, record.pictures = manifest.name, manifest.version, len(inputs)
        prepared = self._prepare(record, classifier, inputs)
        predictions = self._classify(record, classifier, prepared)
        return [Computed(*pair) for pair in zip(prepared, predictions, strict=True)]

    def _prepare(self, record: RequestRecord, classifier: Classifier, inputs: Sequence[Input]) -> list[Prepared]:
        """One after the other, so that only one picture is held in full."""
        prepared, pixels_left = [], self._settings.max_request_pixels
        for index, one in enumerate(inputs):
            _check_still_wanted(record)
            if not isinstance(one, Upload):
                prepared.append(Prepared(one, ()))
                continue
            with record.stage("decode"):
                picture = self._decode(index, one)
            pixels_left -= picture.source_pixels
            if pixels_left < 0:
                limit = self._settings.max_request_pixels
                raise TooManyPixels(f"the images have more than {limit} pixels together; send fewer in a request")
            with record.stage("prepare"):
                prepared.append(classifier.prepare(picture))
        return prepared

    def _classify(self, record: RequestRecord, classifier: Classifier, prepared: list[Prepared]) -> list[Prediction]:
        predictions: list[Prediction] = []
        for start in range(0, len(prepared), _IMAGES_BETWEEN_CHECKS):
            _check_still_wanted(record)
            with record.stage("infer"):
                predictions += classifier.classify(prepared[start : start + _IMAGES_BETWEEN_CHECKS])
        manifest = classifier.manifest
        for prediction in predictions:
            record.add_label(manifest.labels[prediction.label_index])
        self._metrics.count_predictions(manifest, predictions)
        return predictions

    def _decode(self, index: int, file: Upload) -> Picture:
        try:
            return decode(file.data, self._limits)
        except ImageFault as fault:
            raise UploadFault(index, file.name, fault) from fault


def _check_still_wanted(record: RequestRecord) -> None:
    if record.deadline is not None and time.monotonic() >= record.deadline:
        raise DeadlinePassed("the time that the request allowed is over; nothing more was computed for it")
    if record.client_gone:
        raise Abandoned("the client closed its connection before all of its images were looked at")

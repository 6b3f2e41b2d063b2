"""From a request's pictures to predictions, whatever the dialect: decoded, prepared, inferred, counted and timed."""

from collections.abc import Sequence
from threading import BoundedSemaphore
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.api.metrics import Metrics
from service.api.problems import TooManyPixels, UploadFault
from service.api.uploads import Upload
from service.errors import ImageFault
from service.images.decode import Limits, Picture, decode
from service.images.kinds import Prepared
from service.inference.classifier import Classifier, Prediction
from service.settings import Settings

# A file of any accepted format, or the array itself that the model takes: uint8 `[height, width, channels]`.
Input = Upload | NDArray[np.uint8]


class Computed(NamedTuple):
    """What the model saw of one input, and what it says of it."""

    prepared: Prepared
    prediction: Prediction


class Computing:
    """The one way from inputs to predictions that every dialect takes."""

    def __init__(self, metrics: Metrics, settings: Settings) -> None:
        self._metrics, self._settings = metrics, settings
        self._limits = Limits(settings.max_image_bytes, settings.max_image_pixels, settings.max_frames)
        # As many as have a core: more at once would only take memory, and the interpreter from the probes.
        self._computing = BoundedSemaphore(settings.computing_threads)

    def predict(self, classifier: Classifier, inputs: Sequence[Input]) -> list[Computed]:
        """One answer an input, in their order; all or none.

        Arrays are taken as they are and must have the model's shape. Raises UploadFault naming the picture that cannot
        be used, or TooManyPixels.
        """
        with self._metrics.failures(classifier.manifest), self._computing:
            prepared = self._prepare(classifier, inputs)
            predictions = self._classify(classifier, prepared)
        return [Computed(*pair) for pair in zip(prepared, predictions, strict=True)]

    def _prepare(self, classifier: Classifier, inputs: Sequence[Input]) -> list[Prepared]:
        """One after the other, so that only one picture is held in full."""
        prepared, pixels_left = [], self._settings.max_request_pixels
        decoding = self._metrics.stopwatch("decode", classifier.manifest)
        preparing = self._metrics.stopwatch("prepare", classifier.manifest)
        for index, one in enumerate(inputs):
            if not isinstance(one, Upload):
                prepared.append(Prepared(one, ()))
                continue
            with decoding:
                picture = self._decode(index, one)
            pixels_left -= picture.source_pixels
            if pixels_left < 0:
                most = self._settings.max_request_pixels
                raise TooManyPixels(f"the images have more than {most} pixels together; send fewer in a request")
            with preparing:
                prepared.append(classifier.prepare(picture))
        decoding.observe()
        preparing.observe()
        return prepared

    def _classify(self, classifier: Classifier, prepared: list[Prepared]) -> list[Prediction]:
        inferring = self._metrics.stopwatch("infer", classifier.manifest)
        with inferring:
            predictions = classifier.classify(prepared)
        inferring.observe()
        self._metrics.count_predictions(classifier.manifest, [one.label_index for one in predictions])
        return predictions

    def _decode(self, index: int, file: Upload) -> Picture:
        try:
            return decode(file.data, self._limits)
        except ImageFault as fault:
            raise UploadFault(index, file.name, fault) from fault

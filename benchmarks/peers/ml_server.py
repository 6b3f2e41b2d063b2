"""MLServer: a runtime of our own, asked by the Open Inference Protocol with files in base64."""

from tempfile import TemporaryDirectory

from mlserver import MLModel
from mlserver.cli.main import root
from mlserver.codecs import Base64Codec, NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from benchmarks.peers.mnist import Classifier, litert


class Digits(MLModel):
    """The digits model."""

    async def load(self) -> bool:
        """Loads the model, in each worker."""
        self._classifier = Classifier(litert())
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Labels, and probabilities in class order."""
        import numpy as np

        found = self._classifier.predict(Base64Codec.decode_input(payload.inputs[0]))
        labels = StringCodec.encode_output("label", [one["label"] for one in found])
        rows = np.array([list(one["probabilities"].values()) for one in found], np.float32)
        outputs = [labels, NumpyCodec.encode_output("probabilities", rows)]
        return InferenceResponse(model_name=self.name, outputs=outputs)


if __name__ == "__main__":
    with TemporaryDirectory() as empty:
        root(["start", empty])

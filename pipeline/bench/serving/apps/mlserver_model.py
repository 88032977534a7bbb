"""MLServer: a runtime of our own over its inference protocol, which has JSON tensors and no binary ones."""

# Its packages are in an environment of its own, where mypy does not look.
# mypy: disable-error-code="import-not-found, misc"

import os

import numpy as np
from mlserver import MLModel
from mlserver.codecs import Base64Codec, NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from pipeline.bench.serving.apps.subject import open_subject


class Classifier(MLModel):
    """A UINT8 tensor, or BYTES of content type base64 that are a picture."""

    async def load(self) -> bool:
        self._subject = open_subject()
        self._is_picture = os.environ["BENCH_TASK"] == "picture"
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        given = payload.inputs[0]
        if self._is_picture:
            logits = self._subject.picture(Base64Codec.decode_input(given)[0])
        else:
            pixels = NumpyCodec.decode_input(given)
            logits = self._subject.runtime.run(np.asarray(pixels, np.uint8))
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("logits", logits)])

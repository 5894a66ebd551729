"""A runtime of MLServer: one call of `predict_proba` for a batch, class and probabilities out."""

import numpy as np
from mlserver import MLModel  # type: ignore[import-not-found]  # It is in an environment of its own.
from mlserver.codecs import NumpyCodec, StringCodec  # type: ignore[import-not-found]  # See above.
from mlserver.types import InferenceRequest, InferenceResponse  # type: ignore[import-not-found]  # See above.

from benchmarks.answers import load_estimator


class Predict(MLModel):  # type: ignore[misc]  # See above.
    """The server joins the tensors of several requests before it calls `predict`, and splits the answer again."""

    async def load(self) -> bool:
        self.estimator = load_estimator()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        probabilities = self.estimator.predict_proba(self.decode(payload.inputs[0], default_codec=NumpyCodec))
        predictions = self.estimator.classes_[np.argmax(probabilities, axis=1)].tolist()
        return InferenceResponse(
            model_name=self.name,
            outputs=[
                StringCodec.encode_output("prediction", predictions),
                NumpyCodec.encode_output("probabilities", probabilities),
            ],
        )

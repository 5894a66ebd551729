"""RateLimits: what this API process knows of the buckets of its callers, and how an answer tells them.

The store alone decides (`shared/lua/rates.lua`). What is known here saves it those requests that it would refuse, and
refuses no others: a bucket that was seen empty has no request before its time, whatever other processes do.
"""

import math
import time
from collections.abc import Callable

from flask import Flask, Response
from flask.globals import request_ctx

from api.callers import CALLER
from api.refusals import RateLimited
from shared.rates import Rate

#: Buckets that are known at once.
KNOWN_BUCKETS = 4_096
#: Routes whose requests count once they are accepted, as Flask names them; their answers tell how the bucket stands.
COUNTED = frozenset(
    {
        "predictions.submit_prediction",
        "predictions.put_prediction",
        "predictions.predict",
        "prediction_records.retry_prediction",
        "batches.submit_batch",
        "batches.retry_batch",
        "inference_v2.infer",
        "mlflow.invoke",
        "sagemaker.invoke",
    }
)
#: Statuses of answers that tell it.
_TOLD = frozenset({200, 202, 429})


class RateLimits:
    """The buckets as the store last told of them. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: By the name of the rate: when its bucket is full.
        self._full_at: dict[str, float] = {}

    def note(self, rate: Rate, debt_seconds: float) -> None:
        """Remember how a bucket stands."""
        if len(self._full_at) >= KNOWN_BUCKETS:
            self._full_at.clear()
        # Answers of the store may come in another order than it gave them, and a bucket only gets later.
        self._full_at[rate.name] = max(self._full_at.get(rate.name, 0.0), self._clock() + debt_seconds)

    def _debt_seconds(self, rate: Rate) -> float:
        return min(max(0.0, self._full_at.get(rate.name, 0.0) - self._clock()), rate.empty_seconds)

    def require(self, rate: Rate) -> None:
        """Raise RateLimited if the store would refuse a request, as far as is known here."""
        if rate.wait_seconds(self._debt_seconds(rate)) > 0:
            raise self.refusal(rate)

    def refusal(self, rate: Rate) -> RateLimited:
        """Return the refusal of a request for which the bucket has none left."""
        return RateLimited(rate.wait_seconds(self._debt_seconds(rate)))

    def headers(self, rate: Rate) -> dict[str, str]:
        """Return `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers).

        t: seconds until the bucket is full, or until it has a request if it has none.
        """
        debt_seconds = self._debt_seconds(rate)
        until_seconds = rate.wait_seconds(debt_seconds) or debt_seconds
        return {
            "RateLimit-Policy": f'"default";q={rate.burst};w={math.ceil(rate.empty_seconds)}',
            "RateLimit": f'"default";r={rate.left(debt_seconds)};t={math.ceil(until_seconds)}',
        }


def tell_rate_limits(app: Flask, rates: RateLimits) -> None:
    """Write the headers into answers to a caller who has a limit on a counted route, other refusals aside."""

    @app.after_request
    def add_headers(response: Response) -> Response:
        request = request_ctx.request
        if request.endpoint in COUNTED and response.status_code in _TOLD:
            caller = request.environ.get(CALLER)
            if caller is not None and caller.rate is not None:
                response.headers.update(rates.headers(caller.rate))
        return response

"""An answer that passes Flask by tells a browser the same as any other."""

import orjson
import pytest

from api.response_headers import DATA_POLICY
from tests.builders import success
from tests.unit.api.express.conftest import JSON, PREDICT, SUBMIT, Asked, PairMaker, good_input


@pytest.mark.parametrize("path", [SUBMIT, PREDICT], ids=["submit", "predict"])
def test_an_answer_that_passes_flask_by_has_the_same_headers(make_pair: PairMaker, path: str) -> None:
    pair = make_pair(hsts_seconds=600)
    pair.set_up(outcome=success())

    fast, plain = pair.ask_both(Asked(path, orjson.dumps(good_input(path)), JSON | {"Prefer": "wait=5"}))

    assert pair.reached_flask == 0
    assert fast.headers == plain.headers
    assert dict(fast.headers)["strict-transport-security"] == "max-age=600"
    assert dict(fast.headers)["content-security-policy"] == DATA_POLICY

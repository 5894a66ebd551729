"""Which answers are right."""

from typing import Any

import pytest

from benchmarks.http_answers import require_right
from benchmarks.peers.environments import PEERS
from benchmarks.warm_process import MeasurementFailed

EXPECTED = {"prediction": "male", "probabilities": {"female": 0.25, "male": 0.75}}
RECORD = {"height": 181, "weight": 80, "shoe_size": 44}


def test_the_last_bit_of_a_probability_may_differ() -> None:
    require_right({"prediction": "male", "probabilities": {"male": 0.75 + 1e-12, "female": 0.25}}, EXPECTED, of="x")


@pytest.mark.parametrize(
    "answer",
    [
        {"prediction": "female", "probabilities": {"female": 0.25, "male": 0.75}},
        {"prediction": "male", "probabilities": {"female": 0.26, "male": 0.74}},
        {"prediction": "male", "probabilities": {"male": 0.75}},
        {"prediction": "male"},
        ["male"],
    ],
    ids=["another class", "other probabilities", "a class missing", "no probabilities", "another shape"],
)
def test_a_wrong_answer_fails_and_names_its_subject(answer: Any) -> None:
    with pytest.raises(MeasurementFailed, match="somebody answers"):
        require_right(answer, EXPECTED, of="somebody")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("bentoml", [EXPECTED]),
        ("litserve", EXPECTED),
        (
            "mlserver",
            {"outputs": [{"name": "prediction", "data": ["male"]}, {"name": "probabilities", "data": [0.25, 0.75]}]},
        ),
    ],
)
def test_the_answer_of_a_peer_is_read_as_ours(name: str, answer: Any) -> None:
    assert PEERS[name].read(answer, ["female", "male"]) == EXPECTED


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("bentoml", {"records": [RECORD]}),
        ("litserve", RECORD),
        (
            "mlserver",
            {"id": "1", "inputs": [{"name": "rows", "shape": [1, 3], "datatype": "FP64", "data": [181, 80, 44]}]},
        ),
    ],
)
def test_a_peer_gets_the_record_as_it_wants_it(name: str, body: Any) -> None:
    assert PEERS[name].body(RECORD) == body

import json
from typing import Any

import pytest

from shared.jobs import ModelRef
from shared.messages import MessageUnreadable, PredictMessage, StepMessage
from shared.queues import Lane
from tests.builders import job_spec

FIRST = job_spec("prd_a", rows=[[181.0, 44.0]])
#: Stands for what belongs to whoever sent the message.
CANARY = "canary-7f3a"
SECOND = job_spec("prd_b", rows=[[160.0, 37.5], [170, "red"]])


def encoded(**changes: Any) -> dict[str, Any]:
    return PredictMessage.of([FIRST]).encode() | changes


def test_a_message_carries_the_rows_of_its_jobs_in_their_order() -> None:
    message = PredictMessage.of([SECOND, FIRST])

    assert (message.model_key, message.lane) == ("gender/1", Lane.INTERACTIVE)
    assert list(message.rows.items()) == [("prd_b", SECOND.rows), ("prd_a", FIRST.rows)]


def test_a_message_is_read_back_from_json_as_it_was() -> None:
    message = PredictMessage.of([SECOND, FIRST])

    arrived = PredictMessage.decode(json.loads(json.dumps(message.encode())))

    assert arrived == message
    assert list(arrived.rows) == ["prd_b", "prd_a"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(job_spec("prd_b", lane=Lane.BULK), id="lane"),
        pytest.param(job_spec("prd_b", model=ModelRef("gender", "2", "0" * 64)), id="model version"),
        pytest.param(job_spec("prd_b", model=ModelRef("churn", "1", "0" * 64)), id="model"),
    ],
)
def test_jobs_of_another_kind_cannot_share_a_message(other: Any) -> None:
    with pytest.raises(ValueError, match="too many values"):
        PredictMessage.of([FIRST, other])


def test_a_message_of_no_job_is_refused() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        PredictMessage.of([])


@pytest.mark.parametrize("version", [None, 0, 2], ids=["null", "older", "newer"])
def test_a_message_of_another_version_is_refused_with_both_versions(version: object) -> None:
    with pytest.raises(MessageUnreadable, match=f"message version {version!r}, this worker reads 1"):
        PredictMessage.decode(encoded(v=version))


def test_a_version_that_is_no_number_is_refused_by_its_type() -> None:
    with pytest.raises(MessageUnreadable, match="message version of type str, this worker reads 1"):
        PredictMessage.decode(encoded(v="1"))


def test_a_message_without_a_version_is_refused() -> None:
    with pytest.raises(MessageUnreadable, match="message version None"):
        PredictMessage.decode({"model": "gender/1"})


@pytest.mark.parametrize("field", ["model", "lane", "rows"])
def test_a_message_without_a_field_is_refused_by_its_name(field: str) -> None:
    message = encoded()
    del message[field]

    with pytest.raises(MessageUnreadable, match=field):
        PredictMessage.decode(message)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"lane": "fast"}, id="unknown lane"),
        pytest.param({"rows": 5}, id="rows that are a number"),
        pytest.param({"rows": [1, 2]}, id="rows that are an array"),
    ],
)
def test_a_message_with_an_unusable_field_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(MessageUnreadable, match="message without a usable"):
        PredictMessage.decode(encoded(**changes))


@pytest.mark.parametrize("changes", [{"v": CANARY}, {"lane": CANARY}, {"rows": CANARY}, {"rows": [CANARY]}])
def test_a_refusal_quotes_nothing_of_the_message(changes: dict[str, Any]) -> None:
    with pytest.raises(MessageUnreadable) as refusal:
        PredictMessage.decode(encoded(**changes))

    assert CANARY not in str(refusal.value)


@pytest.mark.parametrize(
    "step", [CANARY, [CANARY], ["bat_a", CANARY, 0], {"batch": CANARY}], ids=["text", "one", "kind", "object"]
)
def test_a_refusal_quotes_nothing_of_the_step_of_a_batch(step: object) -> None:
    with pytest.raises(MessageUnreadable) as refusal:
        StepMessage.decode({"v": 1, "job": "bat_a.chunk.0", "step": step})

    assert CANARY not in str(refusal.value)

import orjson
import pytest

from shared.errors import FieldNote
from shared.jobs import BatchStep, JobSpec, StepKind
from shared.messages import MessageUnreadable, PredictMessage, StepMessage
from shared.queues import Lane, TaskName
from shared.sqs_messages import Origin, encode_message, encode_reference
from tests.builders import job_spec


@pytest.mark.parametrize(
    "specs",
    [
        pytest.param([job_spec()], id="one job"),
        pytest.param(
            [
                job_spec(
                    "prd_a", rows=[[1.0, 2.0], [3.0, 4.0]], is_single=False, deadline_seconds=5.5, reply_to="api-1"
                ),
                job_spec("prd_c", webhook_url="https://receiver.example/hook"),
                job_spec(
                    "prd_b", warnings=(FieldNote("/height", "unusual_value", "tall"),), max_attempts=7, owner="ada"
                ),
            ],
            id="jobs that differ in everything that may differ",
        ),
        pytest.param(
            [job_spec("bat_a.chunk.3", lane=Lane.BULK, rows=[], step=BatchStep("bat_a", StepKind.CHUNK, 3))],
            id="a step of a batch",
        ),
        pytest.param(
            [job_spec(lane=Lane.BULK, rows=[], step=BatchStep("bat_a", StepKind.SPLIT), owner="ada")],
            id="a step of a batch with an owner",
        ),
    ],
)
def test_a_message_carries_all_that_its_records_held(specs: list[JobSpec]) -> None:
    _, arguments = encode_message(specs, sent_at=12.5)

    assert Origin.find(orjson.loads(orjson.dumps(arguments))) == Origin(12.5, specs)


def test_a_message_is_read_by_the_task_like_one_on_redis() -> None:
    step = BatchStep("bat_a", StepKind.CHUNK, 3)

    predict_task, predict = encode_message([job_spec()], sent_at=1.0)
    step_task, chunk = encode_message([job_spec(lane=Lane.BULK, rows=[], step=step)], sent_at=1.0)

    assert (predict_task, PredictMessage.decode(predict)) == (TaskName.PREDICT, PredictMessage.of([job_spec()]))
    assert (step_task, StepMessage.decode(chunk)) == (TaskName.BATCH_STEP, StepMessage("prd_a", step))


def test_a_job_can_be_sent_without_its_rows() -> None:
    task, arguments = encode_reference(job_spec(), sent_at=12.5)

    assert task == TaskName.PREDICT
    assert PredictMessage.decode(arguments).rows == {"prd_a": []}
    assert Origin.find(arguments) == Origin(12.5, [])


def test_a_message_on_redis_has_no_origin() -> None:
    assert Origin.find(PredictMessage.of([job_spec()]).encode()) is None


def test_an_origin_that_cannot_be_read_is_said_to_be_so() -> None:
    _, arguments = encode_message([job_spec()], sent_at=1.0)

    with pytest.raises(MessageUnreadable, match="rows"):
        Origin.find({name: value for name, value in arguments.items() if name != "rows"})

"""Many requests, one record and one message: what each of them gets, and what ends nobody's work but its own."""

import logging
import traceback

import pytest

from api import group_commit
from api.flag import Flag
from shared.errors import BrokerUnavailable, StoreFull, StoreUnavailable
from shared.jobs import JobStatus
from shared.queues import Lane
from shared.settings import Settings
from tests.unit.api.conftest import EndingGroupCommit
from tests.unit.api.group_commit.conftest import (
    PATIENCE_SECONDS,
    GatedBroker,
    GatedJobStore,
    add,
    find,
    get_error,
    send_first,
)

EMPTY_QUEUES: dict[Lane, float | None] = dict.fromkeys(Lane)


def test_a_request_gets_its_job_as_it_was_recorded(group: EndingGroupCommit, jobs: GatedJobStore) -> None:
    group.start()

    job = add(group, "prd_a").accepted_job()

    assert job == find(jobs, "prd_a")


def test_a_job_is_recorded_before_it_is_sent(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    broker.gate.close()
    group.start()
    add(group, "prd_a")

    broker.gate.wait_until_reached()

    assert find(jobs, "prd_a").status is JobStatus.QUEUED


def test_requests_that_come_while_another_is_recorded_leave_as_one_message(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    jobs.gate.close()
    group.start()
    first = add(group, "prd_a")
    jobs.gate.wait_until_reached()
    others = [add(group, "prd_b"), add(group, "prd_c")]

    jobs.gate.open()
    group.answered(["prd_a"])

    assert [ticket.accepted_job().id for ticket in (first, *others)] == ["prd_a", "prd_b", "prd_c"]
    assert jobs.asked == [["prd_a"], ["prd_b", "prd_c"]]
    assert (broker.next_ids(), broker.next_ids()) == (["prd_a"], ["prd_b", "prd_c"])


def test_a_message_is_as_old_as_its_youngest_job(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    send_first(group, broker)
    add(group, "prd_old").accepted_job()
    jobs.let_time_pass(0.5)
    young = add(group, "prd_young").accepted_job()

    group.answered(["prd_first"])

    assert broker.next_message() == (["prd_old", "prd_young"], young.created_at)


def test_a_request_does_not_wait_until_the_workers_are_free(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    send_first(group, broker)

    job = add(group, "prd_a").accepted_job()

    assert (job.status, broker.tries) == (JobStatus.QUEUED, 1)


def test_an_answer_lets_the_next_message_leave(group: EndingGroupCommit, broker: GatedBroker) -> None:
    send_first(group, broker)
    add(group, "prd_a").accepted_job()

    group.answered(["prd_first"])

    assert broker.next_ids() == ["prd_a"]


def test_each_request_of_a_refused_group_has_an_exception_of_its_own(
    group: EndingGroupCommit, jobs: GatedJobStore
) -> None:
    jobs.fault = StoreFull("no memory left")
    tickets = [add(group, job_id) for job_id in ("prd_a", "prd_b", "prd_c")]
    group.start()

    errors = [get_error(ticket, StoreFull) for ticket in tickets]

    assert [str(error) for error in errors] == ["no memory left"] * 3
    assert len({id(error) for error in [*errors, jobs.fault]}) == 4


def test_a_refusal_ends_the_wait_for_a_result(group: EndingGroupCommit, jobs: GatedJobStore) -> None:
    jobs.fault = StoreUnavailable("away")
    result = Flag()
    ticket = add(group, "prd_a", result=result)
    group.start()

    assert result.wait(PATIENCE_SECONDS)
    get_error(ticket, StoreUnavailable)


def test_a_refused_job_is_neither_sent_nor_in_the_way(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    jobs.fault = StoreFull()
    refused = add(group, "prd_refused")
    group.start()
    get_error(refused, StoreFull)

    jobs.fault = None
    add(group, "prd_a")

    assert broker.next_ids() == ["prd_a"]
    assert caplog.records == []


def test_a_job_that_is_refused_while_its_message_is_held_is_not_sent_later(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    send_first(group, broker)
    jobs.fault = StoreFull()
    get_error(add(group, "prd_refused"), StoreFull)

    jobs.fault = None
    add(group, "prd_a").accepted_job()
    group.answered(["prd_first"])

    assert broker.next_ids() == ["prd_a"]


def test_a_refusal_spares_the_jobs_that_were_recorded_before(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    send_first(group, broker)
    add(group, "prd_recorded").accepted_job()
    broker.gate.close()
    add(group, "prd_elsewhere", lane=Lane.BULK)
    broker.gate.wait_until_reached()

    # The thread finds both at once: a job to record, and that a message can leave.
    jobs.fault = StoreFull()
    refused = add(group, "prd_refused")
    group.answered(["prd_first"])
    broker.gate.open()

    get_error(refused, StoreFull)
    assert (broker.next_ids(), broker.next_ids()) == (["prd_elsewhere"], ["prd_recorded"])


def test_a_bug_of_the_store_reaches_its_requests_and_ends_nothing(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    jobs.fault = ZeroDivisionError("a bug")
    unlucky = add(group, "prd_unlucky")
    group.start()
    error = get_error(unlucky, ZeroDivisionError)

    jobs.fault = None
    job = add(group, "prd_a").accepted_job()

    assert "in accept\n" in "".join(traceback.format_exception(error))
    assert (job.status, broker.next_ids()) == (JobStatus.QUEUED, ["prd_a"])


@pytest.mark.parametrize(
    ("fault", "level"),
    [
        pytest.param(BrokerUnavailable("away"), logging.WARNING, id="an outage"),
        pytest.param(ZeroDivisionError("a bug"), logging.ERROR, id="a bug"),
    ],
)
def test_a_message_that_cannot_be_sent_is_left_to_the_sweeper(
    group: EndingGroupCommit,
    jobs: GatedJobStore,
    broker: GatedBroker,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    fault: Exception,
    level: int,
) -> None:
    broker.fault = fault
    tickets = [add(group, "prd_a"), add(group, "prd_b")]
    group.start()

    granted = [ticket.accepted_job().status for ticket in tickets]

    jobs.let_time_pass(settings.resend_after_seconds + 1)
    assert granted == [JobStatus.QUEUED] * 2
    assert [stuck.spec.id for stuck in jobs.sweep(EMPTY_QUEUES).resend] == ["prd_a", "prd_b"]
    assert [(record.message, record.levelno) for record in caplog.records] == [("message left to the sweeper", level)]


def test_a_broker_that_failed_holds_up_no_other_request_for_a_while(
    group: EndingGroupCommit, broker: GatedBroker
) -> None:
    broker.fault = BrokerUnavailable()
    group.start()
    add(group, "prd_a").accepted_job()

    job = add(group, "prd_b").accepted_job()

    assert (job.status, broker.tries) == (JobStatus.QUEUED, 1)


def test_a_broker_that_answers_again_gets_the_next_message(
    group: EndingGroupCommit, broker: GatedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "BROKER_REST_SECONDS", 0.0)
    monkeypatch.setattr(group_commit, "BROKER_REST_FACTOR", 0.0)
    broker.fault = BrokerUnavailable()
    group.start()
    add(group, "prd_a").accepted_job()

    broker.fault = None
    add(group, "prd_b").accepted_job()

    # Not held back for the message that is lost: it was sent before the request went on.
    assert [[spec.id for spec in specs] for specs in broker.sent] == [["prd_b"]]


def test_a_client_that_gives_up_changes_nothing_for_its_job(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    jobs.gate.close()
    group.start()
    result = Flag()
    add(group, "prd_a", result=result)
    jobs.gate.wait_until_reached()
    assert not result.wait(0)

    jobs.gate.open()

    assert broker.next_ids() == ["prd_a"]
    assert find(jobs, "prd_a").status is JobStatus.QUEUED


def test_a_bug_of_the_broker_holds_up_no_later_message(group: EndingGroupCommit, broker: GatedBroker) -> None:
    broker.fault = ZeroDivisionError()
    group.start()
    add(group, "prd_a").accepted_job()

    broker.fault = None
    add(group, "prd_b").accepted_job()

    assert [[spec.id for spec in specs] for specs in broker.sent] == [["prd_b"]]

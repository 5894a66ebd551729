"""With the queues on the server of the store, jobs and their message are written in one step."""

import pytest

from shared.errors import ServiceError, StoreFull, StoreUnavailable
from shared.jobs import JobStatus
from shared.queues import Lane
from tests.unit.api.conftest import EndingGroupCommit
from tests.unit.api.group_commit.conftest import (
    GatedBroker,
    GatedJobStore,
    add,
    entry_of,
    find,
    get_error,
)


@pytest.fixture
def broker() -> GatedBroker:
    broker = GatedBroker()
    broker.is_in_store = True
    return broker


@pytest.fixture
def busy(group: EndingGroupCommit) -> EndingGroupCommit:
    """A group whose first message nobody has answered, and that holds a job which is recorded."""
    group.start()
    add(group, "prd_first").accepted_job()
    add(group, "prd_recorded").accepted_job()
    return group


def test_a_message_leaves_with_the_records_of_its_jobs(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    tickets = [add(group, "prd_a"), add(group, "prd_b")]
    group.start()

    accepted = [ticket.accepted_job() for ticket in tickets]

    assert accepted[1] == find(jobs, "prd_b")
    assert (jobs.asked, jobs.entries) == ([["prd_a", "prd_b"]], [entry_of("prd_a", "prd_b")])
    assert broker.tries == 0


def test_a_job_that_is_recorded_without_its_message_is_sent_later(
    busy: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    before = list(jobs.entries)

    busy.answered(["prd_first"])

    assert broker.next_ids() == ["prd_recorded"]
    assert before == jobs.entries == [entry_of("prd_first")]


def test_a_job_that_was_recorded_before_leaves_with_the_records_of_others(
    busy: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    jobs.gate.close()
    elsewhere = add(busy, "prd_elsewhere", lane=Lane.BULK)
    jobs.gate.wait_until_reached()

    # The thread finds both at once: a job to record, and that a message can leave.
    fresh = add(busy, "prd_fresh")
    busy.answered(["prd_first"])
    jobs.gate.open()

    assert [ticket.accepted_job().status for ticket in (elsewhere, fresh)] == [JobStatus.QUEUED] * 2
    assert jobs.asked[2:] == [["prd_elsewhere"], ["prd_fresh"]]
    assert jobs.entries[1:] == [entry_of("prd_elsewhere"), entry_of("prd_recorded", "prd_fresh")]
    assert broker.tries == 0


@pytest.mark.parametrize("fault", [StoreFull("full"), StoreUnavailable("away")], ids=["full", "away"])
def test_a_step_that_fails_refuses_those_that_were_to_be_recorded_and_no_other(
    busy: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker, fault: ServiceError
) -> None:
    jobs.gate.close()
    elsewhere = add(busy, "prd_elsewhere", lane=Lane.BULK)
    jobs.gate.wait_until_reached()
    jobs.fault = fault
    refused = [add(busy, "prd_refused"), add(busy, "prd_refused_too")]
    busy.answered(["prd_first"])

    jobs.gate.open()

    assert [str(get_error(ticket, type(fault))) for ticket in (elsewhere, *refused)] == [str(fault)] * 3
    assert broker.next_ids() == ["prd_recorded"]
    assert [jobs.find(job_id) for job_id in ("prd_elsewhere", "prd_refused", "prd_refused_too")] == [None] * 3


def test_a_step_that_fails_holds_up_no_later_one(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    group.start()
    jobs.fault = StoreFull()
    get_error(add(group, "prd_refused"), StoreFull)

    jobs.fault = None
    add(group, "prd_a").accepted_job()

    assert (jobs.entries, broker.tries) == ([entry_of("prd_a")], 0)


def test_a_message_that_cannot_be_written_refuses_its_jobs_and_ends_nothing(
    group: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    broker.fault = ZeroDivisionError("a bug")
    unlucky = add(group, "prd_unlucky")
    group.start()
    get_error(unlucky, ZeroDivisionError)

    broker.fault = None
    add(group, "prd_a").accepted_job()

    assert (jobs.asked, jobs.find("prd_unlucky")) == ([["prd_a"]], None)


def test_what_left_with_the_records_is_on_its_way_until_it_is_answered(
    busy: EndingGroupCommit, jobs: GatedJobStore, broker: GatedBroker
) -> None:
    add(busy, "prd_held").accepted_job()
    held = (list(jobs.entries), broker.tries)

    busy.answered(["prd_first"])

    assert held == ([entry_of("prd_first")], 0)
    assert broker.next_ids() == ["prd_recorded", "prd_held"]

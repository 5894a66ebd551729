"""Jobs that stand for one another: only the first is recorded and sent, and its group waits for no other."""

import pytest

from api.flag import Flag
from api.group_commit import AcceptedBefore, Ticket
from shared.job_terms import Earlier
from shared.jobs import Once
from tests.builders import job_spec
from tests.unit.api.conftest import EndingGroupCommit
from tests.unit.api.group_commit.conftest import GatedBroker, GatedJobStore, add, entry_of, get_error

SAME = Once("k1", "d1")


def add_once(group: EndingGroupCommit, job_id: str, result: Flag | None = None) -> Ticket:
    return group.add(job_spec(job_id, once=SAME), size_bytes=10, result=result)


def test_the_second_of_a_group_learns_of_the_first(group: EndingGroupCommit, broker: GatedBroker) -> None:
    first, second = add_once(group, "prd_a"), add_once(group, "prd_b")
    group.start()

    error = get_error(second, AcceptedBefore)

    assert error.args == (Earlier("prd_a", is_same=True),)
    assert first.accepted_job().id == "prd_a"
    assert broker.next_ids() == ["prd_a"]


def test_a_request_that_waits_for_a_result_is_told_at_once(group: EndingGroupCommit, broker: GatedBroker) -> None:
    broker.is_in_store = True
    flag = Flag()
    add_once(group, "prd_a")
    add_once(group, "prd_b", flag)
    group.start()

    assert flag.wait(10)


def test_who_comes_later_is_not_held_up_by_what_was_not_accepted(
    group: EndingGroupCommit, broker: GatedBroker, jobs: GatedJobStore
) -> None:
    broker.is_in_store = True
    jobs.accept([job_spec("prd_first", once=SAME)])
    repeated = add_once(group, "prd_b", Flag())
    group.start()
    get_error(repeated, AcceptedBefore)

    later = add(group, "prd_c", result=Flag())

    assert later.accepted_job().id == "prd_c"
    assert jobs.entries[-1] == entry_of("prd_c")


@pytest.mark.parametrize("is_in_store", [True, False])
def test_a_job_alone_is_recorded_and_sent_at_once(
    group: EndingGroupCommit, broker: GatedBroker, jobs: GatedJobStore, *, is_in_store: bool
) -> None:
    broker.is_in_store = is_in_store

    job = group.accept_alone(job_spec(once=Once("", "d1")))

    sent = [entry.before for entry in jobs.entries] if is_in_store else broker.next_ids()
    assert (job.id, sent) == ("prd_a", [b"prd_a"] if is_in_store else ["prd_a"])

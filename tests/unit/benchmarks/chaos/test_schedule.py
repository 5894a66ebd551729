"""A plan of faults."""

from collections import Counter
from itertools import pairwise

import pytest

from benchmarks.chaos.schedule import (
    KINDS,
    MARGIN_SECONDS,
    REST_SECONDS,
    SQS_KINDS,
    UNSENT_SECONDS,
    Fault,
    Resource,
    plan_faults,
)


@pytest.fixture(scope="module")
def plan() -> list[Fault]:
    return plan_faults(seed=5, seconds=1200, count=340)


def test_a_seed_repeats_its_plan(plan: list[Fault]) -> None:
    assert plan_faults(seed=5, seconds=1200, count=340) == plan


def test_another_seed_makes_another_plan(plan: list[Fault]) -> None:
    assert plan_faults(seed=6, seconds=1200, count=340) != plan


def test_every_kind_comes_and_the_heavier_more_often(plan: list[Fault]) -> None:
    counts = Counter(fault.kind.name for fault in plan)

    assert counts.keys() == {kind.name for kind in KINDS}
    assert counts["worker_kill_whole"] > counts["worker_freeze_kill"] > counts["store_full"]


def test_a_plan_has_as_many_faults_as_were_asked_for(plan: list[Fault]) -> None:
    assert len(plan) == pytest.approx(340, rel=0.03)


@pytest.mark.parametrize("resource", Resource)
def test_no_two_faults_have_the_same_resource_at_once(plan: list[Fault], resource: Resource) -> None:
    having = [fault for fault in plan if fault.kind.resource is resource]

    assert all(later.at > earlier.at + earlier.seconds for earlier, later in pairwise(having))


def test_all_faults_heal_before_the_load_ends(plan: list[Fault]) -> None:
    assert min(fault.at for fault in plan) >= MARGIN_SECONDS
    assert max(fault.at + fault.seconds for fault in plan) <= 1200 - MARGIN_SECONDS


def test_durations_are_those_of_the_kind(plan: list[Fault]) -> None:
    outside = [fault for fault in plan if not fault.kind.seconds[0] <= fault.seconds <= fault.kind.seconds[1]]

    assert outside == []


def test_on_sqs_no_api_process_dies_while_records_are_deleted() -> None:
    plan = plan_faults(seed=5, seconds=600, count=150, kinds=SQS_KINDS)
    deletions = [fault for fault in plan if fault.kind.name == "record_delete"]
    deaths = [fault.at for fault in plan if fault.kind.name.startswith("api_")]

    assert deletions
    assert not [at for at in deaths for one in deletions if one.at - REST_SECONDS <= at <= one.at + one.seconds]


def test_on_sqs_no_record_is_deleted_whose_message_may_not_have_been_sent() -> None:
    plan = plan_faults(seed=21, seconds=540, count=180, kinds=SQS_KINDS)
    deletions = [fault for fault in plan if fault.kind.name == "record_delete"]
    hindrances = [fault for fault in plan if fault.kind.name in ("queue_sleep", "partition_api")]

    assert len(deletions) >= 5
    assert len(hindrances) >= 5
    assert [
        (deletion.at, hindrance.at)
        for deletion in deletions
        for hindrance in hindrances
        if hindrance.at <= deletion.at < hindrance.at + hindrance.seconds + UNSENT_SECONDS
    ] == []


def test_a_short_plan_has_every_kind_at_most_once() -> None:
    counts = Counter(fault.kind.name for fault in plan_faults(seed=1, seconds=60, count=10))

    assert set(counts.values()) == {1}

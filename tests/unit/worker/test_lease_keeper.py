import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.errors import StoreUnavailable
from shared.queues import Lane
from shared.settings import Settings
from tests.builders import job_spec
from tests.fakes import FakeJobStore
from worker.lease_keeper import EXIT_HUNG, LeaseKeeper

EMPTY_QUEUES: dict[Lane, float | None] = dict.fromkeys(Lane)

#: A worker process whose prediction never comes back, as native code that hangs.
HUNG_WORKER = """
import signal
from shared.settings import Settings
from tests.fakes import FakeJobStore
from worker.lease_keeper import LeaseKeeper

settings = Settings(lease_seconds=0.03, predict_timeout_seconds=0.05)
leases = LeaseKeeper(FakeJobStore(settings), settings)
leases.start()
with leases.holding(["prd_a"], "t1"):
    signal.pause()
"""


class AbsentJobStore(FakeJobStore):
    """A store that does not answer."""

    def renew(self, job_ids: Sequence[str], token: str) -> int:
        raise StoreUnavailable


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def jobs(settings: Settings) -> FakeJobStore:
    """One job, claimed 8 of its lease's 10 seconds ago."""
    jobs = FakeJobStore(settings)
    jobs.accept([job_spec("prd_a")])
    jobs.claim(["prd_a"], "t1")
    jobs.let_time_pass(8)
    return jobs


def resent(jobs: FakeJobStore) -> list[str]:
    return [stuck.spec.id for stuck in jobs.sweep(EMPTY_QUEUES).resend]


def test_what_is_held_is_renewed(jobs: FakeJobStore, settings: Settings) -> None:
    leases = LeaseKeeper(jobs, settings)

    with leases.holding(["prd_a"], "t1"):
        leases.renew_once()

    jobs.let_time_pass(8)
    assert resent(jobs) == []


def test_nothing_is_renewed_after_the_block(jobs: FakeJobStore, settings: Settings) -> None:
    leases = LeaseKeeper(jobs, settings)
    with leases.holding(["prd_a"], "t1"):
        pass

    leases.renew_once()

    jobs.let_time_pass(8)
    assert resent(jobs) == ["prd_a"]


def test_nothing_is_renewed_after_a_block_that_failed(jobs: FakeJobStore, settings: Settings) -> None:
    leases = LeaseKeeper(jobs, settings)
    with pytest.raises(StoreUnavailable), leases.holding(["prd_a"], "t1"):
        raise StoreUnavailable

    leases.renew_once()

    jobs.let_time_pass(8)
    assert resent(jobs) == ["prd_a"]


def test_a_lease_that_was_given_to_another_is_not_renewed(jobs: FakeJobStore, settings: Settings) -> None:
    leases = LeaseKeeper(jobs, settings)

    with leases.holding(["prd_a"], "a token of before"):
        leases.renew_once()

    jobs.let_time_pass(8)
    assert resent(jobs) == ["prd_a"]


def test_a_store_that_is_away_is_only_logged(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    leases = LeaseKeeper(AbsentJobStore(settings), settings)

    with leases.holding(["prd_a"], "t1"):
        leases.renew_once()

    assert [(record.levelno, record.message) for record in caplog.records] == [(logging.WARNING, "leases not renewed")]


def test_a_prediction_that_hangs_ends_its_process(root: Path) -> None:
    worker = subprocess.run([sys.executable, "-c", HUNG_WORKER], cwd=root, timeout=30, check=False)

    assert worker.returncode == EXIT_HUNG == 70

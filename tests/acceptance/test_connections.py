"""Connections to the store are there before they are needed, so that their number tells of a leak."""

from pathlib import Path

import pytest
from redis import Redis

from shared.jobs import JobStatus
from shared.settings import Settings
from standalone.stack import Stack
from tests.acceptance.waiting import wait_until
from tests.worker_process import Line, running_worker
from worker.app import BROKER_CONNECTIONS, STORE_CONNECTIONS


@pytest.fixture
def settings(settings: Settings, models_dir: Path) -> Settings:
    return settings.model_copy(update={"models_dir": models_dir, "models": ("moody",)})


def count_connections(redis: Redis, settings: Settings) -> int:
    """Return how many clients of a deployment are connected, without Celery's consumers, which have no name."""
    return sum(client["name"] == settings.key_prefix for client in redis.client_list())


def test_a_worker_opens_one_for_each_thread_and_no_more_while_it_works(
    redis: Redis, settings: Settings, tmp_path: Path
) -> None:
    line = Line(settings)
    line.send("moody", {"prd_before": [[1.0]]})
    expected = count_connections(redis, settings) + STORE_CONNECTIONS + BROKER_CONNECTIONS

    with running_worker(settings, tmp_path):
        wait_until(lambda: count_connections(redis, settings) == expected, seconds=10)
        line.send("moody", {"prd_after": [[1.0]]})
        line.wait_for("prd_after", JobStatus.SUCCEEDED)

        assert count_connections(redis, settings) == expected


def test_each_process_of_the_api_opens_one_for_each_thread(stack: Stack, stack_settings: Settings) -> None:
    workers = stack_settings.workers + stack_settings.bulk_workers
    of_workers = workers * (STORE_CONNECTIONS + BROKER_CONNECTIONS)
    least = of_workers + stack_settings.api_processes * stack_settings.api_threads

    with Redis.from_url(stack.store_url) as redis:
        wait_until(lambda: count_connections(redis, stack_settings) >= least, seconds=10)

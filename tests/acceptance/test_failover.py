"""Accepted means answered, though the server behind the endpoint changes, hangs, loads or is full."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.direct import people
from tests.acceptance.submitter import Submitter, assert_all_answered
from tests.store_pair import StorePair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorePair]:
    with StorePair.run(tmp_path_factory.mktemp("pair")) as pair:
        yield pair


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, models_dir: Path, pair: StorePair) -> Iterator[Stack]:
    """One process of each kind, so that none can hide behind another."""
    settings = Settings(
        redis_url=SecretStr(pair.url),
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=models_dir,
        api_processes=1,
        workers=1,
        bulk_workers=1,
        lease_seconds=2.0,
    )
    with running_stack(settings) as stack:
        yield stack


@pytest.fixture(autouse=True)
def _heal(pair: StorePair, stack: Stack) -> Iterator[None]:
    """Each test finds two joined servers, and processes that answer."""
    pair.join()
    yield
    pair.endpoint.thaw()


def pids(stack: Stack) -> dict[str, int]:
    return {process.name: process.pid for process in stack.processes()}


def test_a_demoted_primary_that_lives_on_is_left_within_two_seconds(stack: Stack, pair: StorePair) -> None:
    before = pids(stack)
    submitter = Submitter(stack.url)
    submitting = threading.Thread(target=submitter.submit_all, args=(people(600),))
    submitting.start()
    time.sleep(0.5)

    pair.fail_over()
    pair.isolate_replica()

    submitting.join()
    assert_all_answered(submitter, jobs=600, seconds=10)
    assert pids(stack) == before

"""What the probes say."""

import time

import pytest
from pydantic import SecretStr
from redis import Redis

from api.health import CACHE_SECONDS, FAULT_CACHE_SECONDS, PROBE_SECONDS, Readiness
from shared.broker import CeleryBroker, make_celery
from shared.errors import NoWorkerAlive, StoreUnavailable
from shared.redis_client import make_redis
from shared.registry import RedisRegistry, ServedModel
from shared.settings import Settings
from tests.builders import manifest
from tests.fakes import FakeBroker
from tests.unit.api.conftest import Api, ApiMaker, Clock, FailingRegistry, document_of


@pytest.fixture
def registry() -> FailingRegistry:
    return FailingRegistry([ServedModel(manifest(), is_ready=True)])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def readiness(registry: FailingRegistry, clock: Clock) -> Readiness:
    return Readiness(FakeBroker(), registry, clock)


def test_a_process_that_runs_is_alive(api: Api) -> None:
    response = api.client.get("/livez")

    assert (response.status_code, response.get_json()) == (200, {"status": "alive"})


def test_a_process_is_alive_while_everything_around_it_is_away(api: Api) -> None:
    api.registry.fault = StoreUnavailable()
    api.broker.is_down = True

    assert api.client.get("/livez").status_code == 200


def test_a_process_that_can_answer_a_job_is_ready(api: Api) -> None:
    response = api.client.get("/readyz")

    assert (response.status_code, response.get_json()) == (200, {"status": "ready"})


def test_without_a_worker_it_is_not_ready(api: Api) -> None:
    api.registry.workers = 0

    response = api.client.get("/readyz")

    assert (response.status_code, document_of(response)["code"]) == (503, "no_worker_alive")


def test_without_a_model_it_is_not_ready(make_api: ApiMaker) -> None:
    response = make_api(models=[]).client.get("/readyz")

    assert (response.status_code, document_of(response)["code"]) == (503, "no_model_served")


def test_without_its_broker_it_is_not_ready(api: Api) -> None:
    api.broker.is_down = True

    response = api.client.get("/readyz")

    assert (response.status_code, document_of(response)["code"]) == (503, "broker_unavailable")


def test_without_its_store_it_is_not_ready(api: Api) -> None:
    api.registry.fault = StoreUnavailable()

    response = api.client.get("/readyz")

    assert (response.status_code, document_of(response)["code"]) == (503, "store_unavailable")


def test_a_probe_that_is_refused_is_a_problem_that_says_when_to_come_back(api: Api) -> None:
    api.registry.workers = 0

    response = api.client.get("/readyz")

    assert (response.content_type, response.headers["Retry-After"]) == ("application/problem+json", "2")
    assert document_of(response)["retryable"] is True


def test_a_finding_is_kept_so_that_probes_cost_nothing(
    readiness: Readiness, registry: FailingRegistry, clock: Clock
) -> None:
    readiness.find_fault()
    registry.workers = 0

    clock.now += CACHE_SECONDS / 2

    assert readiness.find_fault() is None


def test_a_finding_is_not_kept_for_long(readiness: Readiness, registry: FailingRegistry, clock: Clock) -> None:
    readiness.find_fault()
    registry.workers = 0

    clock.now += CACHE_SECONDS + 0.1

    assert isinstance(readiness.find_fault(), NoWorkerAlive)


def test_a_process_is_ready_again_when_the_fault_is_mended(
    readiness: Readiness, registry: FailingRegistry, clock: Clock
) -> None:
    registry.fault = StoreUnavailable()
    readiness.find_fault()
    registry.fault = None

    clock.now += FAULT_CACHE_SECONDS + 0.1

    assert readiness.find_fault() is None


def test_a_process_is_ready_as_soon_as_a_worker_has_come_up(readiness: Readiness, registry: FailingRegistry) -> None:
    registry.workers = 0
    before = readiness.find_fault()

    registry.workers = 1

    assert (isinstance(before, NoWorkerAlive), readiness.find_fault()) == (True, None)


def test_a_fault_is_kept_for_a_moment_too_so_that_probes_do_not_queue_up_behind_a_store_that_hangs(
    readiness: Readiness, registry: FailingRegistry
) -> None:
    registry.fault = StoreUnavailable()
    readiness.find_fault()
    registry.fault = None

    assert isinstance(readiness.find_fault(), StoreUnavailable)


def probing(settings: Settings) -> Readiness:
    """Return the readiness of a process on clients as they are in production."""
    probe = make_redis(settings, settings.store_url, retries=0, timeout_seconds=PROBE_SECONDS)
    return Readiness(CeleryBroker(make_celery(settings), probe, settings), RedisRegistry(probe, settings))


def test_a_store_that_hangs_is_found_out_within_the_time_of_a_probe(settings: Settings, redis: Redis) -> None:
    before = probing(settings).find_fault()
    redis.client_pause(1500)  # milliseconds
    began = time.monotonic()

    fault = probing(settings).find_fault()

    assert time.monotonic() - began < 2 * PROBE_SECONDS
    assert isinstance(before, NoWorkerAlive)
    assert isinstance(fault, StoreUnavailable)


def test_a_store_that_is_not_there_is_found_out_within_the_time_of_a_probe(settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": SecretStr("redis://127.0.0.1:9/0")})
    began = time.monotonic()

    fault = probing(away).find_fault()

    assert time.monotonic() - began < 2 * PROBE_SECONDS
    assert isinstance(fault, StoreUnavailable)

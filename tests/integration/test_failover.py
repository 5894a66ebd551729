"""Clients of a primary that is demoted, silent, or not there; and what WAIT makes sure of."""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import RedisError

from api.waiters import Waiter, Waiters
from benchmarks.service import free_port
from shared.batch_jobs import mend_job, split_job
from shared.batch_store import RedisBatchStore
from shared.batches import Mend
from shared.broker import CeleryBroker, make_celery
from shared.errors import NotReplicated
from shared.job_store import RedisJobStore
from shared.queues import Lane
from shared.redis_client import SOCKET_TIMEOUT_SECONDS, Script, make_redis, open_connections
from shared.settings import Settings
from tests.builders import batch_spec, chunk, csv_layout, job_spec, part, success
from tests.store_pair import StorePair
from tests.unit.api.conftest import EndingWaiters

PATIENCE_SECONDS = 10.0


@pytest.fixture
def settings(settings: Settings, pair: StorePair) -> Settings:
    return settings.model_copy(
        update={"redis_url": SecretStr(pair.url), "accept_replicas": 1, "accept_replicas_timeout_seconds": 0.2}
    )


@pytest.fixture
def redis(settings: Settings) -> Iterator[Redis]:
    with closing(make_redis(settings, settings.store_url, retries=3)) as client:
        yield client


@pytest.fixture
def jobs(redis: Redis, settings: Settings) -> RedisJobStore:
    return RedisJobStore(redis, settings)


@pytest.fixture
def batches(redis: Redis, settings: Settings) -> RedisBatchStore:
    return RedisBatchStore(redis, settings)


@contextmanager
def frozen(pair: StorePair) -> Iterator[None]:
    """The replica is alive and does nothing."""
    pair.replica.process.send(signal.SIGSTOP)
    try:
        yield
    finally:
        pair.replica.process.send(signal.SIGCONT)


def be_refused_twice(redis: Redis, accept: Callable[[], object]) -> None:
    """Try what no replica will confirm, each time on a connection of its own, as after a lost answer."""
    for _ in range(2):
        redis.connection_pool.disconnect()
        with pytest.raises(NotReplicated):
            accept()


def test_one_refused_write_takes_every_connection_from_a_demoted_primary(
    redis: Redis, settings: Settings, pair: StorePair
) -> None:
    open_connections(redis, 4)
    pair.fail_over()
    pair.isolate_replica()

    redis.set("written", "to the new primary")

    assert settings.key_prefix.encode() not in pair.replica.do("CLIENT", "LIST")
    assert pair.primary.do("GET", "written") == b"to the new primary"


def test_a_script_is_run_by_a_primary_that_never_saw_it(redis: Redis, pair: StorePair) -> None:
    script = Script(redis, "#!lua\nreturn redis.call('INCR', KEYS[1])")
    script(keys=["runs"], args=[])
    pair.fail_over()

    assert script(keys=["runs"], args=[]) == 2
    assert script(keys=["runs"], args=[]) == 3


def test_messages_go_to_the_new_primary(redis: Redis, settings: Settings, pair: StorePair) -> None:
    broker = CeleryBroker(make_celery(settings), redis, settings)
    broker.send([job_spec("prd_a")], enqueued_at=1.0)
    pair.fail_over()
    pair.isolate_replica()

    broker.send([job_spec("prd_b")], enqueued_at=2.0)

    assert pair.primary.do("LLEN", f"{settings.key_root}broker:interactive") == 2


def test_connections_that_were_opened_beforehand_are_enough_for_as_many_threads(
    redis: Redis, settings: Settings, pair: StorePair
) -> None:
    open_connections(redis, 4)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: redis.blpop(["nothing"], timeout=0.1), range(4)))

    assert pair.primary.do("CLIENT", "LIST").count(f"name={settings.key_prefix} ".encode()) == 4


def test_opening_connections_beforehand_waits_for_none_that_is_in_use(settings: Settings, pair: StorePair) -> None:
    with (
        closing(make_redis(settings, pair.url, retries=0, max_connections=3, timeout_seconds=30.0)) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        client.connection_pool.get_connection()

        threads.submit(open_connections, client, 3).result(timeout=10)

        assert pair.primary.do("CLIENT", "LIST").count(f"name={settings.key_prefix} ".encode()) == 3


def test_a_server_that_is_away_at_first_gets_its_connections_when_they_are_needed(settings: Settings) -> None:
    with closing(Refusing()) as server, closing(make_redis(settings, server.url, retries=0)) as client:
        open_connections(client, 4)

    assert server.visits == 1


class Refusing:
    """A server that takes connections, counts them, and hangs up."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listening.getsockname()[1]}"
        self.visits = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.visits += 1
            connection.close()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def test_a_server_that_hangs_up_is_tried_as_often_as_was_asked_for(settings: Settings) -> None:
    with closing(Refusing()) as server, closing(make_redis(settings, server.url, retries=2)) as client:
        with pytest.raises(RedisError):
            client.ping()

        assert server.visits == 3


def test_a_pool_whose_connections_are_in_use_is_waited_for_once(settings: Settings) -> None:
    with closing(make_redis(settings, settings.store_url, retries=2, max_connections=1)) as client:
        client.connection_pool.get_connection()
        started = time.monotonic()
        with pytest.raises(RedisError, match="No connection available"):
            client.ping()

        assert time.monotonic() - started < 1.5 * SOCKET_TIMEOUT_SECONDS


def test_a_server_that_is_not_there_is_given_up_soon(settings: Settings) -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    with closing(make_redis(settings, url, retries=2)) as client:
        started = time.monotonic()
        with pytest.raises(RedisError):
            client.ping()

        assert time.monotonic() - started < 1.0


def test_a_job_is_accepted_once_a_replica_has_it(jobs: RedisJobStore, settings: Settings, pair: StorePair) -> None:
    jobs.accept([job_spec("prd_a"), job_spec("prd_b")])

    assert pair.replica.do("EXISTS", f"{settings.key_root}job:prd_b") == 1


def test_a_job_that_no_replica_confirms_is_not_accepted_though_it_is_written(
    jobs: RedisJobStore, pair: StorePair
) -> None:
    with frozen(pair), pytest.raises(NotReplicated, match="Only 0 of 1 replicas"):
        jobs.accept([job_spec("prd_a")])

    assert jobs.find("prd_a") is not None


def test_accepting_again_waits_for_the_replica_again(jobs: RedisJobStore, redis: Redis, pair: StorePair) -> None:
    with frozen(pair):
        be_refused_twice(redis, lambda: jobs.accept([job_spec("prd_a")]))

    (accepted,) = jobs.accept([job_spec("prd_a")])
    job = jobs.find("prd_a")
    assert job is not None
    assert accepted.created_at == job.created_at


def test_nothing_is_waited_for_when_nothing_is_asked_for(redis: Redis, settings: Settings, pair: StorePair) -> None:
    jobs = RedisJobStore(redis, settings.model_copy(update={"accept_replicas": 0}))

    with frozen(pair):
        assert jobs.accept([job_spec("prd_a")])


def test_a_batch_is_accepted_once_a_replica_has_it(
    batches: RedisBatchStore, redis: Redis, settings: Settings, pair: StorePair
) -> None:
    spec = batch_spec()
    with frozen(pair):
        be_refused_twice(redis, lambda: batches.accept(spec, split_job(spec)))

    batches.accept(spec, split_job(spec))

    assert pair.replica.do("EXISTS", f"{settings.key_root}batch:{spec.id}") == 1


def test_mended_rows_are_accepted_once_a_replica_has_them(
    batches: RedisBatchStore, redis: Redis, settings: Settings, pair: StorePair
) -> None:
    spec, mend = batch_spec(), Mend("t1", csv_layout().dialect, (0, 1), 2, 3)
    batches.accept(spec, split_job(spec))
    batches.note_chunks(spec.id, [chunk()], rows_total=10)
    batches.record_part(spec.id, 0, part(failed=1, errors_by_code={"missing_value": 1}))
    with frozen(pair):
        be_refused_twice(redis, lambda: batches.accept_mend(spec, 1, mend, mend_job(spec, 1)))

    assert batches.accept_mend(spec, 1, mend, mend_job(spec, 1)) == "ok"

    assert pair.replica.do("HLEN", f"{settings.key_root}batch:{spec.id}:mends") == 1


@contextmanager
def listening(jobs: RedisJobStore, redis: Redis, settings: Settings, pair: StorePair) -> Iterator[Waiters]:
    """An API process whose requests hear how their jobs end; a look by itself would only tell that they did."""
    waiters = EndingWaiters(jobs, redis, settings)
    waiters.start()
    wait_for_listener(pair, waiters)
    yield waiters
    waiters.end()


def wait_for_listener(pair: StorePair, waiters: Waiters) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not pair.primary.do("PUBSUB", "NUMSUB", waiters.reply_to)[1]:
        assert time.monotonic() < until, "nobody listens"
        time.sleep(0.02)


def end(jobs: RedisJobStore, waiters: Waiters, job_id: str) -> Waiter:
    """Take a job to its end, and return what the request that made it was told."""
    with waiters.maker_place(job_id) as maker:
        assert maker is not None
        jobs.accept([job_spec(job_id, reply_to=waiters.reply_to)])
        jobs.claim([job_id], "t1")
        jobs.finish(Lane.INTERACTIVE, {job_id: success()}, "t1", busy_seconds=0.01)
        maker.ended.wait(PATIENCE_SECONDS)
        return maker


@pytest.fixture
def promptly(settings: Settings) -> Settings:
    return settings.model_copy(update={"accept_replicas": 0})


def test_a_request_hears_of_its_job_from_the_new_primary(redis: Redis, promptly: Settings, pair: StorePair) -> None:
    jobs = RedisJobStore(redis, promptly)
    with listening(jobs, redis, promptly, pair) as waiters:
        pair.fail_over()
        pair.isolate_replica()
        wait_for_listener(pair, waiters)

        assert end(jobs, waiters, "prd_a").end is not None


def test_a_subscription_that_fell_silent_is_made_again(redis: Redis, promptly: Settings, pair: StorePair) -> None:
    jobs = RedisJobStore(redis, promptly)
    with listening(jobs, redis, promptly, pair) as waiters:
        pair.endpoint.abandon()
        wait_for_second_listener(pair, waiters)

        assert end(jobs, waiters, "prd_a").end is not None


def wait_for_second_listener(pair: StorePair, waiters: Waiters) -> None:
    """The server still counts the connection that it does not know to be dead."""
    until = time.monotonic() + PATIENCE_SECONDS
    while pair.primary.do("PUBSUB", "NUMSUB", waiters.reply_to)[1] < 2:
        assert time.monotonic() < until, "nobody listens again"
        time.sleep(0.02)

"""Wiring of a worker: settings in, a Celery worker that holds its models out."""

from typing import Any

from celery import Celery

from shared.batch_store import RedisBatchStore
from shared.broker import Broker, make_celery
from shared.brokers import make_broker
from shared.file_store import make_file_store
from shared.job_store import RedisJobStore
from shared.lane_flow import LaneFlow
from shared.queues import Lane
from shared.redis_client import make_redis, open_connections_soon
from shared.registry import RedisRegistry
from shared.settings import Settings
from shared.store_metrics import StoreMetrics
from worker.activity import Activity
from worker.batch_steps import BatchSteps
from worker.consumer import Consumer
from worker.health import HealthFile
from worker.housekeeping import Housekeeping
from worker.lease_keeper import LeaseKeeper
from worker.lifecycle import Presence, follow_lifecycle
from worker.measures import Measures, Reporter
from worker.micro_batch import MicroBatch
from worker.predictors import Predictors
from worker.priority import Priority
from worker.progress import Progress
from worker.stopping import GiveBack, Stopping
from worker.sweeper import Sweeper
from worker.task_protection import TaskProtection
from worker.tasks import register_tasks

#: A worker is patient: an answer that is computed should not be lost to an outage of some seconds.
RETRIES = 8
#: What predicts, the sweeper, the lease keeper, the presence, the reporter, and on SQS the health check.
STORE_CONNECTIONS = 6
#: What predicts, the sweeper and the health check look at the queues or send.
BROKER_CONNECTIONS = 3


def create_worker(settings: Settings) -> Any:
    """Load and warm up the models, then return a Celery worker that is ready to start.

    Raises ModelError when a model cannot be served, and SettingsInvalid when a queue cannot be used: such a worker must
    not take a single message.
    """
    _require_fit_queues(settings)
    predictors = Predictors.load(settings.models_dir, settings.models)
    redis = make_redis(settings, settings.store_url, retries=RETRIES)
    open_connections_soon(redis, STORE_CONNECTIONS)
    celery = make_celery(settings)
    jobs = RedisJobStore(redis, settings)
    leases = LeaseKeeper(jobs, settings)
    broker = make_broker(settings, celery, store=redis, retries=RETRIES, connections=BROKER_CONNECTIONS)
    batches = RedisBatchStore(redis, settings)
    files = make_file_store(settings.effective_files_url)
    measures = Measures()
    steps = BatchSteps(
        jobs=jobs,
        batches=batches,
        files=files,
        broker=broker,
        predictors=predictors,
        leases=leases,
        settings=settings,
        measures=measures,
    )
    activity = Activity()
    flow = LaneFlow(redis, settings)
    micro_batch = MicroBatch(jobs, predictors, leases, measures)
    register_tasks(celery, micro_batch, steps, flow=flow, activity=activity, measures=measures)
    sweeper = Sweeper(jobs, broker, redis, settings, Housekeeping(batches, files), measures)
    presence = Presence(RedisRegistry(redis, settings), settings.lanes, predictors.manifests)
    reporter = Reporter(measures, StoreMetrics(redis, settings), presence.worker_id)
    give_back = GiveBack(jobs, batches, broker, leases)
    stopping = Stopping(give_back, stop_seconds=settings.stop_seconds, on_drain=presence.stop)
    companions = [
        Priority(settings.lanes),
        leases,
        sweeper,
        presence,
        reporter,
        stopping,
        *_protection(settings, activity),
    ]
    follow_lifecycle(celery, _health_file(settings, activity, broker), companions)
    return _make_worker(celery, settings)


def _make_worker(celery: Celery, settings: Settings) -> Any:
    return celery.Worker(
        # One process, one thread that predicts: no pipe to a child, and no fork under a model's own threads.
        pool="solo",
        consumer_cls=f"{Consumer.__module__}:{Consumer.__name__}",
        queues=[lane.value for lane in settings.lanes],
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
        loglevel=settings.log_level,
    )


def _protection(settings: Settings, activity: Activity) -> list[TaskProtection]:
    """A single prediction is over before anybody could protect it; a chunk of a file may take minutes."""
    if settings.ecs_agent_uri is None or Lane.BULK not in settings.lanes:
        return []
    return [TaskProtection(settings.ecs_agent_uri, activity)]


def _health_file(settings: Settings, activity: Activity, broker: Broker) -> HealthFile | None:
    if settings.health_file is None:
        return None
    return HealthFile(settings.health_file, activity, Progress(broker, settings.lanes, activity))


def _require_fit_queues(settings: Settings) -> None:
    if settings.is_on_sqs:
        from worker.queue_check import require_fit_queues  # noqa: PLC0415 - boto3 takes a second to import

        require_fit_queues(settings)

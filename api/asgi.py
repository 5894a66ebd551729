"""Wiring of one API process. Each process of the web server imports this after its fork, never before."""

from api.app import Collaborators, create_app
from api.cors import allow_origins
from api.flask_on_loop import FlaskOnLoop
from api.gathering import Bounds
from api.group_commit import GroupCommit
from api.health import PROBE_SECONDS, Readiness
from api.host_tallies import host_tallies
from api.ids import JobIds
from api.key_store import RedisKeys
from api.metrics import MetricsPage
from api.rate_limits import RateLimits
from api.request_counts import RequestCounts
from api.waiters import Waiters
from shared.batch_store import RedisBatchStore
from shared.broker import make_celery
from shared.brokers import make_broker
from shared.file_store import make_file_store
from shared.garbage import freeze_objects
from shared.job_store import RedisJobStore
from shared.logs import configure_logs
from shared.quarantine import RedisQuarantine
from shared.redis_client import make_redis, open_connections_soon
from shared.registry import RedisRegistry
from shared.settings import read_settings
from shared.store_metrics import StoreMetrics
from shared.webhook_outbox import RedisWebhookOutbox

settings = read_settings()
configure_logs("api", settings.log_level)
# A request must fail fast: the client can try again, and knows that nothing was accepted.
RETRIES = 3
store_connections = settings.api_threads + 2
redis = make_redis(settings, settings.store_url, retries=RETRIES, max_connections=store_connections)
open_connections_soon(redis, store_connections)
rates = RateLimits()
jobs = RedisJobStore(redis, settings, on_debt=rates.note)
celery = make_celery(settings)
# A message that cannot be sent at once is the sweeper's, so a single further try is enough.
broker = make_broker(settings, celery, store=redis, retries=1)
# A probe must say within its time that a server is away: it has clients of its own, which ask once.
probe = make_redis(settings, settings.store_url, retries=0, max_connections=2, timeout_seconds=PROBE_SECONDS)
readiness = Readiness(
    make_broker(settings, celery, store=probe, retries=0, timeout_seconds=PROBE_SECONDS),
    RedisRegistry(probe, settings),
)
tallies = host_tallies(settings.api_processes)
counts = RequestCounts(tallies.claim())
group = GroupCommit(jobs, broker, Bounds(settings.message_rows, settings.message_bytes), on_accepted=counts.accepted)
waiters = Waiters(jobs, redis, settings, on_ends=group.answered)
waiters.start()
group.start()
flask_app = create_app(
    settings,
    Collaborators(
        jobs=jobs,
        batches=RedisBatchStore(redis, settings, on_debt=rates.note),
        files=make_file_store(settings.effective_files_url),
        broker=broker,
        registry=RedisRegistry(redis, settings),
        group=group,
        waiters=waiters,
        ids=JobIds(redis, settings),
        readiness=readiness,
        quarantine=RedisQuarantine(redis, settings),
        counts=counts,
        metrics=MetricsPage(tallies, StoreMetrics(probe, settings), RedisRegistry(probe, settings)),
        keys=RedisKeys(redis, settings),
        rates=rates,
        outbox=RedisWebhookOutbox(redis, settings),
    ),
)
app = allow_origins(
    FlaskOnLoop(
        flask_app,
        threads=settings.max_waiters + settings.api_threads,
        patience_seconds=settings.client_timeout_seconds,
        never_blocks=flask_app.never_blocks,
        express=flask_app.express.answer,
    ),
    settings.cors_origins,
)
# A search through everything here takes 20 to 40 ms, for which everybody waits.
freeze_objects()

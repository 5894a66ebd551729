"""The real stores with a clock that a test moves."""

from redis import Redis

from shared.batch_store import RedisBatchStore
from shared.job_store import RedisJobStore
from shared.rates import OnDebt, ignore_debt
from shared.settings import Settings


def _age_members(redis: Redis, key: bytes, seconds: float) -> None:
    """Move the moments in a sorted set into the past."""
    for member in redis.zrange(key, 0, -1):
        redis.zincrby(key, -seconds, bytes(member))  # type: ignore[arg-type]  # This client answers bytes.


def _age_record(redis: Redis, key: bytes, seconds: float) -> None:
    """Move the moments in a record into the past."""
    for name in ("created", "deadline", "started", "completed", "expires", "retried"):
        if redis.hexists(key, name):
            redis.hincrbyfloat(key, name, -seconds)


def _age_life(redis: Redis, key: bytes, seconds: float) -> None:
    left = redis.ttl(key)
    if left > 0:
        redis.expire(key, max(int(left - seconds), 0))


class TimedRedisJobStore(RedisJobStore):
    """The real store; time passes by moving every moment in its records into the past."""

    def __init__(self, redis: Redis, settings: Settings, *, on_debt: OnDebt = ignore_debt) -> None:
        super().__init__(redis, settings, on_debt=on_debt)
        self.redis = redis

    def let_time_pass(self, seconds: float) -> None:
        for key in self.redis.scan_iter(f"{self._root}*"):
            if self.redis.type(key) == b"zset":
                _age_members(self.redis, key, seconds)
            elif b":job:" in key and self.redis.type(key) == b"hash":
                _age_record(self.redis, key, seconds)
                _age_life(self.redis, key, seconds)
            elif b":load:" in key:
                self.redis.hincrbyfloat(key, "at", -seconds)
            elif b":gone:" in key or b":once:" in key:
                _age_life(self.redis, key, seconds)
            elif b":rate:" in key:
                self.redis.incrbyfloat(key, -seconds)


class TimedRedisBatchStore(RedisBatchStore):
    """The real store; time passes by moving every moment in its records into the past."""

    def __init__(self, redis: Redis, settings: Settings, *, on_debt: OnDebt = ignore_debt) -> None:
        super().__init__(redis, settings, on_debt=on_debt)
        self.redis = redis
        self._start = f"{settings.key_root}batch"

    def let_time_pass(self, seconds: float) -> None:
        for key in self.redis.scan_iter(f"{self._start}*"):
            if self.redis.type(key) == b"zset":
                _age_members(self.redis, key, seconds)
            elif not key.endswith((b":chunks", b":parts", b":codes")):
                _age_record(self.redis, key, seconds)

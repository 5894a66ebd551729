"""How AWS changes the number of tasks, as infra/terraform/modules/service/scaling.tf asks it to.

From the guides of Application Auto Scaling: an alarm of target tracking looks at minutes. Three above the target add
tasks in proportion; fifteen below nine tenths of it take tasks away, and only when every tracking policy agrees.
"""

from collections import deque
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

MINUTE = 60
_HIGH_MINUTES = 3
_LOW_MINUTES = 15
_LOW_SHARE = 0.9

Metric = Literal["cpu_percent", "messages_per_task", "requests_per_task"]


@dataclass(frozen=True, slots=True)
class Minute:
    """What CloudWatch knows of one minute."""

    cpu_percent: float
    messages_per_task: float
    requests_per_task: float
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Tracking:
    """A target tracking policy."""

    metric: Metric
    target: float
    scale_out_cooldown: float = 60
    scale_in_cooldown: float = 300


@dataclass(frozen=True, slots=True)
class Burst:
    """A step policy: so many percent more when the oldest message is older than a limit."""

    oldest_seconds: float
    percent: float = 100
    cooldown: float = 60


@dataclass(slots=True)
class _Watched:
    """A tracking policy, the minutes that it has seen, and when it last acted."""

    policy: Tracking
    values: deque[float] = field(default_factory=lambda: deque(maxlen=_LOW_MINUTES))
    changed_at: float = -1e9

    def wants(self, tasks: int) -> int:
        return ceil(tasks * self.values[-1] / self.policy.target - 1e-9)

    def is_high(self) -> bool:
        recent = list(self.values)[-_HIGH_MINUTES:]
        return len(recent) == _HIGH_MINUTES and all(value > self.policy.target for value in recent)

    def is_low(self) -> bool:
        return len(self.values) == _LOW_MINUTES and all(
            value < _LOW_SHARE * self.policy.target for value in self.values
        )


class Scaler:
    """Decides once a minute how many tasks there should be."""

    def __init__(self, trackings: tuple[Tracking, ...], burst: Burst | None, *, minimum: int, maximum: int) -> None:
        self._watched = [_Watched(policy) for policy in trackings]
        self._burst = burst
        self._burst_at = -1e9
        self._minimum = minimum
        self._maximum = maximum

    def decide(self, now: float, tasks: int, minute: Minute) -> int:
        """Return how many tasks there should be, after one more minute; `tasks` are those wanted so far."""
        for watched in self._watched:
            watched.values.append(getattr(minute, watched.policy.metric))
        return min(self._maximum, max(self._minimum, self._decide(now, tasks, minute)))

    def _decide(self, now: float, tasks: int, minute: Minute) -> int:
        more = max((self._more(now, tasks, watched) for watched in self._watched), default=tasks)
        more = max(more, self._burst_to(now, tasks, minute))
        if more > tasks:
            return more
        return self._fewer(now, tasks)

    def _more(self, now: float, tasks: int, watched: _Watched) -> int:
        if not watched.is_high() or now - watched.changed_at < watched.policy.scale_out_cooldown:
            return tasks
        watched.changed_at = now
        return max(tasks, watched.wants(tasks))

    def _burst_to(self, now: float, tasks: int, minute: Minute) -> int:
        burst = self._burst
        if burst is None or minute.oldest_seconds <= burst.oldest_seconds or now - self._burst_at < burst.cooldown:
            return tasks
        self._burst_at = now
        return tasks + max(1, int(tasks * burst.percent / 100))

    def _fewer(self, now: float, tasks: int) -> int:
        for watched in self._watched:
            if not watched.is_low() or now - watched.changed_at < watched.policy.scale_in_cooldown:
                return tasks
        wanted = max((watched.wants(tasks) for watched in self._watched), default=tasks)
        for watched in self._watched:
            watched.changed_at = now
        return min(tasks, wanted)

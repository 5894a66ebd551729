"""Which services, policies and loads are simulated. The numbers of the policies are those of infra/terraform."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from benchmarks.scaling.fleet import Fleet, Run
from benchmarks.scaling.loads import Load, ramp, steady, step
from benchmarks.scaling.policies import Burst, Scaler, Tracking
from benchmarks.scaling.service_time import API, DEFAULT_MODEL, SLOW_CALL, SLOW_ROW, ServiceTime

SECONDS = 2 * 60 * 60
#: `acceptable_wait_seconds` of the stack: who waits longer is late.
ACCEPTABLE_WAIT_SECONDS = 2.0
#: `cpu_percent` of both services.
CPU_PERCENT = 55.0
#: `burst_seconds` of the stack.
BURST_SECONDS = 15.0
#: `seconds_per_message` of the stack: a message of one row of the default model.
SECONDS_PER_MESSAGE = 0.02
#: `requests_per_second` of the stack for a task of the API, and the share of it that is aimed at.
REQUESTS_PER_SECOND = 150.0
REQUESTS_SHARE = 0.6

#: Sizes and bounds of environments/prod.
API_VCPUS, API_MINIMUM, API_MAXIMUM = 0.5, 3, 60
WORKER_VCPUS, WORKER_MINIMUM, WORKER_MAXIMUM = 1.0, 3, 200

LOADS: Mapping[str, Load] = {
    "steady 1000/s": steady(1000),
    "ramp 100 to 2000/s in 30 min": ramp(100, 2000, seconds=1800),
    "step 500 to 1000/s": step(500, 1000),
    "step 200 to 2000/s": step(200, 2000),
}
PEAK = 2000.0
#: API processes at the peak: one in each ECS task, and as many of these as the policy `requests` asks for.
SENDERS = ceil(PEAK / (REQUESTS_SHARE * REQUESTS_PER_SECOND))


@dataclass(frozen=True, slots=True)
class Service:
    """One row of the report."""

    name: str
    time: ServiceTime
    trackings: tuple[Tracking, ...]
    burst: Burst | None
    minimum: int
    maximum: int
    senders: int = SENDERS

    def run(self, load: Load) -> Run:
        """Return what happens under a load, from a fleet that is as large as the load of its first second asks."""
        scaler = Scaler(self.trackings, self.burst, minimum=self.minimum, maximum=self.maximum)
        warm = max(self.minimum, tasks_for(self.time, load(0)))
        return Fleet(self.time, scaler, senders=self.senders).run(load, tasks=warm, seconds=SECONDS)

    def with_floor(self, name: str, minimum: int) -> "Service":
        """Return the same with another floor."""
        return replace(self, name=name, minimum=minimum)


def tasks_for(time: ServiceTime, rate: float, *, busy: float = CPU_PERCENT / 100) -> int:
    """Return how many tasks take a rate in full messages, and are no busier than that."""
    return ceil(rate / time.highest_rows_per_second / busy)


def full_message_seconds(time: ServiceTime) -> float:
    """Return what `seconds_per_message` should be: the time of a full message, which is what waits in a queue."""
    return time.seconds(time.message_rows)


def backlog_per_task(seconds_per_message: float) -> int:
    """Return the messages that a task may have waiting: `backlog_per_task` of modules/service/scaling.tf."""
    return ceil(ACCEPTABLE_WAIT_SECONDS / seconds_per_message - 0.001)


def _worker(name: str, time: ServiceTime, seconds_per_message: float) -> Service:
    trackings = (
        Tracking("cpu_percent", CPU_PERCENT),
        Tracking("messages_per_task", backlog_per_task(seconds_per_message)),
    )
    burst = Burst(BURST_SECONDS)
    return Service(name, time.on(WORKER_VCPUS), trackings, burst, WORKER_MINIMUM, WORKER_MAXIMUM)


def services() -> list[Service]:
    """Return every service that is simulated."""
    slow_row = _worker("20 ms a row", SLOW_ROW, full_message_seconds(SLOW_ROW))
    backlog_only = replace(slow_row, name="20 ms a row, backlog alone", trackings=slow_row.trackings[1:], burst=None)
    cpu_only = replace(slow_row, name="20 ms a row, CPU alone", trackings=slow_row.trackings[:1], burst=None)
    floor = tasks_for(SLOW_ROW, PEAK, busy=1.0)
    requests = Tracking("requests_per_task", 60 * REQUESTS_SHARE * REQUESTS_PER_SECOND)
    api = (Tracking("cpu_percent", CPU_PERCENT), requests)
    return [
        Service("API", API.on(API_VCPUS), api, None, API_MINIMUM, API_MAXIMUM, senders=0),
        _worker("default model", DEFAULT_MODEL, SECONDS_PER_MESSAGE),
        _worker("10 ms a call", SLOW_CALL, full_message_seconds(SLOW_CALL)),
        slow_row,
        slow_row.with_floor(f"20 ms a row, floor of {floor}", floor),
        backlog_only,
        cpu_only,
    ]

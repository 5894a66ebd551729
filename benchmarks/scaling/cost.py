"""What a month costs, from the measured service time and list prices: `python -m benchmarks.scaling.cost`."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from benchmarks.scaling.prices import HOURS_PER_MONTH, price_table, usd
from benchmarks.scaling.scenarios import (
    API_MAXIMUM,
    API_MINIMUM,
    API_VCPUS,
    REQUESTS_PER_SECOND,
    REQUESTS_SHARE,
    WORKER_MINIMUM,
    WORKER_VCPUS,
    tasks_for,
)
from benchmarks.scaling.service_time import API, DEFAULT_MODEL

_DAY_SECONDS = 86_400.0
_MONTH_SECONDS = HOURS_PER_MONTH * 3600

#: Submit, and read the result once.
REQUESTS_PER_PREDICTION = 2
#: The busiest minute, to the average of the day.
PEAK_FACTOR = 3
#: Send, receive, delete (docs/decisions/0011-sqs.md).
_QUEUE_CALLS = 3
#: A worker with nothing to do asks three times a minute (ibid.).
_IDLE_CALLS_PER_SECOND = 3 / 60
#: `python -m benchmarks.record_size`: a finished job in the job store.
RECORD_BYTES = 1_400
#: ElastiCache cache.m7g.large: 6.38 GB (from memory), of which the alarm `memory` leaves four fifths.
STORE_BYTES = 0.8 * 6.38e9

# Assumed, each for one request or prediction.
_REQUEST_BYTES = 1_500
_ROW_MESSAGE_BYTES = 500
_STORE_BYTES_MOVED = 2_000
_ACCESS_LOG_BYTES = 100
_ZONES = 3
_ENDPOINTS = 5
_WAF_RULES = 4
_ALARMS = 45
_METRICS = 100
_KEYS = 2
_SECRETS = 4
_FIXED_LOG_GB = 5
_CAPACITY_UNIT_GB = 1.0


@dataclass(frozen=True, slots=True)
class Volume:
    """How much is predicted."""

    name: str
    predictions_per_day: float

    @property
    def per_second(self) -> float:
        return self.predictions_per_day / _DAY_SECONDS

    @property
    def per_month(self) -> float:
        return self.per_second * _MONTH_SECONDS

    @property
    def requests_per_month(self) -> float:
        return REQUESTS_PER_PREDICTION * self.per_month


IDLE, MILLION, HUNDRED_MILLION = Volume("idle", 0), Volume("1M a day", 1e6), Volume("100M a day", 1e8)
VOLUMES = (IDLE, MILLION, HUNDRED_MILLION)


def api_tasks(per_second: float) -> int:
    """Return the ECS tasks of the API that the policy `requests` asks for, as it is deployed."""
    return max(API_MINIMUM, ceil(REQUESTS_PER_PREDICTION * per_second / (REQUESTS_SHARE * REQUESTS_PER_SECOND)))


def api_tasks_measured(per_second: float) -> int:
    """Return the ECS tasks of the API at the measured time of a request, 55 % busy."""
    return max(API_MINIMUM, tasks_for(API.on(API_VCPUS), REQUESTS_PER_PREDICTION * per_second))


def api_busy(requests_per_second: float) -> float:
    """Return the share of its processor that a task of the API uses when no request is gathered with another."""
    return API.on(API_VCPUS).processor_share(requests_per_second, message_rows=1)


def requests_of_a_task_at_most(per_second: float) -> float:
    """Return the requests a second of each task of the API when as many run as may."""
    return REQUESTS_PER_PREDICTION * per_second / API_MAXIMUM


def interactive_workers(per_second: float) -> int:
    """Return the workers that the default model needs at its measured time, 55 % busy in full messages."""
    return max(WORKER_MINIMUM, tasks_for(DEFAULT_MODEL, per_second))


def rows_per_message(per_second: float) -> float:
    """Return how many rows a message holds: as few as let the workers keep up."""
    return DEFAULT_MODEL.rows_that_keep_up(per_second / interactive_workers(per_second))


def retention_that_fits(per_second: float) -> float:
    """Return for how many seconds the job store can keep what it is given at that rate."""
    return STORE_BYTES / (RECORD_BYTES * per_second)


def _fargate(vcpus: float, gigabytes: float) -> float:
    return HOURS_PER_MONTH * (vcpus * usd("Fargate ARM, vCPU") + gigabytes * usd("Fargate ARM, memory"))


def _queue(volume: Volume) -> float:
    messages = volume.per_month / rows_per_message(volume.per_second)
    workers = interactive_workers(volume.per_second) + 1
    calls = max(_QUEUE_CALLS * messages, workers * _IDLE_CALLS_PER_SECOND * _MONTH_SECONDS)
    return calls / 1e6 * usd("SQS, standard queue")


def _load_balancer(volume: Volume) -> float:
    gigabytes = volume.requests_per_month * _REQUEST_BYTES / 1e9
    addresses = _ZONES * HOURS_PER_MONTH * usd("public IPv4 address")
    units = max(HOURS_PER_MONTH * 0.1, gigabytes / _CAPACITY_UNIT_GB)
    return HOURS_PER_MONTH * usd("load balancer") + addresses + units * usd("load balancer, capacity unit")


def _endpoints(volume: Volume) -> float:
    gigabytes = volume.per_month * 2 * _ROW_MESSAGE_BYTES / 1e9
    hours = _ENDPOINTS * _ZONES * HOURS_PER_MONTH * usd("interface endpoint")
    return hours + gigabytes * usd("interface endpoint, data")


def _waf(volume: Volume) -> float:
    fixed = usd("WAF, web ACL") + _WAF_RULES * usd("WAF, rule")
    return fixed + volume.requests_per_month / 1e6 * usd("WAF, requests")


def _watching(volume: Volume) -> float:
    fixed = (
        _ALARMS * usd("CloudWatch, alarm")
        + _METRICS * usd("CloudWatch, metric")
        + _KEYS * usd("KMS, key")
        + _SECRETS * usd("secret")
        + _FIXED_LOG_GB * usd("CloudWatch, log")
    )
    return fixed + volume.requests_per_month * _ACCESS_LOG_BYTES / 1e9 * usd("S3, standard")


def _zones(volume: Volume) -> float:
    gigabytes = volume.per_month * _STORE_BYTES_MOVED / 1e9
    return gigabytes * (1 - 1 / _ZONES) * usd("traffic between zones")


LINES: Mapping[str, Callable[[Volume], float]] = {
    "API": lambda volume: api_tasks(volume.per_second) * _fargate(API_VCPUS, 1),
    "interactive workers": lambda volume: interactive_workers(volume.per_second) * _fargate(WORKER_VCPUS, 2),
    "bulk worker": lambda volume: _fargate(1, 4),  # noqa: ARG005
    "Valkey, 3 nodes": lambda volume: 3 * HOURS_PER_MONTH * usd("Valkey cache.m7g.large"),  # noqa: ARG005
    "load balancer and addresses": _load_balancer,
    "endpoints": _endpoints,
    "SQS": _queue,
    "WAF": _waf,
    "alarms, metrics, logs, keys, secrets": _watching,
    "traffic between zones": _zones,
}


def total(volume: Volume) -> float:
    """Return the USD of a month."""
    return sum(line(volume) for line in LINES.values())


def eks_more() -> float:
    """Return what the control plane of EKS adds to a month."""
    return HOURS_PER_MONTH * usd("EKS, control plane")


def lambda_compute(volume: Volume, *, seconds: float = 0.005, gigabytes: float = 1.728) -> float:
    """Return what Lambda asks for a month of single predictions: one call each, of a duration that is assumed."""
    calls = volume.per_month / 1e6 * usd("Lambda, requests")
    return calls + volume.per_month * seconds * gigabytes * usd("Lambda ARM, memory")


def cost_table() -> str:
    """Return the bill as a table of Markdown."""
    rows = [
        f"| {name} | " + " | ".join(f"{line(volume):,.0f}" for volume in VOLUMES) + " |" for name, line in LINES.items()
    ]
    sums = " | ".join(f"**{total(volume):,.0f}**" for volume in VOLUMES)
    each = " | ".join(_for_a_million(volume) for volume in VOLUMES)
    return "\n".join(
        [
            "| USD a month | " + " | ".join(volume.name for volume in VOLUMES) + " |",
            "|---|---|---|---|",
            *rows,
            f"| **total** | {sums} |",
            f"| for a million predictions | {each} |",
        ]
    )


def _for_a_million(volume: Volume) -> str:
    return f"{total(volume) / (volume.per_month / 1e6):,.2f}" if volume.per_month else "-"


def sizes_table() -> str:
    """Return what the bill was computed for as a table of Markdown."""
    lines: Mapping[str, Callable[[float], str]] = {
        "predictions a second, average": lambda rate: f"{rate:,.0f}",
        "the same, busiest minute": lambda rate: f"{PEAK_FACTOR * rate:,.0f}",
        "ECS tasks of the API, as deployed (average, peak)": lambda rate: f"{api_tasks(rate)}, {api_tasks(3 * rate)}",
        "the same at the measured time of a request": lambda rate: (
            f"{api_tasks_measured(rate)}, {api_tasks_measured(PEAK_FACTOR * rate)}"
        ),
        "interactive workers (average, peak)": lambda rate: (
            f"{interactive_workers(rate)}, {interactive_workers(PEAK_FACTOR * rate)}"
        ),
        "rows in a message (average, peak)": lambda rate: (
            f"{rows_per_message(rate):.1f}, {rows_per_message(PEAK_FACTOR * rate):.1f}"
        ),
        "retention that fits into the job store": lambda rate: (
            f"{retention_that_fits(rate) / 60:,.0f} min" if rate else "any"
        ),
    }
    rows = [
        f"| {name} | " + " | ".join(of(volume.per_second) for volume in VOLUMES) + " |" for name, of in lines.items()
    ]
    return "\n".join(["| | " + " | ".join(volume.name for volume in VOLUMES) + " |", "|---|---|---|---|", *rows])


def main() -> int:
    """Print the three tables, and return 0."""
    sys.stdout.write("\n\n".join([sizes_table(), cost_table(), price_table()]) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

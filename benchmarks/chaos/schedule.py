"""Which fault happens when: a plan that a seed repeats. Pure."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum


class Resource(StrEnum):
    """What at most one fault at a time may have."""

    #: The server and the ways to it: of two outages at once, nobody could tell which one healed.
    STORE = "store"
    #: One worker may be frozen, the others go on.
    FREEZER = "freezer"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault."""

    name: str
    #: Its share of all faults, relative to the others.
    weight: float
    #: How long it lasts, in seconds: drawn from this range.
    seconds: tuple[float, float] = (0.0, 0.0)
    resource: Resource | None = None
    #: For as long as it lasts, no job can be answered.
    is_outage: bool = False
    #: It needs parts that a service with the stock configuration does not have.
    is_ours_only: bool = False
    #: The API may reach no queue meanwhile: jobs are accepted that for a while have a record and no message.
    leaves_unsent: bool = False
    #: It takes the record of jobs, so their messages must have been sent.
    needs_sent: bool = False


KINDS = (
    Kind("worker_kill_whole", 12),
    Kind("worker_kill_main", 10),
    Kind("worker_kill_child", 10),
    Kind("worker_kill_all", 4),
    Kind("worker_freeze_resume", 5, (5.0, 60.0), Resource.FREEZER),
    Kind("worker_freeze_kill", 5, (2.0, 20.0), Resource.FREEZER),
    Kind("worker_stop", 7),
    Kind("api_kill_whole", 2, is_ours_only=True),
    Kind("api_kill_main", 2, is_ours_only=True),
    Kind("api_kill_child", 4, is_ours_only=True),
    Kind("api_kill_before_publish", 7, is_ours_only=True),
    Kind("api_stop", 2, is_ours_only=True),
    Kind("store_kill", 4, (0.2, 3.0), Resource.STORE, is_outage=True),
    Kind("store_sleep", 2.5, (1.0, 10.0), Resource.STORE, is_outage=True),
    Kind("store_pause", 2.5, (1.0, 10.0), Resource.STORE, is_outage=True),
    Kind("store_disconnect", 5, resource=Resource.STORE),
    Kind("store_demote", 4, (0.0, 3.0), Resource.STORE, is_outage=True),
    Kind("store_full", 1.5, (2.0, 8.0), Resource.STORE),
    Kind("partition_worker", 2.5, (5.0, 20.0), Resource.STORE, is_outage=True),
    Kind("partition_api", 2.5, (5.0, 20.0), Resource.STORE, is_outage=True),
    Kind("poison_row", 4, is_ours_only=True),
)
#: On SQS an API process that dies, or that reaches no queue, and a record that is deleted are two failures, which must
#: not meet in one job.
SQS_KINDS = (
    *(
        replace(kind, resource=Resource.STORE)
        if kind.name.startswith("api_")
        else replace(kind, leaves_unsent=kind.name == "partition_api")
        for kind in KINDS
    ),
    Kind("queue_sleep", 3, (1.0, 10.0), Resource.STORE, is_outage=True, leaves_unsent=True),
    Kind("record_delete", 6, (1.5, 3.0), Resource.STORE, needs_sent=True),
)
#: After queues could not be reached, the API lets them rest for up to 25 s, and the sweeper sends what was left to it.
UNSENT_SECONDS = 32.0
#: After a fault of a resource it is left alone for so long.
REST_SECONDS = 2.0
#: The load runs for so long before the first fault, and after the last one has healed.
MARGIN_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a plan."""

    #: Seconds from the start of the load.
    at: float
    kind: Kind
    seconds: float
    #: From 0 to 1: picks the victim, or the variant of the kind.
    pick: float


def plan_faults(seed: int, *, seconds: float, count: int, kinds: Sequence[Kind] = KINDS) -> list[Fault]:
    """Return about `count` faults within so many seconds, in order of time; the same arguments give the same plan.

    Every kind comes at least once if there are as many faults as kinds, and otherwise by its weight. A long fault that
    finds no room before the end is left out.
    """
    generator = random.Random(seed)  # noqa: S311 - a plan must repeat, not be secret
    waiting = draw_kinds(generator, count, kinds)
    step = max(0.0, seconds - 2 * MARGIN_SECONDS) / max(count, 1)
    free_at: dict[Resource, float] = {}
    sent_at = 0.0
    plan: list[Fault] = []
    for number in range(count):
        at = MARGIN_SECONDS + (number + generator.random()) * step
        durations = [generator.uniform(*kind.seconds) for kind in waiting]
        pick = generator.random()
        last = seconds - MARGIN_SECONDS
        chosen = _find_first(waiting, durations, at, free_at, is_all_sent=at >= sent_at, last=last)
        if chosen is None:
            continue
        kind, duration = waiting.pop(chosen), durations[chosen]
        if kind.resource is not None:
            free_at[kind.resource] = at + duration + REST_SECONDS
        if kind.leaves_unsent:
            sent_at = at + duration + UNSENT_SECONDS
        plan.append(Fault(at, kind, duration, pick))
    return plan


def draw_kinds(generator: random.Random, count: int, kinds: Sequence[Kind]) -> list[Kind]:
    """Return `count` kinds in a random order, their numbers as near to the weights as whole numbers can be."""
    if count <= len(kinds):
        return generator.sample(list(kinds), count)
    total = sum(kind.weight for kind in kinds)
    shares = {kind: (count - len(kinds)) * kind.weight / total for kind in kinds}
    numbers = {kind: 1 + int(share) for kind, share in shares.items()}
    by_rest = sorted(kinds, key=lambda kind: shares[kind] - int(shares[kind]), reverse=True)
    for kind in by_rest[: count - sum(numbers.values())]:
        numbers[kind] += 1
    drawn = [kind for kind in kinds for _ in range(numbers[kind])]
    generator.shuffle(drawn)
    return drawn


def _find_first(
    waiting: Sequence[Kind],
    durations: Sequence[float],
    at: float,
    free_at: dict[Resource, float],
    *,
    is_all_sent: bool,
    last: float,
) -> int | None:
    """Return the index of the first kind that may happen now."""
    for index, (kind, duration) in enumerate(zip(waiting, durations, strict=True)):
        is_free = kind.resource is None or free_at.get(kind.resource, 0.0) <= at
        is_free = is_free and (is_all_sent or not kind.needs_sent)
        # An instant fault may come as the last one; a long one must heal in time.
        if is_free and (duration == 0 or at + duration <= last):
            return index
    return None

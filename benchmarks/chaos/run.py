"""One run: the control first, then our own service under the same kinds of faults, and the verdict on both."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.chaos.checker import judge
from benchmarks.chaos.clients import Readers, Submitters
from benchmarks.chaos.control import ControlResult, run_control
from benchmarks.chaos.faults import Saboteur
from benchmarks.chaos.files import FileRuns
from benchmarks.chaos.history import History
from benchmarks.chaos.report import ChaosResult
from benchmarks.chaos.rowcall_system import BULK_PREFIX, RowcallSystem, running_rowcall
from benchmarks.chaos.schedule import KINDS, MARGIN_SECONDS, SQS_KINDS, plan_faults
from benchmarks.chaos.standstill import StandstillWatch
from benchmarks.chaos.system import System
from benchmarks.chaos.traced_model import count_executions
from benchmarks.chaos.traced_people import TracedPeople, publish_traced_model
from benchmarks.chaos.worker_network import find_hindrance

#: How long the model takes for a call, so that a worker that is killed has something in hand.
CALL_SECONDS = 0.05
#: After the load, everything must have its answer in this time: a row that hangs is tried three times, and SQS keeps a
#: message for 90 s for a worker that died with it, which matters where the record was deleted.
DRAIN_SECONDS = 150.0
#: Tasks per second of both applications of the control, and how long each takes: half of their pool processes have one
#: in hand at any time, so that a worker that is killed has some.
_CONTROL_RATE = 40.0
_CONTROL_CALL_SECONDS = 0.2
_CONTROL_ROUNDS = 3
#: Beyond one of each kind.
_MORE_CONTROL_FAULTS = 5

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    broker: str
    seconds: float
    control_seconds: float
    #: Fewer accepted jobs are a failure.
    jobs: int
    faults: int
    #: Jobs per second.
    rate: float
    seed: int
    #: Files to score under the faults.
    files: int


def run_chaos(plan: Plan, folder: Path, *, say: Say) -> ChaosResult:
    """Run the control and then our service; raises MeasurementFailed when either cannot be run."""
    say(f"seed {plan.seed}: `--seed {plan.seed}` repeats this plan of faults")
    hindrance = find_hindrance()
    if hindrance:
        note = f"NO NETWORK NAMESPACE: {hindrance}. Workers are cut off by a forwarder that falls silent instead."
    else:
        note = "workers are cut off in a network namespace of their own, the API by a forwarder that falls silent"
    say(note)
    traces = folder / "traces"
    traces.mkdir()
    people = TracedPeople(publish_traced_model(folder / "models", traces, call_seconds=CALL_SECONDS), plan.seed)
    control = _run_control(plan, folder, people, in_network=not hindrance, say=say)
    ours = running_rowcall(folder / "rowcall", folder / "models", in_network=not hindrance, broker=plan.broker)
    with ours as rowcall, StandstillWatch.run() as watch:
        result = _run_ours(plan, rowcall, people, traces, notes=[note], say=say)
    return replace(result, control=control, standstills=watch.spans)


def _run_control(plan: Plan, folder: Path, people: TracedPeople, *, in_network: bool, say: Say) -> ControlResult:
    kinds = [kind for kind in KINDS if not kind.is_ours_only]
    count = max(len(kinds) + _MORE_CONTROL_FAULTS, round(plan.faults * plan.control_seconds / plan.seconds))
    run_round = partial(
        run_control, people=people, rate=_CONTROL_RATE, call_seconds=_CONTROL_CALL_SECONDS, in_network=in_network
    )
    total = ControlResult()
    # Chance may spare every task for a minute, but hardly so often.
    for number in range(_CONTROL_ROUNDS):
        faults = plan_faults(plan.seed + number, seconds=plan.control_seconds, count=count, kinds=kinds)
        say(f"control: stock Celery under {len(faults)} faults in {plan.control_seconds:g} s ...")
        total.add(run_round(folder / f"control-{number}", faults))
        say(f"control: {total.all_lost} of {total.accepted} lost")
        if total.all_lost:
            break
    return total


def _run_ours(
    plan: Plan, rowcall: RowcallSystem, people: TracedPeople, traces: Path, *, notes: Sequence[str], say: Say
) -> ChaosResult:
    history = History()
    files = FileRuns(rowcall.ports, people.artifact, traces.parent, files=plan.files, seed=plan.seed)
    submitters = Submitters(rowcall.ports, people, history, rate=plan.rate)
    readers = Readers(rowcall.ports, history)
    kinds = SQS_KINDS if plan.broker == "sqs" else KINDS
    faults = plan_faults(plan.seed, seconds=plan.seconds, count=plan.faults, kinds=kinds)
    say(f"rowcall: {plan.rate:g} jobs per second under {len(faults)} faults in {plan.seconds:g} s ...")
    saboteur = Saboteur(_make_system(rowcall, submitters, history, has_files=plan.files > 0))
    for part in (submitters, readers, files):
        part.start()
    started = time.monotonic()
    saboteur.carry_out(faults, started)
    time.sleep(max(MARGIN_SECONDS, started + plan.seconds - time.monotonic()))
    submitters.stop()
    load_ended = time.monotonic()
    readers.drain(DRAIN_SECONDS)
    drain_seconds = time.monotonic() - load_ended
    files.join()
    readers.stop()
    readers.read_all()
    return ChaosResult(
        seed=plan.seed,
        broker=plan.broker,
        seconds=load_ended - started,
        notes=[*notes, *files.problems],
        history=history,
        faults=saboteur.done,
        verdict=judge(history.list_jobs(), people.output, count_executions(traces)),
        wanted_jobs=plan.jobs,
        open_at_end=rowcall.count_open_jobs(),
        drain_seconds=drain_seconds,
        control=None,
        bulk=files.found,
    )


def _make_system(rowcall: RowcallSystem, submitters: Submitters, history: History, *, has_files: bool) -> System:
    """Return the service as what faults are done to, with the clients' part in some of them."""

    def delete_records(since: float, until: float) -> int:
        ids = rowcall.delete_records(since, until)
        for job_id in ids:
            history.note_deleted_record(job_id)
        return len(ids)

    system = replace(rowcall.system, submit_poison=submitters.submit_poison, delete_records=delete_records)
    if not has_files:
        return system
    # Faults are for those who score files as well.
    return replace(system, worker_prefixes=(*system.worker_prefixes, BULK_PREFIX))

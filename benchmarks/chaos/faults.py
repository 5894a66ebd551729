"""Do the faults of a plan to a system, and note what was done and when."""

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.chaos.fates import Fate
from benchmarks.chaos.recovery import Span
from benchmarks.chaos.schedule import Fault, Kind
from benchmarks.chaos.store_pair import FaultFailed
from benchmarks.chaos.supervised import find_children, signal_process, signal_tree
from benchmarks.chaos.system import System
from benchmarks.warm_process import MeasurementFailed

#: A process that was told to stop gets so long before it is killed; a worker's own limit is shorter.
STOP_SECONDS = 12.0
_OF_ONE_WORKER = (
    "worker_kill_whole",
    "worker_kill_main",
    "worker_kill_child",
    "worker_freeze_resume",
    "worker_freeze_kill",
    "worker_stop",
)
#: They wait so long for another worker that goes on.
_READY_SECONDS = 20.0
#: After so long a message is on its queue.
_SENDING_SECONDS = 1.0
_POISONS = (Fate.EXITS, Fate.CRASHES, Fate.HANGS, Fate.ANSWERS_NAN, Fate.RAISES)
#: A partition cuts off both directions, or the questions alone, or the answers alone.
_CUTS = (
    {"questions": True, "answers": True},
    {"questions": True, "answers": False},
    {"questions": False, "answers": True},
)


@dataclass(frozen=True, slots=True)
class Done:
    """A fault that was tried."""

    kind: Kind
    began_at: float
    ended_at: float
    #: What exactly was done; or, if it could not be, why.
    detail: str
    is_done: bool = True

    @property
    def span(self) -> Span:
        return Span(self.began_at, self.ended_at, self.kind.is_outage)


class Saboteur:
    """Carries a plan out, each fault in a thread of its own, because some last."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._lock = threading.Lock()
        self.done: list[Done] = []
        self._frozen: set[int] = set()
        self._actions: Mapping[str, Callable[[Fault], str]] = {
            "worker_kill_whole": self._kill_worker,
            "worker_kill_main": self._kill_worker_main,
            "worker_kill_child": self._kill_worker_child,
            "worker_kill_all": self._kill_all_workers,
            "worker_freeze_resume": lambda fault: self._freeze_worker(fault, signal.SIGCONT),
            "worker_freeze_kill": lambda fault: self._freeze_worker(fault, signal.SIGKILL),
            "worker_stop": lambda fault: _stop(self._pick_worker(fault)),
            "api_kill_whole": lambda fault: _kill_tree(_pick(system.api_pids(), fault)),
            "api_kill_main": lambda fault: _kill(_pick(system.api_pids(), fault)),
            "api_kill_child": self._kill_api_child,
            "api_kill_before_publish": self._kill_before_publish,
            "api_stop": lambda fault: _stop(_pick(system.api_pids(), fault)),
            "store_kill": self._kill_store,
            "store_sleep": self._sleep_store,
            "store_pause": self._pause_store,
            "store_disconnect": self._disconnect_store,
            "store_demote": self._demote_store,
            "store_full": self._fill_store,
            "partition_worker": self._partition_workers,
            "partition_api": self._partition_api,
            "poison_row": self._submit_poison,
            "queue_sleep": self._sleep_queue,
            "record_delete": self._delete_records,
        }

    def carry_out(self, plan: Sequence[Fault], started: float) -> None:
        """Do every fault at its time, and return when all of them have healed.

        started: when the load began, by time.monotonic().
        """
        threads = []
        for fault in plan:
            time.sleep(max(0.0, started + fault.at - time.monotonic()))
            thread = threading.Thread(target=self._carry_out_one, args=(fault,), name=fault.kind.name)
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    def _carry_out_one(self, fault: Fault) -> None:
        began_at = time.time()
        try:
            if fault.kind.name in _OF_ONE_WORKER:
                self._wait_for_spare_worker()
                began_at = time.time()
            detail, is_done = self._actions[fault.kind.name](fault), True
        except (FaultFailed, MeasurementFailed) as error:
            detail, is_done = str(error), False
        with self._lock:
            self.done.append(Done(fault.kind, began_at, time.time(), detail, is_done))

    def _wait_for_spare_worker(self) -> None:
        """Return once a worker works beside another one: that none is left is for `worker_kill_all` to do."""
        until = time.monotonic() + _READY_SECONDS
        while not self._system.spare_workers(self._frozen):
            if time.monotonic() > until:
                raise FaultFailed("there were no two workers at work")
            time.sleep(0.1)

    def _pick_worker(self, fault: Fault) -> int:
        return _pick(self._system.spare_workers(self._frozen), fault)

    def _kill_worker(self, fault: Fault) -> str:
        return _kill_tree(self._pick_worker(fault))

    def _kill_worker_main(self, fault: Fault) -> str:
        return _kill(self._pick_worker(fault))

    def _kill_worker_child(self, fault: Fault) -> str:
        return _kill(_pick(find_children(self._pick_worker(fault)), fault))

    def _kill_all_workers(self, _fault: Fault) -> str:
        pids = self._system.worker_pids()
        for pid in pids:
            signal_tree(pid, signal.SIGKILL)
        return f"all {len(pids)}"

    def _freeze_worker(self, fault: Fault, end: signal.Signals) -> str:
        pid = self._pick_worker(fault)
        # Noted now: its main process may be killed meanwhile, and then nobody could tell whose the orphans are.
        frozen = [*find_children(pid), pid]
        self._frozen.add(pid)
        for one in frozen:
            signal_process(one, signal.SIGSTOP)
        time.sleep(fault.seconds)
        for one in frozen:
            signal_process(one, end)
        self._frozen.discard(pid)
        return f"{fault.seconds:.1f} s"

    def _kill_api_child(self, fault: Fault) -> str:
        parents = self._system.api_pids()
        return _kill(_pick([child for pid in parents for child in find_children(pid)], fault))

    def _kill_before_publish(self, _fault: Fault) -> str:
        if not self._system.kill_before_publish():
            raise FaultFailed("no message was sent in time")
        return ""

    def _kill_store(self, fault: Fault) -> str:
        self._system.servers.pair.kill(down_seconds=fault.seconds)
        return f"down {fault.seconds:.1f} s"

    def _sleep_store(self, fault: Fault) -> str:
        self._system.servers.pair.sleep(fault.seconds)
        return f"{fault.seconds:.1f} s"

    def _pause_store(self, fault: Fault) -> str:
        self._system.servers.pair.pause(fault.seconds)
        return f"{fault.seconds:.1f} s"

    def _disconnect_store(self, _fault: Fault) -> str:
        self._system.servers.pair.disconnect()
        return ""

    def _demote_store(self, fault: Fault) -> str:
        servers = self._system.servers
        servers.pair.change_roles()
        # Until its name moves, everybody goes on asking the old primary, which lives and refuses to write.
        time.sleep(fault.seconds)
        servers.follow_primary()
        return f"the endpoint moved {fault.seconds:.1f} s later"

    def _fill_store(self, fault: Fault) -> str:
        pair = self._system.servers.pair
        pair.set_memory_full(True)
        time.sleep(fault.seconds)
        pair.set_memory_full(False)
        return f"{fault.seconds:.1f} s"

    def _partition_workers(self, fault: Fault) -> str:
        cut = _CUTS[int(fault.pick * len(_CUTS))]
        self._system.servers.cut_workers(**cut)
        time.sleep(fault.seconds)
        self._system.servers.heal_workers()
        return _describe_cut(cut, fault)

    def _partition_api(self, fault: Fault) -> str:
        cut = _CUTS[int(fault.pick * len(_CUTS))]
        self._system.servers.cut_api(**cut)
        time.sleep(fault.seconds)
        self._system.servers.heal_api()
        return _describe_cut(cut, fault)

    def _sleep_queue(self, fault: Fault) -> str:
        queues = self._system.servers.queues
        assert queues is not None
        queues.sleep(fault.seconds)
        return f"{fault.seconds:.1f} s"

    def _delete_records(self, fault: Fault) -> str:
        """Delete records whose messages wait: those of jobs that were accepted while no worker took any."""
        frozen = [one for pid in self._system.worker_pids() for one in (*find_children(pid), pid)]
        for one in frozen:
            signal_process(one, signal.SIGSTOP)
        since = time.time()
        time.sleep(fault.seconds)
        deleted = self._system.delete_records(since, time.time() - _SENDING_SECONDS)
        for one in frozen:
            signal_process(one, signal.SIGCONT)
        # No API process may die before it has sent what it holds: that would be a second failure.
        time.sleep(_SENDING_SECONDS)
        if not deleted:
            raise FaultFailed("no job was waiting")
        return f"{deleted} records"

    def _submit_poison(self, fault: Fault) -> str:
        fate = _POISONS[int(fault.pick * len(_POISONS))]
        self._system.submit_poison(fate)
        return fate.name.lower().replace("_", " ")


def _describe_cut(cut: Mapping[str, bool], fault: Fault) -> str:
    return f"{' and '.join(name for name, is_cut in cut.items() if is_cut)}, {fault.seconds:.1f} s"


def _pick(pids: Sequence[int], fault: Fault) -> int:
    if not pids:
        raise FaultFailed("no such process runs at the moment")
    return pids[int(fault.pick * len(pids))]


def _kill(pid: int) -> str:
    signal_process(pid, signal.SIGKILL)
    return ""


def _kill_tree(pid: int) -> str:
    signal_tree(pid, signal.SIGKILL)
    return ""


def _stop(pid: int) -> str:
    signal_process(pid, signal.SIGTERM)
    until = time.monotonic() + STOP_SECONDS
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return "stopped by itself"
        time.sleep(0.05)
    signal_tree(pid, signal.SIGKILL)
    return f"killed after {STOP_SECONDS:g} s"

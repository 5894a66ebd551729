"""Clients that submit single rows at a steady rate, and read every accepted job until it is final, and then again."""

import heapq
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import count
from typing import Any

from benchmarks.chaos.fates import Fate
from benchmarks.chaos.history import READ_AGAIN_SECONDS, Answer, Attempt, History, JobHistory, Reading
from benchmarks.chaos.traced_people import NAME, TracedPeople
from benchmarks.chaos.web_client import NoAnswer, WebAnswer, WebClient

#: Clients that hang during an outage must leave others that go on.
SUBMITTERS = 32
READERS = 16
_FIRST_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 1.0
#: A client that fell behind its rate does not make up for more than this.
_LARGEST_LAG_SECONDS = 1.0
_JSON = {"Content-Type": "application/json"}


class Pace:
    """Hands out tickets at a rate, over all threads."""

    def __init__(self, per_second: float) -> None:
        self._step = 1.0 / per_second
        self._lock = threading.Lock()
        self._next_at = time.monotonic()
        self._tickets = count(1)

    def take(self) -> tuple[int, float]:
        """Return a ticket, and how long to wait before it is used."""
        with self._lock:
            now = time.monotonic()
            at = max(self._next_at, now - _LARGEST_LAG_SECONDS)
            self._next_at = at + self._step
            return next(self._tickets), max(0.0, at - now)

    def extra(self) -> int:
        """Return a ticket besides those of the rate."""
        with self._lock:
            return next(self._tickets)


class Submitters:
    """Submit row after row, to one API after the other."""

    def __init__(self, ports: Sequence[int], people: TracedPeople, history: History, *, rate: float) -> None:
        self._ports = ports
        self._people = people
        self._history = history
        self._pace = Pace(rate)
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(SUBMITTERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Submit nothing more, and wait for what is under way."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        clients = [WebClient(port) for port in self._ports]
        for turn in count(number):
            ticket, wait = self._pace.take()
            if self._stopping.wait(wait):
                return
            self._submit(clients[turn % len(clients)], ticket, Fate.NONE)

    def submit_poison(self, fate: Fate) -> None:
        """Submit one row with a fate; like any other, it may be rejected."""
        ticket = self._pace.extra()
        client = WebClient(self._ports[ticket % len(self._ports)])
        self._submit(client, ticket, fate)
        client.close()

    def _submit(self, client: WebClient, ticket: int, fate: Fate) -> None:
        body = json.dumps({"model": NAME, "input": self._people.record(ticket, fate)}).encode()
        invoked_at = time.time()
        try:
            answer = client.ask("POST", "/v1/predictions", body, _JSON)
        except NoAnswer as error:
            outcome = "unknown" if error.may_have_arrived else "rejected"
            self._history.note_attempt(Attempt(ticket, invoked_at, time.time(), outcome, str(error)))
            return
        ended_at = time.time()
        if answer.status == 202:
            job = JobHistory(ticket, json.loads(answer.body)["id"], ended_at, fate)
            self._history.note_attempt(Attempt(ticket, invoked_at, ended_at, "accepted"), job)
        else:
            self._history.note_attempt(Attempt(ticket, invoked_at, ended_at, "rejected", str(answer.status)))


class Readers:
    """Read every job of the history: until it is final, again some seconds later, and once more when all is over."""

    def __init__(self, ports: Sequence[int], history: History) -> None:
        self._ports = ports
        self._history = history
        self._due: list[tuple[float, str, float]] = []
        self._known: set[str] = set()
        self._open = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._find_new, daemon=True),
            *(threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(READERS)),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def drain(self, seconds: float) -> None:
        """Wait until every job was read twice, but not for longer."""
        until = time.monotonic() + seconds
        # The last jobs may not have been looked at yet.
        time.sleep(2 * _FIRST_POLL_SECONDS)
        while (self._open or len(self._known) < self._history.count_accepted()) and time.monotonic() < until:
            time.sleep(0.1)

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def read_all(self) -> None:
        """Read every job once more, however it ended: a late worker must not have changed its answer."""
        jobs = self._history.list_jobs()
        shares = [jobs[number::READERS] for number in range(READERS)]
        with ThreadPoolExecutor(READERS) as pool:
            list(pool.map(self._read_share, shares))

    def _read_share(self, jobs: Iterable[JobHistory]) -> None:
        clients = [WebClient(port) for port in self._ports]
        for number, job in enumerate(jobs):
            # Another API process may be asked when one does not answer.
            for turn in range(3):
                if self._read(clients[(number + turn) % len(clients)], job.job_id):
                    break
        for client in clients:
            client.close()

    def _find_new(self) -> None:
        while not self._stopping:
            new = [job.job_id for job in self._history.list_jobs() if job.job_id not in self._known]
            with self._changed:
                for job_id in new:
                    self._known.add(job_id)
                    heapq.heappush(self._due, (time.monotonic(), job_id, _FIRST_POLL_SECONDS))
                self._open += len(new)
                self._changed.notify_all()
            time.sleep(_FIRST_POLL_SECONDS)

    def _take(self) -> tuple[str, float] | None:
        """Wait until it is time for a job, and return it with its pause; None when nothing is to be done any more."""
        with self._changed:
            while not self._stopping:
                wait = self._due[0][0] - time.monotonic() if self._due else 1.0
                if wait <= 0:
                    _, job_id, pause = heapq.heappop(self._due)
                    return job_id, pause
                self._changed.wait(wait)
            return None

    def _run(self, number: int) -> None:
        clients = [WebClient(port) for port in self._ports]
        for turn in count(number):
            taken = self._take()
            if taken is None:
                return
            job_id, pause = taken
            self._read(clients[turn % len(clients)], job_id)
            self._plan_next(self._history.jobs[job_id], pause)

    def _plan_next(self, job: JobHistory, pause: float) -> None:
        first = job.first_final
        with self._changed:
            if job.is_read_twice:
                self._open -= 1
            elif first is not None:
                # A little later than it must be, and not at once when that reading failed.
                wait = max(first.at + READ_AGAIN_SECONDS - time.time(), _LONGEST_POLL_SECONDS)
                heapq.heappush(self._due, (time.monotonic() + wait, job.job_id, pause))
            else:
                again = min(pause * 1.5, _LONGEST_POLL_SECONDS)
                heapq.heappush(self._due, (time.monotonic() + pause, job.job_id, again))
            self._changed.notify()

    def _read(self, client: WebClient, job_id: str) -> bool:
        """Read one job; return whether there was an answer about it."""
        try:
            answer = client.ask("GET", f"/v1/predictions/{job_id}")
        except NoAnswer as error:
            self._history.note_read_error(str(error))
            return False
        reading = read_answer(answer)
        if reading is None:
            self._history.note_read_error(str(answer.status))
            return False
        self._history.note_reading(job_id, reading)
        return True


def read_answer(answer: WebAnswer, now: Callable[[], float] = time.time) -> Reading | None:
    """Return what an answer says about a job; None when it says nothing about it, such as 503."""
    if answer.status in (404, 410):
        return Reading(now(), None)
    if answer.status != 200:
        return None
    document = json.loads(answer.body)
    found = Answer(
        status=document["status"],
        output=document["output"],
        error_code=document["error"] and document["error"]["code"],
        created_at=_seconds(document["created_at"]) or 0.0,
        completed_at=_seconds(document["completed_at"]),
    )
    return Reading(now(), found)


def _seconds(time_text: Any) -> float | None:
    return None if time_text is None else datetime.fromisoformat(time_text).timestamp()

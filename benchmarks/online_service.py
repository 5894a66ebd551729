"""Our own service under load: one stack, loaded in several ways."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from redis import Redis

from benchmarks.http_answers import ask, require_right
from benchmarks.online_subjects import RECORD, OnlineBench, OnlineSubject
from benchmarks.service import free_port, process_names
from benchmarks.warm_process import Deadline, MeasurementFailed
from benchmarks.wrk import LoadScript
from shared.settings import Settings
from standalone.stack import Stack, running_stack

#: Rows of a job that makes the model the limit.
JOB_ROWS = 16
_CHECK_SECONDS = 30.0


@contextmanager
def running_service(
    bench: OnlineBench, *, workers: int, api_processes: int, has_large_jobs: bool
) -> Iterator[list[OnlineSubject]]:
    """Run a stack, and yield it as one subject for each way to load it."""
    settings = Settings(
        port=free_port(),
        data_dir=bench.folder / "stack",
        models_dir=bench.models_dir,
        workers=workers,
        api_processes=api_processes,
        log_level="WARNING",
    )
    with running_stack(settings) as stack, Redis.from_url(stack.store_url) as store:
        service = _Service(bench, stack, store, open_jobs_key=f"{settings.key_root}deadlines")
        subjects = [service.synchronous(), service.submit_only(), service.submit_and_poll("ours_poll", RECORD)]
        if has_large_jobs:
            subjects.append(service.submit_and_poll(f"ours_poll_{JOB_ROWS}_rows", [RECORD] * JOB_ROWS))
        yield subjects


class _Service:
    """One stack. Every way to load it is tried once, and its answer compared with the model's."""

    def __init__(self, bench: OnlineBench, stack: Stack, store: Redis, *, open_jobs_key: str) -> None:
        self._bench = bench
        self._stack = stack
        self._store = store
        self._open_jobs_key = open_jobs_key

    def synchronous(self) -> OnlineSubject:
        url = f"{self._stack.url}/v1/models/{self._bench.model}/predict"
        body = json.dumps(RECORD)
        status, _, answer = ask(url, body)
        if status != 200:
            raise MeasurementFailed(f"a synchronous prediction was answered with {status} {answer[:300]!r}")
        require_right(json.loads(answer), self._bench.expected, of="ours_sync")
        return self._subject("ours_sync", url, LoadScript.post(body, status=200, answer=answer.decode()))

    def submit_only(self) -> OnlineSubject:
        body, _ = self._try_job(RECORD)
        script = LoadScript.post(body, status=202)
        return replace(self._subject("ours_submit", f"{self._stack.url}/v1/predictions", script), answers_first=True)

    def submit_and_poll(self, name: str, records: Any) -> OnlineSubject:
        """records: one record, or a list of them."""
        body, document = self._try_job(records)
        # As the document spells it, because a script of wrk looks for it as text.
        start = document.index('"output":')
        script = LoadScript.submit_and_poll(body, output=document[start : document.index(',"error":', start)])
        rows = len(records) if isinstance(records, list) else 1
        return self._subject(name, f"{self._stack.url}/v1/predictions", script, rows=rows)

    def _try_job(self, records: Any) -> tuple[str, str]:
        """Return the request of a job, and its document once it is final and right."""
        body = json.dumps({"model": self._bench.model, "input": records})
        status, headers, answer = ask(f"{self._stack.url}/v1/predictions", body)
        if status != 202:
            raise MeasurementFailed(f"a job was answered with {status} {answer[:300]!r}")
        deadline = Deadline(_CHECK_SECONDS)
        location = {name.lower(): value for name, value in headers.items()}["location"]
        while json.loads(answer)["completed_at"] is None:
            deadline.remaining_seconds()
            _, _, answer = ask(self._stack.url + location)
        output = json.loads(answer)["output"]
        for prediction in output if isinstance(output, list) else [output]:
            require_right(prediction, self._bench.expected, of="a job of ours")
        return body, answer.decode()

    def _subject(self, name: str, url: str, script: LoadScript, *, rows: int = 1) -> OnlineSubject:
        return OnlineSubject(
            name, url, script, self._watched, rows=rows, store=self._store, is_drained=self._has_no_open_jobs
        )

    def _watched(self) -> Mapping[int, str]:
        return process_names(self._stack)

    def _has_no_open_jobs(self) -> bool:
        return not self._store.zcard(self._open_jobs_key)

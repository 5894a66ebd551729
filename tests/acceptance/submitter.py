"""Submitter: a client that knows what it was promised."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.acceptance.direct import direct_outputs


@dataclass
class Submitter:
    """Submits people one by one, and notes which jobs were accepted."""

    url: str
    accepted: dict[str, dict[str, float]] = field(default_factory=dict)
    refused: int = 0

    def submit(self, http: httpx2.Client, person: dict[str, float]) -> None:
        """Try until accepted; what was answered with 202 is noted, and nothing else."""
        while True:
            try:
                response = http.post("/v1/predictions", json={"model": "gender", "input": person})
            except httpx2.TransportError:
                self.refused += 1
                continue
            if response.status_code == 202:
                self.accepted[response.json()["id"]] = person
                return
            assert response.status_code == 503, response.text
            self.refused += 1

    def submit_all(self, persons: list[dict[str, float]]) -> None:
        def submit_share(share: list[dict[str, float]]) -> None:
            with httpx2.Client(base_url=self.url, timeout=30.0) as http:
                for person in share:
                    self.submit(http, person)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(submit_share, [persons[i::4] for i in range(4)]))

    def read_all(self, *, seconds: float) -> dict[str, Any]:
        """Return every accepted job when it is final, or as it stands after `seconds`."""
        until = time.monotonic() + seconds
        with httpx2.Client(base_url=self.url, timeout=30.0) as http:
            return {job_id: self._read(http, job_id, until) for job_id in self.accepted}

    def _read(self, http: httpx2.Client, job_id: str, until: float) -> Any:
        while True:
            job = http.get(f"/v1/predictions/{job_id}", headers={"Prefer": "wait=5"}).json()
            if job.get("status") not in ("queued", "running") or time.monotonic() > until:
                return job


def assert_all_answered(submitter: Submitter, *, jobs: int, seconds: float) -> None:
    answers = submitter.read_all(seconds=seconds)
    statuses = [answer.get("status") for answer in answers.values()]
    expected = direct_outputs(list(submitter.accepted.values()))

    assert len(submitter.accepted) == jobs
    assert statuses == ["succeeded"] * jobs
    assert [answer["output"] for answer in answers.values()] == expected

"""What is sent twice is carried out once, also after an API process died in between: by the model's own count."""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx2
import numpy as np
import pytest

from shared.manifest import Feature
from shared.settings import Settings
from standalone.process_manager import Program
from standalone.stack import Stack
from tests.acceptance.conftest import free_port
from tests.acceptance.test_batches import wait
from tests.models import CountingClassifier
from training.publish import publish_model

CLIENTS = 20
NUMBERS = count(1_000, 100)
WAIT = {"Prefer": "wait=20"}


class DyingStack(Stack):
    """A stack whose API process dies between the record and the message, once a file is there."""

    def __init__(self, settings: Settings, *, runtime_dir: Path) -> None:
        super().__init__(settings, runtime_dir=runtime_dir)
        self.trigger = runtime_dir / "die"

    def _programs(self) -> list[Program]:
        dying = [sys.executable, "-m", "benchmarks.chaos.dying_api", str(self.trigger)]
        others = [program for program in super()._programs() if program.name != "api"]
        return [*others, Program("api", dying, priority=30)]


@dataclass(frozen=True, slots=True)
class Place:
    """A stack, and how often its model was asked about a number."""

    stack: DyingStack
    counts: Path

    def executions(self, number: int) -> int:
        return self.counts.read_text().splitlines().count(str(number))

    def uploads(self) -> list[str]:
        """Return the ids of the batches of which files lie on the disk."""
        return [path.name for path in (self.counts.parent / "files" / "batches").glob("*")]

    def let_the_next_send_be_the_last(self) -> None:
        self.stack.trigger.touch()


@pytest.fixture(scope="module")
def place(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("once")
    estimator = CountingClassifier(str(folder / "counts")).fit(np.zeros((2, 1)), ["calm", "wild"])
    feature = Feature(name="number", minimum=0, maximum=1_000_000, example=1.0)
    models_dir = folder / "models"
    publish_model(estimator, name="counting", version="1", features=[feature], models_dir=models_dir)
    runtime_dir = Path(tempfile.mkdtemp(prefix="rowcall-"))
    own = {"port": free_port(), "data_dir": folder, "models_dir": models_dir, "workers": 1, "bulk_workers": 1}
    stack = DyingStack(stack_settings.model_copy(update=own), runtime_dir=runtime_dir)
    stack.start()
    yield Place(stack, folder / "counts")
    stack.stop()
    shutil.rmtree(runtime_dir)


@pytest.fixture
def number() -> int:
    """A value that no other test asks about."""
    return next(NUMBERS)


def send(place: Place, method: str, path: str, headers: dict[str, str], **options: Any) -> httpx2.Response:
    """Send a request on a connection of its own; one that could not connect has reached nobody, and is sent again."""
    transport = httpx2.HTTPTransport(retries=6)
    with httpx2.Client(base_url=place.stack.url, transport=transport, timeout=40.0) as http:
        return http.request(method, path, headers=WAIT | headers, **options)


def once(key: str) -> dict[str, str]:
    return {"Idempotency-Key": key}


def post(place: Place, number: int, key: str) -> httpx2.Response:
    return send(place, "POST", "/v1/predictions", once(key), json={"input": {"number": number}})


def put(place: Place, number: int, key: str) -> httpx2.Response:
    return send(place, "PUT", f"/v1/predictions/{key}", {}, json={"input": {"number": number}})


def predict(place: Place, number: int, key: str) -> httpx2.Response:
    return send(place, "POST", "/v1/models/counting/predict", once(key), json={"number": number})


def upload(place: Place, number: int, key: str) -> httpx2.Response:
    file = ("numbers.csv", f"number\n{number}\n".encode())
    return send(place, "POST", "/v1/batches", once(key), files={"file": file})


Ask = Callable[[Place, int, str], httpx2.Response]
#: What asks, and what another body under the same key is answered.
WAYS = [
    pytest.param(post, (422, "idempotency_key_reused"), id="a prediction with a key"),
    pytest.param(put, (409, "id_taken"), id="a prediction under its client's id"),
    pytest.param(predict, (422, "idempotency_key_reused"), id="predict with a key"),
]
each_way = pytest.mark.parametrize(("ask", "refusal"), WAYS)


def ask_together(ask: Ask, place: Place, number: int, key: str) -> list[httpx2.Response]:
    """Return the answers to requests that leave at the same moment, each on a connection of its own."""
    start = Barrier(CLIENTS)

    def ask_with_the_others(_client: int) -> httpx2.Response:
        start.wait()
        return ask(place, number, key)

    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(ask_with_the_others, range(CLIENTS)))


def contents(answers: list[httpx2.Response]) -> list[tuple[int, bytes, str]]:
    return [(answer.status_code, answer.content, answer.headers["Location"]) for answer in answers]


def code(answer: httpx2.Response) -> tuple[int, Any]:
    return answer.status_code, answer.json()["code"]


@each_way
def test_of_many_requests_at_once_one_is_carried_out(
    place: Place, number: int, ask: Ask, refusal: tuple[int, str]
) -> None:
    answers = ask_together(ask, place, number, f"key-{number}")

    later, other = ask(place, number, f"key-{number}"), ask(place, number + 1, f"key-{number}")
    assert {answer.status_code for answer in answers} == {200}
    assert contents([*answers, later]) == contents(answers[:1]) * (CLIENTS + 1)
    assert code(other) == refusal
    assert (place.executions(number), place.executions(number + 1)) == (1, 0)


@pytest.mark.timeout(120)
@each_way
def test_of_many_requests_after_a_crash_one_is_carried_out(
    place: Place, number: int, ask: Ask, refusal: tuple[int, str]
) -> None:
    place.let_the_next_send_be_the_last()
    with pytest.raises(httpx2.TransportError):
        ask(place, number, f"key-{number}")

    answers = ask_together(ask, place, number, f"key-{number}")

    later, other = ask(place, number, f"key-{number}"), ask(place, number + 1, f"key-{number}")
    assert not place.stack.trigger.exists()
    assert {answer.headers["Idempotency-Replayed"] for answer in answers} == {"true"}
    assert {answer.status_code for answer in answers} == {200}
    assert contents([*answers, later]) == contents(answers[:1]) * (CLIENTS + 1)
    assert code(other) == refusal
    assert (place.executions(number), place.executions(number + 1)) == (1, 0)


@pytest.mark.timeout(120)
def test_of_many_uploads_after_a_crash_one_is_carried_out(place: Place, number: int) -> None:
    place.let_the_next_send_be_the_last()
    with pytest.raises(httpx2.TransportError):
        upload(place, number, f"key-{number}")

    answers = ask_together(upload, place, number, f"key-{number}")

    with httpx2.Client(base_url=place.stack.url, timeout=70.0) as http:
        batch = wait(http, answers[0].headers["Location"])
        listed = http.get("/v1/batches").json()["data"]
    later, other = upload(place, number, f"key-{number}"), upload(place, number + 1, f"key-{number}")
    ids = [answer.json()["id"] for answer in [*answers, later]]
    assert {answer.headers["Idempotency-Replayed"] for answer in [*answers, later]} == {"true"}
    assert (batch["status"], ids) == ("completed", [batch["id"]] * (CLIENTS + 1))
    assert [one["id"] for one in listed] == [batch["id"]]
    assert place.uploads() == [batch["id"]]
    assert code(other) == (422, "idempotency_key_reused")
    assert (place.executions(number), place.executions(number + 1)) == (1, 0)

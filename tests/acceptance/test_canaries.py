"""What a service is told in confidence is in none of its logs, at DEBUG, and in none of its figures, by whatever door.

Of traces there are none: tests/consistency/test_security_document.py holds that nothing makes any.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port, make_key
from tests.acceptance.waiting import wait_until
from tests.models import RAISES
from tests.store_process import StoreProcess
from tests.webhook_receiver import SECRET, Received, WebhookReceiver, running_receiver

PASSWORD = "canary-of-the-password"
OPERATOR_TOKEN = "canary-of-the-operators"
WAIT = {"Prefer": "wait=40"}
CSV_TYPE = {"Content-Type": "text/csv"}

#: Values of rows, each by the door that it goes through; the model takes them all.
NUMBERS = {
    "submitted value": 21.123456789,
    "waited for": 22.123456789,
    "under an own id": 23.123456789,
    "v2": 24.123456789,
    "MLflow": 25.123456789,
    "MLflow CSV": 26.123456789,
    "SageMaker": 27.123456789,
    "SageMaker CSV": 28.123456789,
    "file": 29.123456789,
}
#: Refused by every door: the model takes 0 to 2,000.
TOO_LARGE = 98765.4321
#: Texts that an answer repeats to whoever sent them.
ECHOED = {
    "name in the metadata": "canary-metadata-name",
    "text in the metadata": "canary-metadata-text",
    "own id": "canary-own-id",
    "unknown field": "canary-field",
    "cell": "canary-cell",
    "column": "canary-column",
    "column that fits nothing": "canary-fits-nothing",
    "id of v2": "canary-id-of-v2",
    "column of MLflow": "canary-of-mlflow",
    "text to SageMaker": "canary-to-sagemaker",
    "name of a key": "canary of the name",
    "owner": "canary of the owner",
}
#: Texts that nothing repeats.
SILENT = {
    "idempotency key": "canary-of-once",
    "text for a number": "canary-for-a-number",
    "tensor": "canary-tensor",
    "broken JSON": "canary-in-broken-json",
    "file name": "canary-file.csv",
    "path": "canary-in-a-path",
    "query": "canary-in-a-query",
    "path of a webhook": "canary-of-the-receiver",
    "query of a webhook": "canary-key-of-the-receiver",
    "header": "canary-in-a-header",
    "password of the store": PASSWORD,
    "operator token": OPERATOR_TOKEN,
    "webhook secret": SECRET.removeprefix("whsec_"),
}
CANARIES = {name: str(number) for name, number in NUMBERS.items()} | {"too large": str(TOO_LARGE)} | ECHOED | SILENT
PROCESSES = {"api-0", "worker-0", "bulk-worker-0", "webhooks-0", "supervisord"}


@dataclass
class Use:
    """What was answered to somebody who used everything."""

    key: str
    answers: list[httpx2.Response]
    received: Received


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Stack]:
    port = free_port()
    user = f"user rowcall on >{PASSWORD} ~* &* +@all"
    with StoreProcess.run(tmp_path_factory.mktemp("acl"), extra=f"\nport {port}\nbind 127.0.0.1\n{user}\n"):
        settings = Settings.model_validate(
            {
                "redis_url": f"redis://rowcall:{PASSWORD}@127.0.0.1:{port}/0",
                "port": free_port(),
                "data_dir": tmp_path_factory.mktemp("data"),
                "models_dir": models_dir,
                "workers": 1,
                "require_keys": True,
                "operator_token": OPERATOR_TOKEN,
                "webhooks": True,
                "webhook_secrets": SECRET,
                "webhook_allowed_networks": "127.0.0.0/8",
                "log_level": "DEBUG",
            }
        )
        with running_stack(settings) as stack:
            yield stack


@pytest.fixture(scope="module")
def use(stack: Stack) -> Iterator[Use]:
    """Everything is sent by every door, as it should be and as it should not."""
    key = make_key(stack, "--scope", "predict", "--scope", "batch", "--owner", ECHOED["owner"])
    with (
        running_receiver() as receiver,
        httpx2.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=60.0) as http,
    ):
        answers = [
            *use_predictions(http),
            *use_protocols(http),
            *use_files(http),
            *use_keys(http, key),
            *use_webhooks(http, receiver),
        ]
        yield Use(key, answers, receiver.take())


def use_predictions(http: httpx2.Client) -> Iterator[httpx2.Response]:
    metadata = {ECHOED["name in the metadata"]: ECHOED["text in the metadata"]}
    asked = {"model": "moody", "input": {"mood": NUMBERS["submitted value"]}, "metadata": metadata}
    headers = WAIT | {"Idempotency-Key": SILENT["idempotency key"]}
    yield http.post("/v1/predictions", json=asked, headers=headers)
    yield http.post("/v1/predictions", json=asked, headers=headers)
    yield http.post("/v1/predictions", json=asked | {"input": {"mood": 1.0}}, headers=headers)
    own = {"model": "moody", "input": {"mood": NUMBERS["under an own id"]}}
    yield http.put(f"/v1/predictions/{ECHOED['own id']}", json=own, headers=WAIT)
    yield http.put(f"/v1/predictions/{ECHOED['own id']}", json=asked, headers=WAIT)
    yield http.post(f"/v1/predictions/{ECHOED['own id']}/cancel")
    yield predict(http, {"mood": NUMBERS["waited for"]})
    yield predict(http, {"mood": RAISES})
    yield predict(http, {"mood": TOO_LARGE})
    yield predict(http, {"mood": SILENT["text for a number"]})
    yield predict(http, {ECHOED["unknown field"]: 1.0})
    broken = f'{{"mood": {SILENT["broken JSON"]}'
    yield http.post("/v1/models/moody/predict", content=broken, headers={"Content-Type": "application/json"})
    yield http.get(f"/v1/predictions/{SILENT['path']}")
    yield http.get(f"/{SILENT['path']}?{SILENT['query']}={SILENT['query']}")
    yield http.get("/v1/models", headers={"Accept-Language": SILENT["header"], "User-Agent": SILENT["header"]})


def predict(http: httpx2.Client, record: dict[str, Any]) -> httpx2.Response:
    return http.post("/v1/models/moody/predict", json=record, headers=WAIT)


def use_protocols(http: httpx2.Client) -> Iterator[httpx2.Response]:
    def infer(name: str, value: object, datatype: str) -> httpx2.Response:
        tensor = {"name": name, "shape": [1], "datatype": datatype, "data": [value]}
        return http.post("/v2/models/moody/infer", json={"id": ECHOED["id of v2"], "inputs": [tensor]})

    yield infer("mood", NUMBERS["v2"], "FP64")
    yield infer("mood", TOO_LARGE, "FP64")
    yield infer(SILENT["tensor"], "text", "BYTES")
    invocations = "/invocations?model=moody"
    yield http.post(invocations, json={"dataframe_split": {"columns": ["mood"], "data": [[NUMBERS["MLflow"]]]}})
    yield http.post(invocations, json={"dataframe_records": [{ECHOED["column of MLflow"]: TOO_LARGE}]})
    yield http.post(invocations, content=f"mood\n{NUMBERS['MLflow CSV']}\n", headers=CSV_TYPE)
    endpoint = "/endpoints/moody/invocations"
    yield http.post(endpoint, json={"mood": NUMBERS["SageMaker"]})
    yield http.post(endpoint, content=f"{NUMBERS['SageMaker CSV']}\n", headers=CSV_TYPE)
    yield http.post(endpoint, content=f"{ECHOED['text to SageMaker']}\n", headers=CSV_TYPE)


def use_files(http: httpx2.Client) -> Iterator[httpx2.Response]:
    """Upload a file, read what became of it, mend it, and upload one that fits no model."""
    cell = ECHOED["cell"]
    rows = [f"{NUMBERS['file']},{cell}", f"{TOO_LARGE},{cell}", f"{cell},{cell}", f"{RAISES},{cell}"]
    table = "\n".join([f"mood,{ECHOED['column']}", *rows, ""])
    accepted = http.post("/v1/batches?model=moody", files={"file": (SILENT["file name"], table)})
    path = accepted.headers["Location"]
    yield accepted
    yield http.get(path, headers=WAIT)
    yield http.get(f"{path}/results")
    errors = http.get(f"{path}/errors")
    yield errors
    yield http.post(f"{path}/retry", content=errors.content, headers=CSV_TYPE)
    yield http.get(path, headers=WAIT)
    yield http.post("/v1/batches?model=moody&dry_run=true", content=table, headers=CSV_TYPE)
    yield http.post("/v1/batches?model=moody", content=f"{ECHOED['column that fits nothing']}\n1\n", headers=CSV_TYPE)
    yield http.post("/v1/batches?model=moody", content=f'mood\n"{cell}', headers=CSV_TYPE)


def use_keys(http: httpx2.Client, key: str) -> Iterator[httpx2.Response]:
    """Show a key in every place in which a client may have it, and one that is nearly right."""
    operator = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    named = {"name": ECHOED["name of a key"], "owner": ECHOED["owner"], "scopes": ["predict"]}
    yield http.post("/v1/keys", json=named, headers=operator)
    yield http.get("/v1/keys", headers=operator)
    yield http.get("/v1/models", headers={"Authorization": f"Bearer {key[:-8]}deadbeef"})
    yield http.get("/v1/models", headers={"Authorization": f"Token {key}"})
    yield http.get(f"/v1/models?api_key={key}", headers={"X-Api-Key": key, "Cookie": f"key={key}"})
    yield http.get("/v1/models", auth=("anybody", key))


def use_webhooks(http: httpx2.Client, receiver: WebhookReceiver) -> Iterator[httpx2.Response]:
    """Have one message delivered, and one that is refused."""
    query = SILENT["query of a webhook"]
    url = f"http://127.0.0.1:{receiver.port}/{SILENT['path of a webhook']}?key={query}"
    asked = {"model": "moody", "input": {"mood": 1.0}, "webhook": {"url": url}}
    yield http.post("/v1/predictions", json=asked)
    yield http.post("/v1/predictions", json=asked | {"webhook": {"url": f"http://10.0.0.1/{query}"}})


@pytest.fixture(scope="module")
def told(stack: Stack, use: Use) -> dict[str, str]:
    """Every log, and what every process of the API says of its figures and of those that workers reported."""

    def figures() -> str:
        return httpx2.get(f"{stack.url}/metrics").raise_for_status().text

    wait_until(lambda: 'rowcall_rows_total{lane="bulk",outcome="failed"}' in figures(), seconds=20)
    wait_until(lambda: "webhook delivered" in (stack.logs_dir / "webhooks-0.log").read_text(), seconds=20)
    logs = {path.stem: path.read_text() for path in stack.logs_dir.glob("*.log")}
    return logs | {f"metrics {number}": figures() for number in range(10)}


def test_every_door_was_used_and_answered_as_it_should(use: Use) -> None:
    predictions = [200, 200, 422, 200, 409, 409, 200, 422, 422, 422, 422, 400, 404, 404, 200]
    protocols = [200, 422, 422, 200, 422, 200, 200, 200, 422]
    files = [202, 200, 200, 200, 202, 200, 200, 422, 202]
    keys = [201, 200, 401, 401, 200, 200]
    webhooks = [202, 422]

    assert [answer.status_code for answer in use.answers] == predictions + protocols + files + keys + webhooks
    assert use.answers[1].headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("canary", ECHOED.values(), ids=ECHOED)
def test_the_answers_hold_what_was_sent(use: Use, canary: str) -> None:
    assert [answer.status_code for answer in use.answers if canary in answer.text] != []


def test_the_file_comes_back_with_its_value(use: Use) -> None:
    assert [answer for answer in use.answers if f"{NUMBERS['file']},{ECHOED['cell']},calm" in answer.text] != []


def test_the_receiver_was_told_under_its_url_with_the_secret(use: Use) -> None:
    path = f"/{SILENT['path of a webhook']}?key={SILENT['query of a webhook']}"

    assert use.received.path == path
    assert Webhook(SECRET).verify(use.received.body, use.received.headers)


def test_every_process_told_something(told: dict[str, str]) -> None:
    assert told.keys() >= PROCESSES
    assert [name for name, text in told.items() if not text] == []
    assert "request refused" in told["api-0"]
    assert "message predicted" in told["worker-0"]
    assert "step done" in told["bulk-worker-0"]


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
def test_no_log_and_no_figure_holds_what_was_sent(told: dict[str, str], canary: str) -> None:
    assert [name for name, text in told.items() if canary in text] == []


def test_no_log_and_no_figure_holds_a_key(told: dict[str, str], use: Use) -> None:
    secret = use.key.rpartition("_")[2]
    made = next(answer.json()["key"] for answer in use.answers if answer.status_code == 201).rpartition("_")[2]

    assert [name for name, text in told.items() if secret[:32] in text or made[:32] in text] == []


def test_no_figure_holds_the_name_of_a_job_or_of_a_key(told: dict[str, str], use: Use) -> None:
    jobs = [answer.json()["id"] for answer in use.answers if answer.status_code == 202]
    names = [use.key.split("_")[1], *jobs]

    figures = [text for name, text in told.items() if name.startswith("metrics")]
    assert len(names) > 3
    assert [name for name in names for text in figures if name in text] == []

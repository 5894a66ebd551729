"""A real stack that asks for keys: two tenants who learn nothing of each other, and keys that nothing gives away."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from redis import Redis

from api.callers import KNOWN_SECONDS, Scope
from api.key_store import RedisKeys
from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port, make_key
from tests.acceptance.waiting import wait_until

TOKEN = "an operator's own token"
INPUT = {"input": {"height": 181, "weight": 80, "shoe_size": 44}}
CSV = b"height,weight,shoe_size\n181,80,44\n160,60,37\n"
WAIT = {"Prefer": "wait=30"}


@dataclass(frozen=True, slots=True)
class Tenant:
    """Somebody with a key."""

    key: str
    http: httpx2.Client

    @property
    def key_id(self) -> str:
        return self.key.split("_")[1]

    def submit(self) -> str:
        """Return the path of a prediction that succeeded."""
        response = self.http.post("/v1/predictions", json=INPUT, headers=WAIT)
        assert response.json()["status"] == "succeeded"
        return str(response.headers["Location"])

    def upload(self) -> str:
        """Return the path of a batch that is completed."""
        path = str(self.http.post("/v1/batches", content=CSV, headers={"Content-Type": "text/csv"}).headers["Location"])
        assert self.http.get(path, headers=WAIT).json()["status"] == "completed"
        return path


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Stack]:
    settings = Settings(
        # Others can reach this address, so this stack starts only because it asks for keys.
        host="0.0.0.0",
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=root / "models",
        workers=1,
        require_keys=True,
        operator_token=SecretStr(TOKEN),
        log_level="DEBUG",
    )
    with running_stack(settings) as stack:
        yield stack


def make_tenant(stack: Stack) -> Iterator[Tenant]:
    key = make_key(stack, "--scope", "predict", "--scope", "batch")
    headers = {"Authorization": f"Bearer {key}"}
    with httpx2.Client(base_url=stack.url, headers=headers, timeout=60.0) as http:
        yield Tenant(key, http)


@pytest.fixture(scope="module")
def ada(stack: Stack) -> Iterator[Tenant]:
    yield from make_tenant(stack)


@pytest.fixture(scope="module")
def bob(stack: Stack) -> Iterator[Tenant]:
    yield from make_tenant(stack)


def rowcall(stack: Stack, *arguments: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "rowcall"), *arguments]
    environment = {"ROWCALL_URL": stack.url, "PATH": os.environ["PATH"]}
    if key is not None:
        environment["ROWCALL_API_KEY"] = key
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def statuses(http: httpx2.Client) -> set[int]:
    """Return what some requests on fresh connections, which reach every process, are answered."""
    answers = [http.post("/v1/predictions", json=INPUT, headers={"Connection": "close"}) for _ in range(20)]
    return {answer.status_code for answer in answers}


def seconds_until_refused(http: httpx2.Client) -> float:
    """Return after how long no request is let in any more."""
    began = time.monotonic()
    wait_until(lambda: statuses(http) == {401}, seconds=30)
    return time.monotonic() - began


def test_a_tenant_gets_its_own_answers(ada: Tenant) -> None:
    assert ada.http.get(ada.submit()).json()["output"]["prediction"] == "male"
    assert ada.http.get(f"{ada.upload()}/results").text.count(",ok,") == 2


def routes_to_one(stack: Stack, kind: str) -> list[tuple[str, str]]:
    """Return method and path of every operation of the contract on one prediction, or on one batch."""
    paths = httpx2.get(f"{stack.url}/openapi.json").json()["paths"]
    return [
        (method.upper(), path)
        for path, operations in paths.items()
        for method in operations
        if path.startswith(f"/v1/{kind}/{{")
    ]


def refusals(tenant: Tenant, routes: list[tuple[str, str]], own_id: str) -> dict[str, Any]:
    """Return what a tenant is answered on each route to an id, without the id and that of the request."""
    headers = {"X-Request-Id": "one-and-the-same"}
    asked = [(method, path, re.sub("{[^}]+}", own_id, path)) for method, path in routes]
    answers = {f"{method} {path}": tenant.http.request(method, url, headers=headers) for method, path, url in asked}
    return {name: (answer.status_code, answer.text.replace(own_id, "…")) for name, answer in answers.items()}


@pytest.mark.parametrize(("kind", "unknown"), [("predictions", f"prd_{'a' * 40}"), ("batches", f"bat_{'a' * 40}")])
def test_a_tenant_learns_nothing_of_what_another_has_on_any_route(
    stack: Stack, ada: Tenant, bob: Tenant, kind: str, unknown: str
) -> None:
    path = {"predictions": ada.submit, "batches": ada.upload}[kind]()
    routes = routes_to_one(stack, kind)

    foreign = refusals(bob, routes, path.rpartition("/")[2])

    statuses = {name: status for name, (status, _) in foreign.items()}
    # Nobody may make an id like ours, whosever it is.
    assert statuses == {name: {"PUT": 400}.get(name.split()[0], 404) for name in statuses}
    assert foreign == refusals(bob, routes, unknown)
    assert len(routes) >= 7
    assert ada.http.get(path).status_code == 200


def test_nothing_of_a_tenant_is_in_lists_events_errors_or_metrics_of_another(
    stack: Stack, ada: Tenant, bob: Tenant
) -> None:
    headers = WAIT | {"Idempotency-Key": "canary-key"}
    asked = {**INPUT, "metadata": {"canary-name": "canary-text"}}
    ada.http.put("/v1/predictions/canary-id", json=asked, headers=WAIT)
    paths = [ada.http.post("/v1/predictions", json=asked, headers=headers).headers["Location"], ada.upload()]
    own = bob.http.post("/v1/predictions", json=INPUT, headers=headers)

    seen = [
        own.text,
        bob.http.post("/v1/predictions", json=asked | {"input": {}}, headers=headers).json()["detail"],
        bob.http.get(f"{own.headers['Location']}/events").text,
        *(bob.http.get(path).text for path in ("/v1/predictions?limit=100", "/v1/batches?limit=100", "/v1/models")),
        *(bob.http.get(path).text for path in ("/metrics", "/readyz", "/openapi.json")),
    ]

    secrets = [ada.key_id, bob.key_id, "canary-", *(path.rpartition("/")[2] for path in paths)]
    assert "Idempotency-Replayed" not in own.headers
    assert own.headers["Location"].rpartition("/")[2] in seen[3]
    assert [secret for secret in secrets for text in seen if secret in text] == []


def raw_answer(stack: Stack, key: str, path: str) -> bytes:
    """Return every byte of an answer but those of its date, from a socket."""
    body = b'{"input":{"height":181,"weight":80,"shoe_size":44}}'
    head = (
        f"POST {path} HTTP/1.1\r\nHost: rowcall\r\nX-Request-Id: one-and-the-same\r\nConnection: close\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    port = int(stack.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=30.0) as connection:
        connection.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    return re.sub(rb"(?im)^date: .*$", b"date: ", answer)


@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/models/gender/predict", "/v1/batches", "/v1/keys"])
def test_unknown_revoked_and_expired_keys_are_answered_with_the_same_bytes(stack: Stack, path: str) -> None:
    unknown = f"rck_{'0' * 16}_{'0' * 64}"
    revoked = make_key(stack, "--scope", "predict")
    assert rowcall(stack, "keys", "revoke", revoked.split("_")[1], key=TOKEN).returncode == 0
    with Redis.from_url(stack.store_url) as redis:
        _, expired = RedisKeys(redis, Settings()).create("for a test", scopes=list(Scope), valid_seconds=0.0)

    answers = [raw_answer(stack, key, path) for key in (unknown, revoked, expired)]

    assert answers[0].startswith(b"HTTP/1.1 401")
    assert b"key_required" in answers[0]
    assert answers == answers[:1] * 3


def test_nobody_gets_in_without_a_key(stack: Stack) -> None:
    response = httpx2.post(f"{stack.url}/v1/predictions", json=INPUT)

    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_large_file_without_a_key_is_refused_and_its_sender_learns_why(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(CSV * 1_000_000)

    refused = rowcall(stack, "score", str(file), "-o", str(tmp_path / "scored.csv"))

    assert "401 key_required" in refused.stderr
    assert refused.returncode == 3


def test_a_revoked_key_is_refused_by_every_process_in_time(stack: Stack) -> None:
    key = make_key(stack, "--scope", "predict")
    with httpx2.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=60.0) as http:
        assert statuses(http) == {202}

        assert rowcall(stack, "keys", "revoke", key.split("_")[1], key=TOKEN).returncode == 0

        assert seconds_until_refused(http) <= KNOWN_SECONDS + 1.0
        assert statuses(http) == {401}


def test_the_commands_work_with_a_key_and_not_without(stack: Stack) -> None:
    made = rowcall(stack, "keys", "create", "from afar", "--scope", "predict", key=TOKEN)
    command = ("predict", "height=181", "weight=80", "shoe_size=44")

    allowed, refused = rowcall(stack, *command, key=made.stdout.strip()), rowcall(stack, *command)

    assert (allowed.returncode, "male" in allowed.stdout) == (0, True)
    assert (refused.returncode, "401 key_required" in refused.stderr) == (3, True)


def test_a_key_for_predictions_opens_no_other_door(stack: Stack) -> None:
    key = make_key(stack, "--scope", "predict")

    assert "403 scope_missing" in rowcall(stack, "keys", "list", key=key).stderr
    assert "403 scope_missing" in rowcall(stack, "quarantine", "list", key=key).stderr


def test_the_list_shows_when_a_key_was_used(stack: Stack, ada: Tenant) -> None:
    ada.submit()

    listed = rowcall(stack, "keys", "list", key=TOKEN).stdout

    (line,) = re.findall(f"^{ada.key_id}.*$", listed, re.MULTILINE)
    assert not line.endswith("never")


def test_no_log_and_nothing_in_the_store_gives_a_key_away(stack: Stack, ada: Tenant) -> None:
    ada.submit()
    ada.upload()
    wrong = f"{ada.key[:-8]}deadbeef"
    assert httpx2.get(f"{stack.url}/v1/models", headers={"Authorization": f"Bearer {wrong}"}).status_code == 401
    with Redis.from_url(stack.store_url) as redis:
        redis.save()
    files = [path for path in stack.logs_dir.parent.rglob("*") if path.is_file()]
    secret = ada.key.split("_")[2]

    telling = [path.name for path in files if secret[:32].encode() in path.read_bytes()]

    assert {"api-0.log", "worker-0.log"} <= {path.name for path in files}
    assert any(b'"owner":"' + ada.key_id.encode() in path.read_bytes() for path in files)
    assert telling == []

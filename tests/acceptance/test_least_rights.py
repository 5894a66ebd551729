"""A whole stack as a user who may do no more than it needs, and logs that keep what they are not to tell.

The user is the one of docs/how-to/secure-redis.md.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.models import RAISES
from tests.store_process import StoreProcess

PASSWORD = "canary-of-the-password"
OPERATOR_TOKEN = "canary-of-the-operators"
#: Values of rows, each in the way of another part of the service.
ACCEPTED, REFUSED, TEXT = "17.123456789", "98765.4321", "canary-in-a-field"
CSV = f"mood,note\n{ACCEPTED},{TEXT}\n{REFUSED},{TEXT}\n{TEXT},{TEXT}\n{RAISES},{TEXT}\n"
ADMINISTRATOR = "administrator of the test"
WAIT = {"Prefer": "wait=30"}


def documented_user(root: Path) -> str:
    """Return the user as the document has it."""
    found = re.search(r"^user rowcall on .*$", (root / "docs/how-to/secure-redis.md").read_text(), re.MULTILINE)
    assert found is not None
    return found[0].replace("PASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[str]:
    """The address of a server that lets nobody in without a password; returns host, port and database."""
    port = free_port()
    lines = ["", f"port {port}", "bind 127.0.0.1", "user default on nopass ~* &* +@all", documented_user(root), ""]
    # Servers refuse these to everybody by default; here the user's own rights are to be seen.
    lines[1:1] = ["enable-debug-command yes", "enable-module-command yes"]
    with StoreProcess.run(tmp_path_factory.mktemp("acl"), extra="\n".join(lines)) as process:
        with Redis.from_url(process.url) as default:
            # Only now, because the fixture itself asks as the default user whether the server is up.
            default.acl_setuser(
                "administrator",
                enabled=True,
                passwords=[f"+{ADMINISTRATOR}"],
                keys=["*"],
                channels=["*"],
                categories=["+@all"],
            )
            default.acl_setuser("default", enabled=False)
        yield f"127.0.0.1:{port}/0"


@pytest.fixture(scope="module")
def stack(store: str, tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Stack]:
    settings = Settings(
        redis_url=SecretStr(f"redis://rowcall:{PASSWORD}@{store}"),
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=models_dir,
        workers=1,
        operator_token=SecretStr(OPERATOR_TOKEN),
        log_level="DEBUG",
    )
    with running_stack(settings) as stack:
        use_everything(stack.url)
        yield stack


def use_everything(url: str) -> None:
    """Send what is accepted, what is refused, and what fails, by every door."""
    with httpx2.Client(base_url=url, timeout=60.0) as http:
        submitted = submit(http, float(ACCEPTED))
        assert submitted.json()["status"] == "succeeded"
        assert submit(http, RAISES).json()["status"] == "failed"
        assert submit(http, float(REFUSED)).status_code == 422
        assert submit(http, TEXT).status_code == 422
        assert http.post("/v1/models/moody/predict", content=f"{{{TEXT}").status_code == 415
        assert http.post("/v1/models/moody/predict", json={TEXT: 1}).status_code == 422
        assert http.post(f"/v1/predictions/{submitted.json()['id']}/cancel").status_code == 409
        operator = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        assert http.get("/v1/quarantine", headers=operator).status_code == 200
        manage_keys(http, operator)
        score(http)
        assert http.get("/readyz").status_code == 200


def manage_keys(http: httpx2.Client, operator: dict[str, str]) -> None:
    """Make a key, use it, list it, revoke it."""
    made = http.post("/v1/keys", json={"name": "for a test", "scopes": ["admin"]}, headers=operator).json()
    holder = {"Authorization": f"Bearer {made['key']}"}
    assert http.get("/v1/quarantine", headers=holder).status_code == 200
    (listed,) = http.get("/v1/keys", headers=operator).json()["data"]
    assert listed["last_used_at"] is not None
    assert http.delete(f"/v1/keys/{made['id']}", headers=operator).status_code == 204


def submit(http: httpx2.Client, mood: object) -> httpx2.Response:
    return http.post("/v1/predictions", json={"model": "moody", "input": {"mood": mood}}, headers=WAIT)


def score(http: httpx2.Client) -> None:
    """Score a file, mend it, and read it."""
    accepted = http.post("/v1/batches?model=moody", content=CSV, headers={"Content-Type": "text/csv"})
    path = accepted.headers["Location"]
    assert http.get(path, headers=WAIT).json()["counts"]["failed"] == 3
    errors = http.get(f"{path}/errors").content
    assert http.post(f"{path}/retry", content=errors, headers={"Content-Type": "text/csv"}).status_code == 202
    assert http.get(path, headers=WAIT).json()["status"] == "completed"
    assert TEXT in http.get(f"{path}/results").text


@pytest.fixture
def administrator(store: str) -> Iterator[Redis]:
    with Redis.from_url(
        f"redis://administrator:{ADMINISTRATOR.replace(' ', '%20')}@{store}", decode_responses=True
    ) as client:
        yield client


@pytest.fixture
def rowcall(store: str) -> Iterator[Redis]:
    with Redis.from_url(f"redis://rowcall:{PASSWORD}@{store}") as client:
        yield client


def test_a_stack_is_refused_nothing_as_the_documented_user(stack: Stack, administrator: Redis) -> None:
    refused: Any = administrator.acl_log()

    assert [(entry["reason"], entry["object"]) for entry in refused if entry["username"] == "rowcall"] == []


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda client: client.get("another:key"), id="a key of another deployment"),
        pytest.param(lambda client: client.publish("another:channel", "1"), id="a channel of another deployment"),
        pytest.param(lambda client: client.flushall(), id="FLUSHALL"),
        pytest.param(lambda client: client.flushdb(), id="FLUSHDB"),
        pytest.param(lambda client: client.keys("*"), id="KEYS"),
        pytest.param(lambda client: client.scan(match="another:*"), id="SCAN"),
        pytest.param(lambda client: client.randomkey(), id="RANDOMKEY"),
        pytest.param(lambda client: client.config_get("*"), id="CONFIG"),
        pytest.param(lambda client: client.execute_command("MONITOR"), id="MONITOR"),
        pytest.param(lambda client: client.execute_command("ACL", "LIST"), id="ACL"),
        pytest.param(lambda client: client.execute_command("SHUTDOWN"), id="SHUTDOWN"),
        pytest.param(lambda client: client.execute_command("REPLICAOF", "NO", "ONE"), id="REPLICAOF"),
        pytest.param(lambda client: client.script_flush(), id="SCRIPT FLUSH"),
        pytest.param(lambda client: client.script_kill(), id="SCRIPT KILL"),
        pytest.param(lambda client: client.execute_command("DEBUG", "SLEEP", "0"), id="DEBUG"),
        pytest.param(lambda client: client.execute_command("MODULE", "LOAD", "/tmp/a.so"), id="MODULE LOAD"),
        pytest.param(lambda client: client.execute_command("MODULE", "LIST"), id="MODULE LIST"),
        pytest.param(lambda client: client.execute_command("FUNCTION", "LOAD", "#!lua name=a"), id="FUNCTION LOAD"),
        pytest.param(lambda client: client.execute_command("FUNCTION", "FLUSH"), id="FUNCTION FLUSH"),
        pytest.param(lambda client: client.execute_command("SAVE"), id="SAVE"),
        pytest.param(lambda client: client.execute_command("BGREWRITEAOF"), id="BGREWRITEAOF"),
        pytest.param(lambda client: client.execute_command("MIGRATE", "h", "1", "k", "0", "1"), id="MIGRATE"),
        pytest.param(lambda client: client.execute_command("FAILOVER"), id="FAILOVER"),
        pytest.param(lambda client: client.execute_command("PSYNC", "?", "-1"), id="PSYNC"),
        pytest.param(lambda client: client.execute_command("SWAPDB", "0", "1"), id="SWAPDB"),
        pytest.param(lambda client: client.client_list(), id="CLIENT LIST"),
        pytest.param(lambda client: client.client_kill("127.0.0.1:1"), id="CLIENT KILL"),
        pytest.param(
            lambda client: client.execute_command("SORT", "{rowcall}:a", "BY", "another:*"), id="SORT by others"
        ),
        pytest.param(lambda client: client.set("another:key", "1"), id="writing a key of another deployment"),
        pytest.param(lambda client: client.delete("another:key"), id="deleting a key of another deployment"),
        pytest.param(
            lambda client: client.rename("{rowcall}:a", "another:key"), id="moving a key to another deployment"
        ),
        pytest.param(lambda client: client.pubsub_channels(), id="channels of other deployments"),
    ],
)
def test_the_documented_user_may_do_nothing_else(rowcall: Redis, call: Callable[[Redis], object]) -> None:
    with pytest.raises(NoPermissionError):
        call(rowcall)


def test_a_script_reaches_no_further_than_the_user_who_runs_it(rowcall: Redis) -> None:
    with pytest.raises(ResponseError, match="No permissions"):
        rowcall.eval("return redis.call('GET', 'another:key')", 0)


def test_nobody_is_let_in_without_a_password(store: str) -> None:
    with Redis.from_url(f"redis://{store}") as client, pytest.raises(AuthenticationError):
        client.ping()


@pytest.mark.parametrize("process", ["api-0", "worker-0", "bulk-worker-0", "supervisord"])
@pytest.mark.parametrize(
    "canary",
    [PASSWORD, OPERATOR_TOKEN, ACCEPTED, REFUSED, TEXT],
    ids=["password", "operator token", "accepted value", "refused value", "text"],
)
def test_a_log_at_debug_tells_nothing_that_it_is_not_to_tell(stack: Stack, process: str, canary: str) -> None:
    log = (stack.logs_dir / f"{process}.log").read_text()

    assert log
    assert canary not in log

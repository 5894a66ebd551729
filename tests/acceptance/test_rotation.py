"""The password of the store is replaced as docs/how-to/secure-redis.md says, and no job that was accepted is lost."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from redis import Redis
from redis.exceptions import AuthenticationError

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.direct import people
from tests.acceptance.submitter import Submitter, assert_all_answered
from tests.store_process import StoreProcess

OLD, NEW = "the-password-until-now", "the-password-from-now-on"
JOBS = 150


@dataclass
class Rotation:
    """What came of it."""

    address: str
    #: The stack that knows the new password; the other one has ended.
    stack: Stack
    #: Who submitted to the stack with the old password, before and while the new one was added, and until it ended.
    early: Submitter
    #: Who submitted once the old password was removed.
    late: Submitter


def documented_commands(root: Path) -> list[list[str]]:
    """Return the commands to the server that the page gives, in their order."""
    page = (root / "docs/how-to/secure-redis.md").read_text()
    found = re.findall(r"^(?:ACL SETUSER|CLIENT KILL) .*$", page, re.MULTILINE)
    return [line.replace("OLD", OLD).replace("NEW", NEW).split() for line in found]


@pytest.fixture(scope="module")
def rotation(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Rotation]:
    port = free_port()
    address = f"127.0.0.1:{port}/0"
    user = f"user rowcall on >{OLD} ~* &* +@all"

    def settings(password: str) -> Settings:
        return Settings(
            redis_url=SecretStr(f"redis://rowcall:{password}@{address}"),
            port=free_port(),
            data_dir=tmp_path_factory.mktemp("data"),
            models_dir=root / "models",
            workers=1,
        )

    add, remove, send_away = documented_commands(root)
    with (
        StoreProcess.run(tmp_path_factory.mktemp("acl"), extra=f"\nport {port}\nbind 127.0.0.1\n{user}\n") as store,
        Redis.from_url(store.url) as administrator,
        ExitStack() as until_replaced,
        ThreadPoolExecutor(1) as others,
    ):
        old = until_replaced.enter_context(running_stack(settings(OLD)))
        early, late = Submitter(old.url), Submitter("")
        early.submit_all(people(JOBS))
        administrator.execute_command(*add)
        meanwhile = others.submit(early.submit_all, people(JOBS))
        with running_stack(settings(NEW)) as new:
            meanwhile.result()
            early.submit_all(people(JOBS))
            until_replaced.close()
            administrator.execute_command(*remove)
            administrator.execute_command(*send_away)
            early.url = late.url = new.url
            late.submit_all(people(JOBS))
            yield Rotation(address, new, early, late)


def test_the_old_password_opens_nothing_and_the_new_one_does(rotation: Rotation) -> None:
    with Redis.from_url(f"redis://rowcall:{NEW}@{rotation.address}") as client:
        assert client.ping()
    with Redis.from_url(f"redis://rowcall:{OLD}@{rotation.address}") as client, pytest.raises(AuthenticationError):
        client.ping()


def test_no_request_was_refused_while_both_were_valid(rotation: Rotation) -> None:
    assert rotation.early.refused == 0


def test_every_job_is_answered_that_was_accepted_until_the_old_processes_ended(rotation: Rotation) -> None:
    assert_all_answered(rotation.early, jobs=3 * JOBS, seconds=60)


def test_every_job_is_answered_that_was_accepted_after_the_old_password_was_removed(rotation: Rotation) -> None:
    assert_all_answered(rotation.late, jobs=JOBS, seconds=60)


def test_the_stack_is_ready_with_the_new_password(rotation: Rotation) -> None:
    assert httpx2.get(f"{rotation.stack.url}/readyz").status_code == 200

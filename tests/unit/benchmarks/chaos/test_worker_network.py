"""The workers' own network."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from benchmarks.chaos.worker_network import WorkerNetwork, find_hindrance

HINDRANCE = find_hindrance()
needs_network = pytest.mark.skipif(HINDRANCE is not None, reason=f"no network namespace: {HINDRANCE}")

#: Asks a server twice for a byte, and says what came.
CLIENT = """
import socket, sys
for _ in range(2):
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1.0) as connection:
            print(connection.recv(1).decode(), flush=True)
    except TimeoutError:
        print("timeout", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def network() -> Iterator[WorkerNetwork]:
    with WorkerNetwork.run() as network:
        yield network


@pytest.fixture
def port(network: WorkerNetwork) -> Iterator[int]:
    """A server that gives every caller a byte."""

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"x")

    with socket.create_server((network.host, 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@needs_network
@pytest.mark.parametrize(
    ("questions", "answers"),
    [(True, True), (True, False), (False, True)],
    ids=["both ways", "questions", "answers"],
)
def test_nothing_passes_while_it_is_cut_in_either_direction(
    network: WorkerNetwork, port: int, questions: bool, answers: bool
) -> None:
    command = network.command([sys.executable, "-c", CLIENT, network.host, str(port)])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        network.cut(questions=questions, answers=answers)
        during = client.stdout.readline()
        network.heal()
        client.stdin.write("\n")
        client.stdin.flush()
        after = client.stdout.readline()
        client.kill()

    assert (during, after) == ("timeout\n", "x\n")


@needs_network
def test_nothing_is_left_of_it() -> None:
    with WorkerNetwork.run():
        pass

    names = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert f"rowcall-{os.getpid()}" not in names


def test_whoever_is_not_root_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/sbin/ip")
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    assert find_hindrance() == "only root may make network namespaces"


def test_a_machine_without_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)

    assert "there is no `ip` command" in str(find_hindrance())

"""What a client knows when no answer comes."""

import socket
import threading

import pytest

from benchmarks.chaos.clients import Pace
from benchmarks.chaos.web_client import NoAnswer, WebClient
from benchmarks.service import free_port


def test_where_nobody_listens_nothing_can_have_happened() -> None:
    with pytest.raises(NoAnswer, match="ConnectionRefusedError") as error:
        WebClient(free_port()).ask("POST", "/v1/predictions", b"{}")

    assert not error.value.may_have_arrived


def test_where_the_server_dies_nobody_knows() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def take_and_die() -> None:
            connection, _ = listener.accept()
            connection.recv(10)
            connection.close()

        thread = threading.Thread(target=take_and_die)
        thread.start()
        with pytest.raises(NoAnswer) as error:
            WebClient(listener.getsockname()[1]).ask("POST", "/v1/predictions", b"{}")
        thread.join()

    assert error.value.may_have_arrived


def test_tickets_come_at_the_rate_and_each_once() -> None:
    pace = Pace(per_second=10.0)

    taken = [pace.take() for _ in range(5)]

    assert [ticket for ticket, _ in taken] == [1, 2, 3, 4, 5]
    assert [round(wait, 1) for _, wait in taken] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert pace.extra() == 6

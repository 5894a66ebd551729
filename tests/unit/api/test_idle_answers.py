"""Connections that a server accepts inherit how long their client may take nothing."""

import socket

from api.idle_answers import limit_listeners


def limit_of(sock: socket.socket) -> int:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)


def test_a_connection_has_the_limit_of_the_socket_that_it_came_in_by() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = limit_listeners(1.5)
        with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as accepted:
            limits = (limit_of(listener), limit_of(accepted), limit_of(client))

    assert found >= 1
    assert limits == (1_500, 1_500, 0)


def test_other_sockets_are_left_alone() -> None:
    first, second = socket.socketpair()
    with first, second, socket.socket() as idle:
        limit_listeners(1.5)

        assert limit_of(idle) == 0


def test_a_process_that_does_not_listen_yet_is_told_so() -> None:
    before = limit_listeners(1.5)

    with socket.create_server(("127.0.0.1", 0)):
        assert limit_listeners(1.5) == before + 1

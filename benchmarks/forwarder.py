"""Forwarder: a TCP endpoint in front of a server, that can be moved, frozen and cut while clients hold on to it.

It plays the name of a managed server: after a failover new connections lead elsewhere, old ones stay where they are.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

#: Where targets are, and clients unless they are told otherwise.
_HOST = "127.0.0.1"
_PIECE_BYTES = 1 << 16


class Forwarder:
    """One endpoint on a port of its own. Its methods may be called from any thread and hold when they return."""

    def __init__(self, target_port: int, host: str) -> None:
        self._target_port = target_port
        self._host = host
        self._loop: asyncio.AbstractEventLoop
        self._stopped = asyncio.Event()
        #: Cleared while nothing passes in that direction.
        self._questions_pass = asyncio.Event()
        self._answers_pass = asyncio.Event()
        self._transports: set[asyncio.WriteTransport] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        #: Where clients connect.
        self.port = 0

    @classmethod
    @contextmanager
    def to(cls, target_port: int, *, host: str = _HOST) -> Iterator[Self]:
        """Run a forwarder to a port of this machine for the time of the block; host: the address it listens on."""
        forwarder = cls(target_port, host)
        listening = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(forwarder._run(listening)), name="forwarder", daemon=True)
        thread.start()
        listening.wait()
        try:
            yield forwarder
        finally:
            forwarder._do(forwarder._stopped.set)
            thread.join()

    def move(self, target_port: int) -> None:
        """Lead new connections to another port; those that exist stay where they are."""
        self._target_port = target_port

    def freeze(self, *, questions: bool = True, answers: bool = True) -> None:
        """Let nothing pass and close nothing: peers see a connection that is silent.

        questions: what clients send; answers: what comes back. False lets that direction pass.
        """
        if answers:
            self._do(self._answers_pass.clear)
        if questions:
            self._do(self._questions_pass.clear)

    def abandon(self) -> None:
        """Let nothing pass any more on the connections that exist, and close none; new ones are as good as ever."""
        self._do(self._abandon_all)

    def _abandon_all(self) -> None:
        self._questions_pass.clear()
        self._answers_pass.clear()
        self._questions_pass, self._answers_pass = asyncio.Event(), asyncio.Event()
        self._questions_pass.set()
        self._answers_pass.set()

    def thaw(self) -> None:
        """Let pass what was held back, and all that follows."""
        self._do(self._answers_pass.set)
        self._do(self._questions_pass.set)

    def cut(self) -> None:
        """Close every connection at once; new ones are taken as before."""
        self._do(self._close_all)

    def _close_all(self) -> None:
        for transport in list(self._transports):
            transport.abort()

    def _do(self, action: Callable[[], object]) -> None:
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(act)
        done.wait()

    async def _run(self, listening: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._answers_pass.set()
        self._questions_pass.set()
        server = await asyncio.start_server(self._take, self._host, 0)
        self.port = server.sockets[0].getsockname()[1]
        listening.set()
        async with server:
            await self._stopped.wait()
            self._close_all()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.CancelledError):
                await self._join(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until one side closes."""
        questions_pass, answers_pass = self._questions_pass, self._answers_pass
        with self._closing(writer):
            await questions_pass.wait()
            far_reader, far_writer = await asyncio.open_connection(_HOST, self._target_port)
            with self._closing(far_writer):
                ways = (
                    asyncio.ensure_future(_carry(reader, far_writer, questions_pass)),
                    asyncio.ensure_future(_carry(far_reader, writer, answers_pass)),
                )
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)

    @contextmanager
    def _closing(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._transports.add(writer.transport)
        try:
            yield
        finally:
            self._transports.discard(writer.transport)
            writer.close()


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, passes: asyncio.Event) -> None:
    while piece := await source.read(_PIECE_BYTES):
        await passes.wait()
        target.write(piece)
        await target.drain()
    # What was sent before the end must arrive, and the end too only when something may.
    await passes.wait()

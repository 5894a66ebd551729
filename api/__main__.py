"""Process entry: `python -m api` is the web server with the settings of this deployment."""

import ipaddress
import os
import signal
import sys
from functools import partial

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from api.host_tallies import host_tallies
from api.idle_answers import end_idle_answers
from shared.child_process import follow_parent
from shared.settings import Settings, SettingsInvalid, read_settings

#: Requests in hand get so long to end when the server is told to stop.
GRACE_SECONDS = 30
#: They get so long when the main process was killed: one that stands still would hold the port of its successor.
ORPHAN_SECONDS = 10
#: Connections that wait to be taken, and that one process holds open; an idle one costs little.
BACKLOG = 4096
MAX_CONNECTIONS = 65_536


def make_server(settings: Settings) -> MPServer:
    """Return the server; it serves until it is told to stop."""
    return MPServer(
        "api.asgi:app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGINL,
        loop=Loops.uvloop,
        workers=settings.api_processes,
        backlog=BACKLOG,
        backpressure=MAX_CONNECTIONS,
        http=HTTPModes.http1,
        # Also how long an idle connection is kept.
        http1_settings=HTTP1Settings(header_read_timeout=int(settings.client_timeout_seconds * 1000)),
        websockets=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=GRACE_SECONDS,
    )


def main() -> int:
    """Serve until told to stop; exit status 78 when the settings cannot be used."""
    try:
        settings = read_settings()
        require_choice(settings)
    except SettingsInvalid as error:
        sys.stderr.write(f"rowcall api refuses to start: {error}\n")
        return os.EX_CONFIG
    # Told to stop before it is ready to be ended, a server process would only make a note of it.
    os.register_at_fork(
        before=partial(signal.pthread_sigmask, signal.SIG_BLOCK, {signal.SIGTERM}),
        after_in_parent=partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, {signal.SIGTERM}),
        after_in_child=partial(_begin_server_process, os.getpid(), settings.client_timeout_seconds),
    )
    # Made before the fork, so that all server processes count in the same memory.
    host_tallies(settings.api_processes)
    make_server(settings).serve()
    return 0


def require_choice(settings: Settings) -> None:
    """Raise SettingsInvalid if others could reach the API and nobody has said whether they need keys."""
    if settings.require_keys is None and not _is_loopback(settings.host):
        raise SettingsInvalid(
            f"ROWCALL_HOST={settings.host} lets other machines in: set ROWCALL_REQUIRE_KEYS=true and make a key with "
            "`python -m api.keys create`, or set ROWCALL_REQUIRE_KEYS=false to let everybody in."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _begin_server_process(parent_pid: int, client_timeout_seconds: float) -> None:
    """Be ready to be ended: while it starts, a server process has its parent's handlers, which only make a note."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    follow_parent(parent_pid, ORPHAN_SECONDS)
    end_idle_answers(client_timeout_seconds)


if __name__ == "__main__":
    sys.exit(main())

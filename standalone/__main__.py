"""`python -m standalone`: run a stack in the foreground until Ctrl-C or SIGTERM."""

import os
import signal
import sys
from types import FrameType

from shared.settings import SettingsInvalid, read_settings
from standalone.stack import StackFailed, running_stack
from standalone.store_server import NoStoreServer


class Stopped(Exception):
    """Raised in the main thread when this process is told to stop."""


def _raise_stopped(_number: int, _frame: FrameType | None) -> None:
    # A second signal must not interrupt the clean stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Stopped


def main() -> int:
    """Return 0 after a clean stop, 1 when the stack could not start or its process manager died."""
    try:
        settings = read_settings()
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_CONFIG
    signal.signal(signal.SIGINT, _raise_stopped)
    signal.signal(signal.SIGTERM, _raise_stopped)
    try:
        with running_stack(settings) as stack:
            sys.stdout.write(
                f"Rowcall answers on {stack.url}, also to a browser (docs: {stack.url}/docs/, logs: {stack.logs_dir}). "
                "Ctrl-C stops it.\n"
            )
            sys.stdout.flush()
            stack.wait()
            sys.stderr.write(f"The process manager ended by itself; see {stack.logs_dir}\n")
            return 1
    except Stopped:
        sys.stdout.write("Stopped; nothing is left running.\n")
        return 0
    except (StackFailed, NoStoreServer) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())

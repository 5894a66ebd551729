"""Process entry: `python -m api` becomes gunicorn with the settings of this deployment."""

import os
import sys

from shared.settings import SettingsInvalid, read_settings

#: Requests in hand get so long to end when the server is told to stop.
GRACE_SECONDS = 30


def main() -> int:
    """Replace this process by the web server; exit status 78 when the settings cannot be used."""
    try:
        settings = read_settings()
    except SettingsInvalid as error:
        sys.stderr.write(f"rowcall api refuses to start: {error}\n")
        return os.EX_CONFIG
    command = [
        *(sys.executable, "-m", "gunicorn", "api.wsgi:app"),
        *("--bind", f"{settings.host}:{settings.port}"),
        *("--workers", str(settings.api_processes)),
        *("--worker-class", "gthread", "--threads", str(settings.api_threads)),
        *("--graceful-timeout", str(GRACE_SECONDS)),
        # Longer than any wait granted: a worker that waits for a result does not hang.
        *("--timeout", str(int(settings.max_wait_seconds) + GRACE_SECONDS)),
        *("--keep-alive", "75"),
        # It would want a home directory that can be written.
        "--no-control-socket",
        *("--log-level", "warning"),
    ]
    return os.execv(sys.executable, command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    sys.exit(main())

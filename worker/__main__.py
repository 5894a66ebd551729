"""Process entry: `python -m worker`. SIGTERM drains: the message in hand is finished, no other is taken."""

import os
import sys

from shared.errors import ModelError
from shared.garbage import freeze_objects
from shared.logs import configure_logs
from shared.settings import SettingsInvalid, read_settings
from worker.lean_imports import import_scikit_learn
from worker.memory import keep_freed_memory


def main() -> int:
    """Run a worker until it is told to stop; exit status 78 when its settings or models cannot be used."""
    try:
        settings = read_settings()
        configure_logs("worker", settings.log_level)
        keep_freed_memory()
        import_scikit_learn()
        from worker.app import create_worker  # noqa: PLC0415 - whatever imports scikit-learn has to come after it

        worker = create_worker(settings)
    except (ModelError, SettingsInvalid) as error:
        sys.stderr.write(f"rowcall worker refuses to start: {error}\n")
        return os.EX_CONFIG
    freeze_objects()
    worker.start()
    return int(worker.exitcode or 0)


if __name__ == "__main__":
    sys.exit(main())

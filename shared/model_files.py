"""Files of a model version: regular ones, inside the models folder, read once and whole."""

import os
import stat
from pathlib import Path

from shared.errors import ModelMissing


class ModelFileTooLong(Exception):
    """Raised when a file has more bytes than it may have; nothing of it was read."""


def read_model_file(path: Path, *, most_bytes: int) -> bytes:
    """Return the bytes of `models/<name>/<version>/<file>`.

    Raises ModelMissing for what is not there, is no regular file, or is a link that leads out of `models`; and
    ModelFileTooLong.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ModelMissing(f"{path} is no regular file; put the file of the model there")
            models_dir = path.parents[2]
            if not path.resolve().is_relative_to(models_dir.resolve()):
                # What lies elsewhere may change under a version, which never changes.
                raise ModelMissing(f"{path} is a link that leads out of {models_dir}; put the file itself there")
            if found.st_size > most_bytes:
                raise ModelFileTooLong
            return file.read()
    except OSError as error:
        raise ModelMissing(f"{path}: {error.strerror}") from error


def _open_at_once(path: str, flags: int) -> int:
    """Open a FIFO too, without waiting for somebody who writes to it."""
    return os.open(path, flags | os.O_NONBLOCK)

"""Housekeeping of batches: expire what is due, and delete what is past its retention."""

import logging

from shared.batch_files import batch_folder
from shared.batch_store import BatchStore
from shared.file_store import FileStore

log = logging.getLogger(__name__)


class Housekeeping:
    """What the sweeper does for batches; all of it may be done twice."""

    def __init__(self, batches: BatchStore, files: FileStore) -> None:
        self._batches = batches
        self._files = files

    def run(self) -> None:
        """Look once over all batches; raises DependencyError."""
        for batch_id in self._batches.sweep():
            # The files first: a record without files can still be deleted, files without a record are lost sight of.
            self._files.delete_folder(batch_folder(batch_id))
            self._batches.forget(batch_id)
            log.info("batch deleted after its retention", extra={"batch_id": batch_id})

"""Housekeeping of batches: expire what is due, and delete what nobody will read."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.batch_files import BATCHES, batch_folder, find_batch_id, part_folder
from shared.batch_store import BatchStore
from shared.file_store import FileStore
from shared.unreadable import RecordUnreadable

log = logging.getLogger(__name__)

#: How often a worker looks for files without a record: it has to list them all.
ORPHANS_INTERVAL_SECONDS = 900.0
#: A folder in which nothing was changed for so long belongs to no upload that is under way.
ORPHAN_SECONDS = 3_600.0


class Housekeeping:
    """What the sweeper does for batches; all of it may be done twice.

    clock: seconds since the epoch, compared with the times of files, which another machine may have written.
    """

    def __init__(self, batches: BatchStore, files: FileStore, clock: Callable[[], float] = time.time) -> None:
        self._batches = batches
        self._files = files
        self._clock = clock
        #: A worker that has just started has more urgent things to do.
        self._orphans_due_at = clock() + ORPHANS_INTERVAL_SECONDS
        self._suspects: frozenset[str] = frozenset()

    def run(self) -> None:
        """Look once over all batches; raises DependencyError."""
        for batch_id in self._batches.sweep():
            # The files first: a record without files can still be deleted, files without a record are lost sight of.
            with _no_folder_of_ours():
                self._files.delete_folder(batch_folder(batch_id))
            self._batches.forget(batch_id)
            log.info("batch deleted after its retention", extra={"batch_id": batch_id})
        for replaced in self._batches.replaced_parts():
            with _no_folder_of_ours():
                self._files.delete_folder(part_folder(replaced.batch_id, replaced.index, replaced.token))
            self._batches.forget_replaced(replaced)
        if self._clock() >= self._orphans_due_at:
            self._orphans_due_at = self._clock() + ORPHANS_INTERVAL_SECONDS
            self._delete_orphans()

    def _delete_orphans(self) -> None:
        """Delete uploads whose API process died before it wrote their record.

        Only those that had none at the look before either: S3 says of a large file when its upload began, so that one
        whose record is about to be written may look old.
        """
        orphans = frozenset(self._find_orphans())
        for key in orphans & self._suspects:
            self._files.delete_folder(key)
            log.warning("upload without a record deleted", extra={"folder": key})
        self._suspects = orphans

    def _find_orphans(self) -> Iterator[str]:
        oldest = self._clock() - ORPHAN_SECONDS
        for key in self._files.folders(BATCHES):
            if not self._has_record(find_batch_id(key)) and self._files.changed_at(key) < oldest:
                yield key

    def _has_record(self, batch_id: str) -> bool:
        try:
            return self._batches.find(batch_id) is not None
        except RecordUnreadable:
            # Somebody may yet look for the cause.
            return True


@contextmanager
def _no_folder_of_ours() -> Iterator[None]:
    """Pass over an id in the store that leads out of the folder of all batches; the others must have their turn."""
    try:
        yield
    except ValueError:
        log.error("a batch names no folder of ours, nothing is deleted")  # noqa: TRY400 - its text quotes the id

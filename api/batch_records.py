"""Blueprint: list batches, follow one, delete it."""

import logging
from collections.abc import Iterator

from flask import Blueprint, Response, request

from api.batch_representations import batch_document
from api.callers import current_caller
from api.events import EventId, Look, Stream, event_response, look_at_batch, read_last_id
from api.followers import Followers
from api.list_query import read_list_query
from api.owned import OwnedBatches
from api.representations import json_response
from shared.batch_files import batch_folder
from shared.batch_store import Batch, BatchStore
from shared.batches import BatchStatus
from shared.errors import DependencyError
from shared.file_store import FileStore
from shared.settings import Settings

log = logging.getLogger(__name__)


class BatchRecords:
    """The routes of batches that are there already."""

    def __init__(
        self, batches: BatchStore, files: FileStore, owned: OwnedBatches, followers: Followers, settings: Settings
    ) -> None:
        self._batches = batches
        self._files = files
        self._owned = owned
        self._followers = followers
        self._settings = settings

    def blueprint(self) -> Blueprint:
        blueprint = Blueprint("batch_records", __name__)
        one = "/v1/batches/<batch_id>"
        for rule, method, view in (
            ("/v1/batches", "GET", self.list_batches),
            (one, "DELETE", self.delete_batch),
            (f"{one}/events", "GET", self.follow_batch),
        ):
            blueprint.add_url_rule(rule, view_func=view, methods=[method])
        return blueprint

    def list_batches(self) -> Response:
        query = read_list_query(request.args, [status.value for status in BatchStatus])
        page = self._batches.page(
            current_caller().owner,
            limit=query.limit,
            status=BatchStatus(query.status) if query.status else None,
            model=query.model,
            cursor=query.cursor,
        )
        data = [batch_document(batch) for batch in page.batches]
        return json_response({"object": "list", "data": data, "next_cursor": page.next_cursor})

    def delete_batch(self, batch_id: str) -> Response:
        batch = self._owned.require(batch_id, current_caller())
        self._batches.delete(batch.id)
        try:
            self._files.delete_folder(batch_folder(batch.id))
        except DependencyError as error:
            # The sweeper looks for them once more in any case.
            log.warning("files left to the sweeper", extra={"batch_id": batch.id, "detail": error.detail})
        return Response(status=204)

    def follow_batch(self, batch_id: str) -> Response:
        batch = self._owned.require(batch_id, current_caller())
        return event_response(self._events(batch, read_last_id(request.headers.get("Last-Event-ID"))))

    def _events(self, batch: Batch, last_id: EventId) -> Iterator[bytes]:
        def look() -> Look | None:
            found = self._batches.find(batch.id)
            return None if found is None else look_at_batch(found)

        with self._followers.place(f"batch:{batch.id}") as follower:
            yield from Stream(look_at_batch(batch), look, follower, self._settings.max_wait_seconds, last_id).run()

import pytest
from celery.exceptions import Reject

from shared.errors import FileMissing, StoreUnavailable
from worker.tasks import kept_for_later


def test_a_message_stays_with_its_broker_when_the_store_is_away() -> None:
    with pytest.raises(Reject) as rejected, kept_for_later():
        raise StoreUnavailable

    assert rejected.value.requeue is False


def test_a_message_whose_work_failed_otherwise_is_done_with() -> None:
    with pytest.raises(FileMissing), kept_for_later():
        raise FileMissing

"""A request for a new job on its way: checked, given to its group, answered."""

from typing import NamedTuple, Self

from api.flag import Flag
from api.group_commit import Ticket
from api.request_headers import WaitPreference
from api.submissions import PreparedJob
from api.waiters import MakerPlace
from shared.jobs import Job
from shared.values import value


@value
class Order:
    """A checked request for a new job, and how long its client wants to wait; None: not at all."""

    prepared: PreparedJob
    wait: WaitPreference | None


class TakenOn(NamedTuple):
    """An accepted job as it stands; has_waited: its client did, which it does not when too many others do."""

    order: Order
    job: Job
    has_waited: bool
    #: It was accepted before, for the same idempotency key or under the same id of its client.
    is_replayed: bool = False


class Begun:
    """A job that was given to its group, for the time until its request can be answered; a context manager."""

    __slots__ = ("_place", "maker", "order", "ticket")

    ticket: Ticket

    def __init__(self, order: Order, place: MakerPlace | None) -> None:
        self.order = order
        self._place = place
        #: The request among those that wait; None when it does not.
        self.maker = place.take() if place is not None else None

    @property
    def flag(self) -> Flag:
        """Raised when there is nothing more to wait for."""
        return self.ticket.decided if self.maker is None else self.maker.ended

    @property
    def wait_seconds(self) -> float | None:
        """How long to wait for the flag; None: until it is raised."""
        return self.order.wait.seconds if self.maker is not None and self.order.wait is not None else None

    @property
    def is_known(self) -> bool:
        """Say whether the answer is there without a look at the store."""
        return self.ticket.accepted is not None if self.maker is None else self.maker.end is not None

    def leave(self) -> None:
        """Give the place up; more than once does nothing."""
        if self._place is not None:
            self._place.leave()
            self._place = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

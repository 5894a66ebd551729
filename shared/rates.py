"""How many requests of one key are accepted in a second: a token bucket, told by the seconds until it is full. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

#: Rates that a bucket can be kept for, in requests per second; 0 stands for no limit.
SLOWEST, FASTEST = 0.0001, 10_000.0
#: After a pause, what a rate allows in so long may come at once; but always one request.
BURST_SECONDS = 10.0
#: What is a hundredth of a request away is there: times are kept to the microsecond.
_ROUNDING = 0.01


# Without slots, because what follows from a rate is computed once.
@dataclass(frozen=True)
class Rate:
    """A limit that all requests under one name share, whatever API process they reach.

    The state of its bucket is a debt: the seconds until it is full. Each request adds `each_seconds` to it, and it
    never exceeds `empty_seconds`.
    """

    #: The id of the key.
    name: str
    #: SLOWEST to FASTEST.
    per_second: float

    @cached_property
    def each_seconds(self) -> float:
        """Seconds until the bucket has one request more."""
        return 1 / self.per_second

    @cached_property
    def burst(self) -> int:
        """Requests in a full bucket."""
        return max(1, int(self.per_second * BURST_SECONDS))

    @cached_property
    def empty_seconds(self) -> float:
        """The debt of an empty bucket."""
        return self.burst * self.each_seconds

    @cached_property
    def text(self) -> str:
        """The bucket as `rates.lua` reads it."""
        return f"{self.name} {self.each_seconds:.6f} {self.empty_seconds:.6f}"

    def left(self, debt_seconds: float) -> int:
        """Return the requests that the bucket has."""
        return max(0, math.floor((self.empty_seconds - debt_seconds) / self.each_seconds + _ROUNDING))

    def wait_seconds(self, debt_seconds: float) -> float:
        """Return the seconds until the bucket has a request; 0 if it has one."""
        wait = debt_seconds + self.each_seconds - self.empty_seconds
        return wait if wait > self.each_seconds * _ROUNDING else 0.0


#: Is told the debt of a bucket whenever the store has looked at it.
OnDebt = Callable[[Rate, float], None]


def is_rate(per_second: float) -> bool:
    """Say whether a bucket can be kept for so many requests per second, or none is needed."""
    return per_second == 0 or SLOWEST <= per_second <= FASTEST


def ignore_debt(_rate: Rate, _debt_seconds: float) -> None:
    """Stand in for whoever wants to know."""


def tell_debts(told: Sequence[bytes], rates: Mapping[str, Rate], on_debt: OnDebt) -> None:
    """Pass on the debts behind the answer of a script: the text of each bucket, and its debt.

    rates: those that the script was asked for, by their texts.
    """
    for text, debt_seconds in zip(told[::2], told[1::2], strict=True):
        on_debt(rates[text.decode()], float(debt_seconds))

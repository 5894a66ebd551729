"""What a message costs a process, from measured figures: a fixed part, and a part for each row."""

from dataclasses import dataclass, replace
from math import inf


@dataclass(frozen=True, slots=True)
class ServiceTime:
    """Seconds of one process for a message. It holds one message at a time."""

    #: Processor time for the message, whatever is in it.
    cpu_seconds: float
    #: Processor time for each row.
    row_seconds: float
    #: Time for the message in which the processor is free: the round trips to the queue.
    idle_seconds: float
    #: A message holds no more rows.
    message_rows: int

    def seconds(self, rows: float) -> float:
        """Return how long a message of so many rows takes."""
        return self.idle_seconds + self.cpu_seconds + rows * self.row_seconds

    def rows_per_second(self, message_rows: float) -> float:
        """Return what a process does when each message holds so many rows."""
        return message_rows / self.seconds(message_rows)

    @property
    def highest_rows_per_second(self) -> float:
        """What a process does when every message is full."""
        return self.rows_per_second(self.message_rows)

    def rows_that_keep_up(self, rows_per_second: float) -> float:
        """Return how many rows a message must hold for a process to do so many a second; inf when it cannot.

        1 while single rows keep up, and more only then: that is how the API gathers.
        """
        share_of_rows = rows_per_second * self.row_seconds
        if share_of_rows >= 1:
            return inf
        rows = rows_per_second * self.seconds(0) / (1 - share_of_rows)
        return inf if rows > self.message_rows else max(1.0, rows)

    def processor_share(self, rows_per_second: float, message_rows: float) -> float:
        """Return the share of a processor that so many rows a second take, in such messages."""
        return rows_per_second * (self.cpu_seconds / message_rows + self.row_seconds)

    def on(self, vcpus: float) -> "ServiceTime":
        """Return the same on a part of a processor, or on more than one."""
        return replace(self, cpu_seconds=self.cpu_seconds / vcpus, row_seconds=self.row_seconds / vcpus)


def fit(one_row_seconds: float, many_rows_seconds: float, many_rows: int) -> tuple[float, float]:
    """Return the fixed part of a message and that of each row, from two measured messages."""
    row_seconds = (many_rows_seconds - one_row_seconds) / (many_rows - 1)
    return one_row_seconds - row_seconds, row_seconds


# docs/explanation/performance.md, `make bench-online`, one run on two shared cores: a message of one row (1 connection)
# took the worker 1.6 ms of processor time and the API 2.0 (the store's share in it); at 64 connections a message held
# 20 rows, and a row took 0.10 and 0.31 ms.
MEASURED_ROWS = 20
_WORKER = fit(0.0016, 0.000100 * MEASURED_ROWS, MEASURED_ROWS)
_API = fit(0.0020, 0.000310 * MEASURED_ROWS, MEASURED_ROWS)
# To receive and delete on SQS. Assumed: a message of one row then takes the 20 ms of Terraform's seconds_per_message.
_QUEUE_SECONDS = 0.020 - sum(_WORKER)

#: The default model, behind SQS.
DEFAULT_MODEL = ServiceTime(*_WORKER, idle_seconds=_QUEUE_SECONDS, message_rows=512)
#: 10 ms a call and 2 ms for every 64 rows: `--model slow` of the benchmarks.
SLOW_CALL = ServiceTime(_WORKER[0] + 0.010, 0.002 / 64, idle_seconds=_QUEUE_SECONDS, message_rows=64)
#: 20 ms for each row, and nothing gained by rows that come together: an ensemble of many trees, a text model.
#: `ROWCALL_MESSAGE_ROWS=3`, so that one message of each API process takes no longer than a client can wait.
SLOW_ROW = ServiceTime(_WORKER[0], 0.020, idle_seconds=_QUEUE_SECONDS, message_rows=3)
#: A request of the API. Groups are taken to save no more than was measured.
API = ServiceTime(*_API, idle_seconds=0.0, message_rows=MEASURED_ROWS)

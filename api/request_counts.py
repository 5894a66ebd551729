"""RequestCounts: what an API process counts of its requests; about half a microsecond for each."""

import re

from shared.metrics import HTTP_REQUEST_SECONDS, HTTP_REQUESTS, JOBS_ACCEPTED, PROBLEMS
from shared.queues import Lane
from shared.tally import Counter, Histogram, Tally

#: Key of the WSGI environment under which a request comes with the time at which it began.
BEGAN = "rowcall.began"
#: Route of a request that none of ours was found for: its path is the client's, and must not become a label.
UNMATCHED = "unmatched"
OTHER_METHOD = "OTHER"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PARAMETER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


class RequestCounts:
    """Counts answers, problems and accepted jobs in the tally of this process."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._accepted = tally.counter(JOBS_ACCEPTED, Lane.INTERACTIVE)

    def answered(self, method: str, rule: str, status: int, seconds: float) -> None:
        """Count an answer.

        rule: the route as Flask has it, "" if there is none.
        seconds: until the answer began.
        """
        series = self._known.get((method, rule, status))
        if series is None:
            series = self._open(method, rule, status)
        series[1].observe_with(series[0], seconds)

    def _open(self, method: str, rule: str, status: int) -> tuple[Counter, Histogram]:
        label = method if method in _METHODS else OTHER_METHOD
        route = _PARAMETER.sub(r"{\1}", rule) or UNMATCHED
        series = (
            self._tally.counter(HTTP_REQUESTS, label, route, str(status)),
            self._tally.histogram(HTTP_REQUEST_SECONDS, label, route),
        )
        if label == method:
            # Methods that clients made up are not remembered: there is no end of them.
            self._known[method, rule, status] = series
        return series

    def problem(self, code: str) -> None:
        """Count a problem document."""
        self._tally.counter(PROBLEMS, code).add()

    def accepted(self, jobs: int) -> None:
        """Count prediction jobs that were recorded."""
        self._accepted.add(jobs)

"""When a request is sent again, and how long to stay away before it: never where a job could be accepted twice."""

from dataclasses import dataclass

from rowcall_client.errors import ConnectionFailed, ProblemError
from rowcall_client.wire import Answer, Attempt, Flow, Pause, Repeat, Request

#: What may happen to a request.
Trouble = ConnectionFailed | ProblemError

#: Statuses that may be over soon.
PASSING_STATUSES = frozenset({429, 502, 503, 504})
#: Statuses with which the server says that it has not begun the work.
UNBEGUN_STATUSES = frozenset({429, 503})
#: Statuses of what is not there, or no longer.
ABSENT_STATUSES = frozenset({404, 410})
NO_CONTENT = 204
#: After a `Retry-After` up to this share of it is added, since others were told the same.
SPREAD_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and after which pauses, one request is sent."""

    #: 1 sends each request once.
    max_tries: int = 3
    #: Before the second try at most; it doubles for each next one, and chance takes up to half of it.
    first_pause_seconds: float = 0.2
    #: A server that asks for a longer pause is not tried again; the caller decides.
    longest_pause_seconds: float = 5.0

    def find_pause(self, trouble: Trouble, *, tries: int) -> Pause | None:
        """How long to pause before the next try; None when there should be none."""
        if tries >= self.max_tries:
            return None
        wanted_seconds = find_wanted_seconds(trouble)
        if wanted_seconds is not None and wanted_seconds > self.longest_pause_seconds:
            return None
        return make_pause(trouble, min(self.first_pause_seconds * 2 ** (tries - 1), self.longest_pause_seconds))


def send_until_answered(request: Request, retries: Retries) -> Flow[Answer]:
    """Send a request, and again as long as that can do no harm. Raises ProblemError and ConnectionFailed."""
    tries, may_be_done = 0, False
    while True:
        tries += 1
        try:
            answer: Answer = yield Attempt(request)
        except (ConnectionFailed, ProblemError) as trouble:
            if may_be_done and is_absent(trouble):
                return Answer(url="", status=NO_CONTENT, headers={})
            pause = retries.find_pause(trouble, tries=tries) if may_repeat(request, trouble) else None
            if pause is None:
                raise
            may_be_done = may_be_done or (request.method == "DELETE" and not is_unbegun(trouble))
        else:
            return answer
        yield pause


def may_repeat(request: Request, trouble: Trouble) -> bool:
    """Whether sending the request again can do no harm, and may help."""
    if request.upload is not None and not request.upload.is_complete:
        return False
    return is_passing(trouble) and (request.repeat is Repeat.ALWAYS or is_unbegun(trouble))


def is_passing(trouble: Trouble) -> bool:
    """Whether the trouble may be over soon."""
    if isinstance(trouble, ConnectionFailed):
        return True
    # A proxy on the way says nothing of it.
    is_said_to_last = bool(trouble.raw) and not trouble.retryable
    return trouble.status in PASSING_STATUSES and not is_said_to_last


def is_unbegun(trouble: Trouble) -> bool:
    """Whether it is certain that the server has not begun to do what was asked."""
    if isinstance(trouble, ConnectionFailed):
        return not trouble.request_sent
    return trouble.status in UNBEGUN_STATUSES and trouble.retryable


def is_absent(trouble: Trouble) -> bool:
    """Whether there is nothing that could be deleted."""
    return isinstance(trouble, ProblemError) and trouble.status in ABSENT_STATUSES


def find_wanted_seconds(trouble: Trouble) -> float | None:
    """How long the server asks to stay away; None when it does not say."""
    return trouble.retry_after_seconds if isinstance(trouble, ProblemError) else None


def make_pause(trouble: Trouble, own_seconds: float) -> Pause:
    """The pause that the server asks for and a little more, or else our own and perhaps less."""
    wanted_seconds = find_wanted_seconds(trouble)
    if wanted_seconds is not None:
        return Pause(wanted_seconds, wanted_seconds * (1 + SPREAD_SHARE))
    return Pause(own_seconds / 2, own_seconds)


class Patience:
    """Sits out trouble while something is received piece by piece, as long as it gets on."""

    def __init__(self, *, max_tries: int, first_pause_seconds: float, longest_pause_seconds: float) -> None:
        """max_tries: how often in a row it may bring nothing."""
        self._max_tries = max_tries
        self._first_pause_seconds = first_pause_seconds
        self._longest_pause_seconds = longest_pause_seconds
        self._tries = 0

    def bear(self, trouble: Trouble, *, has_got_on: bool) -> Pause:
        """How long to stay away; raises the trouble when it is no use."""
        self._tries = 1 if has_got_on else self._tries + 1
        if self._tries >= self._max_tries or not is_passing(trouble):
            raise trouble
        pause = make_pause(trouble, self._first_pause_seconds * 2 ** (self._tries - 1))
        longest = self._longest_pause_seconds
        return Pause(min(pause.least_seconds, longest), min(pause.most_seconds, longest))

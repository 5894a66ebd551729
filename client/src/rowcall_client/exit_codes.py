"""What the exit code of the command says, and the help text that explains it."""

from enum import IntEnum

from rowcall_client.errors import PredictionFailed, ProblemError, RowcallError, WaitTimedOut


class ExitCode(IntEnum):
    """How a command ended, for scripts."""

    OK = 0
    #: Also: rows of a file have errors, or its results cannot be written.
    FAILED = 1
    USAGE_ERROR = 2
    REFUSED = 3
    SERVER_UNAVAILABLE = 4
    NOT_FINISHED = 5
    INTERRUPTED = 130


#: Shown under every help page; the first line keeps the line breaks.
HELP = """\b
Exit codes:
  0    done
  1    it ended failed, canceled or expired; for a file also: some rows have errors
  2    the command line is not right
  3    the server refused the request (HTTP status 4xx)
  4    the server cannot be reached, or has trouble of its own (5xx)
  5    not finished when the wait ended; it goes on
  130  stopped with Ctrl-C
"""

#: The lowest HTTP status that means trouble of the server.
FIRST_SERVER_ERROR_STATUS = 500


def exit_code_of(error: RowcallError) -> ExitCode:
    """The exit code that fits an error of the library."""
    if isinstance(error, PredictionFailed):
        return ExitCode.FAILED
    if isinstance(error, WaitTimedOut):
        return ExitCode.NOT_FINISHED
    if isinstance(error, ProblemError) and error.status < FIRST_SERVER_ERROR_STATUS:
        return ExitCode.REFUSED
    return ExitCode.SERVER_UNAVAILABLE

"""The name of a request in answers and logs: the client's, or a fresh one."""

import re

from api.randomness import random_bytes

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def choose_request_id(given: str | None) -> str:
    """Return the id that the client gave if it can be one, else a fresh one of 128 random bits."""
    return given if given and _REQUEST_ID.fullmatch(given) else random_bytes().hex()

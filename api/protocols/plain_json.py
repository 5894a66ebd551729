"""Problem documents as clients of other protocols expect them: plain JSON, with the members that they look for."""

import orjson
from flask import Response

_PROBLEM, _JSON = "application/problem+json", "application/json"


def name_json(response: Response) -> Response:
    """Call a problem document plain JSON: KServe's client shows the error of no other type."""
    if response.mimetype == _PROBLEM:
        response.mimetype = _JSON
    return response


def add_message(response: Response, **members: str) -> Response:
    """Give a problem `message`, the same sentence as `detail`, and other members; pass on every other answer."""
    if response.mimetype == _PROBLEM:
        document = orjson.loads(response.get_data())
        response.set_data(orjson.dumps({**document, "message": document["detail"], **members}))
    return name_json(response)

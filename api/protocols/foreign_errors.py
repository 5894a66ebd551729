"""Problem documents with the members that clients of other protocols look for."""

import orjson
from flask import Response


def add_message(response: Response, **members: str) -> Response:
    """Give a problem `message`, the same sentence as `detail`, and other members; pass on every other answer.

    It is called plain JSON then, which those clients expect.
    """
    if response.mimetype != "application/problem+json":
        return response
    document = orjson.loads(response.get_data())
    response.set_data(orjson.dumps({**document, "message": document["detail"], **members}))
    response.mimetype = "application/json"
    return response

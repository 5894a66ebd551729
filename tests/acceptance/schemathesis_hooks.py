"""What a generator of requests cannot know: its own key, and which names of requests and jobs it may make up."""

import os
import uuid
from typing import Any

import schemathesis

#: Where the test says which API key must not be revoked; its id, which is no secret.
OWN_KEY_ID = "FUZZING_KEY_ID"
#: The pattern of an id of a key, under which there is none.
NO_KEY_ID = "0" * 16


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Keep the fuzzer from locking itself out, from naming two requests one, and from calling our ids its own."""
    key_id = case.path_parameters.get("key_id")
    if key_id == os.environ[OWN_KEY_ID]:
        case.path_parameters["key_id"] = NO_KEY_ID
    # What is meant to be refused has to be sent as it is.
    if case.meta is not None and case.meta.generation.mode.is_negative:
        return
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    # An id of an earlier answer is tried wherever there is room for an id, and is none that its client made.
    if case.method == "PUT" and str(case.path_parameters.get("prediction_id")).startswith("prd_"):
        case.path_parameters["prediction_id"] = f"own-{uuid.uuid4()}"

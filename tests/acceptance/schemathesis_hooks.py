"""What a generator of requests cannot know: which key it is let in with, and that an Idempotency-Key is used once."""

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
    """Keep the fuzzer from locking itself out, and from naming two requests one."""
    key_id = case.path_parameters.get("key_id")
    if key_id == os.environ[OWN_KEY_ID]:
        case.path_parameters["key_id"] = NO_KEY_ID
    # What is meant to be refused has to be sent as it is.
    is_meant_well = case.meta is None or not case.meta.generation.mode.is_negative
    if is_meant_well and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())

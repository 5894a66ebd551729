"""Asks a server with KServe's client, in an environment of its own: rows come in, and goes out what it saw, as JSON.

It hands over the key in ROWCALL_API_KEY, if there is one.
"""

import asyncio
import json
import os
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig


def make_request(table: Any, *, is_binary: bool, **members: Any) -> InferRequest:
    tensor = InferInput("people", list(table.shape), "FP64")
    tensor.set_data_from_numpy(table, binary_data=is_binary)
    return InferRequest(model_name="gender", infer_inputs=[tensor], **members)


def read_outputs(answer: Any) -> dict[str, Any]:
    return {output.name: np.asarray(output.data).ravel().tolist() for output in answer.outputs}


async def look(url: str, table: Any) -> dict[str, Any]:
    """Return what each call saw."""
    key = os.environ.get("ROWCALL_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:

        async def infer(asked: InferRequest) -> dict[str, Any]:
            return read_outputs(await client.infer(url, asked, model_name="gender", headers=headers))

        seen = {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "model ready": await client.is_model_ready(url, "gender", headers=headers),
            "other ready": await client.is_model_ready(url, "gendre", headers=headers),
            "JSON": await infer(make_request(table, is_binary=False)),
            "binary": await infer(make_request(table, is_binary=True)),
            "binary both ways": await infer(
                make_request(table, is_binary=True, parameters={"binary_data_output": True})
            ),
        }
        try:
            await infer(make_request(np.array([[1.81, 80.0, 44.0]]), is_binary=False))
        except httpx.HTTPStatusError as error:
            seen["error"] = str(error)
        return seen


if __name__ == "__main__":
    rows = np.array(json.load(sys.stdin))
    sys.stdout.write(json.dumps(asyncio.run(look(sys.argv[1], rows))))

"""The client for those who await: the same questions as the one that blocks, without blocking."""

import inspect
import io
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import anyio.from_thread
import httpx2
import pytest

from rowcall_client import AsyncRowcallClient, Event, ProblemError, RowcallClient, WaitTimedOut
from rowcall_client.async_operators import AsyncKeyCalls, AsyncQuarantineCalls
from rowcall_client.operators import KeyCalls, QuarantineCalls
from tests.unit.client.client.conftest import ROW, Make, Script, answer, event, queued, stream

CSV = b"height,weight\n181,80\n165,60\n"
PAIRS = [(RowcallClient, AsyncRowcallClient), (KeyCalls, AsyncKeyCalls), (QuarantineCalls, AsyncQuarantineCalls)]

Call = Callable[[AsyncRowcallClient], Awaitable[Any]]


def run(script: Script, call: Call) -> Any:
    """Do something with a client that plays the script, and return what it brings."""

    async def sleep(seconds: float) -> None:
        script.sleep(seconds)

    async def use_client() -> Any:
        transport = httpx2.MockTransport(script)
        async with AsyncRowcallClient(
            transport=transport, sleep=sleep, clock=lambda: script.now, chance=script.chance
        ) as client:
            return await call(client)

    return anyio.run(use_client)


def describe(function: Any) -> list[tuple[str, Any, Any]]:
    parameters = inspect.signature(function).parameters.values()
    return [(parameter.name, parameter.kind, parameter.annotation) for parameter in parameters]


@pytest.mark.parametrize(("blocking", "awaiting"), PAIRS, ids=lambda kind: kind.__name__)
def test_both_clients_take_the_same(blocking: type, awaiting: type) -> None:
    methods = {name: describe(method) for name, method in inspect.getmembers(blocking, inspect.isfunction)}
    awaited = {name: describe(method) for name, method in inspect.getmembers(awaiting, inspect.isfunction)}

    public = {name for name in methods if not name.startswith("_")}
    assert {name: awaited.get(name) for name in public} == {name: methods[name] for name in public}


def test_predict_waits_and_returns_the_output(script: Script, job: Make, succeeded_job: Make) -> None:
    script.answers = [httpx2.ReadError("reset"), answer(job(), 202, Retry_After="2"), answer(succeeded_job())]

    prediction = run(script, lambda client: client.predict(ROW, wait_seconds=30))

    assert prediction.output.prediction == "male"
    assert script.asked == ["POST /v1/predictions"] * 2 + ["GET /v1/predictions/prd_1"]
    assert script.pauses == [0.2, 2.0]
    assert script.requests[0].headers["Idempotency-Key"] == script.requests[1].headers["Idempotency-Key"]


def test_a_wait_ends_at_its_limit(script: Script, job: Make) -> None:
    script.answer_seconds = 20
    script.answers = [answer(job()), answer(job())]

    with pytest.raises(WaitTimedOut):
        run(script, lambda client: client.wait("prd_1", timeout_seconds=25))


def test_a_problem_is_the_same_exception(script: Script, problem: Make) -> None:
    script.answers = [answer(problem(404, "model_not_found"), 404)]

    with pytest.raises(ProblemError, match="model_not_found"):
        run(script, lambda client: client.model("nobody"))


def test_events_are_followed_over_connections(script: Script, succeeded_job: Make) -> None:
    script.answers = [stream(queued()), httpx2.Response(503), stream(event("completed", "0-1-2", succeeded_job()))]

    async def follow(client: AsyncRowcallClient) -> list[Event]:
        return [event async for event in client.events("prd_1")]

    events = run(script, follow)

    assert [event.name for event in events] == ["queued", "completed"]
    assert [request.headers.get("Last-Event-ID") for request in script.requests] == [None, "0-0-0", "0-0-0"]


def test_a_file_is_scored(script: Script, batch: Make, completed_batch: Make) -> None:
    file = httpx2.Response(200, stream=httpx2.ByteStream(CSV), headers={"Content-Type": "text/csv"})
    script.answers = [httpx2.Response(503), answer(batch(), 202), answer(completed_batch()), file]
    target = io.BytesIO()

    ended = run(script, lambda client: client.score_csv(io.BytesIO(CSV), target, formulas="escape"))

    assert ended.is_flawless
    assert target.getvalue() == CSV
    assert script.requests[1].content == CSV
    assert script.requests[1].url.query == b"formulas=escape"


def test_other_tasks_go_on_while_a_source_is_slow(script: Script, batch: Make) -> None:
    script.answers = [answer(batch(), 202)]

    async def upload_and_go_on(client: AsyncRowcallClient) -> None:
        went_on = anyio.Event()

        def read_slowly() -> Iterator[bytes]:
            yield CSV
            anyio.from_thread.run(went_on.wait)
            yield CSV

        async with anyio.create_task_group() as group:
            group.start_soon(client.submit_batch, read_slowly())
            await anyio.sleep(0.01)
            went_on.set()

    run(script, upload_and_go_on)

    assert script.requests[0].content == CSV + CSV


def test_operators_can_await_too(script: Script) -> None:
    script.answers = [answer({"object": "list", "data": []}), answer(None, 204)]

    async def look_and_revoke(client: AsyncRowcallClient) -> int:
        keys = await client.keys("token").list()
        await client.keys("token").revoke("ab12")
        return len(keys)

    assert run(script, look_and_revoke) == 0
    assert [request.headers["Authorization"] for request in script.requests] == ["Bearer token"] * 2

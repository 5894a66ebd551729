"""Whose job it is: to everybody else an id is as unknown as one that was never given out."""

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from api.callers import CALLER, Caller, Scope
from shared.jobs import JobStatus
from tests.builders import record, success
from tests.unit.api.batches.conftest import CSV, batch_of, forget
from tests.unit.api.conftest import Api, ApiMaker, document_of, finish
from tests.unit.api.routes import rules

ADA, BOB = (Caller(owner, f"key of {owner}", frozenset(Scope)) for owner in ("ada", "bob"))
PARAMETER = re.compile("<[^>]+>")
#: Parameters of routes that name something with an owner, and those that do not.
OWNED = {"job_id", "batch_id"}
NOT_OWNED = {"name", "version", "key_id"}
UNKNOWN = {"predictions": "prd_" + "a" * 40, "batches": "bat_" + "a" * 40}


#: Method and path of every route that takes an id with an owner. The quarantine is for operators, who see all of them.
ROUTES = [
    (method, rule.rule)
    for rule in rules()
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    if rule.arguments & OWNED and not rule.endpoint.startswith("quarantine.")
]


def ask(api: Api, caller: Caller, path: str, *, method: str = "GET", **options: Any) -> TestResponse:
    return api.client.open(path, method=method, environ_overrides={CALLER: caller}, **options)


def submitted_by(api: Api, caller: Caller) -> str:
    """Return the id of a prediction that was accepted from this caller."""
    response = ask(api, caller, "/v1/predictions", method="POST", json={"input": record()})
    assert response.status_code == 202
    return str(document_of(response)["id"])


def uploaded_by(api: Api, caller: Caller) -> str:
    """Return the id of a batch that was accepted from this caller."""
    response = ask(api, caller, "/v1/batches", method="POST", data=CSV, content_type="text/csv")
    assert response.status_code == 202
    return str(document_of(response)["id"])


def made_by(api: Api, caller: Caller, kind: str) -> str:
    """Return the id of a prediction or of a batch of this caller."""
    return submitted_by(api, caller) if kind == "predictions" else uploaded_by(api, caller)


def without_ids(response: TestResponse, job_id: str) -> tuple[int, list[tuple[str, str]], str]:
    """Return all of an answer but the id that it was asked for and that of the request."""
    headers = sorted((name, value) for name, value in response.headers if name != "X-Request-Id")
    text = response.get_data(as_text=True).replace(response.headers["X-Request-Id"], "…")
    return response.status_code, headers, text.replace(job_id, "…")


each_kind = pytest.mark.parametrize("kind", ["predictions", "batches"])


@each_kind
def test_a_caller_reads_what_it_submitted(api: Api, kind: str) -> None:
    job_id = made_by(api, ADA, kind)

    assert ask(api, ADA, f"/v1/{kind}/{job_id}").status_code == 200


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_the_id_of_another_owner_is_answered_like_one_that_was_never_given_out(
    api: Api, method: str, route: str
) -> None:
    kind = "predictions" if "<job_id>" in route else "batches"
    job_id = made_by(api, ADA, kind)

    foreign = ask(api, BOB, PARAMETER.sub(job_id, route), method=method)
    unknown = ask(api, BOB, PARAMETER.sub(UNKNOWN[kind], route), method=method)

    # Nobody may make an id like ours, whosever it is.
    assert foreign.status_code == {"PUT": 400}.get(method, 404)
    assert without_ids(foreign, job_id) == without_ids(unknown, UNKNOWN[kind])


@pytest.mark.parametrize(
    ("method", "route"), [(method, route) for method, route in ROUTES if "<job_id>" in route and method != "PUT"]
)
def test_the_id_that_another_owner_made_is_answered_like_one_that_nobody_made(
    api: Api, method: str, route: str
) -> None:
    made = ask(api, ADA, "/v1/predictions/order-4711", method="PUT", json={"input": record()})
    assert made.status_code == 202

    foreign = ask(api, BOB, PARAMETER.sub("order-4711", route), method=method)
    unknown = ask(api, BOB, PARAMETER.sub("order-4712", route), method=method)

    assert foreign.status_code == 404
    assert without_ids(foreign, "order-4711") == without_ids(unknown, "order-4712")


def test_every_parameter_of_a_route_is_an_id_with_an_owner_or_known_to_have_none() -> None:
    parameters = {name for rule in rules() for name in rule.arguments}

    assert parameters == OWNED | NOT_OWNED


def test_nobody_waits_for_the_prediction_of_another(make_api: ApiMaker) -> None:
    api = make_api(max_wait_seconds=30.0)
    job_id = submitted_by(api, ADA)

    response = ask(api, BOB, f"/v1/predictions/{job_id}", headers={"Prefer": "wait=30"})

    assert response.status_code == 404


def test_nobody_cancels_the_prediction_of_another(api: Api) -> None:
    job_id = submitted_by(api, ADA)

    ask(api, BOB, f"/v1/predictions/{job_id}/cancel", method="POST")

    job = api.jobs.find(job_id)
    assert job is not None
    assert job.status is JobStatus.QUEUED


def test_nobody_cancels_the_batch_of_another(api: Api) -> None:
    batch_id = uploaded_by(api, ADA)

    ask(api, BOB, f"/v1/batches/{batch_id}/cancel", method="POST")

    assert not batch_of(api, batch_id).status.is_final


@pytest.mark.parametrize(("caller", "status"), [(ADA, 410), (BOB, 404)], ids=["its owner", "another"])
def test_only_its_owner_learns_that_a_prediction_is_gone(api: Api, caller: Caller, status: int) -> None:
    job_id = submitted_by(api, ADA)
    finish(api.jobs, job_id, success())
    api.jobs.let_time_pass(90_000)

    assert ask(api, caller, f"/v1/predictions/{job_id}").status_code == status


@pytest.mark.parametrize(("caller", "status"), [(ADA, 410), (BOB, 404)], ids=["its owner", "another"])
def test_only_its_owner_learns_that_a_batch_is_gone(api: Api, caller: Caller, status: int) -> None:
    batch_id = uploaded_by(api, ADA)
    forget(api, batch_id)

    assert ask(api, caller, f"/v1/batches/{batch_id}").status_code == status


@each_kind
def test_what_was_submitted_without_an_owner_is_no_key_holders(api: Api, kind: str) -> None:
    anyone = Caller("", "", frozenset(Scope))
    job_id = made_by(api, anyone, kind)

    assert ask(api, ADA, f"/v1/{kind}/{job_id}").status_code == 404

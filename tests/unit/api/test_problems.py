"""Every error is one kind of document, and every answer can be found in the logs."""

import re
from typing import Any

import pytest

from api.problems import FRAMEWORK_PROBLEMS, STATUS_OF, STATUS_OF_JOB_ERROR, TITLES
from api.refusals import Overloaded, RateLimited, RequestTooSlow
from shared.errors import (
    DependencyError,
    FieldNote,
    FileTooLarge,
    InputInvalid,
    KeyRequired,
    ManifestInvalid,
    ModelError,
    NoWorkerAlive,
    RequestError,
    ScopeMissing,
    ServiceError,
)
from shared.job_errors import JobErrorCode
from shared.jobs import Job
from tests.builders import record, success
from tests.fakes import FakeJobStore
from tests.unit.api.conftest import Api, ApiMaker, StoreAway, document_of

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "retryable", "error"}
UNKNOWN_JOB = "/v1/predictions/prd_" + "a" * 32
FRESH_REQUEST_ID = re.compile(r"[0-9a-f]{32}")

#: Answered by the probe itself, never raised to a client: jobs are accepted without a worker.
ANSWERED_BY_THE_PROBE = {NoWorkerAlive}

#: A request that ends in each kind of error.
REFUSED: list[Any] = [
    pytest.param(400, "POST", "/v1/predictions", {"data": b"{", "content_type": "application/json"}, id="malformed"),
    pytest.param(404, "GET", "/nowhere", {}, id="no such path"),
    pytest.param(404, "GET", UNKNOWN_JOB, {}, id="no such job"),
    pytest.param(404, "GET", "/v1/models/gendre", {}, id="no such model"),
    pytest.param(405, "GET", "/v1/models/gender/predict", {}, id="no such method"),
    pytest.param(413, "POST", "/v1/predictions", {"json": {"input": "x" * 2_000_000}}, id="too large"),
    pytest.param(415, "POST", "/v1/predictions", {"data": b"height"}, id="no JSON"),
    pytest.param(422, "POST", "/v1/predictions", {"json": {"input": record(height=0)}}, id="out of range"),
    pytest.param(504, "POST", "/v1/models/gender/predict", {"json": record()}, id="time-out"),
]


class DefectiveStore(FakeJobStore):
    """A store with a defect."""

    def find(self, job_id: str) -> Job | None:
        raise ZeroDivisionError("a detail that is nobody's business")


#: What an error is made of that is not made of a sentence.
ARGUMENTS: dict[type[ServiceError], tuple[Any, ...]] = {
    InputInvalid: ([FieldNote("/input/height", "missing_value", "send a number, such as 181")],),
    KeyRequired: (),
    ScopeMissing: ("batch",),
    FileTooLarge: (1_000,),
    RequestTooSlow: (60.0,),
    Overloaded: (1.5,),
    RateLimited: (1.5,),
}
#: What code with a defect raises.
DEFECTS: list[type[Exception]] = [
    AssertionError,
    KeyError,
    OSError,
    RecursionError,
    TimeoutError,
    TypeError,
    ValueError,
]


def make_error(kind: type[ServiceError]) -> ServiceError:
    return kind(*ARGUMENTS.get(kind, ("This is what a client is told.",)))


def leaves(family: type[ServiceError]) -> set[type[ServiceError]]:
    """Return the classes of a family that have no members of their own: those that are raised."""
    children = family.__subclasses__()
    return set().union(*map(leaves, children)) if children else {family}


@pytest.mark.parametrize(("status", "method", "path", "request_arguments"), REFUSED)
def test_an_error_is_a_problem_document(
    api: Api, status: int, method: str, path: str, request_arguments: dict[str, Any]
) -> None:
    response = api.client.open(path, method=method, **request_arguments)

    assert (response.status_code, response.content_type) == (status, "application/problem+json")


@pytest.mark.parametrize(("status", "method", "path", "request_arguments"), REFUSED)
def test_a_problem_has_all_members(
    api: Api, status: int, method: str, path: str, request_arguments: dict[str, Any]
) -> None:
    document = document_of(api.client.open(path, method=method, **request_arguments))

    assert document.keys() >= MEMBERS
    assert (document["status"], document["instance"]) == (status, path)
    assert (document["type"], document["title"]) == (f"urn:rowcall:problem:{document['code']}", TITLES[status])


@pytest.mark.parametrize(("status", "method", "path", "request_arguments"), REFUSED)
def test_a_problem_says_the_same_to_every_client(
    api: Api, status: int, method: str, path: str, request_arguments: dict[str, Any]
) -> None:
    document = document_of(api.client.open(path, method=method, **request_arguments))

    assert document["error"] == document["detail"] != ""


@pytest.mark.parametrize(("status", "method", "path", "request_arguments"), REFUSED)
def test_a_problem_names_the_request_as_its_header_does(
    api: Api, status: int, method: str, path: str, request_arguments: dict[str, Any]
) -> None:
    response = api.client.open(path, method=method, **request_arguments)

    assert document_of(response)["request_id"] == response.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        pytest.param("PUT", "/v1/predictions", {"GET", "HEAD", "POST", "OPTIONS"}, id="submit"),
        pytest.param("POST", UNKNOWN_JOB, {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}, id="read"),
        pytest.param("POST", "/v1/models", {"GET", "HEAD", "OPTIONS"}, id="models"),
    ],
)
def test_a_method_that_is_not_taken_is_answered_with_those_that_are(
    api: Api, method: str, path: str, allowed: set[str]
) -> None:
    response = api.client.open(path, method=method)

    assert (response.status_code, document_of(response)["code"]) == (405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_a_defect_is_answered_without_its_details(make_api: ApiMaker) -> None:
    response = make_api(DefectiveStore).client.get(UNKNOWN_JOB)

    assert (response.status_code, document_of(response)["code"]) == (500, "internal_error")
    assert re.search("Traceback|ZeroDivisionError|nobody's business", response.text) is None


def test_a_defect_is_logged_under_the_request_id(make_api: ApiMaker, caplog: pytest.LogCaptureFixture) -> None:
    make_api(DefectiveStore).client.get(UNKNOWN_JOB, headers={"X-Request-Id": "mine"})

    assert [vars(record)["request_id"] for record in caplog.records if record.exc_info] == ["mine"]


def test_an_error_of_ours_without_a_status_is_a_defect(api: Api) -> None:
    api.registry.fault = ManifestInvalid("announced model 'gender/1' cannot be read")

    response = api.client.get("/v1/models")

    assert (response.status_code, document_of(response)["code"]) == (500, "internal_error")


def test_an_outage_says_when_to_come_back(make_api: ApiMaker) -> None:
    response = make_api(StoreAway).client.get(UNKNOWN_JOB)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")


@pytest.mark.parametrize(
    "error", sorted((leaves(RequestError) | leaves(DependencyError)) - ANSWERED_BY_THE_PROBE, key=str)
)
def test_every_error_that_may_reach_a_client_has_a_status(error: type[ServiceError]) -> None:
    assert error in STATUS_OF


@pytest.mark.parametrize("kind", sorted(STATUS_OF, key=str))
def test_every_error_is_answered_with_its_status_and_code_and_nothing_of_ours(
    api: Api, kind: type[ServiceError]
) -> None:
    api.registry.fault = make_error(kind)

    response = api.client.get("/v1/models")

    document = document_of(response)
    assert (response.status_code, response.content_type) == (STATUS_OF[kind], "application/problem+json")
    assert (document["code"], document["status"], document["retryable"]) == (kind.code, STATUS_OF[kind], kind.retryable)
    assert document["detail"] == document["error"] == api.registry.fault.detail
    assert re.search(rf"Traceback|\b{kind.__name__}\b|\.py\b|line [0-9]", response.text) is None


@pytest.mark.parametrize("kind", [*DEFECTS, *sorted(leaves(ModelError), key=str)])
def test_every_defect_is_answered_without_its_details(api: Api, kind: type[Exception]) -> None:
    api.registry.fault = kind("a detail that is nobody's business")  # type: ignore[assignment]  # defects are no errors of ours

    response = api.client.get("/v1/models")

    document = document_of(response)
    assert (response.status_code, response.content_type) == (500, "application/problem+json")
    assert (document["code"], document["retryable"]) == ("internal_error", False)
    assert re.search(rf"Traceback|\b{kind.__name__}\b|nobody's business|\.py\b", response.text) is None


@pytest.mark.parametrize("error", sorted(leaves(RequestError), key=str))
def test_a_request_that_must_not_be_repeated_is_not_called_retryable(error: type[ServiceError]) -> None:
    assert error.retryable == (STATUS_OF[error] >= 500 or STATUS_OF[error] in (408, 429))


@pytest.mark.parametrize("code", JobErrorCode)
def test_every_failure_of_a_job_has_a_status(code: JobErrorCode) -> None:
    assert STATUS_OF_JOB_ERROR[code] >= 400


@pytest.mark.parametrize(
    "status", sorted({*STATUS_OF.values(), *STATUS_OF_JOB_ERROR.values(), *FRAMEWORK_PROBLEMS, 500})
)
def test_every_status_has_a_title(status: int) -> None:
    assert TITLES[status]


@pytest.mark.parametrize("given", ["a", "7f9c-23.A_b", "x" * 128])
def test_a_sane_request_id_is_echoed(api: Api, given: str) -> None:
    response = api.client.get("/livez", headers={"X-Request-Id": given})

    assert response.headers["X-Request-Id"] == given


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 129, id="too long"),
        pytest.param("two words", id="a space"),
        pytest.param('"quoted"', id="quotes"),
        pytest.param("<script>", id="markup"),
        pytest.param("\u00e9t\u00e9", id="not ASCII"),
    ],
)
def test_a_request_id_that_could_upset_a_log_is_replaced(api: Api, given: str) -> None:
    response = api.client.get("/livez", headers={"X-Request-Id": given})

    assert FRESH_REQUEST_ID.fullmatch(response.headers["X-Request-Id"])


def test_each_request_without_an_id_gets_one_of_its_own(api: Api) -> None:
    first = api.client.get("/livez").headers["X-Request-Id"]

    second = api.client.get("/livez").headers["X-Request-Id"]

    assert first != second


@pytest.mark.parametrize(
    ("status", "path"),
    [
        pytest.param(200, "/livez", id="probe"),
        pytest.param(200, "/v1/models", id="document"),
        pytest.param(200, "/docs/", id="page"),
        pytest.param(200, "/", id="page for people"),
        pytest.param(308, "/docs", id="redirect"),
        pytest.param(404, "/nowhere", id="not found"),
        pytest.param(405, "/v1/models/gender/predict", id="wrong method"),
    ],
)
def test_every_answer_carries_the_request_id(api: Api, status: int, path: str) -> None:
    response = api.client.get(path, headers={"X-Request-Id": "mine"})

    assert (response.status_code, response.headers["X-Request-Id"]) == (status, "mine")


def test_an_accepted_job_carries_the_request_id(api: Api) -> None:
    assert api.submit(headers={"X-Request-Id": "mine"}).headers["X-Request-Id"] == "mine"


def test_an_answer_that_nothing_changed_carries_the_request_id(api: Api) -> None:
    path = api.submit_and_finish(success())
    headers = {"If-None-Match": api.client.get(path).headers["ETag"], "X-Request-Id": "mine"}

    response = api.client.get(path, headers=headers)

    assert (response.status_code, response.headers["X-Request-Id"]) == (304, "mine")


def test_a_defect_carries_the_request_id(make_api: ApiMaker) -> None:
    response = make_api(DefectiveStore).client.get(UNKNOWN_JOB, headers={"X-Request-Id": "mine"})

    assert (response.status_code, response.headers["X-Request-Id"]) == (500, "mine")

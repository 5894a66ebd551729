"""The contract leaves nothing out: codes, headers, scopes, settings, examples."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import orjson
import pytest
from jsonschema_rs import Draft202012Validator
from pydantic import SecretStr

from api.access import SCOPES
from api.callers import Scope
from api.problems import FRAMEWORK_PROBLEMS, STATUS_OF
from api.reference import read_contract
from api.response_headers import make_response_headers
from shared.batches import BatchErrorCode
from shared.errors import FieldErrorCode, FieldWarningCode, NoWorkerAlive, UploadErrorCode
from shared.job_errors import JobErrorCode
from shared.jobs import Outcome
from shared.row_errors import RowErrorCode
from shared.settings import ENVIRONMENT_PREFIX, Settings
from shared.webhooks import DeliveryErrorCode
from tests.builders import failure, record, success
from tests.unit.api.batches.conftest import CSV
from tests.unit.api.conftest import Api, ApiMaker

CONTRACT: dict[str, Any] = dict(read_contract())
#: What says how an answer travels, and nothing of what it means.
TRANSPORT_HEADERS = {"Content-Type", "Content-Length", "Date", "Connection", "Transfer-Encoding"}
#: What the contract says once of all answers.
HEADERS_OF_ALL = set(make_response_headers(Settings(hsts_seconds=1)))
METHODS = {"get", "put", "post", "delete", "patch"}
TOKEN = "an operator's own token"

OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in CONTRACT["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}


def resolve(node: Any) -> Any:
    while "$ref" in node:
        found: Any = CONTRACT
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def codes_in(schema: str) -> set[str]:
    codes = CONTRACT["components"]["schemas"][schema]["enum"]
    assert len(codes) == len(set(codes))
    return set(codes)


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Return the media type and the schema of every body that an operation takes or gives."""
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    for body in map(resolve, bodies):
        yield from ((media, content) for media, content in body.get("content", {}).items())


def find_example(node: dict[str, Any]) -> Any:
    """Return the example of a schema, or the one that is made of its parts; None without."""
    schema = resolve(node)
    if "example" in schema or "const" in schema:
        return schema.get("example", schema.get("const"))
    if "items" in schema:
        return [find_example(schema["items"])] if find_example(schema["items"]) is not None else None
    members = {name: find_example(schema["properties"][name]) for name in schema.get("required", ())}
    return members if members and None not in members.values() else None


def test_every_code_of_a_problem_is_in_the_contract() -> None:
    own = {error.code for error in STATUS_OF} | {NoWorkerAlive.code, "internal_error", "http_error"}
    of_framework = {code for code, _ in FRAMEWORK_PROBLEMS.values()}

    assert codes_in("ProblemCode") == own | of_framework | set(JobErrorCode)


def test_every_code_of_a_note_is_in_the_contract() -> None:
    families = (FieldErrorCode, UploadErrorCode, FieldWarningCode, RowErrorCode, JobErrorCode)

    assert codes_in("NoteCode") == set(chain(*families))


def test_every_code_of_a_job_is_in_the_contract() -> None:
    assert codes_in("JobErrorCode") == set(JobErrorCode)


def test_every_code_of_a_batch_is_in_the_contract() -> None:
    assert codes_in("BatchErrorCode") == set(BatchErrorCode)


def test_every_code_of_a_delivery_is_in_the_contract() -> None:
    assert codes_in("DeliveryErrorCode") == set(DeliveryErrorCode)


def test_the_headers_of_all_answers_are_in_the_contract() -> None:
    text = CONTRACT["info"]["description"]

    assert {name for name in HEADERS_OF_ALL if f"`{name}`" not in text} == set()


def test_every_setting_that_the_contract_names_exists() -> None:
    names = re.findall(rf"\b{ENVIRONMENT_PREFIX}[A-Z0-9_]+\b", str(CONTRACT))

    assert {name.removeprefix(ENVIRONMENT_PREFIX).lower() for name in names} <= Settings.model_fields.keys()


def test_the_waits_that_the_contract_names_are_those_of_the_settings() -> None:
    fields = Settings.model_fields
    default, longest = fields["default_wait_seconds"].default, fields["max_wait_seconds"].default

    text = CONTRACT["components"]["parameters"]["Prefer"]["description"]
    assert f"({default:g} without a number, at most {longest:g})" in text


def test_the_scope_of_every_tag_is_the_one_that_its_routes_ask_for(make_api: ApiMaker) -> None:
    document = make_api(require_keys=True).client.get("/openapi.json").get_json()
    scopes = {tag["name"]: tag.get("x-scope") for tag in document["tags"]}

    asked = {
        (operation["tags"][0], *(operation.get("security", [{}])[0].get("key", ["open"]) or ["any"]))
        for item in document["paths"].values()
        for operation in item.values()
    }
    assert asked == {(tag, scope or "open") for tag, scope in scopes.items()}
    assert {scope.value if scope else "any" for scope in SCOPES.values()} <= {scope for _, scope in asked}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_json_document_has_an_example(operation: dict[str, Any]) -> None:
    documents = [content for media, content in contents(operation) if media.endswith("json")]

    assert [one for one in documents if "example" not in one and find_example(one["schema"]) is None] == []


SCHEMAS_WITH_EXAMPLES = [name for name, schema in CONTRACT["components"]["schemas"].items() if "example" in schema]


@pytest.mark.parametrize("name", SCHEMAS_WITH_EXAMPLES)
def test_an_example_fits_its_schema(name: str) -> None:
    root = {"$ref": f"#/components/schemas/{name}", "components": CONTRACT["components"]}
    example = CONTRACT["components"]["schemas"][name]["example"]

    assert [error.message for error in Draft202012Validator(root).iter_errors(example)] == []


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_every_answer_says_that_it_has_a_request_id(operation: dict[str, Any]) -> None:
    answers = operation["responses"]

    assert [status for status in answers if "X-Request-Id" not in resolve(answers[status]).get("headers", {})] == []


JOB = "/v1/predictions/order-1"
BODY: dict[str, Any] = {"json": {"input": record()}}
FILE: dict[str, Any] = {"data": CSV, "content_type": "text/csv"}
VERSION = "/v2/models/gender/versions/1"
TENSORS = [{"name": name, "shape": [1], "datatype": "FP64", "data": [value]} for name, value in record().items()]
BINARY = orjson.dumps({"inputs": TENSORS, "outputs": [{"name": "predict", "parameters": {"binary_data": True}}]})
IN_BINARY = {"Inference-Header-Content-Length": str(len(BINARY))}
ONCE: dict[str, Any] = {"headers": {"Idempotency-Key": "b"}}
#: Path of the contract, and a request to it; the first ones make what the others are about.
ASKED: list[tuple[str, str, str, dict[str, Any]]] = [
    ("PUT", "/v1/predictions/{prediction_id}", JOB, BODY),
    ("PUT", "/v1/predictions/{prediction_id}", JOB, BODY),
    ("POST", "/v1/predictions", "/v1/predictions", BODY),
    ("POST", "/v1/predictions", "/v1/predictions", BODY | {"headers": {"Prefer": "wait=1", "Idempotency-Key": "a"}}),
    ("POST", "/v1/predictions", "/v1/predictions", BODY | {"headers": {"Prefer": "wait=1", "Idempotency-Key": "a"}}),
    ("POST", "/v1/predictions", "/v1/predictions", {"json": {"input": {}}}),
    ("POST", "/v1/predictions", "/v1/predictions", {"data": "{"}),
    ("GET", "/v1/predictions", "/v1/predictions", {}),
    ("GET", "/v1/predictions", "/v1/predictions?limit=0", {}),
    ("GET", "/v1/predictions/{prediction_id}", JOB, {}),
    ("GET", "/v1/predictions/{prediction_id}", JOB, {"headers": {"If-None-Match": "*"}}),
    ("GET", "/v1/predictions/{prediction_id}", "/v1/predictions/order-2", {}),
    ("GET", "/v1/predictions/{prediction_id}/events", JOB + "/events", {}),
    ("POST", "/v1/predictions/{prediction_id}/retry", JOB + "/retry", {}),
    ("POST", "/v1/predictions/{prediction_id}/cancel", JOB + "/cancel", {}),
    ("DELETE", "/v1/predictions/{prediction_id}", JOB, {}),
    ("GET", "/v1/predictions/{prediction_id}", JOB, {}),
    ("POST", "/v1/models/{name}/predict", "/v1/models/gender/predict", {"json": record()}),
    ("POST", "/v1/batches", "/v1/batches", FILE),
    ("POST", "/v1/batches", "/v1/batches?dry_run=true", FILE),
    ("POST", "/v1/batches", "/v1/batches?max_error_ratio=2", FILE),
    ("GET", "/v1/batches", "/v1/batches", {}),
    ("GET", "/v1/models", "/v1/models", {}),
    ("GET", "/v1/models/{name}", "/v1/models/gender", {}),
    ("GET", "/v1/models/{name}", "/v1/models/nobody", {}),
    ("GET", "/v1/keys", "/v1/keys", {}),
    ("GET", "/v1/quarantine", "/v1/quarantine", {"headers": {"Authorization": f"Bearer {TOKEN}"}}),
    ("POST", "/v1/predictions/{prediction_id}/webhook/redeliver", JOB + "/webhook/redeliver", {}),
    ("POST", "/v1/batches/{batch_id}/webhook/redeliver", "/v1/batches/bat_a/webhook/redeliver", {}),
    ("GET", "/v2", "/v2", {}),
    ("GET", "/v2/health/live", "/v2/health/live", {}),
    ("GET", "/v2/health/ready", "/v2/health/ready", {}),
    ("GET", "/v2/models/{name}", "/v2/models/gender", {}),
    ("GET", "/v2/models/{name}", "/v2/models/nobody", {}),
    ("GET", "/v2/models/{name}/ready", "/v2/models/gender/ready", {}),
    ("GET", "/v2/models/{name}/versions/{version}", VERSION, {}),
    ("GET", "/v2/models/{name}/versions/{version}/ready", VERSION + "/ready", {}),
    ("GET", "/ping", "/ping", {}),
    ("GET", "/version", "/version", {}),
    ("GET", "/metrics", "/metrics", {}),
    ("GET", "/livez", "/livez", {}),
    ("GET", "/readyz", "/readyz", {}),
    ("GET", "/openapi.json", "/openapi.json", {}),
]


#: Requests of other protocols that a model answers.
OF_PROTOCOLS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("POST", "/v2/models/{name}/infer", "/v2/models/gender/infer", {"json": {"inputs": TENSORS}}),
    ("POST", "/v2/models/{name}/infer", "/v2/models/gender/infer", {"data": BINARY, "headers": IN_BINARY}),
    ("POST", "/v2/models/{name}/infer", "/v2/models/gender/infer", {"json": {"inputs": []}}),
    ("POST", "/v2/models/{name}/infer", "/v2/models/gender/infer", {"data": "{"}),
    ("POST", "/v2/models/{name}/infer", "/v2/models/nobody/infer", {"json": {"inputs": TENSORS}}),
    ("POST", "/v2/models/{name}/versions/{version}/infer", VERSION + "/infer", {"json": {"inputs": TENSORS}}),
    ("POST", "/v2/models/{name}/versions/{version}/infer", VERSION + "/infer", {"json": {}}),
    ("POST", "/invocations", "/invocations", {"json": {"instances": [record()]}} | ONCE),
    ("POST", "/invocations", "/invocations", {"json": {"instances": [record()]}} | ONCE),
    ("POST", "/invocations", "/invocations", {"json": {}}),
    ("POST", "/invocations", "/invocations", {"data": "{", "content_type": "text/plain"}),
    ("POST", "/endpoints/{name}/invocations", "/endpoints/gender/invocations", {"json": record()}),
    ("POST", "/endpoints/{name}/invocations", "/endpoints/gender/invocations", {"json": record(height=1)}),
    ("POST", "/endpoints/{name}/invocations", "/endpoints/gender/invocations", {"data": "{"}),
    ("POST", "/endpoints/{name}/invocations", "/endpoints/nobody/invocations", {"json": record()}),
]


def undocumented(api: Api, asked: tuple[str, str, str, dict[str, Any]], document: dict[str, Any]) -> set[str]:
    """Ask, and return the headers of the answer that the contract does not name, or the status if it does not."""
    method, path, url, options = asked
    answer = api.client.open(url, method=method, **options)
    responses = document["paths"][path][method.lower()]["responses"]
    status = str(answer.status_code)
    if status not in responses:
        return {f"{method} {url}: {status}"}
    found = {name for name, _ in answer.headers} - TRANSPORT_HEADERS - HEADERS_OF_ALL
    return {f"{method} {url} {status}: {name}" for name in found - set(resolve(responses[status]).get("headers", ()))}


@pytest.mark.parametrize("rate_limit", [0.0, 0.1, 1000.0], ids=["no limit", "beyond a limit", "within a limit"])
def test_every_status_and_header_of_an_answer_is_in_the_contract(make_api: ApiMaker, rate_limit: float) -> None:
    api = make_api(operator_token=SecretStr(TOKEN), rate_limit=rate_limit)
    document = api.client.get("/openapi.json").get_json()

    assert set().union(*(undocumented(api, asked, document) for asked in ASKED)) == set()


@pytest.mark.parametrize("rate_limit", [0.0, 0.1, 1000.0], ids=["no limit", "beyond a limit", "within a limit"])
@pytest.mark.parametrize("outcome", [None, success(), failure()], ids=["waiting", "succeeded", "failed"])
def test_what_other_protocols_are_answered_is_in_the_contract(
    make_api: ApiMaker, outcome: Outcome | None, rate_limit: float
) -> None:
    api = make_api(rate_limit=rate_limit)
    api.broker.outcome = outcome
    document = api.client.get("/openapi.json").get_json()

    assert set().union(*(undocumented(api, asked, document) for asked in OF_PROTOCOLS)) == set()


@pytest.mark.parametrize("key", [None, Scope.BATCH], ids=["without a key", "without the scope"])
def test_a_refused_key_is_in_the_contract(make_api: ApiMaker, key: Scope | None) -> None:
    api = make_api(require_keys=True)
    document = api.client.get("/openapi.json").get_json()
    text = api.keys.create("for a test", scopes=[key])[1] if key else ""
    with_key = {"headers": {"Authorization": f"Bearer {text}"}}

    assert set().union(*(undocumented(api, (*asked[:3], with_key), document) for asked in OF_PROTOCOLS)) == set()


def test_a_problem_of_another_protocol_is_of_the_type_that_the_contract_says(make_api: ApiMaker) -> None:
    api = make_api(require_keys=True)
    document = api.client.get("/openapi.json").get_json()
    refusals = [document["paths"][path]["post"]["responses"]["401"] for path in ("/invocations", "/v1/predictions")]

    answers = [api.client.post(path) for path in ("/invocations", "/v1/predictions")]

    assert [[answer.mimetype] for answer in answers] == [list(resolve(one)["content"]) for one in refusals]

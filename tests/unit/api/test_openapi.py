"""The published contract: valid, complete, and true of the answers."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, meta

from api.openapi import describe_models
from shared.errors import StoreUnavailable
from shared.manifest import Feature
from shared.registry import ServedModel
from shared.settings import Settings
from tests.builders import HEIGHT, failure, manifest, record, success
from tests.unit.api.conftest import Api, ApiMaker, document_of

#: Routes for people, which are no part of the contract.
PAGES = re.compile(r"/|/page/.*|/docs(/.*)?")
METHODS = {"get", "put", "post", "delete", "patch"}

AGE = manifest(name="age", version="1.10-rc_1")
GENDER = manifest()
TEXTUAL = manifest(
    name="spam",
    features=(
        Feature(name="country", type="category", categories=("de", "fr"), example="de"),
        Feature(name="message", type="text", maximum_length=500, example="hello", description="What was written"),
        Feature(name="links", type="integer", minimum=0, example=2),
    ),
)

SERVED = pytest.mark.parametrize(
    "models",
    [
        pytest.param([], id="no model"),
        pytest.param([GENDER], id="one model"),
        pytest.param([manifest(version="2"), GENDER], id="two versions"),
        pytest.param([AGE, GENDER, TEXTUAL], id="several models"),
    ],
)


def contract(make_api: ApiMaker, models: list[Any]) -> dict[str, Any]:
    """Return the document as a client reads it."""
    api = make_api(models=[ServedModel(model, is_ready=True) for model in models])
    return document_of(api.client.get("/openapi.json"))


def nodes(node: object) -> Iterator[dict[str, Any]]:
    """Return every object of a document."""
    if isinstance(node, dict):
        yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    yield from chain.from_iterable(map(nodes, children))


def references(document: dict[str, Any]) -> set[str]:
    return {node["$ref"] for node in nodes(document) if isinstance(node.get("$ref"), str)}


def resolves(document: object, reference: str) -> bool:
    """Say whether a reference such as `#/components/schemas/Note` leads to an object."""
    for name in reference.removeprefix("#/").split("/"):
        document = document.get(name) if isinstance(document, dict) else None
    return isinstance(document, dict)


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path)): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def faults(document: dict[str, Any], schema: str, instance: object) -> list[str]:
    """Return what keeps an instance from fitting a schema of the document."""
    root = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
    return [error.message for error in Draft202012Validator(root).iter_errors(instance)]


@SERVED
def test_every_reference_leads_somewhere(make_api: ApiMaker, models: list[Any]) -> None:
    document = contract(make_api, models)

    assert {reference for reference in references(document) if not resolves(document, reference)} == set()


@SERVED
def test_every_schema_is_a_json_schema(make_api: ApiMaker, models: list[Any]) -> None:
    schemas = contract(make_api, models)["components"]["schemas"]

    assert {name for name, schema in schemas.items() if not meta.is_valid(schema)} == set()


@SERVED
def test_every_component_has_a_name_that_openapi_allows(make_api: ApiMaker, models: list[Any]) -> None:
    components = contract(make_api, models)["components"]

    names = chain.from_iterable(components.values())
    assert {name for name in names if not re.fullmatch(r"[a-zA-Z0-9._-]+", name)} == set()


def test_it_is_an_openapi_3_1_document(api: Api) -> None:
    document = document_of(api.client.get("/openapi.json"))

    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"].keys() >= {"title", "version"}


def test_every_route_is_documented_and_every_documented_route_exists(api: Api) -> None:
    rules = api.client.application.url_map.iter_rules()
    routes = {
        (method, re.sub(r"<[^>]+>", "{}", rule.rule))
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not PAGES.fullmatch(rule.rule)
    }

    assert operations(document_of(api.client.get("/openapi.json"))).keys() == routes


def test_every_operation_has_an_id_of_its_own(api: Api) -> None:
    documented = operations(document_of(api.client.get("/openapi.json")))

    assert len({operation["operationId"] for operation in documented.values()}) == len(documented)


def test_every_operation_says_what_it_does_and_what_it_answers(api: Api) -> None:
    documented = operations(document_of(api.client.get("/openapi.json")))

    assert {
        key for key, operation in documented.items() if not operation["summary"] or not operation["responses"]
    } == set()


def test_every_part_of_a_path_is_a_documented_parameter(api: Api) -> None:
    document = document_of(api.client.get("/openapi.json"))
    parameters = {
        f"#/components/parameters/{key}": value for key, value in document["components"]["parameters"].items()
    }

    undocumented = {
        path
        for path, item in document["paths"].items()
        for operation in item.values()
        if set(re.findall(r"\{(\w+)\}", path))
        - {
            parameter["name"]
            for parameter in (parameters.get(one.get("$ref"), one) for one in operation.get("parameters", []))
            if parameter["in"] == "path" and parameter["required"]
        }
    }
    assert undocumented == set()


def test_the_ranges_of_the_features_are_published(make_api: ApiMaker) -> None:
    document = contract(make_api, [GENDER])

    record_schema = document["components"]["schemas"]["Input_gender_1"]["anyOf"][0]
    height = record_schema["properties"]["height"]
    assert (height["type"], height["minimum"], height["maximum"]) == ("number", HEIGHT.minimum, HEIGHT.maximum)
    assert "cm" in height["description"]


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        pytest.param("country", {"type": "string", "enum": ["de", "fr"]}, id="a category with its values"),
        pytest.param(
            "message",
            {"type": "string", "maxLength": 500, "description": "What was written"},
            id="a text with its length",
        ),
        pytest.param("links", {"type": "integer", "minimum": 0}, id="a number without an upper end"),
    ],
)
def test_every_type_of_feature_is_published(make_api: ApiMaker, feature: str, expected: dict[str, Any]) -> None:
    document = contract(make_api, [TEXTUAL])

    record_schema = document["components"]["schemas"]["Input_spam_1"]["anyOf"][0]
    assert record_schema["properties"][feature] == expected


def test_the_most_rows_of_a_request_are_published(settings: Settings, make_api: ApiMaker) -> None:
    document = contract(make_api, [])

    describe_models(document, [GENDER], settings.model_copy(update={"max_rows": 7}))

    assert document["components"]["schemas"]["Input_gender_1"]["anyOf"][1]["maxItems"] == 7


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"input": record()}, id="a record"),
        pytest.param({"input": [record(), record(height=150)]}, id="an array"),
        pytest.param({"model": "gender", "version": "1", "input": record()}, id="with model and version"),
        pytest.param({"model": None, "version": None, "input": record()}, id="with null for both"),
        pytest.param({"input": record(), "retain_for": 0, "metadata": {"a": "b"}}, id="with terms"),
        pytest.param({"input": record(), "retain_for": "23h", "metadata": None}, id="with a duration"),
    ],
)
def test_a_request_that_is_accepted_fits_the_contract(api: Api, body: dict[str, Any]) -> None:
    document = document_of(api.client.get("/openapi.json"))

    assert faults(document, "PredictionRequest", body) == []
    assert api.client.post("/v1/predictions", json=body).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="no input"),
        pytest.param({"input": []}, id="no records"),
        pytest.param({"input": record(height=1.81)}, id="out of range"),
        pytest.param({"input": record(height="181")}, id="a numeric string"),
        pytest.param({"input": record(height=True)}, id="a boolean"),
        pytest.param({"input": {"height": 181}}, id="an absent feature"),
        pytest.param({"input": record(weight=80)}, id="an unknown feature"),
        pytest.param({"input": record(), "modle": "gender"}, id="an unknown member"),
        pytest.param({"input": record(), "retain_for": -1}, id="a negative retention"),
        pytest.param({"input": record(), "metadata": {"a": 1}}, id="metadata that is no text"),
    ],
)
def test_a_request_that_is_refused_does_not_fit_the_contract(api: Api, body: dict[str, Any]) -> None:
    document = document_of(api.client.get("/openapi.json"))

    assert faults(document, "PredictionRequest", body) != []
    assert api.client.post("/v1/predictions", json=body).status_code == 422


def test_two_models_need_a_name(make_api: ApiMaker) -> None:
    document = contract(make_api, [AGE, GENDER])

    assert faults(document, "PredictionRequest", {"input": record()}) != []
    assert faults(document, "PredictionRequest", {"model": "age", "input": record()}) == []


def test_the_names_of_the_models_are_published(make_api: ApiMaker) -> None:
    document = contract(make_api, [AGE, GENDER])

    assert document["components"]["parameters"]["ModelName"]["schema"]["enum"] == ["age", "gender"]


@SERVED
def test_the_example_of_every_request_fits_its_schema(make_api: ApiMaker, models: list[Any]) -> None:
    document = contract(make_api, models)
    request_schema = document["components"]["schemas"]["PredictionRequest"]

    examples = [one["example"] for one in request_schema.get("anyOf", [])]
    assert [faults(document, "PredictionRequest", example) for example in examples] == [[] for _ in models]


@pytest.mark.parametrize("outcome", [None, success(), failure()], ids=["queued", "succeeded", "failed"])
def test_a_job_fits_the_contract(api: Api, outcome: Any) -> None:
    document = document_of(api.client.get("/openapi.json"))
    api.broker.outcome = outcome

    job = document_of(api.submit(record(height=210), headers={"Prefer": "wait"}))

    assert faults(document, "Prediction", job) == []


def test_a_job_under_its_clients_id_fits_the_contract(api: Api) -> None:
    document = document_of(api.client.get("/openapi.json"))

    job = document_of(api.client.put("/v1/predictions/order-4711", json={"input": record()}))

    assert faults(document, "Prediction", job) == []


@pytest.mark.parametrize("outcome", [success(), failure()], ids=["succeeded", "failed"])
def test_a_listed_job_fits_the_contract(api: Api, outcome: Any) -> None:
    document = document_of(api.client.get("/openapi.json"))
    api.submit_and_finish(outcome)

    (job,) = document_of(api.client.get("/v1/predictions"))["data"]

    assert faults(document, "ListedPrediction", job) == []


def test_a_model_fits_the_contract(api: Api) -> None:
    document = document_of(api.client.get("/openapi.json"))

    assert faults(document, "Model", document_of(api.client.get("/v1/models/gender"))) == []


def test_every_listed_model_fits_the_contract(make_api: ApiMaker) -> None:
    api = make_api(models=[ServedModel(model, is_ready=True) for model in (AGE, manifest(version="2"), GENDER)])
    document = document_of(api.client.get("/openapi.json"))

    listed = document_of(api.client.get("/v1/models"))["data"]

    assert [(model["name"], model["version"], model["versions"]) for model in listed] == [
        ("age", "1.10-rc_1", ["1.10-rc_1"]),
        ("gender", "2", ["2", "1"]),
    ]
    assert [faults(document, "Model", model) for model in listed] == [[], []]


def test_a_problem_fits_the_contract(api: Api) -> None:
    document = document_of(api.client.get("/openapi.json"))

    assert faults(document, "Problem", document_of(api.submit(record(height=0)))) == []


def test_an_output_fits_the_contract(api: Api) -> None:
    document = document_of(api.client.get("/openapi.json"))
    api.broker.outcome = success()

    assert faults(document, "Output", document_of(api.predict())) == []


def test_the_contract_can_be_read_while_the_store_is_away(api: Api) -> None:
    api.registry.fault = StoreUnavailable()

    response = api.client.get("/openapi.json")

    assert response.status_code == 200
    assert "Input_gender_1" not in document_of(response)["components"]["schemas"]


def test_reading_the_contract_twice_gives_the_same(api: Api) -> None:
    assert api.client.get("/openapi.json").data == api.client.get("/openapi.json").data

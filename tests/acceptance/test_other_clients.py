"""Real clients that were not made here get the right answers from a running stack: those of a direct prediction."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from api.version import VERSION
from shared.settings import Settings
from standalone.stack import running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.direct import FEATURES, direct_outputs, people
from tests.acceptance.snippets import Snippet, read_snippets

SNIPPETS = read_snippets(Path(__file__).resolve().parent.parent.parent / "docs/how-to/other-clients.md")
#: Those that run here; the others need an environment of their own.
OWN_SNIPPETS = sorted(SNIPPETS.keys() - {"KServe"})
PEOPLE = people(50)
TABLE = np.array([[person[name] for name in FEATURES] for person in PEOPLE])


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[int]:
    """Port of a stack of the default model alone: MLflow's client has no way to name one of several."""
    settings = Settings(
        port=free_port(), data_dir=tmp_path_factory.mktemp("data"), models_dir=root / "models", workers=1
    )
    with running_stack(settings):
        yield settings.port


@pytest.fixture
def triton(port: int) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(f"127.0.0.1:{port}", concurrency=8) as client:
        yield client


@pytest.fixture
def mlflow(port: int) -> ScoringServerClient:
    return ScoringServerClient("127.0.0.1", port)


@pytest.fixture
def sagemaker(port: int) -> Any:
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


def labels(outputs: list[dict[str, Any]]) -> list[str]:
    return [output["prediction"] for output in outputs]


def probabilities(outputs: list[dict[str, Any]]) -> list[list[float]]:
    return [[output["probabilities"][label] for label in ("female", "male")] for output in outputs]


def infer_input(name: str, values: Any, datatype: str = "FP64", *, is_binary: bool = True) -> InferInput:
    made = InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=is_binary)
    return made


def answer_of(result: Any) -> tuple[list[str], Any]:
    """Return the labels and probabilities that Triton's client has read."""
    predicted = [value.decode() if isinstance(value, bytes) else value for value in result.as_numpy("predict")]
    return predicted, result.as_numpy("predict_proba").tolist()


@pytest.mark.parametrize("name", OWN_SNIPPETS)
def test_a_snippet_of_the_documentation_prints_what_it_says(port: int, name: str) -> None:
    snippet: Snippet = SNIPPETS[name]

    assert snippet.run(Path(sys.executable), port=port) == snippet.output


def test_the_documentation_has_a_snippet_for_every_client() -> None:
    assert set(SNIPPETS) == {"Triton", "KServe", "MLflow", "SageMaker"}


def test_triton_finds_the_server_and_the_model_ready(triton: InferenceServerClient) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("gender")
    assert triton.is_model_ready("gender", "1")
    assert not triton.is_model_ready("gendre")


def test_triton_reads_what_the_server_and_the_model_are(triton: InferenceServerClient) -> None:
    assert triton.get_server_metadata()["version"] == VERSION
    assert [one["name"] for one in triton.get_model_metadata("gender", "1")["inputs"]] == list(FEATURES)


@pytest.mark.parametrize("packing", [None, "gzip", "deflate"])
@pytest.mark.parametrize("is_binary", [True, False], ids=["binary", "JSON"])
def test_triton_gets_the_right_answers(triton: InferenceServerClient, is_binary: bool, packing: str | None) -> None:
    outputs = [InferRequestedOutput(name, binary_data=is_binary) for name in ("predict", "predict_proba")]

    result = triton.infer(
        "gender",
        [infer_input("people", TABLE, is_binary=is_binary)],
        outputs=outputs,
        request_id="7",
        request_compression_algorithm=packing,
    )

    expected = direct_outputs(PEOPLE)
    assert answer_of(result) == (labels(expected), probabilities(expected))
    assert result.get_response()["id"] == "7"


def test_triton_gets_the_right_answers_to_a_tensor_for_each_feature(triton: InferenceServerClient) -> None:
    inputs = [infer_input(name, TABLE[:, [index]]) for index, name in reversed(list(enumerate(FEATURES)))]

    result = triton.infer("gender", inputs, model_version="1")

    expected = direct_outputs(PEOPLE)
    assert answer_of(result) == (labels(expected), probabilities(expected))


def test_triton_gets_the_right_answers_to_numbers_of_half_the_precision(triton: InferenceServerClient) -> None:
    table = (TABLE + 0.1).astype(np.float32)

    result = triton.infer("gender", [infer_input("people", table, "FP32")])

    records = [dict(zip(FEATURES, row, strict=True)) for row in table.astype(np.float64).tolist()]
    assert answer_of(result)[1] == probabilities(direct_outputs(records))


def test_triton_gets_the_right_answers_to_many_requests_at_once(triton: InferenceServerClient) -> None:
    sent = [triton.async_infer("gender", [infer_input("person", TABLE[[i % 50]])]) for i in range(400)]

    answers = [answer_of(one.get_result())[1][0] for one in sent]

    assert answers == probabilities(direct_outputs(PEOPLE)) * 8


def test_triton_shows_what_is_wrong_and_how_to_mend_it(triton: InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match=r"looks like metres; send centimetres \(181\)"):
        triton.infer("gender", [infer_input("person", np.array([[1.81, 80, 44]]))])


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        pytest.param(np.array([[np.nan, 80, 44]]), "finite", id="no number"),
        pytest.param(np.array([[181.0, 80]]), r"one tensor of \[rows, 3\]", id="too few columns"),
        pytest.param(np.full((2_000, 3), 100.0), "1 to 1000 rows", id="too many rows"),
        pytest.param(np.full((50_000, 3), 100.0), "larger than this service takes", id="too large"),
    ],
)
def test_triton_shows_every_refusal(triton: InferenceServerClient, values: Any, hint: str) -> None:
    with pytest.raises(InferenceServerException, match=hint):
        triton.infer("gender", [infer_input("people", values)])


def test_mlflow_finds_the_server_ready_and_its_version(mlflow: ScoringServerClient) -> None:
    mlflow.wait_server_ready(timeout=5)

    assert mlflow.get_version() == VERSION


@pytest.mark.parametrize("data", [pd.DataFrame(PEOPLE), TABLE, PEOPLE], ids=["frame", "array", "records"])
def test_mlflow_gets_the_right_answers(mlflow: ScoringServerClient, data: Any) -> None:
    predicted = mlflow.invoke(data)
    chances = mlflow.invoke(data, params={"pyfunc_predict_fn": "predict_proba"})

    expected = direct_outputs(PEOPLE)
    assert predicted["predictions"] == labels(expected)
    assert chances.get_predictions("ndarray").tolist() == probabilities(expected)


def test_mlflow_shows_what_is_wrong_and_how_to_mend_it(mlflow: ScoringServerClient) -> None:
    with pytest.raises(Exception, match=r"looks like metres; send centimetres \(181\)"):
        mlflow.invoke(pd.DataFrame([PEOPLE[0] | {"height": 1.81}]))


def test_boto3_gets_the_right_answers_to_json(sagemaker: Any) -> None:
    answer = sagemaker.invoke_endpoint(
        EndpointName="gender", TargetVariant="1", ContentType="application/json", Body=json.dumps(PEOPLE)
    )

    assert json.load(answer["Body"]) == {"predictions": direct_outputs(PEOPLE)}
    assert (answer["InvokedProductionVariant"], answer["ContentType"]) == ("1", "application/json")


@pytest.mark.parametrize("header", [False, list(FEATURES)], ids=["without a header", "with one"])
def test_boto3_gets_the_right_answers_to_csv(sagemaker: Any, header: Any) -> None:
    body = pd.DataFrame(TABLE).to_csv(index=False, header=header)

    answer = sagemaker.invoke_endpoint(EndpointName="gender", ContentType="text/csv", Accept="text/csv", Body=body)

    rows = list(csv.reader(answer["Body"].read().decode().splitlines()))
    expected = direct_outputs(PEOPLE)
    assert [row[0] for row in rows] == labels(expected)
    assert [[float(cell) for cell in row[1:]] for row in rows] == probabilities(expected)


def test_boto3_raises_what_is_wrong_and_how_to_mend_it(sagemaker: Any) -> None:
    with pytest.raises(sagemaker.exceptions.ValidationError, match=r"looks like metres; send centimetres \(181\)"):
        sagemaker.invoke_endpoint(EndpointName="gender", ContentType="text/csv", Body=b"1.81,80,44\n")


def test_the_snippet_for_kserve_prints_what_it_says(port: int, clients_python: Path) -> None:
    assert SNIPPETS["KServe"].run(clients_python, port=port) == SNIPPETS["KServe"].output


def test_kserve_gets_the_right_answers_as_json_and_binary(port: int, clients_python: Path, root: Path) -> None:
    command = [str(clients_python), str(root / "tests/acceptance/kserve_client.py"), f"http://127.0.0.1:{port}"]

    done = subprocess.run(
        command, input=json.dumps(TABLE.tolist()), capture_output=True, text=True, timeout=100, check=False
    )

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    expected = direct_outputs(PEOPLE)
    answer = {"predict": labels(expected), "predict_proba": [*chain.from_iterable(probabilities(expected))]}
    assert (seen["JSON"], seen["binary"], seen["binary both ways"]) == (answer, answer, answer)
    assert (seen["live"], seen["ready"], seen["model ready"], seen["other ready"]) == (True, True, True, False)
    assert "looks like metres; send centimetres (181)" in seen["error"]

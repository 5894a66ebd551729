"""Real clients that were not made here, against a stack that asks for keys: each hands one over, and shows refusals."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore
import httpx2
import numpy as np
import pandas as pd
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from tritonclient.http import InferenceServerClient, InferInput
from tritonclient.http.auth import BasicAuth
from tritonclient.utils import InferenceServerException

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port, make_key
from tests.acceptance.snippets import read_snippets

ROOT = Path(__file__).resolve().parent.parent.parent
SNIPPETS = read_snippets(ROOT / "docs/how-to/other-clients-with-keys.md")
#: Those that run here; the others need an environment of their own.
OWN_SNIPPETS = sorted(SNIPPETS.keys() - {"KServe"})
ROW = [181.0, 80.0, 44.0]
WRONG = f"rck_{'0' * 16}_{'0' * 64}"
REFUSAL = "This needs a valid API key"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Stack]:
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=root / "models",
        workers=1,
        require_keys=True,
    )
    with running_stack(settings) as stack:
        yield stack


@pytest.fixture
def port(stack: Stack) -> int:
    return int(stack.url.rpartition(":")[2])


@pytest.fixture
def key(stack: Stack) -> str:
    """The key of somebody who has no job yet."""
    return make_key(stack, "--scope", "predict")


def tensor() -> InferInput:
    made = InferInput("people", [1, 3], "FP64")
    made.set_data_from_numpy(np.array([ROW]))
    return made


def ask_triton(port: int, key: str, _folder: Path) -> str:
    with InferenceServerClient(f"127.0.0.1:{port}") as client:
        answer = client.infer("gender", [tensor()], headers={"Authorization": f"Bearer {key}"})
    return str(answer.as_numpy("predict")[0].decode())


def ask_triton_with_a_plugin(port: int, key: str, _folder: Path) -> str:
    with InferenceServerClient(f"127.0.0.1:{port}") as client:
        client.register_plugin(BasicAuth("key", key))
        assert client.is_model_ready("gender") == (key != WRONG)
        return str(client.infer("gender", [tensor()]).as_numpy("predict")[0].decode())


def ask_mlflow(port: int, key: str, _folder: Path) -> str:
    client = ScoringServerClient(f"key:{key}@127.0.0.1", port)
    client.ping()
    frame = pd.DataFrame([ROW], columns=["height", "weight", "shoe_size"])
    return str(client.invoke(frame)["predictions"][0])


def ask_mlflow_with_netrc(port: int, key: str, folder: Path) -> str:
    netrc = folder / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login key password {key}\n")
    netrc.chmod(0o600)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NETRC", str(netrc))
        return str(ScoringServerClient("127.0.0.1", port).invoke(np.array([ROW]))["predictions"][0])


def ask_boto3(port: int, key: str, _folder: Path) -> str:
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        config=Config(signature_version=botocore.UNSIGNED),
    )
    header = {"Authorization": f"Bearer {key}"}
    client.meta.events.register("before-call.sagemaker-runtime", lambda params, **_: params["headers"].update(header))
    answer = client.invoke_endpoint(EndpointName="gender", ContentType="application/json", Body=json.dumps([ROW]))
    return str(json.load(answer["Body"])["predictions"][0]["prediction"])


Ask = Callable[[int, str, Path], str]
CLIENTS: list[tuple[Ask, type[Exception], str]] = [
    (ask_triton, InferenceServerException, rf"\[401\] {REFUSAL}"),
    (ask_triton_with_a_plugin, InferenceServerException, rf"\[401\] {REFUSAL}"),
    (ask_mlflow, Exception, rf"error code 401.*{REFUSAL}"),
    (ask_mlflow_with_netrc, Exception, rf"error code 401.*{REFUSAL}"),
    (ask_boto3, ClientError, rf"AccessDeniedException.*{REFUSAL}"),
]
NAMES = [ask.__name__.removeprefix("ask_") for ask, _, _ in CLIENTS]


def jobs_of(stack: Stack, key: str) -> list[dict[str, Any]]:
    answer = httpx2.get(f"{stack.url}/v1/predictions", headers={"Authorization": f"Bearer {key}"})
    listed: list[dict[str, Any]] = answer.json()["data"]
    return listed


@pytest.mark.parametrize("ask", [ask for ask, _, _ in CLIENTS], ids=NAMES)
def test_a_client_with_a_key_is_answered_and_the_job_belongs_to_the_key(
    stack: Stack, port: int, key: str, tmp_path: Path, ask: Ask
) -> None:
    other = make_key(stack, "--scope", "predict")

    answer = ask(port, key, tmp_path)

    (job,) = jobs_of(stack, key)
    foreign = httpx2.get(f"{stack.url}/v1/predictions/{job['id']}", headers={"Authorization": f"Bearer {other}"})
    assert (answer, job["status"]) == ("male", "succeeded")
    assert (jobs_of(stack, other), foreign.status_code) == ([], 404)


@pytest.mark.parametrize(("ask", "error", "words"), CLIENTS, ids=NAMES)
def test_a_client_with_a_wrong_key_shows_the_refusal(
    port: int, tmp_path: Path, ask: Ask, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ask(port, WRONG, tmp_path)


@pytest.mark.parametrize("name", OWN_SNIPPETS)
def test_a_snippet_of_the_documentation_prints_what_it_says(stack: Stack, port: int, key: str, name: str) -> None:
    printed = SNIPPETS[name].run(Path(sys.executable), port=port, key=key)

    assert printed == SNIPPETS[name].output
    assert jobs_of(stack, key) != []


def test_the_documentation_has_a_snippet_for_every_client() -> None:
    assert set(SNIPPETS) == {"Triton", "KServe", "MLflow", "SageMaker"}


def test_the_snippet_for_kserve_prints_what_it_says(stack: Stack, port: int, key: str, clients_python: Path) -> None:
    assert SNIPPETS["KServe"].run(clients_python, port=port, key=key) == SNIPPETS["KServe"].output
    assert len(jobs_of(stack, key)) == 1


def run_kserve(stack: Stack, python: Path, key: str) -> "subprocess.CompletedProcess[str]":
    command = [str(python), str(ROOT / "tests/acceptance/kserve_client.py"), stack.url]
    environment = os.environ | {"ROWCALL_API_KEY": key}
    return subprocess.run(
        command, env=environment, input=json.dumps([ROW]), capture_output=True, text=True, timeout=100, check=False
    )


def test_kserve_with_a_key_is_answered_and_its_jobs_belong_to_the_key(
    stack: Stack, key: str, clients_python: Path
) -> None:
    done = run_kserve(stack, clients_python, key)

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["JSON"]["predict"], seen["binary"]["predict"], seen["model ready"]) == (["male"], ["male"], True)
    assert {job["status"] for job in jobs_of(stack, key)} == {"succeeded"}


def test_kserve_with_a_wrong_key_shows_the_refusal(stack: Stack, clients_python: Path) -> None:
    done = run_kserve(stack, clients_python, WRONG)

    assert done.returncode != 0
    assert "401" in done.stderr
    assert REFUSAL in done.stderr

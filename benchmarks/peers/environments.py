"""Install a peer's newest release into an environment of its own, and say how it is started and spoken to."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.answers import FEATURES
from benchmarks.service import free_port
from benchmarks.warm_process import MeasurementFailed

Answer = Mapping[str, Any]
_INSTALL_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Peer:
    """One model server."""

    name: str
    path: str
    #: Returns its request for one record.
    body: Callable[[Mapping[str, float]], Any]
    #: Returns class and probabilities of its answer; classes: the model's, in order.
    read: Callable[[Any, list[str]], Answer]
    #: Returns the command that serves at a port; takes the folder of its programs, a folder to write to, the port.
    command: Callable[[Path, Path, int], list[str]]
    #: It is busy even with nothing to do.
    is_restless: bool = False


def install_peer(name: str) -> Path:
    """Return the folder of a peer's programs, with its newest release in it; raises MeasurementFailed.

    It lies in the user's cache folder and is kept. The libraries of the model are those that our worker has.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    programs = cache / "rowcall" / "peers" / name / "bin"
    if not (programs / "python").exists():
        _run([sys.executable, "-m", "venv", str(programs.parent)])
    model_libraries = [f"{library}=={version(library)}" for library in ("scikit-learn", "numpy", "joblib")]
    install = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
    _run([*install, name, *model_libraries])
    return programs


def _run(command: list[str]) -> None:
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise MeasurementFailed(f"{' '.join(command)} did not end after {error.timeout:g} s") from error
    if run.returncode:
        raise MeasurementFailed(f"{' '.join(command)} failed:\n{run.stderr.strip()[-1000:]}")


def find_version(programs: Path, name: str) -> str:
    """Return the version of a package in another environment."""
    program = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    run = subprocess.run([programs / "python", "-c", program, name], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def _bentoml_command(programs: Path, folder: Path, port: int) -> list[str]:
    # It would report its use to its makers.
    environment = ["env", "BENTOML_DO_NOT_TRACK=True", f"BENTOML_HOME={folder}"]
    serve = [str(programs / "bentoml"), "serve", "benchmarks.peers.bentoml_service:Predict"]
    return [*environment, *serve, "--host", "127.0.0.1", "--port", str(port)]


def _mlserver_command(programs: Path, folder: Path, port: int) -> list[str]:
    server = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "debug": False,
        # The model in the process that serves: no pipe to a child, which is faster for a model as quick as this.
        "parallel_workers": 0,
    }
    model = {
        "name": "measured",
        "implementation": "benchmarks.peers.mlserver_model.Predict",
        "max_batch_size": 64,
        "max_batch_time": 0.002,
    }
    (folder / "settings.json").write_text(json.dumps(server))
    (folder / "model-settings.json").write_text(json.dumps(model))
    return [str(programs / "mlserver"), "start", str(folder)]


def _litserve_command(programs: Path, _folder: Path, port: int) -> list[str]:
    return [str(programs / "python"), "-m", "benchmarks.peers.litserve_api", str(port)]


def _tensor_request(record: Mapping[str, float]) -> Any:
    # With an id of its own the answer is always the same.
    rows = {"name": "rows", "shape": [1, len(FEATURES)], "datatype": "FP64", "data": [record[key] for key in FEATURES]}
    return {"id": "1", "inputs": [rows]}


def _tensor_answer(answer: Any, classes: list[str]) -> Answer:
    tensors = {tensor["name"]: tensor["data"] for tensor in answer["outputs"]}
    probabilities = dict(zip(classes, tensors["probabilities"], strict=True))
    return {"prediction": tensors["prediction"][0], "probabilities": probabilities}


PEERS = {
    peer.name: peer
    for peer in (
        Peer("bentoml", "/predict", lambda record: {"records": [record]}, lambda found, _: found[0], _bentoml_command),
        Peer("mlserver", "/v2/models/measured/infer", _tensor_request, _tensor_answer, _mlserver_command),
        Peer("litserve", "/predict", dict, lambda found, _: found, _litserve_command, is_restless=True),
    )
}

"""What is in the images, and what is not."""

import io
import re
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.images.conftest import CANARY
from tests.images.deployment import API_IMAGE, PYTHON_IMAGE, ROOT, WORKER_IMAGE, docker, find_docker, inspect

#: Most bytes that an image may add to its base.
LARGEST = {API_IMAGE: 150e6, WORKER_IMAGE: 400e6}
MODEL_LIBRARIES = ("sklearn", "numpy", "scipy", "pandas", "pyarrow", "joblib")
WEB_LIBRARIES = ("flask", "werkzeug", "granian")
_SECRET_IN_HISTORY = re.compile(r"(password|passwd|secret|token|api_?key)\s*=", re.IGNORECASE)

pytestmark = pytest.mark.usefixtures("images")
each_image = pytest.mark.parametrize("image", [API_IMAGE, WORKER_IMAGE], ids=["api", "worker"])


def find_modules(image: str, names: tuple[str, ...]) -> list[str]:
    """Return which of these modules a process in the image could import."""
    program = f"import importlib.util as u; print(*[n for n in {names!r} if u.find_spec(n)])"
    return docker("run", "--rm", "--network", "none", "--entrypoint", "python", image, "-c", program).split()


def search_layers(image: str, folder: Path, is_found: Callable[[str, bytes], bool]) -> list[str]:
    """Return the files of all layers for which `is_found` says so, given name and content."""
    archive = folder / "image.tar"
    subprocess.run([find_docker(), "save", "-o", str(archive), image], check=True)
    found = []
    with tarfile.open(archive) as saved:
        for layer in (member for member in saved if member.name.endswith(("layer.tar", ".json"))):
            content = saved.extractfile(layer)
            assert content is not None
            document = content.read()
            if layer.name.endswith(".json"):
                found += [layer.name] if is_found(layer.name, document) else []
                continue
            with tarfile.open(fileobj=io.BytesIO(document)) as files:
                for file in (member for member in files if member.isfile()):
                    inner = files.extractfile(file)
                    assert inner is not None
                    if is_found(file.name, inner.read()):
                        found.append(file.name)
    return found


@each_image
def test_it_runs_as_nobody_in_particular(image: str) -> None:
    assert inspect(image)["Config"]["User"] == "10001:10001"


@each_image
def test_signals_reach_the_process_entry(image: str) -> None:
    configuration = inspect(image)["Config"]

    assert configuration["Entrypoint"] == ["python", "-m", "shared.entrypoint"]
    assert configuration["Cmd"][:2] == ["python", "-m"]


@each_image
def test_it_has_a_check_of_its_own(image: str) -> None:
    assert inspect(image)["Config"]["Healthcheck"]["Test"][0] == "CMD"


def test_the_api_asks_for_keys_unless_told_otherwise() -> None:
    assert "ROWCALL_REQUIRE_KEYS=true" in inspect(API_IMAGE)["Config"]["Env"]


@each_image
def test_it_says_which_release_it_is(image: str) -> None:
    labels = inspect(image)["Config"]["Labels"]

    assert labels["org.opencontainers.image.version"] == "1.2.3"
    assert labels["org.opencontainers.image.revision"] == "abc"


@each_image
def test_it_adds_little_to_its_base(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    added = inspect(image)["Size"] - inspect(PYTHON_IMAGE)["Size"]

    with capsys.disabled():
        print(f"\n{image}: {added / 1e6:.0f} MB on a base of {inspect(PYTHON_IMAGE)['Size'] / 1e6:.0f} MB")
    assert added < LARGEST[image]


def test_the_api_carries_no_model_code() -> None:
    assert find_modules(API_IMAGE, (*MODEL_LIBRARIES, "worker", "flask")) == ["flask"]


def test_the_worker_serves_no_http() -> None:
    assert find_modules(WORKER_IMAGE, (*WEB_LIBRARIES, "api", "sklearn")) == ["sklearn"]


@each_image
def test_no_layer_holds_what_lay_about_where_it_was_built(image: str, tmp_path: Path) -> None:
    assert search_layers(image, tmp_path, lambda _name, content: CANARY.encode() in content) == []


@each_image
def test_the_search_through_the_layers_finds_what_is_there(image: str, tmp_path: Path) -> None:
    found = search_layers(image, tmp_path, lambda _name, content: b"Entrypoint(command, stop_seconds" in content)

    assert "app/shared/entrypoint.py" in found


@each_image
def test_no_layer_holds_a_private_key(image: str, tmp_path: Path) -> None:
    marker = b"-----BEGIN PRIVATE KEY-----\nMI"

    assert search_layers(image, tmp_path, lambda _name, content: marker in content) == []


@each_image
def test_no_secret_went_into_the_history(image: str) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)

    assert "shared.entrypoint" in history
    assert _SECRET_IN_HISTORY.findall(history) == []


def list_files(image: str) -> set[str]:
    """Return the files of the application in an image, relative to its folder."""
    listed = docker("run", "--rm", "--network", "none", "--entrypoint", "find", image, "/app", "-type", "f")
    return {name.removeprefix("/app/") for name in listed.split()}


@pytest.mark.parametrize(("image", "rooms"), [(API_IMAGE, ("api", "shared")), (WORKER_IMAGE, ("worker", "shared"))])
def test_all_that_its_processes_import_is_in_it(image: str, rooms: tuple[str, ...]) -> None:
    files = {str(path.relative_to(ROOT)) for room in rooms for path in (ROOT / room).rglob("*.py")}

    assert len(files) > 50
    assert files - list_files(image) == set()


@each_image
def test_only_what_runs_is_in_it(image: str) -> None:
    kinds = {Path(name).suffix for name in list_files(image)}

    assert kinds <= {".py", ".pyc", ".lua", ".yaml", ".html", ".js", ".css", ".svg", ".json", ".joblib"}

"""The Python client against a whole stack: its documented examples, lost answers, and nothing of ours beside it."""

import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import anyio
import httpx2
import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from rowcall_client import DEFAULT_URL, AsyncRowcallClient, Event, ProblemError, RowcallClient, Status
from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port, make_key

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = re.findall(r"^```python\n(.*?)^```", (ROOT / "client/README.md").read_text(), re.MULTILINE | re.DOTALL)
ROW = {"height": 181, "weight": 80, "shoe_size": 44}
CSV = "name,Body height,weight,shoe_size\nAda,165,60,38\nBob,tall,80,44\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Stack]:
    """A stack of the default model alone, as the examples expect it."""
    settings = Settings(
        port=free_port(), data_dir=tmp_path_factory.mktemp("data"), models_dir=root / "models", workers=1
    )
    with running_stack(settings) as stack:
        yield stack


@pytest.fixture
def client(stack: Stack) -> Iterator[RowcallClient]:
    with RowcallClient(stack.url) as client:
        yield client


class LosesAnswers(httpx2.BaseTransport):
    """Passes every request on, and loses the first answers."""

    def __init__(self, lost: int) -> None:
        self.requests = 0
        self._lost = lost
        self._transport = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests += 1
        response = self._transport.handle_request(request)
        if self.requests <= self._lost:
            response.read()
            raise httpx2.ReadError("the connection broke before the answer came")
        return response

    def close(self) -> None:
        self._transport.close()


def orders(client: RowcallClient, order: str) -> list[str]:
    return [job.id for job in client.list(limit=100) if job.metadata.get("order") == order]


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_the_examples_of_the_readme_run(stack: Stack, tmp_path: Path, example: str) -> None:
    (tmp_path / "people.csv").write_text(CSV)
    program = example.replace(DEFAULT_URL, stack.url)

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_a_submission_whose_answers_are_lost_is_one_job(stack: Stack, client: RowcallClient) -> None:
    transport = LosesAnswers(lost=2)

    with RowcallClient(stack.url, transport=transport) as unlucky:
        job = unlucky.submit(ROW, metadata={"order": "lost"})

    assert transport.requests == 3
    assert orders(client, "lost") == [job.id]


def test_an_upload_whose_answer_is_lost_is_one_batch(stack: Stack, client: RowcallClient, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(CSV)
    before = {batch.id for batch in client.list_batches(limit=100)}
    transport = LosesAnswers(lost=1)

    with RowcallClient(stack.url, transport=transport) as unlucky:
        batch = unlucky.submit_batch(file, columns={"height": "Body height"})

    assert transport.requests == 2
    assert {batch.id for batch in client.list_batches(limit=100)} - before == {batch.id}


def test_a_job_goes_through_its_whole_life(client: RowcallClient) -> None:
    job = client.submit(ROW, job_id="order-1")

    events = list(client.events("order-1"))
    client.delete("order-1")

    assert job.id == "order-1"
    assert (events[0].name, events[-1].name) == ("queued", "completed")
    assert events[-1].prediction is not None
    assert events[-1].prediction.status is Status.SUCCEEDED
    with pytest.raises(ProblemError, match="prediction_gone"):
        client.get("order-1")


def test_events_go_on_after_the_one_that_was_seen(client: RowcallClient) -> None:
    job = client.predict(ROW)
    first, *rest = client.events(job.id)

    resumed = list(client.events(job.id, last_event_id=first.id))

    assert [event.id for event in resumed] == [event.id for event in rest]


def test_awaited_calls_bring_the_same(stack: Stack, client: RowcallClient) -> None:
    async def predict_and_follow() -> tuple[object, list[Event]]:
        async with AsyncRowcallClient(stack.url) as awaiting:
            job = await awaiting.predict(ROW)
            return job.output, [event async for event in awaiting.events(job.id)]

    output, events = anyio.run(predict_and_follow)

    assert output == client.predict(ROW).output
    assert events[-1].name == "completed"


def test_problems_name_the_fields_at_fault(client: RowcallClient) -> None:
    with pytest.raises(ProblemError) as caught:
        client.submit({"height": 1.81, "weight": 80, "shoe_size": 44})

    assert (caught.value.status, caught.value.code) == (422, "invalid_input")
    assert [note.place for note in caught.value.errors] == ["height"]


def needed_by(name: str) -> set[NormalizedName]:
    """Return the distributions that must be installed with one, itself left out."""
    requirements = map(Requirement, metadata.requires(name) or ())
    direct = {
        canonicalize_name(one.name) for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})
    }
    return direct.union(*map(needed_by, direct))


def link_distribution(name: str, site: Path) -> None:
    """Let an environment have a distribution of this one, and no other."""
    files = metadata.files(name) or []
    for entry in {file.parts[0] for file in files} - {"..", "__pycache__"}:
        (site / entry).symlink_to(Path(str(metadata.distribution(name).locate_file(entry))))


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    subprocess.run(command, check=True, timeout=100)


@pytest.fixture
def clean_python(tmp_path: Path) -> Path:
    """An environment that holds the wheel of the client and what it asks for."""
    shutil.copytree(ROOT / "client", tmp_path / "client", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    pip("wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", str(tmp_path), str(tmp_path / "client"))
    venv.create(tmp_path / "clean")
    python = tmp_path / "clean/bin/python"
    (wheel,) = tmp_path.glob("*.whl")
    pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    (site,) = (tmp_path / "clean/lib").glob("python*/site-packages")
    for name in needed_by("rowcall-client"):
        link_distribution(name, site)
    return python


def test_the_wheel_works_where_nothing_of_the_server_is_installed(stack: Stack, clean_python: Path) -> None:
    key = make_key(stack, "--scope=predict")
    program = f"""
import importlib.util, pathlib
from rowcall_client import RowcallClient
absent = [importlib.util.find_spec(name) for name in ("api", "shared", "celery", "redis", "flask", "sklearn", "numpy")]
with RowcallClient({stack.url!r}, api_key={key!r}) as client:
    print(absent, client.predict({ROW!r}).output.prediction)
"""
    options = (f"{feature}={value}" for feature, value in ROW.items())
    command: list[str | Path] = [clean_python.parent / "rowcall", "--url", stack.url, "predict", *options]

    library = subprocess.run(
        [clean_python, "-I", "-c", program], check=False, capture_output=True, text=True, timeout=60
    )
    shell = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert (library.stdout, library.stderr) == (f"{[None] * 7} male\n", "")
    assert (shell.stdout.split()[0], shell.stderr) == ("male", "")

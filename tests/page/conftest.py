"""The page for people in a real browser, in front of a stack of real processes."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from shared.settings import Settings
from standalone.stack import Stack, running_stack
from tests.acceptance.conftest import free_port
from tests.acceptance.moody_model import COLOUR, COUNT, MOOD, publish_moody_model

#: Under which names Chromium is installed: by Debian, and on the machines of GitHub.
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
#: A browser says so of every refusal, and the page shows why in its own words.
_REFUSED = "Failed to load resource: the server responded with a status of 4"
_OFFLINE = "net::ERR_INTERNET_DISCONNECTED"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs Chromium."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.page)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine, because the one that Playwright would fetch is not to be had everywhere."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.fail(f"none of {', '.join(CHROMIUM)} is on PATH; on Debian: apt-get install chromium")
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """The default model, and one with a choice and a whole number that misbehaves on request."""
    folder = tmp_path_factory.mktemp("models")
    shutil.copytree(root / "models" / "gender", folder / "gender")
    publish_moody_model(folder, features=(MOOD, COUNT, COLOUR))
    return folder


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Stack]:
    """Files are scored in small pieces here, so that there is progress to see."""
    settings = Settings(
        port=free_port(),
        data_dir=tmp_path_factory.mktemp("data"),
        models_dir=models_dir,
        bulk_workers=1,
        chunk_bytes=50_000,
    )
    with running_stack(settings) as stack:
        yield stack


@pytest.fixture
def http(stack: Stack) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=stack.url, timeout=30.0) as client:
        yield client


class Visit:
    """One visit to the page, and what the browser complained of meanwhile."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self._url = url
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._see)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not (message.text.startswith(_REFUSED) or _OFFLINE in message.text):
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        self.asked.append(request.url)
        if not request.url.startswith((self._url, f"blob:{self._url}")):
            self.complaints.append(f"asked for {request.url}")


#: Opens the page of a stack; the rest is how the browser is set up.
Opener = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Opener]:
    """Opens the page; afterwards the browser must have had no complaint, such as a breach of the page's policy."""
    visits: list[Visit] = []

    def open_page(stack: Stack, path: str = "/", **options: object) -> Visit:
        context = browser.new_context(**options)  # type: ignore[arg-type]  # checked where it is called
        visits.append(Visit(context.new_page(), stack.url))
        visits[-1].page.goto(stack.url + path)
        return visits[-1]

    yield open_page
    complaints = [complaint for one in visits for complaint in one.complaints]
    for one in visits:
        one.page.context.close()
    assert complaints == []


@pytest.fixture
def page(visit: Opener, stack: Stack) -> Page:
    """The page as it opens, with the default model."""
    return visit(stack).page

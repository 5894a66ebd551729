"""The pages under /docs: served from here, and loading nothing from anywhere else."""

import re

from tests.unit.api.conftest import Api

#: What a page loads: scripts, styles, images and other links of its markup.
LOADED = re.compile(r"""<(?:script|link|img)\b[^>]*?\b(?:src|href)\s*=\s*["']([^"']+)""", re.IGNORECASE)
#: What a style sheet loads.
IN_STYLE = re.compile(r"""(?:@import\s+|url\()\s*["']?([^"')]+)""", re.IGNORECASE)
ELSEWHERE = re.compile(r"(?:[a-z]+:)?//", re.IGNORECASE)


def read(api: Api, path: str = "/docs/") -> str:
    """Return a page or a file under /docs; fails when it is not there."""
    with api.client.get(path) as answer:
        assert answer.status_code == 200
        return answer.get_data().decode(errors="replace")


def loaded_by_page(api: Api) -> list[str]:
    return LOADED.findall(read(api))


def test_the_page_loads_scripts_and_styles(api: Api) -> None:
    assert {name.rpartition(".")[2] for name in loaded_by_page(api)} >= {"js", "css"}


def test_the_page_loads_nothing_from_elsewhere(api: Api) -> None:
    assert [name for name in loaded_by_page(api) if ELSEWHERE.match(name)] == []


def test_everything_that_the_page_loads_is_served_here(api: Api) -> None:
    files = {name: read(api, f"/docs/{name}") for name in loaded_by_page(api)}

    assert all(files.values())


def test_its_styles_load_nothing_from_elsewhere(api: Api) -> None:
    (sheet,) = [name for name in loaded_by_page(api) if name.endswith(".css")]

    assert [name for name in IN_STYLE.findall(read(api, f"/docs/{sheet}")) if ELSEWHERE.match(name)] == []


def test_the_page_shows_the_contract_of_this_service_and_sends_it_to_nobody(api: Api) -> None:
    script = read(api, "/docs/start.js")

    assert 'url: "/openapi.json"' in script
    # Left out, the page asks a validator on the internet for a picture.
    assert "validatorUrl: null" in script

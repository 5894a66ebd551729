"""What a soak takes for growth."""

import pytest

from benchmarks.chaos.soak import Samples, SoakResult

MINUTES = 30


def soaked(**values: list[float]) -> SoakResult:
    """Return a soak with a sample each minute; names have no spaces here, and _ stands for one."""
    named = {name.replace("_", " "): found for name, found in values.items()}
    samples = Samples([minute * 60.0 for minute in range(MINUTES)], named)
    return SoakResult(2_000.0, 1_000.0, 1_800_000, 1_800.0, samples.trends())


def rising(first: float) -> list[float]:
    """Twice as much in the end."""
    return [first + first * minute / MINUTES for minute in range(MINUTES)]


@pytest.mark.parametrize(
    "name", ["api_1_MB", "worker-0_2_MB", "store_connections", "store_KB_for_each_key", "store_keys_without_an_end"]
)
def test_what_rises_all_the_time_grows(name: str) -> None:
    assert soaked(**{name: rising(50.0)}).growing == [name.replace("_", " ")]


@pytest.mark.parametrize("name", ["store_data_MB", "store-0_3_MB"])
def test_what_follows_the_load_is_shown_and_not_judged(name: str) -> None:
    result = soaked(**{name: rising(50.0)})

    assert (list(result.trends), result.growing) == ([name.replace("_", " ")], [])


def test_the_beginning_is_left_out() -> None:
    warming = [50.0 + min(minute, 7) for minute in range(MINUTES)]

    assert soaked(api_1_MB=warming).growing == []

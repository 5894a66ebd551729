"""How many rows go into one call of a model."""

from collections.abc import Iterator

import pytest

from worker.pace import FIRST_ROWS, GROWTH, Pace


class ModelTime:
    """A clock that a model moves: so many seconds for each row."""

    def __init__(self, seconds_per_row: float) -> None:
        self.seconds_per_row = seconds_per_row
        self.now = 0.0

    def predict(self, slices: Iterator[slice]) -> list[int]:
        """Return how many rows each call had."""
        sizes = []
        for part in slices:
            self.now += (part.stop - part.start) * self.seconds_per_row
            sizes.append(part.stop - part.start)
        return sizes


def paced(model: ModelTime) -> Pace:
    return Pace(lambda: None, clock=lambda: model.now)


def test_the_slices_cover_every_row_once() -> None:
    pace = Pace(lambda: None)

    covered = [index for part in pace.slices(5_000) for index in range(5_000)[part]]

    assert covered == list(range(5_000))


def test_no_rows_need_no_call() -> None:
    assert list(Pace(lambda: None).slices(0)) == []


def test_a_fast_model_soon_gets_everything_in_one_call() -> None:
    model = ModelTime(1e-6)
    pace = paced(model)
    model.predict(pace.slices(100_000))

    assert model.predict(pace.slices(100_000)) == [100_000]


def test_a_call_grows_step_by_step() -> None:
    model = ModelTime(1e-6)

    assert model.predict(paced(model).slices(10_000))[:2] == [FIRST_ROWS, FIRST_ROWS * GROWTH]


@pytest.mark.parametrize("seconds_per_row", [0.01, 0.1, 0.9])
def test_a_slow_model_gets_about_a_second_of_work(seconds_per_row: float) -> None:
    model = ModelTime(seconds_per_row)

    sizes = model.predict(paced(model).slices(1_000))

    assert set(sizes[1:-1]) <= {int(1 / seconds_per_row), int(1 / seconds_per_row) - 1}


def test_a_very_slow_model_gets_one_row_at_a_time() -> None:
    model = ModelTime(30.0)

    assert model.predict(paced(model).slices(FIRST_ROWS + 2)) == [FIRST_ROWS, 1, 1]


def test_a_short_last_call_teaches_nothing() -> None:
    model = ModelTime(1e-6)
    pace = paced(model)
    model.predict(pace.slices(100_000))
    model.predict(pace.slices(3))

    assert model.predict(pace.slices(100_000)) == [100_000]


def test_progress_is_told_after_each_call() -> None:
    told: list[str] = []
    pace = Pace(lambda: told.append("on"), clock=lambda: 0.0)

    calls = list(pace.slices(5_000))

    assert len(told) == len(calls)

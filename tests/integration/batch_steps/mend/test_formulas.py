"""Mended rows of a batch whose formulas are escaped: the model sees what the input had, the reader what is escaped."""

from typing import Any

import numpy as np
import pytest
from redis import Redis

from shared.batches import Formulas
from shared.manifest import Feature
from shared.settings import Settings
from tests.builders import HEIGHT, manifest
from tests.integration.batch_steps.conftest import Estimator, Shelf, Workplace, people
from tests.integration.batch_steps.mend.conftest import OWN, REASON, mend, mended_file, state

LEVEL = Feature(name="level", type="category", categories=("-low", "=high", "'=high"), example="-low")
ERRORS_HEADER = ",".join(OWN + REASON).encode() + b"\n"


class Levels(Estimator):
    """Its answer depends on the level alone."""

    def predict_proba(self, frame: Any) -> Any:
        share = np.array([LEVEL.categories.index(level) / 4 for level in frame["level"]])
        return np.column_stack((share, 1 - share))


def escaped(place: Workplace, document: bytes) -> Any:
    return place.score(document, formulas=Formulas.ESCAPE, chunk_bytes=100)


@pytest.mark.parametrize("name", ["'=p3", "=p3"], ids=["as the errors have it", "as the input has it"])
@pytest.mark.parametrize("columns", [OWN + REASON, REASON + OWN], ids=["in its place", "elsewhere"])
def test_mended_rows_give_the_results_of_a_clean_file(place: Workplace, name: str, columns: tuple[str, ...]) -> None:
    clean = escaped(place, people(20, r3=b"=p3,181,44,-1.5", r19=b"p19,160,40,@x"))
    spec = escaped(place, people(20, r3=b"=p3,,44,-1.5", r19=b"p19,tall,40,@x"))

    mend(place, spec, mended_file({3: [name, "181", "44", "-1.5"], 19: ["p19", "160", "40", "'@x"]}, columns=columns))

    assert state(place, spec) == state(place, clean)
    assert b"\n'=p3,181,44,-1.5," in place.results(spec)


def test_the_errors_sent_back_as_they_are_change_nothing(place: Workplace) -> None:
    spec = escaped(place, people(20, r3=b"=p3,,44,'=x", r4=b'"@p4",-5,44,"=y"', r5=b"=p5,181,44"))
    before = state(place, spec)

    mend(place, spec, ERRORS_HEADER + place.errors(spec))

    assert state(place, spec) == before


@pytest.mark.parametrize("name", [b"'=p5", b"=p5"], ids=["as the errors have it", "as the input has it"])
def test_a_row_at_which_workers_died_kills_nobody_when_it_comes_back_unchanged(place: Workplace, name: bytes) -> None:
    spec = escaped(place, people(20, r5=b"=p5,200,44,x"))
    before, deaths = state(place, spec), place.deaths

    mend(place, spec, ERRORS_HEADER + place.errors(spec).replace(b"'=p5", name))

    assert (state(place, spec), place.deaths) == (before, deaths)


def test_a_category_that_was_escaped_is_predicted_from_what_it_was(
    redis: Redis, settings: Settings, shelf: Shelf
) -> None:
    place = Workplace(redis, settings, shelf, manifest(features=(HEIGHT, LEVEL)))
    place.estimator = Levels()
    place.worker = place.new_worker()
    clean = escaped(place, b"height,level\n181,-low\n181,=high\n181,'=high\n")
    spec = escaped(place, b"height,level\ntall,-low\ntall,=high\ntall,'=high\n")

    errors = place.errors(spec).replace(b"tall,", b"181,")
    mend(place, spec, b"height,level,row_number,error_code,error_column,error_message\n" + errors)

    assert place.results(spec) == place.results(clean)
    assert [line.split(b",")[1:4] for line in place.results(spec).splitlines()] == [
        [b"'-low", b"male", b"0"],
        [b"'=high", b"male", b"0.25"],
        [b"'=high", b"female", b"0.5"],
    ]

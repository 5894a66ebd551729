"""The model that leaves a trace."""

from pathlib import Path

import joblib
import numpy as np
import pytest

from benchmarks.chaos.fates import Fate
from benchmarks.chaos.traced_model import TracedClassifier, count_executions
from benchmarks.chaos.traced_people import TracedPeople, publish_traced_model
from worker.artifacts import load_artifact
from worker.predictor import Predictor

ROWS = [[181.0, 80.0, 44.0, 11.0, Fate.NONE], [165.0, 60.0, 38.0, 12.0, Fate.NONE]]


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    folder = tmp_path / "traces"
    folder.mkdir()
    return folder


@pytest.fixture
def classifier(root: Path, traces: Path) -> TracedClassifier:
    model = joblib.load(root / "models" / "gender" / "1" / "model.joblib")
    return TracedClassifier(model, str(traces), call_seconds=0.0).fit(ROWS, None)


def test_it_answers_as_the_model_inside_it(classifier: TracedClassifier) -> None:
    expected = classifier.model.predict_proba(np.array(ROWS)[:, :3])

    assert (classifier.predict_proba(ROWS) == expected).all()


def test_every_call_leaves_the_tickets_of_its_rows(classifier: TracedClassifier, traces: Path) -> None:
    classifier.predict_proba(ROWS)
    classifier.predict_proba(ROWS[:1])

    assert count_executions(traces) == {11: 2, 12: 1}


def test_a_row_that_stands_twice_in_a_call_is_one_execution(classifier: TracedClassifier, traces: Path) -> None:
    classifier.predict_proba([ROWS[0], ROWS[0]])

    assert count_executions(traces) == {11: 1}


def test_a_call_whose_answer_is_refused_leaves_no_trace(classifier: TracedClassifier, traces: Path) -> None:
    answer = classifier.predict_proba([ROWS[0], [*ROWS[1][:4], Fate.ANSWERS_NAN]])

    assert np.isnan(answer[1]).all()
    assert np.isfinite(answer[0]).all()
    assert count_executions(traces) == {}


def test_a_row_may_let_it_raise(classifier: TracedClassifier) -> None:
    with pytest.raises(ValueError, match="unlucky"):
        classifier.predict_proba([[*ROWS[0][:4], Fate.RAISES]])


def test_a_worker_answers_people_as_the_truth_has_it(tmp_path: Path, traces: Path) -> None:
    artifact = publish_traced_model(tmp_path / "models", traces, call_seconds=0.0)
    people = TracedPeople(artifact, seed=3)
    manifest, estimator = load_artifact(tmp_path / "models" / "traced" / "1")

    answers = Predictor(manifest, estimator).predict([list(people.record(ticket).values()) for ticket in range(1, 40)])

    assert answers == [people.output(ticket) for ticket in range(1, 40)]
    assert count_executions(traces).total() == 39

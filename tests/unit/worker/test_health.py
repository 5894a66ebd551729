import time
from pathlib import Path

import pytest

from worker.health import find_fault, main, write_health


@pytest.fixture
def health_file(tmp_path: Path) -> Path:
    return tmp_path / "health"


def write_age(path: Path, seconds: float) -> None:
    path.write_text(f"{time.time() - seconds:.3f}\n")


def test_a_worker_that_has_just_written_is_healthy(health_file: Path) -> None:
    write_health(health_file)

    assert find_fault(health_file, limit_seconds=10) is None


def test_a_new_sign_of_life_replaces_the_old_one_and_leaves_nothing_else(health_file: Path) -> None:
    write_age(health_file, 3600)

    write_health(health_file)

    assert find_fault(health_file, limit_seconds=10) is None
    assert list(health_file.parent.iterdir()) == [health_file]


def test_an_old_sign_of_life_is_a_fault_that_tells_its_age(health_file: Path) -> None:
    write_age(health_file, 60)

    assert find_fault(health_file, limit_seconds=30) == "the event loop stands still for 60 s"


def test_a_worker_that_predicts_within_its_limit_is_healthy(health_file: Path) -> None:
    write_age(health_file, 60)

    assert find_fault(health_file, limit_seconds=90) is None


def test_a_file_that_does_not_exist_is_a_fault_that_names_it(health_file: Path) -> None:
    fault = find_fault(health_file, limit_seconds=10)

    assert fault == f"no worker has written {health_file} yet (FileNotFoundError)"


@pytest.mark.parametrize("text", ["", "yesterday"], ids=["empty", "not a time"])
def test_a_file_that_no_worker_wrote_is_a_fault(health_file: Path, text: str) -> None:
    health_file.write_text(text)

    assert find_fault(health_file, limit_seconds=10) == f"no worker has written {health_file} yet (ValueError)"


def test_the_check_of_a_healthy_worker_succeeds_in_silence(
    health_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROWCALL_HEALTH_FILE", str(health_file))
    write_health(health_file)

    status = main()

    assert (status, capsys.readouterr().err) == (0, "")


def test_the_check_of_a_faulty_worker_fails_with_the_reason(
    health_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROWCALL_HEALTH_FILE", str(health_file))

    status = main()

    assert status == 1
    assert "no worker has written" in capsys.readouterr().err


@pytest.mark.parametrize(("age", "status"), [(70, 0), (80, 1)], ids=["within", "beyond"])
def test_the_check_allows_for_the_longest_prediction(
    health_file: Path, monkeypatch: pytest.MonkeyPatch, age: float, status: int
) -> None:
    monkeypatch.setenv("ROWCALL_HEALTH_FILE", str(health_file))
    monkeypatch.setenv("ROWCALL_PREDICT_TIMEOUT_SECONDS", "60")
    write_age(health_file, age)

    assert main() == status


def test_the_check_without_a_file_says_which_variable_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    status = main()

    assert status == 1
    assert "set ROWCALL_HEALTH_FILE" in capsys.readouterr().err

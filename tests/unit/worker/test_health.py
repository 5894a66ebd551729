import time
from pathlib import Path

import pytest

from shared.queues import Lane
from tests.fakes import FakeBroker
from worker.activity import Activity
from worker.health import HealthFile, main
from worker.health import find_fault as find_any_fault
from worker.progress import Progress


@pytest.fixture
def health_file(tmp_path: Path) -> Path:
    return tmp_path / "health"


@pytest.fixture
def activity() -> Activity:
    return Activity()


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def health(health_file: Path, activity: Activity, broker: FakeBroker) -> HealthFile:
    return HealthFile(health_file, activity, Progress(broker, [Lane.BULK], activity))


def write_age(path: Path, seconds: float, *, stalled_seconds: float = 0.0) -> None:
    path.write_text(f"{time.time() - seconds:.3f} {stalled_seconds:.3f}\n")


def find_fault(path: Path, *, limit_seconds: float, stalled_limit_seconds: float = 120.0) -> str | None:
    return find_any_fault(path, limit_seconds=limit_seconds, stalled_limit_seconds=stalled_limit_seconds)


def test_a_worker_that_has_just_written_is_healthy(health: HealthFile, health_file: Path) -> None:
    health.write()

    assert find_fault(health_file, limit_seconds=10) is None


def test_a_new_sign_of_life_replaces_the_old_one_and_leaves_nothing_else(health: HealthFile, health_file: Path) -> None:
    write_age(health_file, 3600)

    health.write()

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


@pytest.mark.parametrize("text", ["", "1700000000.0\n", "yesterday never"], ids=["empty", "half of it", "not a time"])
def test_a_file_that_no_worker_wrote_is_a_fault(health_file: Path, text: str) -> None:
    health_file.write_text(text)

    assert find_fault(health_file, limit_seconds=10) == f"no worker has written {health_file} yet (ValueError)"


def test_the_check_of_a_healthy_worker_succeeds_in_silence(
    health: HealthFile, health_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROWCALL_HEALTH_FILE", str(health_file))
    health.write()

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


def test_a_worker_that_takes_nothing_although_messages_wait_is_at_fault(health_file: Path) -> None:
    write_age(health_file, 1, stalled_seconds=130)

    fault = find_fault(health_file, limit_seconds=10)

    assert fault == "messages wait, and the worker has taken none for 130 s"


def test_a_worker_that_took_something_not_long_ago_is_healthy(health_file: Path) -> None:
    write_age(health_file, 1, stalled_seconds=110)

    assert find_fault(health_file, limit_seconds=10) is None


@pytest.mark.parametrize(("stalled_seconds", "status"), [(4, 0), (6, 1)], ids=["within", "beyond"])
def test_how_long_a_worker_may_take_nothing_is_a_setting(
    health_file: Path, monkeypatch: pytest.MonkeyPatch, stalled_seconds: float, status: int
) -> None:
    monkeypatch.setenv("ROWCALL_HEALTH_FILE", str(health_file))
    monkeypatch.setenv("ROWCALL_STALLED_SECONDS", "5")
    write_age(health_file, 1, stalled_seconds=stalled_seconds)

    assert main() == status


def test_while_a_message_is_in_hand_a_thread_writes_for_the_event_loop(
    health: HealthFile, health_file: Path, activity: Activity
) -> None:
    write_age(health_file, 3600)

    with activity.working():
        health.look()

    assert find_fault(health_file, limit_seconds=10) is None


def test_while_the_broker_is_away_a_thread_writes_for_the_event_loop(
    health: HealthFile, health_file: Path, broker: FakeBroker
) -> None:
    write_age(health_file, 3600)
    broker.is_down = True

    health.look()

    assert find_fault(health_file, limit_seconds=10) is None


def test_otherwise_only_the_event_loop_writes(health: HealthFile, health_file: Path) -> None:
    write_age(health_file, 3600)

    health.look()

    assert find_fault(health_file, limit_seconds=10) == "the event loop stands still for 3600 s"


def test_a_worker_that_has_stopped_leaves_no_sign_of_life(health: HealthFile, health_file: Path) -> None:
    health.write()

    health.stop()

    assert not health_file.exists()


def test_the_check_without_a_file_says_which_variable_to_set(capsys: pytest.CaptureFixture[str]) -> None:
    status = main()

    assert status == 1
    assert "set ROWCALL_HEALTH_FILE" in capsys.readouterr().err

"""The command line of `make bench-online`."""

from pathlib import Path

import pytest

from benchmarks.online import main, read_options


def test_without_wrk_nothing_is_measured_and_the_status_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    status = main([])

    assert status == 2
    assert "wrk is not installed" in capsys.readouterr().err


def test_the_defaults_are_the_promised_run() -> None:
    options = read_options([])

    assert (options.rounds, options.seconds, options.connections) == (3, 5, (1, 16, 64, 256))
    assert (options.workers, options.api_processes, options.peers, options.model) == (1, 2, (), "gender")


def test_connections_are_measured_in_order_and_once() -> None:
    assert read_options(["--connections", "64,1,64"]).connections == (1, 64)


@pytest.mark.parametrize(
    "arguments",
    [["--connections", "0"], ["--rounds", "none"], ["--peers", "bentoml,other"], ["--model", "other"]],
    ids=" ".join,
)
def test_a_wrong_argument_ends_the_process(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options(arguments)

    assert arguments[0] in capsys.readouterr().err

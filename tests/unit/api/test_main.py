"""Whether the web server may start with its settings."""

import pytest

from api.__main__ import main, require_choice
from shared.settings import Settings, SettingsInvalid


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_this_machine_alone_nobody_has_to_say_whether_keys_are_needed(host: str) -> None:
    require_choice(Settings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "api.internal", "127.0.0.1.example.com"])
def test_where_others_can_reach_it_somebody_must_say_whether_keys_are_needed(host: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"ROWCALL_REQUIRE_KEYS=true .* ROWCALL_REQUIRE_KEYS=false"):
        require_choice(Settings(host=host))


@pytest.mark.parametrize("require_keys", [True, False])
def test_whoever_has_said_it_may_listen_anywhere(require_keys: bool) -> None:
    require_choice(Settings(host="0.0.0.0", require_keys=require_keys))


def test_the_refusal_is_one_line_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROWCALL_HOST", "0.0.0.0")

    assert main() == 78
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rowcall api refuses to start: ROWCALL_HOST=0.0.0.0 lets other machines in")

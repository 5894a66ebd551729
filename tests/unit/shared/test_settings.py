import ipaddress
import os
import traceback
from pathlib import Path
from unittest import mock

import pytest
from pydantic import SecretStr, ValidationError

from shared.queues import Lane
from shared.settings import Settings, SettingsInvalid, read_settings
from shared.sqs_options import find_region

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NETWORKS = (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("::1/128"))


def test_without_variables_every_setting_has_a_default() -> None:
    settings = read_settings()

    assert settings == Settings()
    assert (settings.store_url, settings.port, settings.lanes) == (
        "redis://127.0.0.1:6379/0",
        8000,
        (Lane.INTERACTIVE, Lane.BULK),
    )


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("ROWCALL_PORT", "9000", "port", 9000),
        ("ROWCALL_LEASE_SECONDS", "2.5", "lease_seconds", 2.5),
        ("ROWCALL_MODELS_DIR", "/srv/models", "models_dir", Path("/srv/models")),
        ("ROWCALL_HEALTH_FILE", "/run/health", "health_file", Path("/run/health")),
        ("ROWCALL_LANES", "bulk", "lanes", (Lane.BULK,)),
        ("ROWCALL_LANES", "bulk, interactive", "lanes", (Lane.BULK, Lane.INTERACTIVE)),
        ("ROWCALL_MODELS", "gender, churn/2,", "models", ("gender", "churn/2")),
        ("ROWCALL_MODELS", "", "models", ()),
        ("rowcall_port", "9001", "port", 9001),
        ("ROWCALL_WEBHOOKS", "true", "webhooks", True),
        ("ROWCALL_WEBHOOK_SECRETS", f"{SECRET}, {SECRET}", "webhook_secrets", (SecretStr(SECRET), SecretStr(SECRET))),
        ("ROWCALL_WEBHOOK_ALLOWED_NETWORKS", "10.1.0.0/16,::1/128", "webhook_allowed_networks", NETWORKS),
    ],
)
def test_a_variable_sets_the_field_of_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, field: str, value: object
) -> None:
    monkeypatch.setenv(name, text)

    assert getattr(read_settings(), field) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("ROWCALL_PORT", "http", id="not a number"),
        pytest.param("ROWCALL_PORT", "0", id="below its range"),
        pytest.param("ROWCALL_PORT", "65536", id="above its range"),
        pytest.param("ROWCALL_API_THREADS", "1.5", id="not a whole number"),
        pytest.param("ROWCALL_MESSAGE_ROWS", "0", id="nothing"),
        pytest.param("ROWCALL_LEASE_SECONDS", "0", id="no time"),
        pytest.param("ROWCALL_LEASE_SECONDS", "-1", id="negative time"),
        pytest.param("ROWCALL_LEASE_SECONDS", "nan", id="time that is not a number"),
        pytest.param("ROWCALL_LEASE_SECONDS", "inf", id="endless time"),
        pytest.param("ROWCALL_RETENTION_SECONDS", "0.5", id="fraction of a second to keep"),
        pytest.param("ROWCALL_REDIS_URL", "http://store", id="URL of no Redis"),
        pytest.param("ROWCALL_BROKER_URL", "amqp://broker", id="URL of another broker"),
        pytest.param("ROWCALL_KEY_PREFIX", "a{b}", id="braces in the prefix"),
        pytest.param("ROWCALL_LANES", "fast", id="unknown lane"),
        pytest.param("ROWCALL_WEBHOOK_SECRETS", "whsec_c2hvcnQ=", id="short secret"),
        pytest.param("ROWCALL_WEBHOOK_SECRETS", SECRET.removeprefix("whsec_"), id="secret without its prefix"),
        pytest.param("ROWCALL_WEBHOOK_SECRETS", f"whsec_{'*' * 32}", id="secret that is no base64"),
        pytest.param("ROWCALL_WEBHOOK_SECRETS", f"{SECRET},{SECRET},{SECRET}", id="three secrets"),
        pytest.param("ROWCALL_OPERATOR_TOKEN", "a" * 15, id="short token"),
        pytest.param("ROWCALL_OPERATOR_TOKEN", f"{'a' * 16},{'b' * 15}", id="short token beside another"),
        pytest.param("ROWCALL_OPERATOR_TOKEN", ",".join(["a" * 16] * 3), id="three tokens"),
        pytest.param("ROWCALL_OPERATOR_TOKEN", "," * 16, id="no token"),
        pytest.param("ROWCALL_WEBHOOK_ALLOWED_NETWORKS", "10.1.0.1/16", id="network with bits of a host"),
        pytest.param("ROWCALL_LANES", ",", id="no lane"),
        pytest.param("ROWCALL_LOG_LEVEL", "debug", id="unknown log level"),
    ],
)
def test_a_bad_variable_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)

    with pytest.raises(SettingsInvalid, match=f"^{name}: "):
        read_settings()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("", (), id="none"),
        pytest.param("sixteen or more!", ("sixteen or more!",), id="one"),
        pytest.param("the new one of two, the old one of two", ("the new one of two", "the old one of two"), id="two"),
    ],
)
def test_the_token_of_the_operators_may_be_two(
    monkeypatch: pytest.MonkeyPatch, text: str, tokens: tuple[str, ...]
) -> None:
    monkeypatch.setenv("ROWCALL_OPERATOR_TOKEN", text)

    assert read_settings().operator_tokens == tokens


def test_every_bad_variable_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCALL_PORT", "0")
    monkeypatch.setenv("ROWCALL_WORKERS", "none")

    with pytest.raises(SettingsInvalid, match=r"^ROWCALL_PORT: .*\nROWCALL_WORKERS: .*$"):
        read_settings()


def test_the_default_wait_must_not_exceed_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCALL_DEFAULT_WAIT_SECONDS", "56")

    with pytest.raises(SettingsInvalid, match=r"^ROWCALL_DEFAULT_WAIT_SECONDS must not exceed"):
        read_settings()


def test_variables_of_others_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1")
    monkeypatch.setenv("ROWCALL_CLIENT_URL", "http://127.0.0.1:8000")

    assert read_settings() == Settings()


def test_settings_cannot_be_changed() -> None:
    settings = Settings()

    with pytest.raises(ValidationError):
        settings.port = 1


@pytest.mark.parametrize("show", [repr, str], ids=["repr", "str"])
def test_a_password_is_never_shown(show: type[str]) -> None:
    settings = Settings(
        redis_url=SecretStr("redis://:hunter2@store:6379"), broker_url=SecretStr("redis://:hunter2@broker:6379")
    )

    assert "hunter2" not in show(settings)


def test_a_password_is_not_in_the_refusal_of_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCALL_REDIS_URL", "http://:hunter2@store:6379")

    with pytest.raises(SettingsInvalid) as refused:
        read_settings()

    assert "hunter2" not in str(refused.value)


def test_the_broker_is_the_store_unless_it_has_an_url_of_its_own() -> None:
    store = SecretStr("redis://store:6379")

    assert Settings(redis_url=store).effective_broker_url == "redis://store:6379"
    assert Settings(redis_url=store, broker_url=SecretStr("redis://b:1")).effective_broker_url == "redis://b:1"


QUEUES = {
    "sqs_interactive_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/rowcall-interactive",
    "sqs_bulk_url": "https://sqs.eu-west-1.amazonaws.com/123456789012/rowcall-bulk",
}


def test_the_queues_of_sqs_belong_to_lanes() -> None:
    settings = Settings.model_validate({"broker_url": "sqs://"} | QUEUES)

    assert settings.is_on_sqs
    assert settings.queue_urls == {Lane.INTERACTIVE: QUEUES["sqs_interactive_url"], Lane.BULK: QUEUES["sqs_bulk_url"]}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({}, "needs ROWCALL_SQS_INTERACTIVE_URL and ROWCALL_SQS_BULK_URL", id="no queues"),
        pytest.param(QUEUES | {"sqs_bulk_url": None}, "needs ROWCALL_SQS_INTERACTIVE_URL and", id="one queue"),
        pytest.param(QUEUES | {"sqs_bulk_url": "rowcall-bulk"}, "must be the URL of a standard queue", id="a name"),
        pytest.param(
            QUEUES | {"sqs_bulk_url": QUEUES["sqs_bulk_url"] + ".fifo"},
            "must be the URL of a standard queue",
            id="FIFO",
        ),
        pytest.param(QUEUES | {"broker_url": "sqs://key:secret@"}, "must be sqs:// and nothing else", id="a key"),
    ],
)
def test_settings_of_sqs_that_cannot_work_are_refused(given: dict[str, str | None], words: str) -> None:
    with pytest.raises(ValidationError, match=words) as refused:
        Settings.model_validate({"broker_url": "sqs://"} | given)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/123/rowcall", "eu-west-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/123/rowcall", "cn-north-1"),
        ("https://eu-west-1.queue.amazonaws.com/123/rowcall", "eu-west-1"),
        ("http://127.0.0.1:5000/123/rowcall", "us-east-1"),
    ],
)
def test_requests_are_signed_for_the_region_of_the_queues(url: str, region: str) -> None:
    settings = Settings.model_validate({"broker_url": "sqs://", "sqs_interactive_url": url, "sqs_bulk_url": url})

    assert find_region(settings) == region


def test_every_key_starts_with_the_prefix_as_a_hash_tag() -> None:
    assert Settings(key_prefix="blue").key_root == "{blue}:"


def test_another_process_reads_the_same_settings(tmp_path: Path) -> None:
    settings = Settings(
        redis_url=SecretStr("unix:///run/store.sock"),
        lanes=(Lane.BULK,),
        models=("a", "b/2"),
        models_dir=tmp_path,
        port=1,
        webhook_secrets=(SecretStr(SECRET),),
        webhook_allowed_networks=NETWORKS,
    )

    with mock.patch.dict(os.environ, settings.to_environment()):
        found = read_settings()

    assert found == settings


def test_another_process_finds_relative_paths_from_any_folder() -> None:
    variables = Settings(models_dir=Path("models")).to_environment()

    assert variables == {"ROWCALL_MODELS_DIR": str(Path.cwd() / "models")}


@pytest.mark.parametrize("name", ["ROWCALL_API_THREADS", "ROWCALL_KEY_PREFIX", "ROWCALL_LANES", "ROWCALL_HEALTH_FILE"])
def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")

    assert read_settings() == Settings()


def test_a_refused_url_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWCALL_REDIS_URL", "http://:hunter2@store")

    with pytest.raises(SettingsInvalid) as refused:
        read_settings()

    assert "hunter2" not in "".join(traceback.format_exception(refused.value))


def test_settings_can_be_handed_to_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(lanes=(Lane.BULK,), port=8123, redis_url=SecretStr("redis://:secret@store/1"), health_file=None)
    environment = settings.to_environment()

    for name, text in environment.items():
        monkeypatch.setenv(name, text)

    assert read_settings() == settings

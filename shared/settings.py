"""Environment → one frozen Settings object; the only reader of the environment.

Every field is the variable `ROWCALL_` + its name in capitals, described in docs/reference/settings.md.
"""

import base64
import ipaddress
import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, AliasChoices, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.queues import Lane
from shared.rates import FASTEST, SLOWEST, is_rate

ENVIRONMENT_PREFIX = "ROWCALL_"

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65_535)]


def _redis_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://")
    return url


def _broker_url(url: SecretStr) -> SecretStr:
    if not url.get_secret_value().startswith(("sqs://", "redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://, or be sqs://")
    if url.get_secret_value().startswith("sqs://") and url.get_secret_value() != "sqs://":
        raise ValueError("must be sqs:// and nothing else; queues, endpoint and credentials have settings of their own")
    return url


def _queue_url(url: str) -> str:
    if not _QUEUE_URL.fullmatch(url):
        raise ValueError("must be the URL of a standard queue, such as https://sqs.eu-west-1.amazonaws.com/123/rowcall")
    return url


def _rate(per_second: float) -> float:
    if not is_rate(per_second):
        raise ValueError(f"must be 0, or {SLOWEST:g} to {FASTEST:g} requests per second")
    return per_second


#: A queue of SQS or of a server that speaks its protocol. FIFO queues let messages of one group wait for each other.
_QUEUE_URL = re.compile(r"https?://[^/\s]+/[^\s]*(?<!\.fifo)")


def _webhook_secret(secret: SecretStr) -> SecretStr:
    prefix, _, encoded = secret.get_secret_value().partition("_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if prefix != "whsec" or not 24 <= len(key) <= 64:
        raise ValueError("must be whsec_ and the base64 of 24 to 64 random bytes")
    return secret


def _operator_token(tokens: SecretStr) -> SecretStr:
    given = _split(tokens.get_secret_value())
    if not 1 <= len(given) <= 2 or not all(len(token) >= 16 for token in given):
        raise ValueError("must be at least 16 characters without a comma, or two of these with a comma between")
    return tokens


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("must be origins such as https://app.example, without a path, or *")
    return origins


_ORIGIN = re.compile(r"https?://[^/\s*]+")

RequestsPerSecond = Annotated[float, AfterValidator(_rate)]
OperatorToken = Annotated[SecretStr, AfterValidator(_operator_token)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
BrokerUrl = Annotated[SecretStr, AfterValidator(_broker_url)]
QueueUrl = Annotated[str, AfterValidator(_queue_url)]
#: Several names in one variable, separated by commas.
Names = Annotated[tuple[str, ...], NoDecode]
WebhookSecrets = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_webhook_secret)], ...], NoDecode, Field(max_length=2)
]
Networks = Annotated[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...], NoDecode]


class SettingsInvalid(Exception):
    """Raised when a variable cannot be used; the message names it and says what it must be."""


class Settings(BaseSettings):
    """Everything that may differ between two deployments."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX,
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    #: Server that holds the job records. Unset: `make up` starts a private one.
    redis_url: RedisUrl = SecretStr("redis://127.0.0.1:6379/0")
    #: Server that holds the queues, or sqs://; unset, the same as `redis_url`.
    broker_url: BrokerUrl | None = None
    #: First part of every key, so that deployments can share a server.
    key_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "rowcall"

    #: The queue of each lane on SQS.
    sqs_interactive_url: QueueUrl | None = None
    sqs_bulk_url: QueueUrl | None = None
    #: Another server that speaks the protocol of SQS; unset, AWS's own.
    sqs_endpoint_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")] | None = None
    #: Largest message on SQS, in bytes; a job whose rows make a larger one is sent without them.
    sqs_message_bytes: Annotated[int, Field(ge=16_384, le=1_048_576)] = 262_144

    #: Address and port that the API listens on.
    host: str = "127.0.0.1"
    port: Port = 8000
    #: Web server processes, and requests that each works on at once besides those that wait for a result.
    api_processes: Count = 2
    api_threads: Count = 32
    #: Requests of one API process that may wait for a result at once; beyond it the answer is 202.
    max_waiters: Count = 1_000
    #: How long a client may take for the head of a request, and keep us waiting in its body or with its answer.
    client_timeout_seconds: Annotated[float, Field(ge=1, le=3_600)] = 60.0
    #: Whether every request needs an API key; unset, none does, and the API listens on this machine only.
    require_keys: bool | None = None
    #: Proves an operator, who may decide on jobs in quarantine and on keys, as does a key with the scope admin; two
    #: with a comma between, while one is replaced.
    operator_token: OperatorToken | None = None
    #: How long a browser is to ask for us by HTTPS only; 0 says nothing of it.
    hsts_seconds: Annotated[int, Field(ge=0)] = 0
    #: Pages on these origins may call the API from a browser, `*` for all; empty: none may.
    cors_origins: Annotated[Names, AfterValidator(_origins)] = ()
    #: Largest request body, in bytes.
    max_body_bytes: Count = 1_048_576
    #: Most rows in one prediction job.
    max_rows: Count = 1_000
    #: A single prediction that would wait for longer than this is refused; 0 refuses none.
    max_queue_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    #: A file that would wait for longer than this for those before it is refused; 0 refuses none.
    max_batch_queue_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    #: Requests per second that are accepted of a key without a rate of its own, or of all callers together where none
    #: is asked for; 0 limits nobody.
    rate_limit: RequestsPerSecond = 0.0
    #: Most rows, and bytes of rows, of the jobs that leave as one message; a larger job leaves alone.
    message_rows: Count = 512
    message_bytes: Count = 131_072
    #: Wait of `Prefer: wait` without a number and of `/predict`; and the longest one granted.
    default_wait_seconds: Seconds = 10.0
    max_wait_seconds: Seconds = 55.0

    #: Whether a job or batch may name a webhook.
    webhooks: bool = False
    #: What webhooks are signed with; two while one is replaced. Only the process that delivers them needs it.
    webhook_secrets: WebhookSecrets = ()
    #: Private networks that webhooks may go to all the same, and over HTTP too.
    webhook_allowed_networks: Networks = ()
    #: Webhooks that are delivered at once; a quarter of them to one receiver.
    webhook_concurrency: Count = 16

    #: Folder of model folders, `<name>/<version>/`.
    models_dir: Path = Path("models")
    #: Models that a worker loads: `name` (its newest version) or `name/version`; empty: the newest of each.
    models: Names = ()
    #: Lanes that a worker takes messages from.
    lanes: Annotated[tuple[Lane, ...], NoDecode, Field(min_length=1)] = (Lane.INTERACTIVE, Lane.BULK)
    #: Worker processes that `make up` starts for single predictions, and for files.
    workers: Count = 2
    bulk_workers: Count = 1
    #: A prediction that runs longer ends its worker process, and counts as a failed attempt.
    predict_timeout_seconds: Seconds = 60.0
    #: File that a worker touches while it is healthy; unset, it writes none.
    health_file: Path | None = None
    #: A worker that takes nothing for so long although messages wait counts as stalled.
    stalled_seconds: Seconds = 120.0
    #: From SIGTERM to the end of a process; shortly before it, a worker gives back what it has not finished.
    stop_seconds: Seconds = 30.0
    #: Agent of the ECS task that a bulk worker runs in; ECS itself sets ECS_AGENT_URI.
    ecs_agent_uri: Annotated[
        str | None, Field(validation_alias=AliasChoices("ROWCALL_ECS_AGENT_URI", "ECS_AGENT_URI"))
    ] = None

    #: Replicas that must have a job before it is accepted, and how long they may take; above 0 on one server only.
    accept_replicas: Annotated[int, Field(ge=0)] = 0
    accept_replicas_timeout_seconds: Annotated[Seconds, Field(le=1.5)] = 1.0
    #: How long a claimed job stays with a worker that gives no sign of life.
    lease_seconds: Seconds = 10.0
    #: Attempts before a job whose workers died is set aside.
    max_attempts: Count = 3
    #: How often the sweeper looks for work that got stuck.
    sweep_interval_seconds: Seconds = 1.0
    #: How long a message may be on its way before it counts as lost.
    resend_after_seconds: Seconds = 2.0
    #: Deadline of a job that names none with `Cancel-After`.
    deadline_seconds: Seconds = 86_400.0
    #: How long a final job can be read.
    retention_seconds: Annotated[int, Field(ge=1)] = 86_400
    #: How long an idempotency key stands for the job that came with it.
    idempotency_seconds: Annotated[int, Field(ge=1)] = 86_400
    #: How long a job in quarantine keeps its input.
    quarantine_retention_seconds: Annotated[int, Field(ge=1)] = 604_800

    #: Where uploads and results lie: file:///folder or s3://bucket/prefix; unset, a folder in `data_dir`.
    files_url: str | None = None
    #: Buckets that a client may name in `input_url`; the service reads them with its own rights.
    input_buckets: Names = ()
    #: Largest file that can be uploaded, unpacked.
    max_upload_bytes: Count = 20 * 1024**3
    #: Largest file of mended rows, unpacked; it is merged in memory.
    max_mended_bytes: Count = 256 * 1024**2
    #: Bytes of the input that one task predicts; a worker that dies loses at most this much work.
    chunk_bytes: Count = 8 * 1024**2
    #: Longest record of a file, with its quoted newlines.
    max_record_bytes: Count = 4 * 1024**2

    #: State of `make up`: the server's append-only file, logs, sockets.
    data_dir: Path = Path(".rowcall")
    #: DEBUG, INFO, WARNING or ERROR.
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"

    @model_validator(mode="before")
    @classmethod
    def _split_names(cls, values: dict[str, object]) -> dict[str, object]:
        for name in ("models", "lanes", "input_buckets", "cors_origins", "webhook_secrets", "webhook_allowed_networks"):
            if isinstance(text := values.get(name), str):
                values[name] = _split(text)
        return values

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.default_wait_seconds > self.max_wait_seconds:
            raise ValueError("ROWCALL_DEFAULT_WAIT_SECONDS must not exceed ROWCALL_MAX_WAIT_SECONDS")
        if self.is_on_sqs and None in self.queue_urls.values():
            raise ValueError("ROWCALL_BROKER_URL=sqs:// needs ROWCALL_SQS_INTERACTIVE_URL and ROWCALL_SQS_BULK_URL")
        return self

    @property
    def key_root(self) -> str:
        """Start of every key; the braces keep all keys on one shard of a cluster."""
        return "{" + self.key_prefix + "}:"

    def to_environment(self) -> dict[str, str]:
        """Return the variables under which another process reads these settings; paths become absolute."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return {
            f"{ENVIRONMENT_PREFIX}{name.upper()}": _to_text(value) for name, value in given.items() if value is not None
        }

    @property
    def effective_files_url(self) -> str:
        """Where uploads and results lie."""
        return self.files_url or f"file://{(self.data_dir / 'files').resolve()}"

    @property
    def store_url(self) -> str:
        """The job store's URL with its password, for the client library only: never log it."""
        return self.redis_url.get_secret_value()

    @property
    def operator_tokens(self) -> tuple[str, ...]:
        """The tokens of which each proves an operator: never log them."""
        return _split(self.operator_token.get_secret_value()) if self.operator_token else ()

    @property
    def is_on_sqs(self) -> bool:
        """Whether the queues are on SQS."""
        return self.broker_url is not None and self.broker_url.get_secret_value() == "sqs://"

    @property
    def queue_urls(self) -> dict[Lane, str | None]:
        """The queue of each lane on SQS; with SQS as the broker none is missing."""
        return {Lane.INTERACTIVE: self.sqs_interactive_url, Lane.BULK: self.sqs_bulk_url}

    @property
    def visibility_seconds(self) -> int:
        """How long a broker keeps a message for the worker that took it: longer than any message may take."""
        return int(2 * self.predict_timeout_seconds + 60)

    @property
    def effective_broker_url(self) -> str:
        """The broker's URL with its password, for the client library only: never log it."""
        return (self.broker_url or self.redis_url).get_secret_value()


def read_settings() -> Settings:
    """Read the environment; raises SettingsInvalid, one line for each bad variable."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsInvalid("\n".join(_explain(problem) for problem in error.errors())) from error


def _to_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return str(value.resolve())
    return ",".join(_to_text(part) for part in value) if isinstance(value, tuple) else str(value)


def _explain(problem: object) -> str:
    assert isinstance(problem, dict)
    name = f"{ENVIRONMENT_PREFIX}{str(problem['loc'][0]).upper()}: " if problem["loc"] else ""
    return f"{name}{problem['msg'].removeprefix('Value error, ')}"

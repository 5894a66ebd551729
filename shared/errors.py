"""Every exception of ours, one shallow tree that says whose fault it is.

ServiceError
├── RequestError                 the caller's: never retried as it stands
│   ├── RequestMalformed
│   ├── InputInvalid
│   ├── ModelNotFound
│   ├── JobNotFound
│   ├── JobGone
│   ├── JobAlreadyFinal
│   ├── JobNotRetryable
│   ├── IdempotencyKeyReused
│   ├── IdTaken
│   ├── BatchNotFound
│   ├── BatchGone
│   ├── BatchNotMendable
│   ├── NotInQuarantine
│   ├── KeyRequired
│   ├── ScopeMissing
│   ├── KeyNotFound
│   ├── NoWebhookMessage
│   ├── FileTooLarge
│   ├── UploadNotResumable
│   ├── NoPlaceToWait
│   └── WaitTimedOut
├── DependencyError              a server we need is away: worth retrying
│   ├── StoreUnavailable
│   ├── StoreFull
│   ├── NotReplicated
│   ├── BrokerUnavailable
│   ├── FileStoreUnavailable
│   ├── FileStoreFull
│   ├── FileMissing
│   ├── NoModelServed
│   └── NoWorkerAlive
└── ModelError                   an artifact or its manifest is wrong: a person must act
    ├── ModelMissing
    ├── ManifestInvalid
    ├── ChecksumMismatch
    ├── LibraryMismatch
    ├── ArtifactUnusable
    └── VersionTaken

What a *job* failed with is not an exception but a `JobErrorCode` in its record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class FieldErrorCode(StrEnum):
    """Why one field of the input was refused."""

    #: A feature has no value: the field is absent or null.
    MISSING_VALUE = "missing_value"
    #: A field that the model does not have; the detail names the nearest one that it has.
    UNKNOWN_FIELD = "unknown_field"
    #: Not a finite JSON number; numeric strings and booleans are not numbers.
    NOT_A_NUMBER = "not_a_number"
    #: A number with a fraction where the feature counts whole things.
    NOT_AN_INTEGER = "not_an_integer"
    #: Outside the hard range of the feature; the detail says which unit it looks like.
    OUT_OF_RANGE = "out_of_range"
    #: Not one of the categories of the feature.
    NOT_A_CATEGORY = "not_a_category"
    #: Not a string where the feature is text.
    NOT_TEXT = "not_text"
    #: The value has the wrong JSON type, such as a list where an object belongs.
    WRONG_TYPE = "wrong_type"
    #: An array with no rows, or with more than one request may carry.
    ROW_COUNT = "row_count"
    #: A webhook was asked for, and the operator has not enabled them.
    WEBHOOKS_OFF = "webhooks_off"
    #: No webhook can go to this URL; the detail says what to send instead.
    WEBHOOK_URL_REFUSED = "webhook_url_refused"
    #: Arrays and objects inside each other, deeper than anything that is asked for here.
    TOO_DEEP = "too_deep"


class UploadErrorCode(StrEnum):
    """Why an uploaded file was refused before any row was looked at."""

    #: There is nothing in it.
    EMPTY_FILE = "empty_file"
    #: A header, and nothing below it.
    NO_ROWS = "no_rows"
    #: It holds bytes that no CSV has; a spreadsheet must be saved as CSV first.
    NOT_CSV = "not_csv"
    #: An encoding in which records cannot be cut, such as UTF-16; the detail says what to save it as.
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    #: The delimiter asked for is not one ASCII character.
    BAD_DELIMITER = "bad_delimiter"
    #: The first line does not end within a mebibyte.
    HEADER_TOO_LONG = "header_too_long"
    #: More columns than a file may have.
    TOO_MANY_COLUMNS = "too_many_columns"
    #: No column is this feature; the detail names the nearest one, and how to say which it is.
    MISSING_COLUMN = "missing_column"
    #: Several columns could be this feature.
    AMBIGUOUS_COLUMN = "ambiguous_column"
    #: The compressed file is damaged, or unpacks to far more than a file may have.
    BAD_COMPRESSION = "bad_compression"
    #: A query parameter has a value that it cannot have.
    BAD_PARAMETER = "bad_parameter"


class FieldWarningCode(StrEnum):
    """Why a field that was accepted deserves a second look."""

    #: Inside the hard range but outside the range in which the model was trained.
    UNTYPICAL = "untypical"


@dataclass(frozen=True, slots=True)
class FieldNote:
    """One refused or doubtful value: where it is, what it is, and how to mend it.

    `pointer` is an RFC 6901 JSON pointer into the request body, such as `/input/3/height`.
    """

    pointer: str
    code: str
    detail: str

    def to_dict(self) -> dict[str, str]:
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


class ServiceError(Exception):
    """Raised when a request, a dependency or a model is not as it must be."""

    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or (type(self).__doc__ or "").split("\n")[0]
        super().__init__(self.detail)


class RequestError(ServiceError):
    """Raised when the caller must change something before asking again."""


class RequestMalformed(RequestError):
    """Raised when the body, a header or a query parameter cannot be read."""

    code = "malformed_request"


class InputInvalid(RequestError):
    """Raised when the body can be read but its fields do not fit the model."""

    code = "invalid_input"

    def __init__(self, errors: Sequence[FieldNote]) -> None:
        self.errors = tuple(errors)
        first = self.errors[0]
        more = f" (and {len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
        super().__init__(f"{first.pointer or 'body'}: {first.detail}{more}")


class ModelNotFound(RequestError):
    """Raised when no worker has announced the model or the version that was asked for."""

    code = "model_not_found"


class JobNotFound(RequestError):
    """Raised when an id was never given out by this service."""

    code = "prediction_not_found"


class JobGone(RequestError):
    """Raised when a job existed and its record has passed its retention."""

    code = "prediction_gone"


class JobAlreadyFinal(RequestError):
    """Raised when a job can no longer be canceled because it is final."""

    code = "already_final"


class JobNotRetryable(RequestError):
    """Raised when a job cannot be tried again: it did not fail or expire, or its input is kept no longer."""

    code = "not_retryable"


class IdempotencyKeyReused(RequestError):
    """Raised when an idempotency key comes with another request than the first time."""

    code = "idempotency_key_reused"


class IdTaken(RequestError):
    """Raised when a client gives an id to a job that it gave to another one before."""

    code = "id_taken"


class BatchNotFound(RequestError):
    """Raised when a batch id was never given out by this service."""

    code = "batch_not_found"


class BatchGone(RequestError):
    """Raised when a batch existed and its record and files have passed their retention."""

    code = "batch_gone"


class BatchNotMendable(RequestError):
    """Raised when mended rows come for a batch that is not completed, so that they have no place yet."""

    code = "batch_not_mendable"


class NotInQuarantine(RequestError):
    """Raised when no job under this id is in quarantine, or no longer."""

    code = "not_in_quarantine"


class NoWebhookMessage(RequestError):
    """Raised when a webhook is to be sent again of what has none, or has not ended."""

    code = "no_webhook_message"


class KeyRequired(RequestError):
    """Raised when a request comes without a valid key; one that is unknown, revoked or expired is none."""

    code = "key_required"

    def __init__(self) -> None:
        super().__init__("This needs a valid API key: send it as Authorization: Bearer ….")


class ScopeMissing(RequestError):
    """Raised when the key of a request is valid but does not allow it."""

    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"This needs a key with the scope `{scope}`.")


class KeyNotFound(RequestError):
    """Raised when there is no key under this id, or no longer."""

    code = "key_not_found"


class FileTooLarge(RequestError):
    """Raised when an upload has more bytes than are accepted."""

    code = "upload_too_large"

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        super().__init__(f"The file has more than {max_bytes} bytes, the most that is accepted; send it in parts.")


class UploadNotResumable(RequestError):
    """Raised when a request carries a part of a file, by one of the protocols for that."""

    code = "upload_not_resumable"


class NoPlaceToWait(RequestError):
    """Raised when a request that can only wait finds every place for that taken; nothing was promised."""

    code = "no_place_to_wait"
    retryable = True


class WaitTimedOut(RequestError):
    """Raised when a caller that wants the bare output waited as long as it may; the job lives on."""

    code = "wait_timed_out"
    retryable = True


class DependencyError(ServiceError):
    """Raised when a server that we need cannot be used right now."""

    code = "dependency_unavailable"
    retryable = True


class StoreUnavailable(DependencyError):
    """Raised when the job store does not answer, so nothing can be promised."""

    code = "store_unavailable"


class StoreFull(DependencyError):
    """Raised when the job store has no memory left for another job."""

    code = "store_full"


class NotReplicated(DependencyError):
    """Raised when what was accepted is written, but not by as many replicas as it takes to promise it."""

    code = "not_replicated"


class BrokerUnavailable(DependencyError):
    """Raised when a message cannot be put on its queue."""

    code = "broker_unavailable"


class FileStoreUnavailable(DependencyError):
    """Raised when the file store does not answer or refuses us, so no file can be read or written."""

    code = "file_store_unavailable"


class FileStoreFull(DependencyError):
    """Raised when the file store has no room for another file."""

    code = "file_store_full"


class FileMissing(DependencyError):
    """Raised when no file lies under a key, or none that may be copied lies at an address."""

    code = "file_missing"


class NoModelServed(DependencyError):
    """Raised when no worker has announced any model yet."""

    code = "no_model_served"


class NoWorkerAlive(DependencyError):
    """Raised when no worker takes messages of the interactive lane; jobs wait for one."""

    code = "no_worker_alive"


class ModelError(ServiceError):
    """Raised when a model cannot be served as it stands."""

    code = "model_error"


class ModelMissing(ModelError):
    """Raised when a model folder, its manifest or its artifact does not exist."""

    code = "model_missing"


class ManifestInvalid(ModelError):
    """Raised when a manifest cannot be read or contradicts itself."""

    code = "manifest_invalid"


class ChecksumMismatch(ModelError):
    """Raised when the bytes of an artifact are not those that its manifest names."""

    code = "checksum_mismatch"


class LibraryMismatch(ModelError):
    """Raised when an artifact was written by another scikit-learn than the one installed."""

    code = "library_mismatch"


class ArtifactUnusable(ModelError):
    """Raised when an artifact with the right checksum cannot be loaded or cannot predict."""

    code = "artifact_unusable"


class VersionTaken(ModelError):
    """Raised when a model version is already published with another content."""

    code = "version_taken"

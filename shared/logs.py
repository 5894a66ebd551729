"""Structured logs: one JSON object a line on standard error; constant text, data in fields, never row values."""

import logging
import logging.config

from pythonjsonlogger.json import JsonFormatter

#: Loggers of libraries that are heard from WARNING on, whatever the level.
_LOUD = ("celery", "kombu", "amqp", "botocore", "boto3", "s3transfer", "urllib3")


def configure_logs(process: str, level: str) -> None:
    """Send every log of this process to standard error as JSON. process: such as `api` or `worker`."""
    formatter = JsonFormatter(
        "%(message)s %(name)s %(levelname)s",
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp=True,
        static_fields={"process": process},
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    handler.addFilter(_drop_content)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Their lines say nothing that ours do not, or carry what others sent: return values, bodies, signatures.
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)


def _drop_content(record: logging.LogRecord) -> bool:
    """Take out of a line of Celery what it quotes of a message: the body of one it refuses, the arguments of one that
    failed. What remains says what happened, and the traceback where.
    """
    if record.name.partition(".")[0] in ("celery", "kombu"):
        # Arguments of the task, as text.
        record.__dict__.pop("data", None)
        first_line, *others = str(record.msg).splitlines() or [""]
        if others:
            record.msg, record.args = first_line.partition("%")[0].rstrip(" :["), ()
    return True

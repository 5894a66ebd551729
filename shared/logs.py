"""Structured logs: one JSON object a line on standard error; constant text, data in fields, never row values."""

import logging
import logging.config

from pythonjsonlogger.json import JsonFormatter


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
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Their INFO lines say nothing new. Celery's carry return values, and botocore logs whole messages at DEBUG.
    for name in ("celery", "kombu", "amqp", "boto3", "botocore", "s3transfer", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)

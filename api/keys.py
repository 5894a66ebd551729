"""Operator's command: `python -m api.keys` makes, lists and revokes API keys in the store itself, without HTTP.

So the first key needs no other key. It reads the same variables as the API, and works while the API is down.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from api.callers import Scope
from api.key_store import NAME, ApiKey, RedisKeys
from shared.errors import DependencyError
from shared.rates import FASTEST, SLOWEST, is_rate
from shared.redis_client import make_redis
from shared.settings import SettingsInvalid, read_settings

SECONDS_PER_DAY = 86_400
#: Longest time for which a key can be made: ten years.
MAX_DAYS = 3_650


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit status 0: done; 1: the store is away, or no such key; 2: usage; 78: bad settings."""
    asked = make_parser().parse_args(arguments)
    try:
        settings = read_settings()
    except SettingsInvalid as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_CONFIG
    with make_redis(settings, settings.store_url, retries=3) as redis:
        try:
            return _run(asked, RedisKeys(redis, settings))
        except DependencyError as error:
            sys.stderr.write(f"{error.detail} It is looked for where ROWCALL_REDIS_URL says.\n")
            return 1


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m api.keys", description="API keys of this deployment.")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key and print it; it is shown only now")
    create.add_argument("name", type=_name, help="what people call it")
    create.add_argument(
        "--scope", dest="scopes", action="append", choices=[*Scope], required=True, help="may be given several times"
    )
    create.add_argument("--owner", type=_name, help="whose jobs it reaches; by default an owner of its own")
    create.add_argument("--days", type=_days, help="how long it is valid; by default until it is revoked")
    create.add_argument(
        "--rate",
        type=_rate,
        help="requests per second that are accepted of it, 0 for all; by default what ROWCALL_RATE_LIMIT says",
    )
    commands.add_parser("list", help="list the keys that were not revoked")
    revoke = commands.add_parser("revoke", help="refuse a key from now on")
    revoke.add_argument("id", help="the part between the underscores, as the list has it")
    return parser


def _run(asked: argparse.Namespace, keys: RedisKeys) -> int:
    if asked.command == "list":
        sys.stdout.writelines(f"{_describe(key)}\n" for key in keys.list())
        return 0
    if asked.command == "revoke":
        if keys.revoke(asked.id):
            return 0
        sys.stderr.write("There is no key under this id.\n")
        return 1
    valid_seconds = None if asked.days is None else asked.days * SECONDS_PER_DAY
    scopes = {Scope(scope) for scope in asked.scopes}
    key, text = keys.create(
        asked.name, scopes=scopes, owner=asked.owner, valid_seconds=valid_seconds, requests_per_second=asked.rate
    )
    # The key alone, so that a shell can take it.
    sys.stdout.write(f"{text}\n")
    sys.stderr.write(f"{_describe(key)}\nKeep the key: it is shown only now.\n")
    return 0


def _describe(key: ApiKey) -> str:
    scopes = ",".join(sorted(key.scopes))
    until = f"until {_show(key.expires_at)}" if key.expires_at is not None else "until revoked"
    used = f"last used {_show(key.last_used_at)}" if key.last_used_at is not None else "never used"
    rate = "" if key.requests_per_second is None else f"  {_show_rate(key.requests_per_second)}"
    return f"{key.id}  {key.name!r}  owner {key.owner!r}  {scopes}{rate}  {until}  {used}"


def _show_rate(per_second: float) -> str:
    return f"at most {per_second:g}/s" if per_second else "at any rate"


def _show(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"must be of the form {NAME.pattern}")
    return text


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_DAYS:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MAX_DAYS}")
    return int(text)


def _rate(text: str) -> float:
    try:
        per_second = float(text)
    except ValueError:
        per_second = -1.0
    if not is_rate(per_second):
        raise argparse.ArgumentTypeError(f"must be 0, or {SLOWEST:g} to {FASTEST:g} requests per second")
    return per_second


if __name__ == "__main__":
    sys.exit(main())

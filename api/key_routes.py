"""Blueprint: make API keys, list them, revoke them. For operators only."""

import logging
from typing import Any

from flask import Blueprint, Response, request

from api.callers import Scope, current_caller
from api.key_store import NAME, ApiKey, RedisKeys
from api.representations import json_response, show_time
from api.submissions import read_json
from api.terms import find_whole_number
from shared.errors import FieldErrorCode, FieldNote, InputInvalid, KeyNotFound
from shared.feature_schema import unknown_fields
from shared.rates import FASTEST, SLOWEST, is_rate

log = logging.getLogger(__name__)

#: Longest time for which a key can be made: ten years.
MAX_VALID_SECONDS = 315_360_000
_FIELDS = {"name", "scopes", "owner", "expires_in_seconds", "requests_per_second"}


def make_keys_blueprint(keys: RedisKeys) -> Blueprint:
    """Return the routes of keys."""
    blueprint = Blueprint("keys", __name__)

    @blueprint.post("/v1/keys")
    def create_key() -> Response:
        wanted = _read_wanted(read_json(request))
        key, text = keys.create(**wanted)
        log.warning("key created", extra={"key_id": key.id, "by": current_caller().key_id})
        return json_response(key_document(key) | {"key": text}, 201, {"Cache-Control": "no-store"})

    @blueprint.get("/v1/keys")
    def list_keys() -> Response:
        return json_response({"object": "list", "data": [key_document(key) for key in keys.list()]})

    @blueprint.delete("/v1/keys/<key_id>")
    def revoke_key(key_id: str) -> Response:
        if not keys.revoke(key_id):
            raise KeyNotFound("There is no key under this id.")
        log.warning("key revoked", extra={"key_id": key_id, "by": current_caller().key_id})
        return Response(status=204)

    return blueprint


def key_document(key: ApiKey) -> dict[str, Any]:
    """Return a key as `GET /v1/keys` lists it; its text is known to its holder alone."""
    return {
        "id": key.id,
        "object": "key",
        "name": key.name,
        "owner": key.owner,
        "scopes": sorted(key.scopes),
        "created_at": show_time(key.created_at),
        "expires_at": show_time(key.expires_at),
        "last_used_at": show_time(key.last_used_at),
        "requests_per_second": key.requests_per_second,
    }


def _read_wanted(body: object) -> dict[str, Any]:
    """Return the arguments of `RedisKeys.create` from a body; raises InputInvalid with every bad field."""
    if not isinstance(body, dict):
        raise InputInvalid([FieldNote("", FieldErrorCode.WRONG_TYPE, 'send an object such as {"name": "billing"}')])
    errors = unknown_fields(body, _FIELDS, pointer="", what="there is no field")
    name, scopes, owner, seconds = (body.get(field) for field in ("name", "scopes", "owner", "expires_in_seconds"))
    if not _is_name(name):
        errors.append(_wrong("/name", f"send a name of the form {NAME.pattern}"))
    if owner is not None and not _is_name(owner):
        errors.append(_wrong("/owner", f"send a name of the form {NAME.pattern}, or leave it out"))
    if not isinstance(scopes, list) or not scopes or not all(scope in tuple(Scope) for scope in scopes):
        errors.append(_wrong("/scopes", f"send an array of some of {', '.join(Scope)}"))
    valid_seconds = find_whole_number(seconds)
    if seconds is not None and not 1 <= (valid_seconds or 0) <= MAX_VALID_SECONDS:
        errors.append(_wrong("/expires_in_seconds", f"send a whole number from 1 to {MAX_VALID_SECONDS}, or null"))
    per_second = body.get("requests_per_second")
    if per_second is not None and not _is_rate(per_second):
        detail = f"send 0 for no limit, {SLOWEST:g} to {FASTEST:g}, or null for the limit of the service"
        errors.append(_wrong("/requests_per_second", detail))
    if errors:
        raise InputInvalid(errors)
    return {
        "name": name,
        "scopes": {Scope(scope) for scope in scopes or ()},
        "owner": owner,
        "valid_seconds": valid_seconds,
        "requests_per_second": per_second,
    }


def _wrong(pointer: str, detail: str) -> FieldNote:
    return FieldNote(pointer, FieldErrorCode.WRONG_TYPE, detail)


def _is_rate(value: object) -> bool:
    # A boolean is a number for Python.
    return isinstance(value, int | float) and not isinstance(value, bool) and is_rate(value)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None

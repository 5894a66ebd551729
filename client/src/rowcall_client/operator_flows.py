"""What operators ask of a server about API keys and quarantine; the promises are in `operators`."""

from collections.abc import Sequence

from rowcall_client.keys import Key, KeyList
from rowcall_client.quarantine import QuarantinedJob, QuarantinePage, Redrive
from rowcall_client.wire import Flow, Repeat, Request, ask, ask_for, authorize, choose, encode_json, get, path_of


def create_key(
    token: str | None,
    name: str,
    scopes: Sequence[str],
    owner: str | None,
    valid_seconds: int | None,
    requests_per_second: float | None,
) -> Flow[Key]:
    body: dict[str, object] = {"name": name, "scopes": list(scopes), "owner": owner}
    body["expires_in_seconds"] = valid_seconds
    if requests_per_second is not None:
        # Only then, because a server from a time without rates refuses it.
        body["requests_per_second"] = requests_per_second
    request = Request("POST", "/v1/keys", headers=authorize(token), content=encode_json(body))
    return (yield from ask_for(request, Key.decode))


def list_keys(token: str | None) -> Flow[KeyList]:
    return (yield from ask_for(get("/v1/keys", headers=authorize(token)), KeyList.decode))


def revoke_key(token: str | None, key_id: str) -> Flow[None]:
    yield from delete(path_of("keys", key_id), token)


def read_quarantine(token: str | None, cursor: str | None) -> Flow[QuarantinePage]:
    request = get("/v1/quarantine", choose(cursor=cursor), authorize(token))
    return (yield from ask_for(request, QuarantinePage.decode))


def show_quarantined(token: str | None, job_id: str) -> Flow[QuarantinedJob]:
    request = get(path_of("quarantine", job_id), headers=authorize(token))
    return (yield from ask_for(request, QuarantinedJob.decode))


def redrive(token: str | None, job_id: str) -> Flow[Redrive]:
    # Doing it again changes nothing.
    path = path_of("quarantine", job_id, "redrive")
    request = Request("POST", path, headers=authorize(token), repeat=Repeat.ALWAYS)
    return (yield from ask_for(request, Redrive.decode))


def drop_quarantined(token: str | None, job_id: str) -> Flow[None]:
    yield from delete(path_of("quarantine", job_id), token)


def delete(path: str, token: str | None) -> Flow[None]:
    yield from ask(Request("DELETE", path, headers=authorize(token), repeat=Repeat.ALWAYS))

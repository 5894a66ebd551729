"""What is asked of a server about its models."""

from rowcall_client.models import Model, ModelList
from rowcall_client.wire import Flow, ask_for, get, path_of


def read_all() -> Flow[ModelList]:
    return (yield from ask_for(get("/v1/models"), ModelList.decode))


def read(name: str) -> Flow[Model]:
    return (yield from ask_for(get(path_of("models", name)), Model.decode))

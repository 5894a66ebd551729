"""The routes of the API, for tests that hold something for all of them."""

from dataclasses import fields
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from api.app import Collaborators, create_app
from shared.settings import Settings


def hollow_app(**settings: Any) -> Flask:
    """Return an app with every route that there is; its views would not work."""
    nothing: Any = None
    names = (field.name for field in fields(Collaborators))
    return create_app(Settings(**settings), Collaborators(**dict.fromkeys(names, nothing)))


def rules() -> list[Rule]:
    """Return every route that there is."""
    return list(hollow_app().url_map.iter_rules())

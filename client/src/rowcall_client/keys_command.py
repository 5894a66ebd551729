"""The commands `rowcall keys …`: what operators do with the API keys of a server."""

from enum import StrEnum
from typing import Annotated

import typer

from rowcall_client import exit_codes
from rowcall_client.command_setup import AsJson, Token, Url, connected

SECONDS_PER_DAY = 86_400
MAX_DAYS = 3_650

keys = typer.Typer(
    help="Make, list and revoke the API keys of a server.",
    epilog=exit_codes.HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Scope(StrEnum):
    """What a key may allow."""

    PREDICT = "predict"
    BATCH = "batch"
    ADMIN = "admin"


@keys.command(epilog=exit_codes.HELP)
def create(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")],
    *,
    scopes: Annotated[list[Scope], typer.Option("--scope", help="What it allows; may be given several times.")],
    owner: Annotated[
        str | None, typer.Option("--owner", help="Whose jobs it reaches; an owner of its own by default.")
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=MAX_DAYS, help="How long it is valid; until revoked by default.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option("--rate", min=0, help="Requests per second; 0 for any; the server's limit by default."),
    ] = None,
    token: Token = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it. The server shows it only now."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        valid_seconds = None if days is None else days * SECONDS_PER_DAY
        key = client.keys(token).create(
            name, scopes, owner=owner, valid_seconds=valid_seconds, requests_per_second=rate
        )
        screen.show_new_key(key)


@keys.command("list", epilog=exit_codes.HELP)
def list_keys(ctx: typer.Context, *, token: Token = None, url: Url = None, as_json: AsJson = False) -> None:
    """List the keys that were not revoked, the oldest first."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        screen.show_keys(client.keys(token).list())


@keys.command(epilog=exit_codes.HELP)
def revoke(
    ctx: typer.Context,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a key, as the list has it.")],
    *,
    token: Token = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Have a key refused from now on; the jobs of its owner stay."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        client.keys(token).revoke(key_id)
        screen.show_removed(key_id, "revoked")

"""The commands `rowcall quarantine …`: what operators do with jobs whose workers died again and again."""

from typing import Annotated

import typer

from rowcall_client import exit_codes
from rowcall_client.command_setup import AsJson, Token, Url, connected

quarantine = typer.Typer(
    help="Look at the jobs that were set aside because their workers died; begin them again, or drop them.",
    epilog=exit_codes.HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
)

QuarantinedId = Annotated[
    str, typer.Argument(metavar="ID", help="Id of a job in quarantine, such as prd_… or bat_….chunk.7.")
]


@quarantine.command("list", epilog=exit_codes.HELP)
def list_jobs(
    ctx: typer.Context,
    *,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Where a page before told to go on.")] = None,
    token: Token = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the jobs in quarantine, the one that has been there for longest first."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        screen.show_quarantine(client.quarantine(token).page(cursor))


@quarantine.command(epilog=exit_codes.HELP)
def show(
    ctx: typer.Context, job_id: QuarantinedId, *, token: Token = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Show one job with its input."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        screen.show_quarantined(client.quarantine(token).show(job_id))


@quarantine.command(epilog=exit_codes.HELP)
def redrive(
    ctx: typer.Context, job_id: QuarantinedId, *, token: Token = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Begin a job again, and print the id of the new job, or of the batch that goes on."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        screen.show_redrive(client.quarantine(token).redrive(job_id))


@quarantine.command(epilog=exit_codes.HELP)
def drop(
    ctx: typer.Context, job_id: QuarantinedId, *, token: Token = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Delete the input of a job; its answer stays."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        client.quarantine(token).drop(job_id)
        screen.show_dropped(job_id)

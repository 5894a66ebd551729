"""The commands `rowcall quarantine …`: what operators do with jobs whose workers died again and again."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from rowcall_client import exit_codes
from rowcall_client.command_setup import AsJson, Token, Url, connected
from rowcall_client.screen import Screen

if TYPE_CHECKING:
    from rowcall_client.operators import QuarantineCalls

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


def add_command(action: Callable[["QuarantineCalls", Screen, str], None]) -> None:
    """Make a command about one job of what it does with it; its name and its help are those of the function."""

    def command(
        ctx: typer.Context, job_id: QuarantinedId, *, token: Token = None, url: Url = None, as_json: AsJson = False
    ) -> None:
        with connected(ctx, url, as_json=as_json) as (client, screen):
            action(client.quarantine(token), screen, job_id)

    quarantine.command(action.__name__, help=action.__doc__, epilog=exit_codes.HELP)(command)


@add_command
def show(calls: "QuarantineCalls", screen: Screen, job_id: str) -> None:
    """Show one job with its input."""
    screen.show_quarantined(calls.show(job_id))


@add_command
def redrive(calls: "QuarantineCalls", screen: Screen, job_id: str) -> None:
    """Begin a job again, and print the id of the new job, or of the batch that goes on."""
    screen.show_redrive(calls.redrive(job_id))


@add_command
def drop(calls: "QuarantineCalls", screen: Screen, job_id: str) -> None:
    """Delete the input of a job; its answer stays."""
    calls.drop(job_id)
    screen.show_removed(job_id, "dropped")

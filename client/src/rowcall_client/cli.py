"""The command `rowcall`: reads arguments, calls the library, prints, and ends with an exit code.

Nothing heavy is imported before a command runs, so that help and completion are quick.
"""

import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated

import typer

from rowcall_client import DEFAULT_URL, __version__, exit_codes
from rowcall_client.command_input import parse_metadata, read_input
from rowcall_client.command_setup import AsJson, GlobalOptions, Metadata, ModelName, RetainFor, Url, Version, connected
from rowcall_client.errors import PredictionFailed
from rowcall_client.keys_command import keys
from rowcall_client.predictions import Prediction, Status
from rowcall_client.quarantine_command import quarantine
from rowcall_client.score_command import score

if TYPE_CHECKING:
    from rowcall_client.job_flows import JobOptions

URL_VARIABLE = "ROWCALL_URL"
KEY_VARIABLE = "ROWCALL_API_KEY"
HELP = """Predict rows with the models of a Rowcall server.

\b
  rowcall models
  rowcall predict height=181 weight=80 shoe_size=44
  rowcall predict --input rows.json --json
  rowcall get "$(rowcall submit --input rows.json)" --wait 60
  rowcall score people.csv -o scored.csv
"""

app = typer.Typer(
    name="rowcall",
    help=HELP,
    epilog=exit_codes.HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Features = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FEATURE=VALUE",
        help="One row, such as height=181 weight=80. Numbers are sent as numbers; "
        "write size='\"44\"' to send digits as text.",
    ),
]
InputFile = Annotated[
    typer.FileBinaryRead | None,
    typer.Option("--input", metavar="FILE", help="JSON file with a record or an array of records; - for stdin."),
]
CancelAfter = Annotated[
    int | None,
    typer.Option("--cancel-after", min=1, metavar="SECONDS", help="Let it expire when it is not finished by then."),
]
JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of the prediction, such as prd_….")]


def print_version(wanted: bool) -> None:
    """Print the version of the client and end."""
    if wanted:
        typer.echo(f"rowcall {__version__}")
        raise typer.Exit


@app.callback()
def read_global_options(
    ctx: typer.Context,
    *,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", envvar=URL_VARIABLE, help="Where the server is.")
    ] = DEFAULT_URL,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            metavar="KEY",
            envvar=KEY_VARIABLE,
            show_default=False,
            help="Sent with every request; a server may ask for one. Better in the variable than on the command line.",
        ),
    ] = None,
    as_json: AsJson = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    known_urls = frozenset({DEFAULT_URL, os.environ.get(URL_VARIABLE, DEFAULT_URL)})
    ctx.obj = GlobalOptions(url=url, as_json=as_json, known_urls=known_urls, api_key=api_key)


@app.command(epilog=exit_codes.HELP)
def predict(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    features: Features = None,
    *,
    input_file: InputFile = None,
    model: ModelName = None,
    version: Version = None,
    wait: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long to wait.")] = 30,
    cancel_after: CancelAfter = None,
    retain_for: RetainFor = None,
    metadata: Metadata = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Predict one row, or the rows of a file, and print the answer."""
    rows = read_input(features or [], input_file)
    options: JobOptions = {
        "model": model,
        "version": version,
        "cancel_after_seconds": cancel_after,
        "retain_for": retain_for,
        "metadata": parse_metadata(metadata),
    }
    with connected(ctx, url, as_json=as_json) as (client, screen):
        screen.show_prediction(client.predict(rows, wait_seconds=wait, **options))


@app.command(epilog=exit_codes.HELP)
def submit(  # noqa: PLR0913 - one parameter for each option
    ctx: typer.Context,
    features: Features = None,
    *,
    input_file: InputFile = None,
    model: ModelName = None,
    version: Version = None,
    cancel_after: CancelAfter = None,
    retain_for: RetainFor = None,
    metadata: Metadata = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Hand in rows without waiting, and print the id of the prediction."""
    rows = read_input(features or [], input_file)
    options: JobOptions = {
        "model": model,
        "version": version,
        "cancel_after_seconds": cancel_after,
        "retain_for": retain_for,
        "metadata": parse_metadata(metadata),
    }
    with connected(ctx, url, as_json=as_json) as (client, screen):
        screen.show_submitted(client.submit(rows, **options))


@app.command(epilog=exit_codes.HELP)
def get(
    ctx: typer.Context,
    job_id: JobId,
    *,
    wait: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Wait until it is finished, at most so long.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Print a prediction that was submitted before, as it is now or once it is finished."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        prediction = ended_well(client.get(job_id)) if wait is None else client.wait(job_id, wait)
        screen.show_prediction(prediction)


@app.command(epilog=exit_codes.HELP)
def cancel(ctx: typer.Context, job_id: JobId, *, url: Url = None, as_json: AsJson = False) -> None:
    """Cancel a prediction that is not finished yet."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        screen.show_canceled(client.cancel(job_id))


@app.command(epilog=exit_codes.HELP)
def retry(ctx: typer.Context, job_id: JobId, *, url: Url = None, as_json: AsJson = False) -> None:
    """Try a prediction that failed or expired again, under its id."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        screen.show_submitted(client.retry(job_id))


@app.command(epilog=exit_codes.HELP)
def delete(ctx: typer.Context, job_id: JobId, *, url: Url = None, as_json: AsJson = False) -> None:
    """Delete a prediction with its input and output."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        client.delete(job_id)
        screen.show_removed(job_id, "deleted")


@app.command(epilog=exit_codes.HELP)
def events(ctx: typer.Context, job_id: JobId, *, url: Url = None, as_json: AsJson = False) -> None:
    """Print what happens to a prediction as it happens, until it is finished."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        for event in client.events(job_id):
            screen.show_event(event)


@app.command("list", epilog=exit_codes.HELP)
def list_predictions(
    ctx: typer.Context,
    *,
    status: Annotated[Status | None, typer.Option("--status", help="Only those that have come so far.")] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="Only those of this model.")] = None,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Where a page before told to go on.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="At most so many.")] = 20,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List your predictions, the newest first."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        screen.show_predictions(client.list(status=status, model=model, cursor=cursor, limit=limit))


@app.command(epilog=exit_codes.HELP)
def models(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show this model in detail.")] = None,
    *,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the models with their features, or describe one of them."""
    with connected(ctx, url, as_json=as_json) as (client, screen):
        if name is None:
            screen.show_models(client.models())
        else:
            screen.show_model(client.model(name))


app.command(epilog=exit_codes.HELP)(score)
app.add_typer(keys, name="keys")
app.add_typer(quarantine, name="quarantine")


def ended_well(prediction: Prediction) -> Prediction:
    """Return a job that succeeded or goes on. Raises PredictionFailed for any other."""
    if prediction.status.is_final and prediction.status is not Status.SUCCEEDED:
        raise PredictionFailed(prediction)
    return prediction


def main() -> None:
    """Run the command line; the entry point of the script `rowcall`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal without the character for a range gets a question mark, and not a traceback.
            stream.reconfigure(errors="replace")
    app()

"""What every command shares: the options about the server, the connection to it, and errors as exit codes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from rowcall_client import exit_codes
from rowcall_client.errors import RowcallError
from rowcall_client.screen import DocumentScreen, Screen

if TYPE_CHECKING:
    from rowcall_client.client import RowcallClient

Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="Where the server is; as for rowcall itself.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the server's JSON document and nothing else.")]
ModelName = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Needed when the server has several models.")
]
Version = Annotated[
    str | None, typer.Option("--version", metavar="VERSION", help="Model version; the current one by default.")
]

RetainFor = Annotated[
    str | None,
    typer.Option(
        "--retain-for", metavar="TIME", help="Keep it so long once it is finished, such as 90s or 5m; 0 keeps nothing."
    ),
]
Metadata = Annotated[
    list[str] | None,
    typer.Option("--metadata", metavar="NAME=TEXT", help="A text of yours that comes back with it; may be repeated."),
]

TOKEN_VARIABLE = "ROWCALL_OPERATOR_TOKEN"  # noqa: S105 - the name of a variable
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar=TOKEN_VARIABLE,
        metavar="TOKEN",
        show_default=False,
        show_envvar=True,
        help="Proves an operator, as does an API key with the scope admin; the same as on the server. "
        "Better in the variable than on the command line.",
    ),
]


@dataclass(frozen=True)
class GlobalOptions:
    """What stands before the name of the command."""

    url: str
    as_json: bool
    #: Addresses that need not be typed to be reached.
    known_urls: frozenset[str]
    #: Sent with every request.
    api_key: str | None = field(default=None, repr=False)

    def repeat_url(self, url: str | None) -> str:
        """What to add to a command so that it reaches the same server again; begins with a space unless empty."""
        address = url or self.url
        return "" if address in self.known_urls else f" --url {address}"


@contextmanager
def connected(ctx: typer.Context, url: str | None, *, as_json: bool) -> Iterator[tuple["RowcallClient", Screen]]:
    """Connect for one command, and turn an error of the library into a message and an exit code."""
    from rowcall_client.client import RowcallClient  # noqa: PLC0415 - loads the HTTP library

    chosen: GlobalOptions = ctx.obj
    address = url or chosen.url
    screen = make_screen(chosen.repeat_url(url), as_json=as_json or chosen.as_json)
    try:
        client = RowcallClient(address, api_key=chosen.api_key)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from error
    try:
        with client:
            yield client, screen
    except RowcallError as error:
        screen.show_error(error)
        raise typer.Exit(exit_codes.exit_code_of(error)) from error


def make_screen(repeat_url: str, *, as_json: bool) -> Screen:
    """The screen for documents, or the one for people."""
    if as_json:
        return DocumentScreen()
    from rowcall_client.text_screen import TextScreen  # noqa: PLC0415 - loads rich

    return TextScreen("rowcall get {id} --wait 30" + repeat_url.replace("{", "{{").replace("}", "}}"))

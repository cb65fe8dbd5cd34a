"""The commands for the outputs of a gateway, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, get_args
from urllib.parse import quote

import typer

from projections.views.rows import ClockMs, Heading, RowModel, TimeMs
from services.cli.console import echo
from services.cli.options import As, Of, OutputFormat
from services.cli.output import print_rows
from services.queries.tables.columns import Row, Table
from services.storage.output_views import OutputView

if TYPE_CHECKING:
    from services.cli.gateway_client import GatewayClient

GATEWAY = "http://127.0.0.1:8000"

outputs = typer.Typer(no_args_is_help=True)
VIEWS: tuple[str, ...] = get_args(OutputView)


def _view(text: str) -> str:
    """One of the views. Raises BadParameter, which ends with 2."""
    if text not in VIEWS:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(VIEWS)}")
    return text


class OutputsRow(RowModel):
    """An output: what it shows, who holds it, and how old its data is."""

    name: Annotated[str, Heading("Output")]
    session: Annotated[str, Heading("Session")]
    view: Annotated[str, Heading("View")]
    classes: Annotated[list[str], Heading("Classes", rank=1)]
    cars: Annotated[list[str], Heading("Cars", rank=1)]
    rows: Annotated[int, Heading("Rows")]
    delay_ms: Annotated[TimeMs, Heading("Delay")]
    season: Annotated[str | None, Heading("Season", rank=2)]
    of: Annotated[str, Heading("Of", rank=2)]
    frozen_by: Annotated[str | None, Heading("Frozen by")]
    reason: Annotated[str | None, Heading("Reason", rank=1)]
    age_ms: Annotated[ClockMs | None, Heading("Age")]
    stale: Annotated[bool | None, Heading("Stale")]
    position: str | None


OUTPUTS = Table(
    "outputs",
    "The outputs of a gateway: what each shows, who holds it, and how old its data is.",
    OutputsRow,
)

Name = Annotated[str, typer.Argument(metavar="OUTPUT", help="The output's name.")]
Gateway = Annotated[
    str,
    typer.Option("--gateway", metavar="URL", envvar="LAPSTREAM_GATEWAY", help="The gateway."),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="TOKEN",
        envvar="LAPSTREAM_TOKEN",
        help="A token of the role output, made by `lapstream token`; better in the "
        "environment, where no shell history keeps it.",
    ),
]
Why = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why; it is recorded in the log.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(
        outputs,
        name="output",
        help="What graphics show: arrange it, hold it, let it go (of a gateway, over HTTP).",
        rich_help_panel="Serve",
    )


@outputs.command("list")
def list_outputs(
    gateway: Gateway = GATEWAY, token: Token = None, form: As = OutputFormat.TABLE
) -> None:
    """List the outputs and their states."""
    _print_outputs(_client(gateway, token).request("GET", "/outputs"), form)


@outputs.command()
def put(
    name: Name,
    session: Annotated[
        str, typer.Option("--session", metavar="ID", help="The session, or the replay.")
    ],
    view: Annotated[
        str,
        typer.Option(
            "--view",
            parser=_view,
            metavar="VIEW",
            help=f"What of it: {', '.join(VIEWS)}.",
            autocompletion=lambda: VIEWS,
        ),
    ] = "standings",
    car_class: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="CLASS", help="Only this class; may be repeated."),
    ] = None,
    car: Annotated[
        list[str] | None,
        typer.Option("--car", metavar="NUMBER", help="Only this car; may be repeated."),
    ] = None,
    delay: Annotated[
        float,
        typer.Option("--delay", metavar="SECONDS", min=0, help="Show everything this much later."),
    ] = 0.0,
    rows: Annotated[
        int,
        typer.Option(
            "--rows", metavar="N", min=1, help="Always this many rows, for clients that poll."
        ),
    ] = 20,
    season: Annotated[
        str | None,
        typer.Option(
            "--season", metavar="SEASON", help="The season, where the view is the championship."
        ),
    ] = None,
    of: Annotated[Of, typer.Option("--of", help="Whose championship.")] = Of.DRIVERS,
    gateway: Gateway = GATEWAY,
    token: Token = None,
    form: As = OutputFormat.TABLE,
) -> None:
    """Create or change an output. A frozen one keeps what it shows until its release."""
    output = {
        "session": session,
        "view": view,
        "classes": car_class or [],
        "cars": car or [],
        "delay_ms": round(delay * 1000),
        "rows": rows,
        "season": season,
        "of": of.value,
    }
    _print_outputs([_client(gateway, token).request("PUT", _path(name), output)], form)


@outputs.command()
def show(
    name: Name, gateway: Gateway = GATEWAY, token: Token = None, form: As = OutputFormat.TABLE
) -> None:
    """Show an output: what it shows, who holds it, how old its data is."""
    _print_outputs([_client(gateway, token).request("GET", _path(name))], form)


@outputs.command()
def freeze(
    name: Name,
    why: Why = None,
    gateway: Gateway = GATEWAY,
    token: Token = None,
    form: As = OutputFormat.TABLE,
) -> None:
    """Freeze an output as it is now, for its pages, rows and pushes alike."""
    _print_outputs(
        [_client(gateway, token).request("POST", f"{_path(name)}/freeze", {"reason": why})], form
    )


@outputs.command()
def release(
    name: Name,
    why: Why = None,
    gateway: Gateway = GATEWAY,
    token: Token = None,
    form: As = OutputFormat.TABLE,
) -> None:
    """Let an output follow its session again."""
    _print_outputs(
        [_client(gateway, token).request("POST", f"{_path(name)}/release", {"reason": why})], form
    )


@outputs.command()
def remove(name: Name, gateway: Gateway = GATEWAY, token: Token = None) -> None:
    """Delete an output. A frozen one has to be released first."""
    _client(gateway, token).request("DELETE", _path(name))
    echo(f"output {name!r} is removed")


def _client(gateway: str, token: str | None) -> GatewayClient:
    from services.cli.gateway_client import GatewayClient

    return GatewayClient(gateway, token)


def _path(name: str) -> str:
    return f"/outputs/{quote(name, safe='')}"


def _print_outputs(outputs: list[dict[str, Any]], form: OutputFormat) -> None:
    readable = [one for one in outputs if "error" not in one]
    print_rows(OUTPUTS, [_row(one) for one in readable], form)
    for one in outputs:
        if "error" in one:
            echo(f"lapstream: {one['error']}", err=True)


def _row(output: dict[str, Any]) -> Row:
    hold = output["hold"] or {}
    row = {column.name: output.get(column.name) for column in OUTPUTS.columns}
    return {**row, "frozen_by": hold.get("by"), "reason": hold.get("reason")}

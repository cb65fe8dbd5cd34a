"""The commands that fold a session's log and print one of its tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from projections import views
from projections.race import Race
from services.cli.console import echo, echo_json
from services.cli.options import As, At, CarClass, Cars, Data, KnownAt, OutputFormat, Session, Store
from services.cli.output import print_rows, session_heading
from services.cli.session_group import session_commands
from services.cli.shell import with_log
from services.cli.store_queries import query_race
from services.formatting import on_one_line
from services.queries.sessions import FoldedSession, SessionQuestion, chosen_cars, class_named
from services.queries.tables import race_tables
from services.queries.tables.columns import Row, Table

View = Callable[[Race], Sequence[Row]]

OF_CARS: tuple[tuple[Table, View, str], ...] = (
    (race_tables.STANDINGS, views.standings, "The running order, with gaps in time or laps."),
    (race_tables.LAPS_TABLE, views.laps, "Every lap, with its sectors."),
    (race_tables.LEADERS, views.leaders, "Who led from which lap to which."),
    (race_tables.PROGRESS, views.progress, "Laps led, and places gained since the start."),
    (race_tables.CAUTION_PLACES, views.caution_places, "Places won and lost under each caution."),
    (race_tables.QUEUE, views.queue, "The queue under caution: pass-around and wave-by."),
    (race_tables.FASTEST_LAPS, views.fastest_laps, "Each car's best lap, the quickest first."),
    (race_tables.PITS, views.pits, "Every visit to the pit lane."),
    (race_tables.STINTS, views.stints, "Laps from stop to stop."),
    (race_tables.DRIVERS, views.drivers, "Each driver's laps and time at the wheel."),
    (race_tables.PENALTIES_TABLE, views.penalties, "The penalties and what became of them."),
)
"""Tables whose rows each have a car, and so can be narrowed by class and car."""

OF_THE_RACE: tuple[tuple[Table, View, str], ...] = (
    (
        race_tables.CAUTIONS,
        views.cautions,
        "The caution ledger: kinds, times, the leader's laps, who pitted.",
    ),
    (race_tables.WEATHER, views.weather, "The weather as it was measured."),
)
"""Tables of the race as a whole."""


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("sessions", rich_help_panel="Ask")(sessions)
    app.add_typer(
        session_commands,
        name="session",
        help="The session itself: what is run, how it stands, what its log holds; resuming it.",
        rich_help_panel="Ask",
    )
    for table, view, about in OF_CARS:
        app.command(table.name, help=about, rich_help_panel="Ask")(_of_cars(table, view))
    for table, view, about in OF_THE_RACE:
        app.command(table.name, help=about, rich_help_panel="Ask")(_of_race(table, view))
    app.command("schema", rich_help_panel="Ask")(schema)


def _of_cars(table: Table, view: View) -> Callable[..., None]:
    """A command that prints this view of the race, of all cars or of some."""

    def command(
        session: Session,
        at: At = None,
        known_at: KnownAt = None,
        car_class: CarClass = None,
        car: Cars = None,
        form: As = OutputFormat.TABLE,
        store: Store = None,
        data: Data = None,
    ) -> None:
        race, _ = query_race(SessionQuestion(session, at, known_at), store, data)
        rows = view(race)
        if table is race_tables.LEADERS and car_class is not None:
            rows = views.leaders(race, class_named(race, car_class))  # the spells within the class
        cars = chosen_cars(race, car_class, car or ())
        if cars is not None:
            rows = [row for row in rows if row["car"] in cars]
        print_rows(table, rows, form, session_heading(views.session_line(race)))

    return command


def _of_race(table: Table, view: View) -> Callable[..., None]:
    """A command that prints this view of the race as a whole."""

    def command(
        session: Session,
        at: At = None,
        known_at: KnownAt = None,
        form: As = OutputFormat.TABLE,
        store: Store = None,
        data: Data = None,
    ) -> None:
        race, _ = query_race(SessionQuestion(session, at, known_at), store, data)
        heading = session_heading(views.session_line(race))
        print_rows(table, view(race), form, heading)

    return command


@session_commands.command("show")
def session(
    session: Session,
    at: At = None,
    known_at: KnownAt = None,
    doubts: Annotated[
        bool, typer.Option("--doubts", help="List the doubtful values of its files instead.")
    ] = False,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """The session itself: what is run, how it stands, what its log holds."""
    race, recorded = query_race(SessionQuestion(session, at, known_at), store, data)
    if doubts:
        heading = session_heading(views.session_line(race))
        print_rows(race_tables.DOUBTS, views.doubts(race), form, heading)
        return
    row = _session_row(session, race, recorded)
    if form is OutputFormat.TABLE and not race.session.is_race:
        row |= {"leader_lap": None, "lead_changes": None}
    print_rows(race_tables.SESSION, [row], form)


def _session_row(name: str, race: Race, recorded: FoldedSession) -> dict[str, Any]:
    recorded_at = recorded.recorded_at
    return {
        "session": name,
        **views.session_line(race),
        "cars": len(race.order.cars()),
        "events": len(recorded.timeline),
        "unreadable": recorded.unreadable,
        "position": recorded.position,
        "learned_at": recorded_at and recorded_at.isoformat(timespec="milliseconds"),
        "state_hash": race.state_hash(),
    }


def sessions(form: As = OutputFormat.TABLE, store: Store = None, data: Data = None) -> None:
    """The sessions of the store, and the races that are built in."""
    from services.queries.listings import session_rows

    rows = with_log(store, data, session_rows)
    print_rows(race_tables.SESSIONS, rows, form)
    for row in rows if form is OutputFormat.TABLE else ():
        if row["fault"]:
            echo(f"{row['session']} is not folded: {on_one_line(row['fault'])}")


def schema(
    of: Annotated[
        str, typer.Argument(metavar="WHAT", help="events, frames, or a command that prints rows.")
    ] = "events",
) -> None:
    """The JSON Schema of an event in the log, of a frame, or of a command's --format json."""
    from events import json_schema
    from services.queries.tables import sporting_tables
    from services.queries.tables.schemas import frame_schema

    tables = {**race_tables.TABLES, "doubts": race_tables.DOUBTS, **sporting_tables.TABLES}
    if of == "events":
        found = json_schema()
    elif of == "frames":
        found = frame_schema()
    elif of in tables:
        found = tables[of].schema()
    else:
        names = ", ".join(["events", "frames", *tables])
        raise typer.BadParameter(f"there is no schema of {of!r}; there is {names}")
    echo_json(json.dumps(found, ensure_ascii=False, indent=2))

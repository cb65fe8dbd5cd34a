"""The commands for the pit wall: the place after a stop, and drive time."""

from __future__ import annotations

from typing import Annotated

import typer

from projections.results.rejoin import rejoins
from projections.results.scheduled_length import reconstructed_note
from projections.views import session_line
from services.cli.options import (
    As,
    At,
    CarClass,
    Cars,
    Data,
    KnownAt,
    OutputFormat,
    Rules,
    Session,
    Store,
)
from services.cli.output import print_rows, session_heading
from services.cli.store_queries import query_race
from services.queries.packs import required_pack
from services.queries.pit_wall import drive_time_ledger, rejoin_row
from services.queries.sessions import SessionQuestion, chosen_cars
from services.queries.tables import sporting_tables

PIT_WALL = "On the pit wall"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("rejoin", rich_help_panel=PIT_WALL)(rejoin)
    app.command("drive-times", rich_help_panel=PIT_WALL)(ledger)


def rejoin(
    session: Session,
    car: Annotated[
        list[str] | None, typer.Argument(metavar="[CAR]...", help="Cars. Default: all.")
    ] = None,
    at: At = None,
    known_at: KnownAt = None,
    car_class: CarClass = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """Where a car would come back to if it stopped now, under green and under caution.

    What a stop costs is taken from the stops of this race so far.
    """
    race, _ = query_race(SessionQuestion(session, at, known_at), store, data)
    cars = chosen_cars(race, car_class, car or ())
    rows = [rejoin_row(one) for one in rejoins(race) if cars is None or one.car in cars]
    print_rows(sporting_tables.REJOIN, rows, form, session_heading(session_line(race)))


def ledger(
    session: Session,
    at: At = None,
    known_at: KnownAt = None,
    rules: Rules = None,
    car_class: CarClass = None,
    car: Cars = None,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """Each driver's time at the wheel against the limits of the pack, with alerts."""
    race, _ = query_race(SessionQuestion(session, at, known_at), store, data)
    pack = required_pack(session, race, rules)
    cars = chosen_cars(race, car_class, car or ())
    rows = [row for row in drive_time_ledger(race, pack) if cars is None or row["car"] in cars]
    heading = session_heading(session_line(race))
    missing = dict.fromkeys(row["no_limits"] for row in rows if row["no_limits"])
    notes = [*missing, *filter(None, [reconstructed_note(race)])]
    heading = "".join(f"{note}\n" for note in notes) + heading
    print_rows(sporting_tables.DRIVE_TIMES, rows, form, heading)

"""The commands for the pit wall: the place after a stop, and drive time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from events.clock import format_clock
from projections.results.rejoin import rejoins
from projections.results.scheduled_length import reconstructed_note
from projections.views import session_line
from services.cli.console import echo
from services.cli.options import (
    As,
    At,
    CarClass,
    Cars,
    Data,
    KnownAt,
    OptionalSession,
    OutputFormat,
    Rules,
    Session,
    Store,
)
from services.cli.output import print_rows, session_heading
from services.cli.shell import with_log
from services.cli.store_queries import query_race
from services.queries.packs import required_pack
from services.queries.pit_wall import drive_time_ledger, rejoin_row
from services.queries.sessions import SessionQuestion, chosen_cars
from services.queries.tables import sporting_tables

if TYPE_CHECKING:
    from services.queries.forecasts import Scorecard

PIT_WALL = "On the pit wall"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("rejoin", rich_help_panel=PIT_WALL)(rejoin)
    app.command("predict", rich_help_panel=PIT_WALL)(predict)
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


def predict(
    session: OptionalSession = None,
    car: Annotated[
        list[str] | None, typer.Argument(metavar="[CAR]...", help="Cars. Default: all.")
    ] = None,
    at: At = None,
    known_at: KnownAt = None,
    car_class: CarClass = None,
    score: Annotated[
        bool, typer.Option("--score", help="How good the forecasts of a race were that is over.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="With --score: of all races of the store that are over.")
    ] = False,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """Forecast how each car may end: places, laps to the flag, stops.

    It knows only what was known at that moment, and the same moment always gives the same odds.
    """
    from services.queries.forecasts import (
        forecast_of_race,
        forecast_row,
        score_rows,
        scorecard,
    )

    if score and (car or at or car_class):
        raise typer.BadParameter("--score is of the whole race: give no car, --at or --class")
    if every:
        if session is not None or not score or known_at:
            raise typer.BadParameter("--all goes with --score alone, and without a session")
        print_scorecard(with_log(store, data, scorecard), form)
        return
    if session is None:
        raise typer.BadParameter("give a session, or --score --all")
    race, recorded = query_race(SessionQuestion(session, at, known_at), store, data)
    if score:
        scores = score_rows(recorded.timeline)
        print_rows(sporting_tables.PREDICT_SCORE, scores, form, session_heading(session_line(race)))
        return
    cars = chosen_cars(race, car_class, car or ())
    forecast = forecast_of_race(race)
    rows = [forecast_row(one) for one in forecast.cars if cars is None or one.car in cars]
    heading = (
        f"{session_heading(session_line(race))}"
        f"Forecast, with the model fitted on {forecast.model.fitted_on}; "
        f"{format_clock(forecast.left_ms).split('.')[0]} left\n"
    )
    print_rows(sporting_tables.PREDICT, rows, form, heading)


def print_scorecard(card: Scorecard, form: OutputFormat) -> None:
    """Print the scores of all races and, for people, how well probabilities hold."""
    for name, reason in card.left_out:
        echo(f"lapstream: {name} is left out: {reason}", err=True)
    print_rows(sporting_tables.PREDICT_SCORECARD, card.races, form)
    if form is OutputFormat.TABLE and card.calibration:
        heading = "\nWins by the probability that they were forecast with\n"
        print_rows(sporting_tables.PREDICT_CALIBRATION, card.calibration, form, heading)


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

"""Views: tables as plain rows, made from a race.

Times are in ms on the session clock unless a name says otherwise. Order is the member
``position``. A row is made anew at each call; nothing here changes the race. Each module has the
model of its rows (``projections.views.rows``) beside the function that makes them.
"""

from collections.abc import Callable

from projections.race import Race
from projections.views.caution_queue import QueueRow, queue
from projections.views.cautions import CautionsRow, cautions
from projections.views.control import ControlRow, MessagesRow, control, messages
from projections.views.doubts import DoubtsRow, doubts
from projections.views.drivers import DriversRow, drivers
from projections.views.laps import (
    FastestLapsRow,
    LapsRow,
    LeadersRow,
    fastest_laps,
    lap_positions,
    laps,
    leaders,
)
from projections.views.markers import MarkersRow, markers
from projections.views.penalties import PenaltiesRow, penalties
from projections.views.pits import PitsRow, StintsRow, pits, stints
from projections.views.places import CachedPlace, Place, cached_places, places
from projections.views.race_progress import (
    CautionPlacesRow,
    ProgressRow,
    caution_places,
    progress,
)
from projections.views.results import ResultsRow, declared_results, results
from projections.views.rows import Row, RowModel
from projections.views.session_line import SessionRow, session_line
from projections.views.standings import (
    GAPS,
    StandingsRow,
    car_facts,
    car_row,
    short_name,
    standings,
    status,
)
from projections.views.weather import WeatherMeasuredRow, weather

VIEWS: dict[str, Callable[[Race], list[Row]]] = {
    "standings": standings,
    "results": results,
    "cautions": cautions,
    "pits": pits,
    "drivers": drivers,
    "penalties": penalties,
    "fastest-laps": fastest_laps,
    "leaders": leaders,
    "laps": laps,
    "stints": stints,
    "markers": markers,
    "control": control,
    "doubts": doubts,
    "weather": weather,
    "progress": progress,
    "caution-places": caution_places,
    "queue": queue,
}
"""The tables that need nothing but the race."""

MODELS: dict[str, type[RowModel]] = {
    "standings": StandingsRow,
    "results": ResultsRow,
    "cautions": CautionsRow,
    "pits": PitsRow,
    "drivers": DriversRow,
    "penalties": PenaltiesRow,
    "fastest-laps": FastestLapsRow,
    "leaders": LeadersRow,
    "laps": LapsRow,
    "stints": StintsRow,
    "markers": MarkersRow,
    "control": ControlRow,
    "doubts": DoubtsRow,
    "weather": WeatherMeasuredRow,
    "progress": ProgressRow,
    "caution-places": CautionPlacesRow,
    "queue": QueueRow,
}
"""The models of their rows."""

__all__ = [
    "GAPS",
    "MODELS",
    "VIEWS",
    "CachedPlace",
    "CautionPlacesRow",
    "CautionsRow",
    "ControlRow",
    "DoubtsRow",
    "DriversRow",
    "FastestLapsRow",
    "LapsRow",
    "LeadersRow",
    "MarkersRow",
    "MessagesRow",
    "PenaltiesRow",
    "PitsRow",
    "Place",
    "ProgressRow",
    "QueueRow",
    "ResultsRow",
    "Row",
    "SessionRow",
    "StandingsRow",
    "StintsRow",
    "WeatherMeasuredRow",
    "cached_places",
    "car_facts",
    "car_row",
    "caution_places",
    "cautions",
    "control",
    "declared_results",
    "doubts",
    "drivers",
    "fastest_laps",
    "lap_positions",
    "laps",
    "leaders",
    "markers",
    "messages",
    "penalties",
    "pits",
    "places",
    "progress",
    "queue",
    "results",
    "session_line",
    "short_name",
    "standings",
    "status",
    "stints",
    "weather",
]

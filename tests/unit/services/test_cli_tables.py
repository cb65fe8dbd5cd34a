"""Tables for the eye: what is cut and what is left out so that they fit."""

from __future__ import annotations

import json
from typing import Annotated

import pytest

from projections import views
from projections.views.rows import Heading, RowModel
from services.queries.tables.columns import Table
from services.queries.tables.race_tables import CAUTIONS, SESSION, SESSIONS, STANDINGS, TABLES
from tests.unit.services.tower_race import race_story


def test_with_room_for_everything() -> None:
    """Without a limit every column that has a heading is there, and no text is cut."""
    headings, leader, second, *_ = STANDINGS.lines(views.standings(race_story().race()))
    printed_headings = "Car Class Cl Team Driver Laps Gap Int Class gap Last Best Pace Status Stops"
    assert " ".join(headings.split()) == f"Pos {printed_headings} Stint Penalties"
    assert "Audi Sport North America" in second
    assert leader.split()[:2] == ["1", "7"]


@pytest.mark.parametrize("width", [80, 100, 130, 200])
def test_a_table_fits_the_terminal(width: int) -> None:
    """Columns of high rank go first, then text is cut; a line is never too long."""
    lines = STANDINGS.lines(views.standings(race_story().race()), width)
    assert max(map(len, lines)) <= width
    assert [line.split()[1] for line in lines[1:]] == ["7", "1", "45", "62", "007"]
    assert "+15.000" in lines[2]
    assert {"Team", "Driver", "Last", "Status"} <= set(lines[0].split())


def test_numbers_are_never_cut() -> None:
    """On a terminal that is too narrow for them the line is longer."""
    lines = CAUTIONS.lines(views.cautions(race_story().race()), 20)
    assert "0:11:05" in lines[1]


def test_sessions_on_a_narrow_terminal() -> None:
    """A session is told by its name and its title, so other columns go before those are cut."""
    row = dict.fromkeys((column.name for column in SESSIONS.columns), None)
    title = "Petit Le Mans 2007 (reconstructed from published facts)"
    listed = {"session": "petit-le-mans-2007", "title": title, "kind": "race", "entries": 29_097}
    learned = {"last_learned_at": "2026-11-20T13:38:20.053+00:00", "built_in": True}
    [_, line] = SESSIONS.lines([{**row, **listed, **learned}], 80)
    assert line == f"petit-le-mans-2007  {title}  race"
    [_, line] = SESSIONS.lines([{**row, **listed, **learned}])
    assert line.endswith("29097  2026-11-20 13:38 UTC  yes")


def test_one_row_upright() -> None:
    """What is missing has no line."""
    row = dict.fromkeys((column.name for column in SESSION.columns), None)
    lines = SESSION.upright_lines({**row, "session": "a", "title": "A race"})
    assert [line.split(maxsplit=1) for line in lines] == [["Session", "a"], ["Title", "A race"]]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_members_have_names_of_their_own(table: object) -> None:
    """No table names a member or a CSV column twice."""
    names = [column.name for column in table.columns]  # type: ignore[attr-defined]
    cells = [
        cell
        for column in table.columns  # type: ignore[attr-defined]
        for cell in column.display.spread(column.name, None)
    ]
    assert len(set(names)) == len(names)
    assert len(set(cells)) == len(cells)


def test_what_a_feed_writes_cannot_steer_the_terminal():
    """Escapes, line ends and directions in a name are blanks in a table; CSV and JSON have them."""
    name = "\x1b[2J\x1b]0;own\x07 A\nB\u202e"
    row = {"team": name}

    class TeamsRow(RowModel):
        team: Annotated[str, Heading("Team")]

    table = Table("teams", "Teams.", TeamsRow)
    assert table.lines([row])[1:] == [" [2J ]0;own  A B"]
    assert json.loads(table.json([row])) == [row]

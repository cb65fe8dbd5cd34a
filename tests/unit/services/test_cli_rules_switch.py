"""Regulation packs switched in mid-season and in mid-race: previewed, made, taken back."""

from __future__ import annotations

import pytest

from tests.unit.services.commands import Commands
from tests.unit.services.test_cli_season_cases import add, finished, new_season, table

REASON = ("--reason", "bulletin 4")
HOURS = 6 * 60 * 60_000


@pytest.fixture
def season(lapstream: Commands) -> Commands:
    """A season of the WEC with two races of three cars."""
    new_season(lapstream, "R1 6:00, R2 6:00, R3 6:00")
    add(lapstream, finished("1", "2", "3", time_limit_ms=HOURS // 120), 1)
    add(lapstream, finished("2", "1", "3", time_limit_ms=HOURS // 120), 2)
    return lapstream


class TestSeasons:
    """`rules switch SEASON PACK --from ROUND`, and `rules restore`."""

    def test_from_a_round_on(self, season: Commands) -> None:
        """Round 1 keeps 25, 18, 15; round 2 has the scale of IMSA. Taken back, all is as before."""
        before = table(season)
        args = ("rules", "switch", "s", "imsa-2024", "--from", "2", *REASON)
        preview = season.rows("rules-switch", *args, "--dry-run")
        assert table(season) == before
        drivers = {row["name"]: row for row in preview if row["of"] == "drivers"}
        assert {name: (row["rank_now"], row["rank_then"]) for name, row in drivers.items()} == {
            "D1": (1, 2),
            "D2": (1, 1),
            "D3": (3, 3),
        }
        assert (drivers["D1"]["points_now"], drivers["D1"]["points_then"]) == (43, 345)
        made = season.rows("rules-switch", *args)
        assert made == preview
        assert table(season) == {"D2": 18 + 350, "D1": 25 + 320, "D3": 15 + 300}
        back = season.rows("rules-switch", "rules", "restore", "s", *REASON)
        assert {row["name"]: row["points_then"] for row in back if row["of"] == "drivers"} == before
        assert table(season) == before

    def test_of_two_switches_the_later_counts(self, season: Commands) -> None:
        """The whole season under one pack, then from round 2 on under another."""
        season.output("rules", "switch", "s", "imsa-2024", *REASON)
        season.output("rules", "switch", "s", "wec-2024", "--from", "2", *REASON)
        assert table(season) == {"D1": 350 + 18, "D2": 320 + 25, "D3": 300 + 15}
        season.output("rules", "restore", "s", *REASON)
        assert table(season) == {"D1": 670, "D2": 670, "D3": 600}

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (("switch", "s", "imsa-1900", *REASON), "imsa-1900"),
            (("switch", "s", "imsa-2024", "--from", "9", *REASON), "9"),
            (("switch", "s", "wec-2024", "--from", "2", *REASON), "under wec-2024 already from"),
            (("restore", "s", *REASON), "no switch of rules of 's' is in force"),
        ],
    )
    def test_what_cannot_be(self, season: Commands, args: tuple[str, ...], message: str) -> None:
        """Nothing is appended."""
        events = len(season.events("s"))
        assert message in season.refused("rules", *args)
        assert len(season.events("s")) == events


class TestSessions:
    """`rules switch SESSION PACK`."""

    def test_a_race(self, season: Commands) -> None:
        """The points of the whole race are by the other pack, and as before when taken back."""

        def points() -> list[float]:
            return [row["points"] for row in season.rows("results", "results", "r1")]

        assert points() == [25, 18, 15]
        args = ("rules", "switch", "r1", "imsa-2024", *REASON)
        assert "would be decided: rules switched" in season.output(*args, "--dry-run")
        assert points() == [25, 18, 15]
        season.output(*args)
        assert points() == [350, 320, 300]
        assert "under imsa-2024 already" in season.refused(*args)
        season.output("rules", "restore", "r1", *REASON)
        assert points() == [25, 18, 15]

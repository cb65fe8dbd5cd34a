"""The tower as text: what a pit wall sees at 80x24, at 160x50, and on less."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import events as ev
from projections.timeline import Timeline
from projections.views.frame_builder import frame_state
from services.formatting import gap_text
from services.queries.sessions import race_at
from services.storage.built_in import BUILT_IN
from services.terminal.tower import Tower, plain_lines, render
from services.terminal.tower_columns import short_tags
from services.terminal.tower_state import Movements, TowerOptions, TowerState
from tests.builders import Story, opened
from tests.display import display_cases
from tests.unit.services.tower_race import CLOCK_MS, race_story

GOLDEN = Path(__file__).with_name("tower-160x50.txt")
DOCUMENTED = Path(__file__).resolve().parents[3] / "docs/tower.txt"
LOOK = TowerOptions(age_ms=300, speed=60.0, moved={"1": 1}, watched=frozenset({"45"}))


@pytest.fixture(scope="module")
def board() -> TowerState:
    """The board at 12:00 of the short race."""
    return TowerState.of(frame_state(race_story().race()), CLOCK_MS)


def lines(
    board: TowerState, look: TowerOptions = LOOK, width: int = 80, height: int = 24
) -> list[str]:
    """The screen as plain lines."""
    return plain_lines(board, look, width, height)


def test_at_80_by_24(board: TowerState) -> None:
    """The usual terminal: every car, gap, interval, last and best lap, stops and state."""
    assert [line for line in lines(board) if line] == [
        "Short Le Mans, reconstructed                                             0:12:00",
        " ▲ SAFETY CAR ▲  caution 1  0:55                                  9:48:00 to go",
        "lap 10 · car 7 leads · 0 lead changes · 3 of 5 running · 1 in the lane",
        " P     Class    No Drv Team      Lap     Gap     Int     Last      Best  Pit",
        " 1     LMP1  1   7 DUM Penske R…  10       -       - 1:10.000• 1:10.000    0 RET",
        " 2 ▲1  LMP1  2   1 CAP Audi Spo…   9  15.000  15.000 1:10.400  1:09.500◆   0",
        " 3  ►  GT2   1  45 BER Flying L…   8     1 L     1 L 1:20.000◇ 1:20.000◇   0 PEN",
        " 4     GT2   2  62 SAL Risi Com…   8     1 L   4.000 1:20.500• 1:20.500    0 PIT",
        " 5     GT2   3 007     Aston Ma…   0                                       0 DNS",
        "0:11:55 Car 7 retired: engine",
        "▶ 60x  data 0.3 s old                                             ? help  q quit",
    ]


def test_over_without_a_flag() -> None:
    """A session by its result alone had no flag; it does not wait for its start."""
    story = opened("1")
    story.events = [event for event in story if event.type != "flag_shown"]
    state = TowerState.of(frame_state(story.ended(60_000).race()), 60_000)
    assert lines(state)[1].split() == ["FINISHED", "finished"]


WON = "car 1 first after 3 laps · 0 lead changes"


def over_race() -> Story:
    """A race that ended under a safety car, with the pits closed and a local flag."""
    story = opened("1", "2", "3", laps_limit=3).laps("1", 2).laps("2", 2, ms=61_000)
    story.add(ev.SafetyCarDeployed, 121_000)
    story.add(ev.PitLaneClosed, 121_000)
    return story.flag("yellow", 121_500, sector=2).lap("1", 3, 180_000).flag("chequered", 180_000)


@pytest.mark.parametrize(
    ("end", "facts"),
    [
        (
            lambda story: story,
            f"{WON} · 1 of 3 finished · 1 on the way to the flag",
        ),
        (
            lambda story: story.lap("2", 3, 183_000).ended(184_000),
            f"{WON} · 2 of 3 finished",
        ),
        (
            lambda story: story.ended(184_000),
            f"{WON} · 1 of 3 finished",
        ),
    ],
)
def test_a_race_that_is_over(end: Callable[[Story], Story], facts: str) -> None:
    """Nobody runs, no pit lane is closed and no local flag stands."""
    state = TowerState.of(frame_state(end(over_race()).race()), 190_000)
    _, band, stands, *_ = lines(state, width=120)
    assert band.split() == ["▚▚", "CHEQUERED", "FLAG", "▚▚", "finished"]
    assert stands == facts


def test_qualifying_that_is_over() -> None:
    """It counts the cars with a time, and none that would be running."""
    story = opened("7", "10", kind="qualifying").lap("7", 1, 90_000).flag("chequered", 100_000)
    state = TowerState.of(frame_state(story.race()), 110_000)
    assert lines(state)[2] == "qualifying · car 7 is quickest · 1 of 2 with a time"


def test_qualifying_is_no_race() -> None:
    """The best lap beside the gap to it; no laps of a leader, no lead changes."""
    story = opened("7", "10", "25", kind="qualifying", title="Qualifying", time_limit_ms=900_000)
    story.lap("7", 1, 150_000, None).lap("7", 2, 240_000, 90_000).lap("10", 1, 241_000, 89_600)
    state = TowerState.of(frame_state(story.flag("red", 250_000).race()), 260_000)
    assert lines(state, TowerOptions(), 70, 11)[:7] == [
        "Qualifying                                                     0:04:20",
        " ■ RED FLAG ■  0:10                                     0:10:40 to go",
        "qualifying · car 10 is quickest · 2 of 3 with a time · 2 of 3 running",
        " P Class No Drv Team       Lap     Gap     Int     Last      Best",
        " 1 GT  1 10                  1       -       - 1:29.600◆ 1:29.600◆",
        " 2 GT  2  7                  2   0.400   0.400 1:30.000• 1:30.000",
        " 3 GT  3 25                  0                                     DNS",
    ]


def test_at_160_by_50(board: TowerState) -> None:
    """With room there are drivers, teams and cars in full, class gaps, pace, penalties."""
    shown = lines(board, width=160, height=50)
    assert [line for line in shown if line] == GOLDEN.read_text().splitlines()


@pytest.mark.parametrize("height", [10, 24, 50])
@pytest.mark.parametrize("width", [40, 60, 80, 100, 160, 300])
def test_every_size_is_filled_exactly(board: TowerState, width: int, height: int) -> None:
    """Each line is as wide as the screen, and there are as many as it has."""
    drawn = render(board, LOOK, width, height)
    assert len(drawn) == height
    assert {line.cell_len for line in drawn} == {width}


@pytest.mark.parametrize(("width", "height"), [(39, 24), (80, 9), (1, 1)])
def test_a_terminal_too_small_says_so(board: TowerState, width: int, height: int) -> None:
    """Below 40x10 nothing useful fits."""
    drawn = render(board, LOOK, width, height)
    assert len(drawn) == height
    assert "too small: 40x10 at least".startswith(drawn[0].plain.rstrip("… "))


def test_a_narrow_terminal_keeps_what_is_read_first(board: TowerState) -> None:
    """At 40 columns: position, class, car, gap, interval, state."""
    shown = lines(board, width=40, height=12)
    assert shown[5] == " 2 LMP1  2   1 CAP  15.000  15.000"
    assert shown[7] == " 4 GT2   2  62 SAL     1 L   4.000 PIT"


def test_only_one_class(board: TowerState) -> None:
    """With a class chosen, the gaps are those in the class."""
    shown = lines(board, TowerOptions(car_class="GT2"))
    assert [line.split()[3] for line in shown[4:7]] == ["45", "62", "007"]
    assert shown[4].split()[-6:-4] == ["-", "-"]
    assert shown[5].split()[-6:-4] == ["4.000", "4.000"]
    assert "only GT2" in shown[-1]


def test_a_short_terminal_scrolls(board: TowerState) -> None:
    """Rows that do not fit are counted, and reached by scrolling, never past the last."""
    assert "1 more" in lines(board, height=10)[-1]
    assert lines(board, TowerOptions(top=99), height=10)[7].split()[3] == "007"


def test_stale_data_are_marked(board: TowerState) -> None:
    """What is older than the field can be silent is called stale; what is there stays."""
    patience = board.session["patience_ms"]
    assert lines(board, TowerOptions(age_ms=12_300))[-1].startswith("QUIET: data 12.3 s old")
    shown = lines(board, TowerOptions(age_ms=patience + 100))
    assert shown[-1].startswith(f"STALE: data {patience / 1000 + 0.1:.1f} s old")
    assert "Audi" in shown[5]


def test_the_address_for_browsers_is_reported(board: TowerState) -> None:
    """Where the race is shown in browsers, too, the footer says where."""
    address = "http://127.0.0.1:40123"
    assert address in lines(board, TowerOptions(age_ms=300, address=address))[-1]


def test_a_pause_and_the_end_are_reported(board: TowerState) -> None:
    """The footer says what the playhead does."""
    assert lines(board, TowerOptions(speed=1.0, paused=True))[-1].startswith("PAUSED")
    assert lines(board, TowerOptions(speed=1.0, ended=True))[-1].startswith("END")
    assert lines(board, TowerOptions(speed=float("inf")))[-1].startswith("▶ max")


def test_help_replaces_the_field(board: TowerState) -> None:
    """The head stays in view."""
    shown = lines(board, TowerOptions(help=True))
    assert shown[1].startswith(" ▲ SAFETY CAR")
    assert any("previous caution" in line for line in shown)


def test_before_anything_happened() -> None:
    """A session of which nothing is known yet can be drawn."""
    empty = TowerState.of(frame_state(type(race_story())().race()), 0)
    assert lines(empty)[:2] == [
        "Untitled session" + " " * 57 + "0:00:00",
        " WAITING FOR THE START",
    ]


def test_the_words_that_report_the_flag_need_no_colour(board: TowerState) -> None:
    """Drawn without colours the flag, the states and the marks are still there."""
    text = io.StringIO()
    Console(file=text, width=80, height=24, color_system=None).print(Tower(board, LOOK))
    for sign in ("SAFETY CAR", "PIT", "RET", "◆", "▲1"):
        assert sign in text.getvalue()


def test_local_flags_stand_at_the_head(board: TowerState) -> None:
    """In words, whatever their order, before the facts of the race; gone when they are cleared."""
    flags = {"10": {"flag": "slow_zone", "since_ms": 2}, "2": {"flag": "yellow", "since_ms": 1}}
    race_story = board._replace(session={**board.session, "sector_flags": flags})
    before, shown = lines(board)[2], lines(race_story)[2]
    assert shown.startswith(" S2 YELLOW, S10 SLOW ZONE  lap ")
    assert shown.split("  ", 1)[1][:20] == before[:20]
    assert [len(line.plain) for line in render(race_story, LOOK, 80, 24)] == [80] * 24


def test_the_picture_in_the_documents() -> None:
    """It is what `lapstream tower petit-le-mans-2007 --at caution:9 --size 80x24` prints now."""
    timeline = Timeline()
    timeline.add(BUILT_IN["petit-le-mans-2007"].events())
    race = race_at(timeline, "caution:9")
    drawn = plain_lines(TowerState.of(frame_state(race), race.at), TowerOptions(still=True), 80, 24)
    assert DOCUMENTED.read_text().splitlines() == drawn


def test_class_tags_are_short_but_different() -> None:
    """Five signs tell most classes, six stay whole; names that begin alike get more."""
    tags = {"HYPERCAR": "HYPER", "LMP2": "LMP2", "LMP2 Pro/Am": "LMP2P"}
    assert short_tags(tags) == tags
    imsa = {"GTP": "GTP", "LMP2": "LMP2", "GTDPRO": "GTDPRO", "GTD": "GTD"}
    assert short_tags(imsa) == imsa
    assert short_tags(["GTDPRO", "GTDPRA"]) == {"GTDPRO": "GTDPRO", "GTDPRA": "GTDPRA"}


@pytest.mark.parametrize(
    ("gap", "race_story"),
    [
        ({}, ""),
        ({"laps": 24}, "24 L"),
        ({"ms": 923}, "0.923"),
        ({"ms": 59_999}, "59.999"),
        ({"ms": 62_345}, "1:02.3"),
    ],
)
def test_gaps_fit_their_column(gap: dict[str, int], race_story: str) -> None:
    """A gap is laps, seconds, or minutes with a tenth."""
    assert gap_text(gap) == race_story


@pytest.mark.parametrize("case", display_cases("movements"), ids=lambda case: case["title"])
def test_movements(case: dict[str, Any]) -> None:
    """Places won and lost are marked for a while: the web pages' cases too."""
    movements = Movements()
    for step in case["steps"]:
        assert movements.see(step["order"], step["at_ms"]) == step["won"]

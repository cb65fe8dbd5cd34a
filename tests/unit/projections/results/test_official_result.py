"""Sessions of which only the official result is known: order, penalties, revisions, points."""

from __future__ import annotations

import pytest

import events as ev
from events.session import ResultStatus
from projections import views
from projections.results.classification import classify
from projections.results.revisions import revisions
from projections.rules.packs import builtin_pack
from projections.timeline import Timeline
from projections.views.explain import explain
from tests.builders import Story

ROWS: tuple[tuple[str, ResultStatus, int, int | None, int | None], ...] = (
    ("55", "classified", 26, 2_801_553, 99_748),
    ("2", "classified", 26, 2_801_723, 100_305),
    ("9", "classified", 26, 2_808_000, 100_100),
    ("10", "retired", 25, 2_700_000, 101_100),
    ("11", "not_started", 0, None, None),
)


def story(kind: str = "race") -> Story:
    """A session with its official result, and nothing timed."""
    recorded = Story()
    recorded.add(ev.SessionOpened, 0, title="A session", kind=kind, rules="imsa-2024")
    for car, *_ in ROWS:
        recorded.add(ev.EntryAdded, 0, car=car, car_class="Am", drivers=())
    rows = tuple(
        ev.ResultRow(
            position=place,
            car=car,
            car_class="Am",
            status=status,
            laps=laps,
            total_ms=total if kind == "race" else None,
            best_lap_ms=best,
            best_lap=7 if best else None,
        )
        for place, (car, status, laps, total, best) in enumerate(ROWS, start=1)
    )
    recorded.add(
        ev.ResultDeclared, 2_810_000, status="final", rows=rows, rests_on="r.csv", basis="published"
    )
    recorded.add(ev.SessionEnded, 2_810_000)
    return recorded


def penalised(recorded: Story, car: str, kind: str, amount: int | None = None) -> Story:
    """The session with one more penalty, by its car and kind."""
    recorded.add(
        ev.PenaltyImposed, 2_820_000, penalty_id=f"{car}-{kind}", car=car, kind=kind, amount=amount
    )
    return recorded


def test_it_stands_as_published():
    """Running order, gaps, laps and the session line are those of the result."""
    race = story().race()
    rows = views.standings(race)
    assert [row["car"] for row in rows] == [car for car, *_ in ROWS]
    assert [row["laps"] for row in rows] == [26, 26, 26, 25, 0]
    assert [row["status"] for row in rows] == [*["finished"] * 3, "retired", "not_started"]
    assert [row["gap"]["ms"] for row in rows] == [0, 170, 6_447, None, None]
    assert (rows[3]["gap"]["laps"], rows[2]["interval"]["ms"]) == (1, 6_277)
    assert (rows[0]["best_lap"], rows[0]["best_lap_ms"]) == (7, 99_748)
    line = views.session_line(race)
    assert (line["leader"], line["leader_lap"]) == ("55", 26)


@pytest.mark.parametrize("kind", ["race", "qualifying"])
def test_its_fastest_laps(kind):
    """They are those of the result, without a time that was deleted since."""
    recorded = story(kind)
    rows = views.fastest_laps(recorded.race())
    assert [(row["rank"], row["car"], row["lap_time_ms"], row["lap"]) for row in rows] == [
        (1, "55", 99_748, 7),
        (2, "9", 100_100, 7),
        (3, "2", 100_305, 7),
        (4, "10", 101_100, 7),
    ]
    assert {row["driver"] for row in rows} == {None}
    driver = ev.Driver(number=1, name="Ann Driver")
    recorded.add(ev.EntryAmended, 2_815_000, car="2", drivers=(driver,))
    assert views.fastest_laps(recorded.race())[2]["driver"] == "Ann Driver"
    recorded.add(ev.LapTimeDeleted, 2_820_000, car="55", lap=7, reason="track limits")
    assert [row["car"] for row in views.fastest_laps(recorded.race())] == ["9", "2", "10"]


def test_timed_laps_replace_its_fastest_laps():
    """Once anything was timed the laps count, not the result."""
    recorded = story("qualifying").lap("9", 1, 200_000, ms=90_000)
    assert [row["car"] for row in views.fastest_laps(recorded.race())] == ["9"]


@pytest.mark.parametrize(
    ("penalties", "order"),
    [
        ([("55", "time", 5)], ["2", "55", "9", "10", "11"]),
        ([("55", "time", 10)], ["2", "9", "55", "10", "11"]),
        ([("55", "time", 600)], ["2", "9", "55", "10", "11"]),
        ([("55", "laps", 1)], ["2", "9", "10", "55", "11"]),
        ([("55", "disqualification", None)], ["2", "9", "10", "11", "55"]),
        ([("55", "places", 1)], ["2", "55", "9", "10", "11"]),
        ([("55", "back_of_class", None)], ["2", "9", "10", "55", "11"]),
        ([("9", "time", 1)], ["55", "2", "9", "10", "11"]),
        ([("55", "time", 1), ("2", "time", 10)], ["55", "9", "2", "10", "11"]),
    ],
)
def test_penalties_change_it(penalties, order):
    """A penalty acts on a published result as on laps; voided, it is gone."""
    recorded = story()
    for car, kind, amount in penalties:
        penalised(recorded, car, kind, amount)
    assert [row.car for row in classify(recorded.race())] == order
    for car, kind, _ in penalties:
        recorded.add(ev.PenaltyRescinded, 2_830_000, penalty_id=f"{car}-{kind}")
    assert [row.car for row in classify(recorded.race())] == [car for car, *_ in ROWS]


@pytest.mark.parametrize("kind", ["qualifying", "practice"])
def test_a_result_by_best_laps(kind):
    """Gaps are those of the best laps; a deleted time is none."""
    recorded = story(kind)
    rows = views.results(recorded.race())
    assert [row["car"] for row in rows][:4] == ["55", "2", "9", "10"]
    assert [row["gap"]["ms"] for row in rows][:3] == [0, 557, 352]
    recorded.add(ev.LapTimeDeleted, 2_820_000, car="55", lap=7)
    assert [row.car for row in classify(recorded.race())][:2] == ["2", "9"]
    assert classify(recorded.race())[3].best_lap_ms is None


def test_revisions():
    """The published result is the first; each decision that changes it makes an amended one."""
    recorded = penalised(penalised(story(), "55", "time", 5), "2", "reprimand")
    log = [(f"{place}-0", event) for place, event in enumerate(recorded.events, start=1)]
    found = [(one.status, one.declared, one.rows[0].car) for one in revisions(log)]
    assert found == [("final", True, "55"), ("amended", False, "2")]


def test_points_and_explanation():
    """The places as they are now score, and the explanation names the published result."""
    pack = builtin_pack("imsa-2024")
    recorded = penalised(story(), "55", "time", 5)
    race = recorded.race()
    assert {row["car"]: row["points"] for row in views.results(race, pack)} == {
        "2": 350,
        "55": 320,
        "9": 300,
        "10": 280,
        "11": 0,
    }
    texts = [statement.text for statement in explain(race, recorded.events, "2", pack)]
    assert texts[0] == "#2 is the winner, overall and in Am, with 26 laps in 0:46:41.723."
    assert "No lap of it is known: it is as published, r.csv." in texts
    assert "Points for #2: 1st in Am, 350 points." in texts


def test_any_order_of_arrival():
    """The result and its penalties give one state, whatever came first."""
    recorded = penalised(story(), "55", "time", 5)
    forwards, backwards = Timeline(), Timeline()
    forwards.add(recorded.events)
    for event in reversed(recorded.events):
        backwards.add([event])
    assert forwards.race.state_hash() == backwards.race.state_hash()
    assert classify(forwards.race) == classify(backwards.race)

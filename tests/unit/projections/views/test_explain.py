"""Explanations: the sentence, the events and the rule behind each figure."""

from __future__ import annotations

import pytest

import events as ev
from events.errors import UnknownCar
from projections.rules.packs import builtin_pack
from projections.timeline import Timeline
from projections.views.explain import Statement, explain
from projections.wording import ordinal
from tests.builders import Story, opened

SHORT = 9_900_000
"""A race of 2:45 h, in ms."""


def race() -> Story:
    """Two cars over two laps, the flag, a penalty for the winner."""
    story = opened("1", "2").laps("1", 1).lap("2", 1, 61_000).flag("chequered", 120_000)
    story.lap("1", 2, 120_000, driver="A").lap("2", 2, 121_500, 60_500)
    story.add(
        ev.PenaltyImposed,
        130_000,
        penalty_id="p",
        car="1",
        kind="time",
        amount=5,
        reason="short-cut",
    )
    return story


def reasons(story: Story, car: str, about: str, pack: str | None = None) -> list[Statement]:
    printed = explain(story.race(), story, car, builtin_pack(pack) if pack else None)
    return [one for one in printed if one.about == about]


def texts(story: Story, car: str, about: str, pack: str | None = None) -> list[str]:
    return [one.text for one in reasons(story, car, about, pack)]


def lap_of(story: Story, car: str, lap: int) -> tuple[str, int]:
    """The identity of a lap."""
    return next(
        event.identity
        for event in story
        if isinstance(event, ev.LapCompleted) and (event.car, event.lap) == (car, lap)
    )


def test_the_penalty_of_a_car_that_is_not_listed() -> None:
    """The rules of the WEC list no car without a lap; it has changed no other's place."""
    story = opened("1", "2", "3", "4", rules="wec-2024")
    for place, car in enumerate(("1", "2", "3")):
        story.lap(car, 1, 60_000 + place * 1_000)
    for car, kind in (("1", "disqualification"), ("4", "disqualification")):
        story.add(ev.PenaltyImposed, 70_000, penalty_id=car, car=car, kind=kind)
    (other,) = texts(story, "2", "penalty", "wec-2024")
    assert other == "Without the penalty of #1 it would be 2nd overall, 2nd in GT."


class TestPlaceAndGaps:
    """Where a car stands, and how far from the others."""

    def test_the_place_names_its_lap_and_its_rule(self) -> None:
        """Second after a penalty: laps and time are those of the lap named."""
        story = race()
        (place,) = reasons(story, "1", "position")
        assert place.text == (
            "#1 is 2nd overall, 2nd in GT, with 2 laps in 0:02:05.000, "
            "5 s of that added by the stewards."
        )
        assert "laps completed" in (place.rule or "")
        assert place.events == (lap_of(story, "1", 2),)

    def test_winners_are_called_so(self) -> None:
        """Overall, of a class, and without one; nobody is before the race is over."""
        story = opened("1").entry("2", "P").entry("0", None)
        for place, car in enumerate(("2", "0", "1")):
            story.laps(car, 1, 60_000 + place)
        assert texts(story, "2", "position") == ["#2 runs 1st overall, 1st in P, on lap 2."]
        story.flag("chequered", 120_000)
        for place, car in enumerate(("2", "0", "1")):
            story.lap(car, 2, 120_000 + place)
        printed = [texts(story, car, "position")[0].split(", with")[0] for car in ("2", "0", "1")]
        assert printed == [
            "#2 is the winner, overall and in P",
            "#0 is 2nd overall",
            "#1 is the winner of GT, 3rd overall",
        ]

    def test_gaps_to_the_cars_around(self) -> None:
        """Who is ahead, by how much, after penalties, with the laps of both."""
        story = race()
        (gap,) = reasons(story, "1", "gap")
        assert gap.text == "It is 3.500 s behind #2, the winner overall and in GT."
        assert gap.events == (lap_of(story, "2", 2), lap_of(story, "1", 2))

    def test_leaders_and_neighbours_of_two_classes(self) -> None:
        """Each car is named once, with all that it is to this one."""
        story = opened("2", "4").entry("1", "P").entry("3", "P")
        for place, car in enumerate(("1", "2", "3", "4")):
            story.laps(car, 1, 60_000 + place * 1_000)
        assert texts(story, "4", "gap") == [
            "It is 3.000 s behind #1, which leads overall.",
            "It is 1.000 s behind #3, next ahead overall.",
            "It is 2.000 s behind #2, which leads GT.",
        ]
        assert texts(story, "2", "gap") == [
            "It is 1.000 s behind #1, which leads overall.",
            "It is 1.000 s ahead of #3, next behind overall.",
            "It is 2.000 s ahead of #4, next behind in GT.",
        ]

    def test_a_gap_between_cars_that_race_is_the_one_on_screen(self) -> None:
        """When one has just completed a lap, the other is not a lap behind."""
        story = opened("1", "2", lines=("FL",)).laps("1", 3)
        story.lap("2", 1, 62_000).lap("2", 2, 122_000)
        (one,) = texts(story, "1", "gap")
        assert one == "It is 2.000 s ahead of #2, next behind overall and in GT."

    def test_while_the_race_runs_the_place_is_the_one_on_screen(self) -> None:
        """The result, if it ended now, is told beside it: a pass counts there at the line."""
        story = opened("1", "2").laps("1", 1).laps("2", 1, 61_000)
        pass_ = story.line("2", "S1", 2, 80_000).last
        story.line("1", "S1", 2, 81_000)
        (place,) = reasons(story, "2", "position")
        assert place.text == "#2 runs 1st overall, 1st in GT, on lap 2."
        assert place.events == (pass_.identity,)
        (result,) = texts(story, "2", "result")
        assert result == (
            "If the race ended now it would be classified 2nd overall, 2nd in GT, "
            "with 1 lap in 0:01:01.000."
        )

    def test_a_car_that_a_decision_put_behind(self) -> None:
        """No gap is told that would be none."""
        story = race()
        story.add(ev.PenaltyRescinded, 130_001, penalty_id="p")
        story.add(ev.PenaltyImposed, 130_002, penalty_id="q", car="1", kind="places", amount=1)
        (gap,) = texts(story, "1", "gap")
        assert gap == (
            "It stands behind #2, the winner overall and in GT, "
            "though ahead of it on laps and time."
        )

    def test_qualifying(self) -> None:
        """Places and gaps are those of the best laps."""
        story = Story().opened("1", "2", kind="qualifying").lap("1", 1, 60_000, 59_000)
        story.lap("2", 1, 61_000, 59_250).flag("chequered", 70_000)
        assert texts(story, "2", "position") == [
            "#2 is 2nd overall, 2nd in GT, with a best lap of 59.250."
        ]
        assert texts(story, "2", "gap") == [
            "It is 0.250 s behind #1, the quickest overall and in GT."
        ]


class TestStatus:
    """How a car's race ended."""

    def test_a_retirement_cites_the_rule_of_the_pack(self) -> None:
        """Where a retired car stands is the pack's rule."""
        story = opened("1", "2").laps("1", 3).laps("2", 1)
        retired = story.add(ev.CarRetired, 400_000, car="2", reason="gearbox")
        assert texts(story, "2", "status", "wec-2024") == [
            "It has retired (gearbox), and stands behind those that take the flag."
        ]
        story.flag("chequered", 500_000).lap("1", 4, 500_000)
        (one,) = reasons(story, "2", "status", "imsa-2024")
        assert one.text == "It did not finish (gearbox), and keeps its place on laps."
        assert (one.rule, one.events) == ("classification.retirements", (retired.identity,))

    def test_too_few_laps(self) -> None:
        """How many there are, and how many it takes."""
        story = opened("1", "2").laps("1", 9).laps("2", 5).flag("chequered", 600_000)
        story.lap("1", 10, 600_000).lap("2", 6, 600_001)
        (one,) = reasons(story, "2", "status", "wec-2024")
        assert one.text == (
            "It took the chequered flag but is not classified: 6 laps, where 7 are needed, "
            "70 % of the 10 of the winner."
        )
        assert one.rule == "classification.minimum_distance"

    def test_flag_taken_and_still_to_come(self) -> None:
        """With the flag and the lap that took it."""
        story = opened("1", "2").laps("1", 1).laps("2", 1, 61_000).flag("chequered", 120_000)
        flag = story.last
        story.lap("1", 2, 120_000)
        (one,) = reasons(story, "1", "status")
        assert one.text == "It took the chequered flag at 0:02:00.000."
        assert one.events == (flag.identity, lap_of(story, "1", 2))
        assert texts(story, "2", "status") == ["It has yet to take the chequered flag."]

    def test_a_car_that_did_not_start(self) -> None:
        """It is listed, and there is no more to say."""
        story = race().entry("9")
        assert texts(story, "9", "status") == ["It did not start."]
        assert texts(story, "9", "position") == [
            "#9 is 3rd overall, 3rd in GT, without a completed lap."
        ]

    def test_a_car_that_the_rules_do_not_list(self) -> None:
        """At Le Mans whoever completed no lap is absent, and that is said."""
        (one,) = explain(race().entry("9").race(), race(), "9", builtin_pack("wec-2024"))
        assert one.text == "#9 has completed no lap, and is not listed in the result."
        assert one.rule == "classification.no_laps"

    def test_a_red_flag_at_the_end(self) -> None:
        """By how much the result is taken back, by which rule; and nothing where no rule does."""
        story = opened("1", lines=("FL",)).laps("1", 3).flag("red", 200_000).ended(300_000)
        (one,) = reasons(story, "1", "status", "wec-2024")
        assert one.text == "The race ended under the red flag: the result is taken back 1 lap."
        assert one.rule == "classification.red_flag_countback"
        assert reasons(story, "1", "status", "imsa-2024") == []


class TestPenalties:
    """What was decided, what became of it, and what it changes."""

    def test_a_penalty_and_its_effect(self) -> None:
        """Without it the car would have won; the other says so, too."""
        story = race()
        (one,) = reasons(story, "1", "penalty")
        assert one.text == (
            "#1 had 5 s added to its time after the flag (short-cut). "
            "Without it it would be 1st overall, 1st in GT."
        )
        assert one.events == (story.last.identity,)
        (other,) = reasons(story, "2", "penalty")
        assert other.text == "Without the penalty of #1 it would be 2nd overall, 2nd in GT."
        assert other.events == (story.last.identity,)

    def test_a_rescinded_penalty(self) -> None:
        """It names its decision and its end, and changes nothing for anybody."""
        story = race()
        imposed = story.last
        rescinded = story.add(ev.PenaltyRescinded, 140_000, penalty_id="p", reason="appeal")
        (one,) = reasons(story, "1", "penalty")
        assert one.text.endswith("It was rescinded after the flag (appeal), and counts no more.")
        assert one.events == (imposed.identity, rescinded.identity)
        assert texts(story, "2", "penalty") == []

    def test_a_decision_that_was_voided_is_no_part_of_it(self) -> None:
        """A penalty noted as served by mistake is open again."""
        story = race()
        served = story.add(ev.PenaltyServed, 131_000, penalty_id="p")
        assert "It was served after the flag." in texts(story, "1", "penalty")[0]
        story.void(served)
        (one,) = reasons(story, "1", "penalty")
        assert "served" not in one.text
        assert served.identity not in one.events
        (correction,) = texts(story, "1", "correction")
        assert correction == "What was recorded at 0:02:11 (penalty served) was voided: a test."

    @pytest.mark.parametrize(
        ("kind", "amount", "says", "rule"),
        [
            ("drive_through", None, "was given a drive-through", "penalties.drive_through_s"),
            ("stop_and_go", None, "was given a stop and go", "penalties.stop_and_go_s"),
            ("stop_and_hold", 10, "was given a stop and 10 s", "penalties.stop_and_hold_s"),
            ("laps", 1, "lost 1 lap", None),
            ("places", 2, "was put back 2 places", "penalties.places"),
            ("back_of_class", None, "was sent to the back", "penalties.back_of_class"),
            ("disqualification", None, "was disqualified", None),
            ("fine", None, "was fined", None),
            ("warning", None, "was warned", None),
            ("reprimand", None, "was reprimanded", None),
            ("points", 3, "lost 3 points", None),
        ],
    )
    def test_each_kind(self, kind: str, amount: int | None, says: str, rule: str | None) -> None:
        """In words of its own, with the rule where the pack has one."""
        story = opened("1", "2").laps("1", 1).laps("2", 1, 61_000)
        story.add(ev.PenaltyImposed, 70_000, penalty_id="p", car="1", kind=kind, amount=amount)
        story.flag("chequered", 120_000).lap("1", 2, 120_000).lap("2", 2, 121_000)
        (one,) = reasons(story, "1", "penalty", "imsa-2024")
        assert one.text.startswith(f"#1 {says}")
        assert " at 0:01:10" in one.text
        assert one.rule == rule

    def test_not_served_at_the_flag(self) -> None:
        """Seconds instead, by the pack; until then it is still to be served."""
        story = opened("1", "2").laps("1", 1).laps("2", 1, 61_000)
        story.add(ev.PenaltyImposed, 70_000, penalty_id="p", car="1", kind="drive_through")
        assert texts(story, "1", "penalty", "imsa-2024") == [
            "#1 was given a drive-through at 0:01:10. It is still to be served."
        ]
        story.flag("chequered", 120_000).lap("1", 2, 120_000).lap("2", 2, 121_000)
        (printed,) = texts(story, "1", "penalty", "imsa-2024")
        assert printed == (
            "#1 was given a drive-through at 0:01:10. It was not served: 30 s are added to its "
            "time instead. Without it it would be 1st overall, 1st in GT."
        )

    def test_converted(self) -> None:
        """What it was, and what it became."""
        story = race()
        story.add(
            ev.PenaltyConverted, 140_000, penalty_id="p", kind="places", amount=1, reason="review"
        )
        assert texts(story, "1", "penalty")[0].startswith(
            "#1 had 5 s added to its time after the flag (short-cut). "
            "That became 1 place dropped after the flag (review)."
        )


class TestCorrections:
    """What was corrected of a car, and from what."""

    def test_of_the_car_alone(self) -> None:
        """A voided lap is told for its car, not for the other; a voided void is not told."""
        story = race()
        doubled = story.lap("2", 3, 122_000).last
        void = story.void(doubled)
        (one,) = reasons(story, "2", "correction")
        assert one.text == "Lap 3, completed at 0:02:02.000, was voided: a test."
        assert one.events == (void.identity, doubled.identity)
        assert reasons(story, "1", "correction") == []
        story.void(void)
        assert reasons(story, "2", "correction") == []

    @pytest.mark.parametrize(
        ("model", "says"),
        [
            (ev.LapAmended, "An amendment of lap 2 (photo finish) was voided: a test."),
            (ev.LapTimeDeleted, "The deletion of the time of lap 2 was voided: a test."),
        ],
    )
    def test_a_correction_taken_back(self, model: type[ev.Event], says: str) -> None:
        """It is named for what it was."""
        story = race()
        changes = {"driver": "Cy"} if model is ev.LapAmended else {}
        story.add(model, 130_000, car="2", lap=2, reason="photo finish", **changes)
        story.void(story.last)
        assert texts(story, "2", "correction") == [says]

    def test_an_amended_lap_is_reported_with_what_it_was(self) -> None:
        """And the place rests on the lap and on its amendment."""
        story = race()
        amended = story.add(
            ev.LapAmended,
            130_000,
            car="2",
            lap=2,
            completed_at=121_000,
            lap_time_ms=60_000,
            driver="Cy",
            in_pit_lane=True,
            reason="photo finish",
        )
        (one,) = reasons(story, "2", "correction")
        assert one.text == (
            "Lap 2 was amended, completed at 0:02:01.000 instead of 0:02:01.500, a lap time of "
            "1:00.000 instead of 1:00.500, driven by Cy and finished in the pit lane: photo finish."
        )
        (place,) = reasons(story, "2", "position")
        assert place.events == (lap_of(story, "2", 2), amended.identity)

    def test_a_deleted_time_and_given_crossings(self) -> None:
        """The lap counts without its time; both cars are told whose crossings moved."""
        story = race()
        story.add(ev.LapTimeDeleted, 130_000, car="1", lap=1, reason="track limits")
        story.add(
            ev.CrossingsReassigned,
            130_000,
            from_car="1",
            to_car="2",
            start=0,
            end=2**53,
            swap=True,
            reason="transponders",
        )
        assert texts(story, "1", "correction") == [
            "The time of lap 1, 1:00.000, was deleted: track limits.",
            "Crossings of #1 were given to #2 and the other way round: transponders.",
        ]
        assert len(texts(story, "2", "correction")) == 1


def test_what_had_not_happened_is_not_reported() -> None:
    """All events are given; those after the moment of the race are left out."""
    story = race()
    timeline = Timeline()
    timeline.add(story)
    printed = explain(timeline.race_at(125_000), story, "1")
    assert [one for one in printed if one.about == "penalty"] == []
    assert printed[0].text.startswith("#1 is the winner")


def test_best_laps() -> None:
    """How good it is in the race and, if that is more, in its class."""
    story = opened("2", "3").entry("1", "P")
    for place, car in enumerate(("1", "2", "3")):
        story.lap(car, 1, 60_000 + place, 60_000 + place, driver="Ann")
        story.lap(car, 2, 120_000 + 2 * place, 60_000 + place, driver="Ann")
    printed = [texts(story, car, "best_lap")[0].partition("by Ann, ")[2] for car in ("1", "2", "3")]
    assert printed == [
        "the quickest of the race.",
        "2nd quickest of the race, the quickest in GT.",
        "3rd quickest of the race, 2nd quickest in GT.",
    ]


def test_an_unknown_car_lists_the_cars():
    """A wrong number is answered with the right ones."""
    with pytest.raises(UnknownCar, match="there are 1, 2"):
        explain(race().race(), race(), "9")


@pytest.mark.parametrize(
    ("number", "text"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (22, "22nd"), (113, "113th")],
)
def test_ordinals(number: int, text: str):
    """As they are read out."""
    assert ordinal(number) == text


def crewed() -> Story:
    """Two cars under ALMS rules, of the first a driver who drove a minute only."""
    story = Story().opened(lines=("FL",), rules="alms-2007", time_limit_ms=SHORT)
    crew = (ev.Driver(number=1, name="Ann"), ev.Driver(number=2, name="Art"))
    story.entry("1", drivers=crew).entry("2")
    for lap in range(1, 61):
        story.lap("1", lap, lap * 60_000, driver="Ann" if lap < 60 else "Art")
        story.lap("2", lap, lap * 61_000)
    return story.flag("chequered", 3_600_000).lap("1", 61, 3_660_000, driver="Art")


def test_points_by_the_rules_of_the_pack() -> None:
    """What the place is worth, who does not get it, each with its rule."""
    assert [(one.text, one.rule) for one in reasons(crewed(), "1", "points", "alms-2007")] == [
        ("Points for #1: 1st in GT, 20 points.", "points.scales.short.points"),
        (
            "No points for Art: 0:01:00 at the wheel, 0:45:00 needed for points.",
            "drive_time.limits.0.minimum_s",
        ),
    ]


def test_points_of_a_race_of_unknown_length() -> None:
    """It is said where other points would be due for a longer race."""
    story = opened("1").laps("1", 1).flag("chequered", 120_000).lap("1", 2, 120_000)
    assert texts(story, "1", "points", "wec-2024")[0] == (
        "Points of wec-2024 depend on the scheduled length of the race, which is unknown: these "
        "are as for a short one; give --length at import."
    )
    assert len(texts(story, "1", "points", "imsa-2024")) == 1


def test_points_that_the_stewards_took() -> None:
    """They are told apart from what the place is worth, with the decision."""
    story = crewed()
    story.add(ev.PenaltyImposed, 3_700_000, penalty_id="p", car="1", kind="points", amount=3)
    taken = reasons(story, "1", "points", "alms-2007")[-1]
    assert taken.text == "Points for #1: 3 points taken away by the stewards."
    assert taken.events == (story.last.identity,)


def test_a_guest_scores_nothing() -> None:
    """Its entry says so, and those behind it move up."""
    story = Story().opened("2", series="S", rules="alms-2007", time_limit_ms=SHORT)
    guest = story.entry("1", championships=("Another",)).last
    story.laps("1", 60).laps("2", 60, 61_000).flag("chequered", 3_660_000)
    story.lap("1", 61, 3_660_000).lap("2", 61, 3_721_000)
    (one,) = reasons(story, "1", "points", "alms-2007")
    assert one.text == "No points for #1: not eligible for S drivers."
    assert one.events == (guest.identity,)
    assert texts(story, "2", "points", "alms-2007") == [
        "Points for #2: 2nd on the road, but 1 ahead not eligible.",
        "Points for #2: 1st in GT, 20 points.",
    ]


def test_a_car_outside_every_class_has_no_points() -> None:
    """Nothing is said of what it cannot score."""
    story = opened("1").entry("0", None).lap("0", 1, 60_000)
    assert reasons(story, "0", "points", "alms-2007") == []


def test_an_amendment_of_nothing() -> None:
    """It changes nothing, and that is said."""
    story = opened("1").laps("1", 2)
    story.add(ev.LapAmended, 130_000, car="1", lap=1, reason="a slip")
    texts = [one.text for one in explain(story.race(), story, "1", None)]
    assert "Lap 1 was amended, in nothing: a slip." in texts


def test_a_car_of_a_declared_result_alone() -> None:
    """It has no gaps: no line of it is known, and no entry."""
    story = Story()
    story.add(ev.SessionOpened, 0, title="A race", kind="race")
    row = ev.ResultRow(car="1", position=1, laps=0, status="withdrawn")
    story.add(ev.ResultDeclared, 10, status="provisional", rows=(row,), rests_on="a bulletin")
    about = [one.about for one in explain(story.race(), story, "1")]
    assert about == ["position", "status"]


@pytest.mark.parametrize("car", ["1", "2", "3"])
def test_classes_of_a_declared_result_alone(car: str) -> None:
    """Cars that are not entered have the class that the result gives them."""
    story = Story()
    story.add(ev.SessionOpened, 0, title="A race", kind="race")
    rows = tuple(
        ev.ResultRow(car=number, car_class=name, position=place, laps=2, status="classified")
        for place, (number, name) in enumerate([("1", "GT"), ("2", "P"), ("3", "GT")], 1)
    )
    story.add(ev.SessionEnded, 200_000)
    story.add(ev.ResultDeclared, 300_000, status="final", rows=rows, rests_on="a bulletin")
    texts = [one.text for one in explain(story.race(), story, car)]
    stands = {"1": "overall and in GT", "2": "of P, 2nd overall", "3": "2nd in GT"}
    assert stands[car] in texts[0]
    assert ("in GT" in " ".join(texts)) == (car != "2")


def test_a_car_known_by_an_intermediate_line_alone() -> None:
    """It is in the running order and in no classification; its neighbour is explained."""
    story = opened("1").line("2", "S1", 1, 20_000)
    assert explain(story.race(), story, "1", None)

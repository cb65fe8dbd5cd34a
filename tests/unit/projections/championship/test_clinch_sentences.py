"""What is said of a title fight, and that it is no more and no less than true."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from projections.championship.clinch import Contender, NextClinch, Round, outlooks
from projections.championship.clinch_sentences import (
    next_sentence,
    open_sentence,
    sentence,
    sufficient_results,
)
from projections.championship.reachable_places import OnTrack, field_now, open_field
from tests.profiles import examples
from tests.unit.projections.championship.small_championships import (
    NO_SCORE,
    endings,
    fights,
    verdict,
)

IMSA = (350, 320, 300, 280, 260, *range(250, 0, -10))
ALMS_FOUR_HOURS = (23, 19, 16, 13, 11, 9, 7, 6, 5, 4)

GTP_2024 = {"#7": 2682, "#6": 2549, "#01": 2514}
GT2_2007 = {"Risi": 200, "Flying Lizard": 187, "Tafel": 121}


def sentences_of(points, places, scale=IMSA, may_miss=False):
    """What is said of each contender, ties being shared; each has one car, of its own name."""
    contenders = [Contender(name, have, (name,)) for name, have in points.items()]
    race = Round(open_field(points, places, may_miss=may_miss), scale)
    return [sentence(outlook) for outlook in outlooks(contenders, race)]


def test_eleven_starters_at_petit_2024():
    """The leader clinches with ninth, the second needs help, the third is out."""
    assert sentences_of(GTP_2024, 11) == [
        (
            "#7 is champion with ninth or better, whatever #6 does; "
            "any finish is enough if #6 does not win."
        ),
        "#6 must win, and needs #7 to finish tenth or lower.",
        "#01 is out: even a win makes only 2864 points, and #7 is sure of 2882.",
    ]


def test_nine_classified_at_petit_2024():
    """A champion, with the reason."""
    assert sentences_of(GTP_2024, 9)[:2] == [
        (
            "#7 is champion: ninth is the worst that can happen, for 2902 points, "
            "and #6 can reach no more than 2899."
        ),
        "#6 is out: even a win makes only 2899 points, and #7 is sure of 2902.",
    ]


def test_gtd_pro_at_petit_2024():
    """What is enough, rung by rung, for leader and chaser."""
    assert sentences_of({"#77": 2922, "#23": 2818}, 14) == [
        (
            "#77 is champion with sixth or better, whatever #23 does; "
            "ninth is enough if #23 does not win, 11th if #23 is third or lower, "
            "13th if #23 is fourth or lower, any finish if #23 is fifth or lower."
        ),
        (
            "#23 must finish fourth or better: a win is enough if #77 is seventh or lower, "
            "second if #77 is tenth or lower, third if #77 is 12th or lower, fourth if #77 is 14th."
        ),
    ]


def test_gt2_teams_of_2007():
    """Cars may fail to score, and a tie is a shared title."""
    assert sentences_of(GT2_2007, 10, ALMS_FOUR_HOURS, may_miss=True) == [
        (
            "Risi is champion with fifth or better, whatever Flying Lizard does; "
            "seventh is enough if Flying Lizard does not win, any place if Flying Lizard is third "
            "or lower, and no points are needed if Flying Lizard is fifth or lower."
        ),
        (
            "Flying Lizard must finish third or better: a win is enough if Risi is sixth or lower, "
            "second if Risi is ninth or lower, third if Risi does not score; "
            "a share is possible even with fourth."
        ),
        "Tafel is out: even a win makes only 144 points, and Risi is sure of 200.",
    ]


def test_crews():
    """Two drivers are champions together, and a third of the same car is not."""
    contenders = [
        Contender("Salo", 179, ("62",)),
        Contender("Melo", 179, ("62",)),
        Contender("Bergmeister", 157, ("45",)),
        Contender("van Overbeek", 157, ("45",)),
        Contender("Krohn", 150, ("62",)),
    ]
    race = Round(open_field(["62", "45"], 10, may_miss=True), ALMS_FOUR_HOURS)
    assert [sentence(outlook) for outlook in outlooks(contenders, race)] == [
        (
            "Salo and Melo are champions with tenth or better, whatever Bergmeister and van "
            "Overbeek do; no points are needed if Bergmeister and van Overbeek do not win."
        ),
        "Bergmeister and van Overbeek must win, and need Salo and Melo not to score.",
        "Krohn is out: Salo and Melo score with the same car, from further ahead.",
    ]


@pytest.mark.parametrize(
    ("points", "places", "scale", "expected"),
    [
        (
            {"A": 100, "B": 99, "C": 98},
            3,
            (10, 6, 3),
            "A is champion with a win, whatever the others do, and only then.",
        ),
        (
            {"A": 100, "B": 96, "C": 94},
            8,
            (10, 8, 6, 5, 4, 3, 2, 1),
            (
                "A is champion with second or better, whatever B and C do; fourth is enough if B "
                "does not win; sixth if B is third or lower and C does not win; seventh if B is "
                "fourth or lower and C is third or lower; any finish if B is fifth or lower and C "
                "is third or lower; "
                "a share is certain with third or better."
            ),
        ),
        ({"A": 10, "B": 10}, 2, (1, 1), "A is champion, though perhaps not alone."),
        ({"A": 10}, 2, (3, 1), "A is champion, however the race ends."),
        (
            {"A": 10, "B": 12},
            3,
            (3, 2, 1),
            "A can at best share the title: A must win, and needs B to finish third.",
        ),
        (
            {"A": 10, "B": 9, "C": 8},
            20,
            tuple(range(40, 0, -2)),
            (
                "A is champion with a win, whatever B and C do; second is enough if neither B nor "
                "C wins; a worse place needs more help; a share is possible even with 19th."
            ),
        ),
    ],
)
def test_sentences(points, places, scale, expected):
    """The first contender's sentence in cases of every kind."""
    assert sentences_of(points, places, scale)[0] == expected


def sentence_about(contenders, places, who, scale=ALMS_FOUR_HOURS):
    """What is said of one of these (points by the names of a crew), who may all score nothing."""
    crews = [
        Contender(name, have, (str(car),))
        for car, (names, have) in enumerate(contenders.items())
        for name in names
    ]
    race = Round(
        open_field([str(car) for car in range(len(contenders))], places, may_miss=True), scale
    )
    return next(sentence(one) for one in outlooks(crews, race) if who in one.names)


def test_crews_are_named_once():
    """In what follows the first condition they are only they."""
    points = {("Ann", "Art"): 100, ("Bea", "Bob"): 90}
    assert sentence_about(points, 4, "Ann", (20, 16, 13, 10)) == (
        "Ann and Art are champions with third or better, whatever Bea and Bob do; any place is "
        "enough if Bea and Bob do not win, and no points are needed if they do not score; a share "
        "is certain with fourth or better."
    )


def test_several_rivals_of_whom_the_same_is_required():
    """It is said once of all of them."""
    assert sentence_about({("A",): 90, ("B",): 95, ("C",): 95}, 6, "A", (6, 5, 4, 3, 2, 1)) == (
        "A must win, and needs neither B nor C to score; a share is possible even with second."
    )


def test_what_can_no_longer_pass():
    """Up to three cars are named as the reason; of more, it is how many."""
    for out, as_stated in ((3, "#2, #3 and #4"), (4, "four cars")):
        cars = [OnTrack("#1", 9, 100), OnTrack("#9", 9, 110)]
        cars += [OnTrack(f"#{car}", 2, 50 + car, settled=True) for car in range(2, 2 + out)]
        race = Round(field_now(cars), (6, 5, 4, 3, 2, 1))
        fight = [Contender("#1", 100, ("#1",)), Contender("#9", 97, ("#9",))]
        assert sentence(outlooks(fight, race)[0]) == (
            f"#1 is champion: {as_stated} can no longer pass, so second is the worst that can "
            "happen, for 105 points, and #9 can reach no more than 103."
        )


def test_many_rivals_are_counted():
    """Nobody could follow the conditions on four rivals."""
    points = {f"#{place}": 100 - place for place in range(1, 7)}
    leader, *_, last = sentences_of(points, 6, (20, 16, 13, 10, 8, 6))
    assert leader.endswith("; below that it depends on four rivals.")
    assert last.startswith("#6 must win, and needs ")


@settings(max_examples=examples(1500), deadline=None)
@given(fights())
def test_what_is_enough_is_exactly_that(fight):
    """A contender wins in exactly the endings of small races that its conditions allow."""
    rounds = fight.rounds()
    if not rounds:
        return
    ends = endings(fight)
    names = {one.name: one for one in fight.contenders}
    for outlook in outlooks(fight.contenders, rounds[0], countback=fight.countback):
        assert sentence(outlook).endswith(".")
        if outlook.status in ("clinched", "clinched_share", "out"):
            continue
        wins = {"alone"} if outlook.outright.alive else {"alone", "shared"}
        for ending in ends:
            mine = ending.outcomes[outlook.names[0]][0]
            met = any(
                mine <= (NO_SCORE if one.outcome == "no_score" else one.outcome)
                and all(ending.outcomes[a.rival[0]][0] > bound for a, bound in one.below)
                for one in sufficient_results(outlook)
            )
            assert met == (verdict(fight, names[outlook.names[0]], ending) in wins)


@pytest.mark.parametrize(
    ("points", "leaders", "behind", "expected"),
    [
        (153, ("Dumas", "Bernhard"), 153, "A is in reach: 37 points behind Dumas and Bernhard"),
        (189, ("Dumas",), 189, "A is in reach: 1 point behind Dumas"),
        (190, ("A",), 153, "A leads by 37 points"),
        (190, ("A", "B"), 153, "A leads by 37 points, level with B"),
        (190, ("A", "B", "C"), None, "A leads, level with B and C"),
    ],
)
def test_who_is_open(points, leaders, behind, expected):
    """What it lacks or leads by, and what is still to be won; no more is known."""
    printed = open_sentence("A", points, (leaders, 190), behind, 49)
    assert printed == f"{expected}, with 49 still to be won."


@pytest.mark.parametrize(
    ("next_clinch", "expected"),
    [
        (NextClinch(5, ("A",)), "A is champion with fifth or better"),
        (NextClinch(1, ("B", "A")), "B and A are champions with a win"),
        (NextClinch("no_score", ("A",)), "A is champion with any result"),
    ],
)
def test_who_can_be_champion_in_the_next(next_clinch, expected):
    """The worst result that is enough, and with whom."""
    printed = next_sentence(next_clinch, "race of round 11")
    assert printed == f"{expected} in the race of round 11, whatever the others do."

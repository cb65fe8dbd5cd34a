"""The story of the race: the grid, and every car's plan. All of it is reconstruction.

It is laid out so that the published facts come to pass; what they are, and from where,
is in ``replay/races/petit_le_mans_2007.toml``.
"""

from __future__ import annotations

from replay.petit_le_mans_2007.plans import Off, Plan, Reach, Stop
from replay.petit_le_mans_2007.reference import DISTANCE, GREEN_LAP_MS

GRID = (
    *("7", "1", "6", "20", "9", "16", "26", "5", "15", "88", "10", "8", "06", "37", "12"),
    *("4", "3", "27"),
    *("62", "45", "31", "71", "18", "54", "61", "21", "44", "73", "40", "11", "2"),
)
"""The published front row less #2, which went to the back; the rest by class and pace."""

MARGIN_LAPS = 923 / GREEN_LAP_MS


def _no(*cautions: int) -> frozenset[int]:
    return frozenset(cautions)


FRONT = (
    Plan(
        "1",
        394,
        -0.0135,
        52.0,
        (1, 2),
        10,
        _no(1),
        stops=(Stop(95.6, 58.0, "slow puncture"),),
        offs=(Off(83.2, 1.10), Off(95.1, 0.22)),
        reaches=(
            Reach(134.3, 0.52),
            Reach(365.0, 0.41),
            Reach(371.0, 0.485),
            Reach(372.0, 0.492),
            Reach(379.6, 0.002),
            Reach(380.0, -0.003),
            Reach(394.0, 0.0),
        ),
        slots=((9, 0.0085),),
    ),
    Plan(
        "7",
        394,
        -0.0140,
        47.0,
        (1, 2, 3, 2),
        10,
        _no(),
        reaches=(
            Reach(365.0, 0.0),
            Reach(371.0, 0.0),
            Reach(372.0, 0.0),
            Reach(380.0, 0.0),
            Reach(DISTANCE + MARGIN_LAPS, MARGIN_LAPS),
        ),
        slots=((9, 0.0),),
    ),
    Plan(
        "6",
        370,
        -0.0135,
        46.0,
        (2, 3, 1),
        8,
        _no(),
        stops=(Stop(261.6, 2200.0, "front end repaired after contact with a GT car"),),
    ),
    Plan("20", 386, -0.0090, 46.0, (1, 2), 7, _no()),
    Plan("5", 383, -0.0085, 46.0, (1, 2, 3), 7, _no()),
    Plan("16", 372, -0.0070, 46.0, (2, 1, 3), 5, _no()),
    Plan("88", 377, -0.0080, 47.0, (1, 3, 2), 7, _no()),
    Plan("9", 365, -0.0070, 46.0, (1, 2, 3), 4, _no()),
    Plan("15", 212, -0.0060, 46.0, (1, 2), 10, _no(), retires="engine"),
    Plan(
        "2",
        342,
        -0.0130,
        50.0,
        (1, 2),
        5,
        _no(),
        stops=(Stop(99.6, 3900.0, "suspension and bodywork repaired after the accident"),),
        offs=(Off(99.1, 0.30),),
    ),
    Plan(
        "26",
        178,
        -0.0060,
        46.0,
        (1, 2, 3),
        10,
        _no(1),
        stops=(Stop(24.4, 62.0, "penalty", "26-contact"),),
        retires="gearbox",
    ),
)

FIELD = (
    Plan(
        "8",
        350,
        0.012,
        46.0,
        (2, 1, 3),
        10,
        _no(9),
        reaches=(Reach(372.3, 21.9),),
        retires="stopped at turn 6",
    ),
    Plan("06", 346, 0.005, 47.0, (2, 1, 3), 0, _no()),
    Plan("12", 322, 0.018, 46.0, (1, 2, 3), 0, _no()),
    Plan("10", 309, 0.000, 46.0, (1, 2), 0, _no()),
    Plan("37", 118, 0.010, 46.0, (1, 2), 10, _no(), retires="gearbox"),
    Plan("4", 364, 0.064, 46.0, (1, 2, 3), 0, _no()),
    Plan(
        "27",
        330,
        0.076,
        44.0,
        (2, 3, 1, 3),
        10,
        _no(),
        reaches=(Reach(372.3, 42.0),),
        retires="accident at turn 12",
    ),
    Plan("3", 14, 0.066, 46.0, (1, 2, 3), 10, _no(), retires="contact with #26"),
    Plan("45", 353, 0.112, 48.0, (1, 2, 3), 0, _no()),
    Plan("71", 351, 0.114, 48.0, (1, 2), 0, _no()),
    Plan("18", 350, 0.114, 48.0, (1, 2, 3), 0, _no()),
    Plan("54", 345, 0.118, 48.0, (1, 2, 3), 0, _no()),
    Plan("44", 337, 0.124, 48.0, (1, 2, 3), 0, _no()),
    Plan("62", 331, 0.108, 48.0, (2, 1, 3), 0, _no()),
    Plan("21", 318, 0.116, 48.0, (1, 2, 3), 0, _no()),
    Plan("61", 291, 0.116, 48.0, (1, 2, 3), 0, _no()),
    Plan("31", 243, 0.110, 48.0, (1, 2), 10, _no(), retires="gearbox"),
    Plan("73", 262, 0.130, 48.0, (1, 2, 3), 0, _no()),
    Plan("40", 233, 0.134, 48.0, (1, 2, 3), 0, _no()),
    Plan("11", 167, 0.130, 46.0, (1, 2), 10, _no(), retires="overheating"),
)

PLANS = (*FRONT, *FIELD)

"""The grid and every car's plan; all of it is reconstruction.

The plans are chosen so that the race agrees with the published facts, which are listed with
their sources in ``replay/races/petit_le_mans_2007.toml``.
"""

from __future__ import annotations

from replay.petit_le_mans_2007.plans import CarPlan, Off, Reach, Stop
from replay.petit_le_mans_2007.reference import DISTANCE, GREEN_LAP_MS

GRID = (
    *("7", "1", "6", "20", "9", "16", "26", "5", "15", "88", "10", "8", "06", "37", "12"),
    *("4", "3", "27"),
    *("62", "45", "31", "71", "18", "54", "61", "21", "44", "73", "40", "11", "2"),
)
"""The published front row less #2, which went to the back; the rest by class and pace."""

MARGIN_LAPS = 923 / GREEN_LAP_MS
REST_OF_RACE = 10
"""``free_until`` for a car whose pace is the plan's to the end."""

LEADERS = (
    CarPlan(
        car="1", laps=394, pace=-0.0135, stint=53.5, seats=(2, 1), free_until=REST_OF_RACE,
        paces=((3, -0.022), (4, -0.022)), skips=(9,),
        stops=(
            Stop(95.6, 58.0, "slow puncture"),
            Stop(313.5, 66.0, "fuel"), Stop(348.0, 64.0, "fuel"),
        ),
        offs=(Off(83.2, 1.10), Off(95.1, 0.22)),
        reaches=(
            Reach(134.3, 0.52), Reach(365.0, 0.725), Reach(371.0, 0.725), Reach(372.0, 0.722),
            Reach(379.6, 0.002), Reach(380.0, -0.003), Reach(394.0, 0.0),
        ),
        slots=((9, 0.0085),),
    ),
    CarPlan(
        car="7", laps=394, pace=-0.0140, stint=47.0, seats=(1, 2, 3, 2), free_until=REST_OF_RACE,
        paces=((0, -0.018), (1, -0.017), (2, -0.018), (3, -0.006), (6, -0.0125), (7, -0.012)),
        skips=(9,), tops=(6,),
        stops=(Stop(310.0, 68.0, "fuel"), Stop(351.0, 62.0, "fuel")),
        reaches=(
            Reach(365.0, 0.30), Reach(371.0, 0.24), Reach(372.0, 0.23),
            Reach(380.0, 0.0), Reach(DISTANCE + MARGIN_LAPS, MARGIN_LAPS),
        ),
        slots=((9, 0.0),),
    ),
    CarPlan(
        car="6", laps=370, pace=-0.0125, stint=46.0, seats=(2, 3, 1), free_until=8,
        paces=((2, -0.010), (5, -0.006), (6, -0.0185), (7, -0.0145)), tops=(6,),
        stops=(Stop(260.6, 2200.0, "front end repaired after contact with a GT car"),),
        offs=(Off(259.95, 0.20),),
    ),
    CarPlan(
        car="20", laps=386, pace=-0.0080, stint=46.0, free_until=8, skips=(3,),
        paces=((3, -0.003), (7, -0.0045)), tops=(6,),
        stops=(Stop(215.0, 330.0, "brake discs"), Stop(331.0, 330.0, "puncture")),
    ),
    CarPlan(
        car="5", laps=383, pace=-0.0070, stint=46.0, seats=(1, 2, 3), free_until=8,
        paces=((7, -0.009),),
        stops=(Stop(226.0, 480.0, "clutch"), Stop(322.0, 350.0, "brake pads")),
    ),
    CarPlan(
        car="16", laps=372, pace=-0.0060, stint=46.0, seats=(2, 1, 3), free_until=5, tops=(6,),
        stops=(Stop(118.0, 1080.0, "alternator"), Stop(300.0, 500.0, "brake discs")),
    ),
    CarPlan(
        car="88", laps=377, pace=-0.0070, stint=47.0, seats=(1, 3, 2), free_until=7,
        skips=(1, 5), tops=(3,), paces=((1, 0.001), (5, 0.000)),
        stops=(Stop(168.0, 560.0, "gear linkage"), Stop(290.0, 620.0, "brake discs")),
    ),
    CarPlan(
        car="9", laps=365, pace=-0.0060, stint=46.0, seats=(1, 2, 3), free_until=4,
        skips=(1,), tops=(3, 6), paces=((1, -0.002),),
        stops=(Stop(112.0, 1480.0, "gearbox"), Stop(310.0, 590.0, "brake discs")),
    ),
    CarPlan(
        car="15", laps=148, pace=-0.0060, stint=46.0, free_until=REST_OF_RACE, skips=(4,),
        tops=(6,),
        retires="engine",
    ),
    CarPlan(
        car="2", laps=342, pace=-0.0130, stint=50.0, free_until=6,
        paces=((5, -0.022),),
        stops=(
            Stop(99.6, 3720.0, "suspension and bodywork repaired after the accident"),
            Stop(224.0, 900.0, "rear suspension"),
        ),
        offs=(Off(99.1, 0.30),),
    ),
    CarPlan(
        car="26", laps=121, pace=-0.0060, stint=46.0, seats=(1, 2, 3), free_until=REST_OF_RACE,
        skips=(1,), tops=(6,),
        stops=(Stop(24.4, 52.5, "contact with #3", "26-contact"),), retires="gearbox",
    ),
)  # fmt: skip
"""The leading cars, and those whose races were reported."""

OTHERS = (
    CarPlan(
        "8", 350, 0.005, 46.0, (2, 1, 3),
        stops=(Stop(58.0, 560.0, "misfire"), Stop(205.0, 780.0, "turbocharger")),
        reaches=(Reach(369.4, 19.2),), skips=(9,), retires="stopped at turn 3",
    ),
    CarPlan(
        "06", 346, 0.005, 47.0, (2, 1, 3),
        stops=(Stop(41.0, 1200.0, "nose"), Stop(148.0, 1700.0, "gearbox"),
            Stop(301.0, 450.0, "brake discs"),
       ),
    ),
    CarPlan(
        "12", 322, 0.018, 46.0, (1, 2, 3),
        stops=(Stop(75.0, 2600.0, "gearbox"), Stop(205.0, 3000.0, "suspension")),
    ),
    CarPlan(
        "10", 309, 0.003, 46.0,
        stops=(Stop(118.0, 3100.0, "electrics"), Stop(238.0, 3000.0, "gearbox"),
            Stop(322.0, 1000.0, "clutch"),
       ),
    ),
    CarPlan("37", 79, 0.012, 46.0, free_until=REST_OF_RACE, retires="gearbox"),
    CarPlan(
        "4", 364, 0.064, 46.0, (1, 2, 3),
        stops=(
            Stop(100.0, 480.0, "rear bodywork after contact with #2"),
            Stop(281.0, 240.0, "brake discs"),
        ),
        offs=(Off(95.0, 0.402),),
    ),
    CarPlan(
        "27", 330, 0.078, 44.0, (2, 1, 3),
        stops=(Stop(205.0, 900.0, "exhaust"),),
        reaches=(Reach(372.2, 41.96),), skips=(9,), retires="accident at turn 3",
    ),
    CarPlan("3", 15, 0.0535, 46.0, (1, 2, 3), REST_OF_RACE, retires="contact with #26"),
    CarPlan("45", 353, 0.116, 48.0, (1, 2, 3)),
    CarPlan("71", 351, 0.114, 48.0, (1, 2), stops=(Stop(246.0, 240.0, "brake discs"),)),
    CarPlan("18", 350, 0.116, 48.0, (1, 2, 3), stops=(Stop(170.0, 300.0, "brake discs"),)),
    CarPlan("54", 345, 0.117, 48.0, (1, 2, 3), stops=(Stop(152.0, 600.0, "brake discs"),)),
    CarPlan(
        "44", 337, 0.122, 48.0, (1, 2, 3),
        stops=(Stop(110.0, 500.0, "bodywork"), Stop(231.0, 600.0, "radiator")),
    ),
    CarPlan(
        "62", 331, 0.108, 48.0, (2, 1, 3),
        stops=(Stop(149.0, 1350.0, "alternator"), Stop(281.0, 520.0, "brake discs")),
    ),
    CarPlan(
        "21", 318, 0.116, 48.0, (1, 2, 3),
        stops=(Stop(95.0, 1900.0, "gearbox"), Stop(250.0, 1760.0, "wheel bearing")),
    ),
    CarPlan("61", 291, 0.118, 48.0, (1, 2, 3), stops=(
        Stop(61.0, 3600.0, "suspension"), Stop(215.0, 2400.0, "gearbox"),
    )),
    CarPlan(
        "31", 243, 0.110, 48.0, free_until=REST_OF_RACE,
        offs=(Off(257.0, 0.42),), retires="suspension",
    ),
    CarPlan(
        "73", 262, 0.128, 48.0, (1, 2, 3),
        stops=(Stop(56.0, 2600.0, "gearbox"), Stop(200.0, 5300.0, "engine electrics")),
    ),
    CarPlan(
        "40", 233, 0.132, 48.0, (1, 2, 3),
        stops=(Stop(26.0, 5600.0, "clutch"), Stop(160.0, 5400.0, "driveshaft")),
    ),
    CarPlan("11", 88, 0.128, 46.0, free_until=REST_OF_RACE, retires="overheating"),
)  # fmt: skip

PLANS = (*LEADERS, *OTHERS)

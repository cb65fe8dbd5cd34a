"""A short race for the tower: two classes, a pit stop, a retirement, a penalty, a caution."""

from __future__ import annotations

from events import Driver, PenaltyImposed, RaceControlMessage
from events.running import CarRetired
from tests.builders import Story

CLOCK_MS = 720_000
ENTRIES = (
    ("7", "LMP1", "Penske Racing", "Romain Dumas", "Porsche RS Spyder"),
    ("1", "LMP1", "Audi Sport North America", "Rinaldo Capello", "Audi R10 TDI"),
    ("45", "GT2", "Flying Lizard Motorsports", "Jörg Bergmeister", "Porsche 911 GT3"),
    ("62", "GT2", "Risi Competizione", "Mika Salo", "Ferrari F430"),
    ("007", "GT2", "Aston Martin", None, "Aston Martin DBR9"),
)
LAP_MS = {"7": 70_000, "1": 70_400, "45": 80_000, "62": 80_500}


def race_story() -> Story:
    """Five cars until 12:00: car 62 in the lane, 45 penalised, 1 closing up, 007 not started."""
    story = Story()
    story.opened(
        lines=("FL",),
        title="Short Le Mans, reconstructed",
        classes=("LMP1", "GT2"),
        time_limit_ms=10 * 3_600_000,
    )
    for car, name, team, driver, vehicle in ENTRIES:
        crew = (Driver(number=1, name=driver),) if driver else ()
        story.entry(car, name, team=team, vehicle=vehicle, drivers=crew)
    for car, _, _, driver, _ in ENTRIES[:4]:
        for lap in range(1, 700_000 // LAP_MS[car] + 1):
            ms = LAP_MS[car] - 900 * (car == "1" and lap == 5)
            at = LAP_MS[car] * lap - 900 * (car == "1" and lap >= 5)
            story.lap(car, lap, at, ms, driver=driver)
    story.flag("safety_car", 665_000)
    story.add(PenaltyImposed, 670_000, penalty_id="p1", car="45", kind="stop_and_hold", amount=30)
    story.pit("62", 690_000)
    story.add(RaceControlMessage, 700_500, text="Car 45: stop and 30 s, contact with car 62")
    story.add(CarRetired, 715_000, car="7", reason="engine")
    return story

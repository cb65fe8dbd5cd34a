"""Short names and family names of drivers, from names as timing systems write them."""

from __future__ import annotations

import csv

import pytest

import events as ev
from projections.views.driver_names import name_parts, three_letters
from tests.builders import opened
from tests.data import DATA, needs_data
from tests.unit.projections.test_pitfalls import of_car


@pytest.mark.parametrize(
    ("name", "short"),
    [
        # a suffix is no name
        ("Jan MEIER JR", "MEI"),
        ("Jan Meier, Jr.", "MEI"),
        ("Jan Meier III", "MEI"),
        ("Nelson Piquet Junior", "PIQ"),
        ("Bruno Junior", "JUN"),
        ("John Smith VI", "SMI"),
        ("Henry TUDOR VIII", "TUD"),
        ("Bob Smith 2nd", "SMI"),
        ("Luc Dupont fils", "DUP"),
        ("Dries Van Hoof VII", "VAN"),
        ("Kim Ngoc Vi", "NGO"),
        ("Nguyen Vi", "VI"),
        # nor is a title
        ("Dr. Florian Meier", "MEI"),
        ("Sir Chris Hoy", "HOY"),
        # nor is what stands in quotation marks or brackets
        ('Luis Felipe "Pipo" Derani', "DER"),
        ("Nico Varrone (ARG)", "VAR"),
        ("(TBA)", "TBA"),
        # particles
        ("Kees DE GROOT", "DEG"),
        ("Renger van der Zande", "VAN"),
        ("Paul Di Resta", "DIR"),
        ("Ahmad AL HARTHY", "ALH"),
        ("Al Unser Jr", "UNS"),
        ("Charlotte de la Rosa-Pérez", "DEL"),
        ("Bas van 't Hof", "VAN"),
        ("Ludovico van der Straten Ponthoz", "VAN"),
        ("Seán Ó Briain", "ÓBR"),
        ("Tom O Meier", "MEI"),
        ("Tomás Mac an Ghoill", "MAC"),
        ("Ana d'Orey", "DOR"),
        ("El Hadji Ba", "BA"),
        ("El Hadj Diouf", "DIO"),
        ("Abdulla Ali Al-Khelaifi", "ALK"),
        # double-barrelled names
        ("Marie Dupont-Aignan", "DUP"),
        ("SMITH-JONES Marie", "SMI"),
        ("Jan-Willem van den Berg-de Vries", "VAN"),
        ("Thomas Preining-Öztürk", "PRE"),
        # capitals mark the family name, in both orders
        ("Rui Paulo DA SILVA", "DAS"),
        ("DA SILVA Rui Paulo", "DAS"),
        ("Jose Maria LOPEZ", "LOP"),
        ("ZHOU Guanyu", "ZHO"),
        ("YE Yifei", "YE"),
        ("PJ Hyett", "HYE"),
        ("J.P. MONTOYA", "MON"),
        ("Derek DeBOER", "DEB"),
        # Spanish double names
        ("Pedro MARTÍNEZ GARCÍA", "MAR"),
        ("Albert Costa Balboa", "COS"),
        ("Luis Perez Companc", "PER"),
        ("Juan Pablo Montoya", "MON"),
        ("JUAN PABLO MONTOYA", "MON"),
        # family name first
        ("Meier, Jan", "MEI"),
        ("DE GROOT, Kees", "DEG"),
        ("山田 太郎", "山田"),
        ("김 철수", "김"),
        ("ジェンソン・バトン", "バトン"),
        # one word, or none
        ("Popow", "POP"),
        ("Weiß", "WEI"),
        ("   ", "   "),
    ],
)
def test_three_letters(name: str, short: str) -> None:
    """The first letters of the family name."""
    assert three_letters(name) == short


@pytest.mark.parametrize(
    ("drivers", "shorts"),
    [
        (("Jan MEIER JR", "Rui Paulo DA SILVA", "Kees DE GROOT"), ["MEI", "DAS", "DEG"]),
        (("GARCIA LOPEZ Ana", "Tom VAN ROMPUY", "Bob SMITH III"), ["GAR", "VAN", "SMI"]),
        (("佐藤 琢磨", "Juan Manuel Correa", "Oliver BEARMAN SR."), ["佐藤", "COR", "BEA"]),
    ],
)
def test_in_the_standings(drivers: tuple[str, ...], shorts: list[str]) -> None:
    """The row of a car has the three letters of whoever drives it."""
    cars = [str(number) for number in range(len(drivers))]
    story = opened(*cars)
    for car, driver in zip(cars, drivers, strict=True):
        story.add(ev.DriverChanged, 0, car=car, driver=driver)
    race = story.race()
    assert [of_car(race, car)["driver_short"] for car in cars] == shorts


def test_given_letters_prevail() -> None:
    """Letters that the entry list has are used as they are."""
    story = opened()
    crew = (ev.Driver(number=1, name="Renger van der Zande", short="VDZ"),)
    story.add(ev.EntryAdded, 0, car="10", drivers=crew)
    story.add(ev.DriverChanged, 0, car="10", driver="Renger van der Zande")
    assert of_car(story.race(), "10")["driver_short"] == "VDZ"


@needs_data
def test_official_family_names() -> None:
    """Official results have given and family names apart: of the drivers of 2024, 97 % agree."""
    people = set()
    for file in DATA.glob("imsa/2024/*/*race-results.csv"):
        with file.open(encoding="utf-8-sig", newline="") as text:
            for row in csv.DictReader(text):
                for seat in range(1, 5):
                    given = (row.get(f"DRIVER{seat}_FIRSTNAME") or "").strip()
                    family = (row.get(f"DRIVER{seat}_SECONDNAME") or "").strip()
                    if given and family:
                        people.add((given, family))
    wrong = [
        (given, family)
        for given, family in people
        if three_letters(f"{given} {family}") != three_letters(family)
    ]
    assert len(wrong) <= len(people) * 0.03, wrong


def test_parts() -> None:
    """Particles before a name in capitals belong to it, whatever their case."""
    assert name_parts("Renger van der ZANDE") == ("Renger", "van der ZANDE")
    assert name_parts("DE GROOT Kees Jan") == ("Kees Jan", "DE GROOT")

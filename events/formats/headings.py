"""Headings of timing tables, as files of different origin write them."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

SEPARATORS = ";,\t|"
FURTHEST = 10
"""The line up to which headings are looked for: exports put titles above them."""

CAR_HEADINGS = (
    *("NO", "NR", "NUM", "CAR_NUMBER", "CAR_NO", "START_NUMBER", "STARTNUMMER", "NUMERO"),
    *("DORSAL", "N", "CAR"),
)
"""Other headings of the car's NUMBER."""
_ROW_OF_HEADINGS = {"NUMBER", *CAR_HEADINGS, "REC_TYPE", "TIME_UTC_SECONDS"}
"""A line with one of them is the row of headings."""


_IN_OTHER_LANGUAGES = {
    "LAP": ("RUNDE", "TOUR", "VUELTA", "GIRO"),
    "LAPS": ("RUNDEN", "TOURS", "VUELTAS", "GIRI"),
    "LAP_TIME": ("RUNDENZEIT", "TEMPS_AU_TOUR", "TIEMPO_VUELTA", "TEMPO_GIRO"),
    "TIME": ("ZEIT", "TEMPS", "TIEMPO", "TEMPO"),
    "TOTAL_TIME": ("GESAMTZEIT", "TEMPS_TOTAL", "TIEMPO_TOTAL", "TEMPO_TOTALE"),
    "BEST_LAP_TIME": (
        *("BESTZEIT", "BESTE_RUNDE", "MEILLEUR_TOUR", "MEILLEUR_TEMPS", "MEJOR_VUELTA"),
        *("MEJOR_TIEMPO", "MIGLIOR_GIRO", "MIGLIOR_TEMPO"),
    ),
    "POSITION": ("PLATZ", "RANG", "CLASSEMENT", "POSICION", "PUESTO", "POSIZIONE"),
    "CLASS": ("KLASSE", "CLASSE", "CLASE", "CATEGORIE", "CATEGORIA"),
    "TEAM": ("MANNSCHAFT", "EQUIPE", "EQUIPO", "SQUADRA"),
    "VEHICLE": ("FAHRZEUG", "VOITURE", "COCHE", "VEHICULO", "VETTURA", "AUTO"),
    "MANUFACTURER": ("HERSTELLER", "CONSTRUCTEUR", "MARQUE", "MARCA", "COSTRUTTORE"),
    "STATUS": ("ETAT", "ESTADO", "STATO"),
    **{f"S{n}": (f"SEKTOR_{n}", f"SECTEUR_{n}", f"SETTORE_{n}") for n in (1, 2, 3)},
}
_IN_ENGLISH = {word: name for name, words in _IN_OTHER_LANGUAGES.items() for word in words}


class HeadingRow(NamedTuple):
    """The headings of a table, the separator of its cells, their line, and the text below."""

    names: list[str]
    separator: str
    line: int
    body: str


def canonical(heading: str) -> str:
    """Return a heading without differences of case, blanks, signs and accents.

    ``Lap Time`` and ``lap_time`` are ``LAP_TIME``; a bare ``#`` is ``NO``.
    """
    plain = without_accents(heading.strip())
    if plain.startswith("#"):
        plain = f"NO {plain[1:]}"
    return re.sub(r"[\W_]+", "_", plain).strip("_").upper()


def without_accents(text: str) -> str:
    """Return the text in plain letters: ``Prénom`` is ``Prenom``."""
    signs = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in signs if not unicodedata.combining(sign))


def heading_row(text: str) -> HeadingRow:
    """Return the row of headings: the first line that can be one, else the first of the text."""
    text = text.removeprefix("\ufeff")
    if "\n" not in text:
        text = text.replace("\r", "\n")
    first = row = _first_row(text, 1)
    while _ROW_OF_HEADINGS.isdisjoint(row.names):
        if row.line == FURTHEST or not row.body:
            return first
        row = _first_row(row.body, row.line + 1)
    return row


def _first_row(text: str, line: int) -> HeadingRow:
    heading, _, body = text.partition("\n")
    separator = max(SEPARATORS, key=heading.count)
    return HeadingRow(_names(heading, separator), separator, line, body)


def _names(heading: str, separator: str) -> list[str]:
    """Return the headings of a line; a comma within one of a table with ``;`` is part of it."""
    cells: Iterable[str]
    try:
        [cells] = csv.reader([heading.rstrip("\r")], delimiter=separator, skipinitialspace=True)
    except (csv.Error, ValueError):
        cells = heading.split(separator)
    names = [canonical(name) for name in cells]
    english = (_IN_ENGLISH.get(name, name) for name in names)
    # A heading that the table has already keeps its meaning.
    return [
        name if translated in names else translated
        for name, translated in zip(names, english, strict=True)
    ]

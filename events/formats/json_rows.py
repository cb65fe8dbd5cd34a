"""Rows of the JSON form in which Al Kamel publishes its files.

The rows are a list of objects, under one member of the whole (``flags``, ``grid``,
``classification``, ``participants``). Members are columns by their names. A list of objects within
a row gives rows of its own, such as the ``laps`` or ``pit_stops`` of a car, which repeat the
members of the outer one; a list of ``drivers`` gives columns by seat, such as
``DRIVER1_FIRSTNAME``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from events.errors import BadTimingFile
from events.formats.headings import canonical

Cells = dict[str, str]


def is_json(text: str) -> bool:
    """Whether a text is JSON, not a delimited table."""
    return text[:64].removeprefix("\ufeff").lstrip()[:1] in ("{", "[")


def json_rows(text: str, file: str) -> list[Cells]:
    """Return the cells of each row by canonical heading. Raises BadTimingFile."""
    try:
        content = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise BadTimingFile(file, f"not JSON: {error.msg}", line=error.lineno) from None
    except (RecursionError, ValueError) as error:  # too deep, or a number of too many digits
        raise BadTimingFile(file, f"not JSON: {error}", line=1) from None
    rows = [cells for row in _objects(content) for cells in _rows_of(row)]
    if not rows:
        raise BadTimingFile(file, "no list of rows in the JSON", line=1)
    return rows


def _objects(content: Any) -> list[Mapping[str, Any]]:
    """Return the longest list of objects."""
    lists = [*content.values()] if isinstance(content, dict) else [content]
    found: list[list[Mapping[str, Any]]] = [
        [one for one in rows if isinstance(one, dict)] for rows in lists if isinstance(rows, list)
    ]
    return max(found, key=len, default=[])


def _rows_of(row: Mapping[str, Any]) -> Iterator[Cells]:
    cells = _plain_cells(row)
    inner: dict[str, list[Mapping[str, Any]]] = {}
    for name, value in row.items():
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            if canonical(name) == "DRIVERS":
                cells |= _drivers(value)
            else:
                inner[canonical(name).removesuffix("S")] = value
    if not inner:
        yield cells
        return
    item = max(inner, key=lambda name: len(inner[name]))
    for one in inner[item]:
        # The number of a lap is not that of its car.
        own = {
            f"{item}_{heading}" if heading in cells else heading: cell
            for heading, cell in _plain_cells(one).items()
        }
        found = cells | own | _sectors(one)
        yield found | _driver_named(found)


def _plain_cells(row: Mapping[str, Any]) -> Cells:
    return {canonical(name): _text(value) for name, value in row.items() if not _is_nested(value)}


def _drivers(drivers: list[Mapping[str, Any]]) -> Cells:
    return {
        f"DRIVER{driver.get('number') or place}_{heading}": cell
        for place, driver in enumerate(drivers, 1)
        for heading, cell in _plain_cells(driver).items()
        if heading != "NUMBER"
    }


def _sectors(lap: Mapping[str, Any]) -> Cells:
    """Return the ``sector_times`` of a lap as ``S1``, ``S2``, ``S3``."""
    sectors = lap.get("sector_times")
    if not isinstance(sectors, list):
        return {}
    return {
        f"S{sector.get('index')}": _text(sector.get("time"))
        for sector in sectors
        if isinstance(sector, dict)
    }


def _driver_named(cells: Cells) -> Cells:
    """Return the name of the driver of a lap, who is given by the number of the seat."""
    driver = f"DRIVER{cells.get('DRIVER_NUMBER')}"
    parts = (cells.get(f"{driver}_{part}") for part in ("FIRSTNAME", "SURNAME"))
    name = " ".join(filter(None, parts))
    return {"DRIVER_NAME": name} if name else {}


def _is_nested(value: Any) -> bool:
    return isinstance(value, (list, dict))


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    # Escapes can stand for what is no text: NUL, half of a pair of surrogates.
    text = str(value).replace("\0", "").encode("utf-8", "replace").decode()
    return "1" if value is True else text

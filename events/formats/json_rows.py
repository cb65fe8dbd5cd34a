"""Rows of the JSON form in which Al Kamel publishes its files.

The rows are a list of objects, under one member of the whole (``flags``, ``grid``,
``classification``). Members are columns by their names. A list of objects within a row gives
rows of its own, such as the ``pit_stops`` of a car, which repeat the members of the outer one;
a list of ``drivers`` gives columns by seat, such as ``DRIVER1_FIRSTNAME``.
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
    except RecursionError:
        raise BadTimingFile(file, "not JSON: too deep", line=1) from None
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
    cells = {canonical(name): _text(value) for name, value in row.items() if not _is_nested(value)}
    inner: tuple[str, list[Any]] | None = None
    for name, value in row.items():
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            continue
        if canonical(name) == "DRIVERS":
            cells |= _drivers(value)
        else:
            inner = (canonical(name).removesuffix("S"), value)
    if inner is None:
        yield cells
        return
    item, items = inner
    for one in items:
        own: Cells = {}
        for name, value in one.items():
            if not _is_nested(value):
                heading = canonical(name)
                # The number of a lap is not that of its car.
                own[f"{item}_{heading}" if heading in cells else heading] = _text(value)
        yield cells | own


def _drivers(drivers: list[Mapping[str, Any]]) -> Cells:
    return {
        f"DRIVER{driver.get('number') or place}_{canonical(name)}": _text(value)
        for place, driver in enumerate(drivers, 1)
        for name, value in driver.items()
        if not _is_nested(value) and canonical(name) != "NUMBER"
    }


def _is_nested(value: Any) -> bool:
    return isinstance(value, (list, dict))


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    # Escapes can stand for what is no text: NUL, half of a pair of surrogates.
    text = str(value).replace("\0", "").encode("utf-8", "replace").decode()
    return "1" if value is True else text

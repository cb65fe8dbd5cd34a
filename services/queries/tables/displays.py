"""How the values of columns are written for people, and as cells of CSV.

The models of rows name a format (``projections.views.rows.DisplayFormat``), defined here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from events.clock import format_clock, format_lap_time
from projections.views.rows import Row
from projections.wording import flag_name, penalty_name, plain
from services.formatting import clock_text, show_gap, show_sectors


class Display(NamedTuple):
    """The values of a column as text, and as cells of CSV.

    ``whole`` says that the text is never cut so that a table fits; other text is cut to
    ``shortest`` characters at least. ``spread`` makes the CSV cells by the column's name, and
    of None gives them empty.
    """

    show: Callable[[Any], str] = str
    right: bool = False
    whole: bool = True
    shortest: int = 8
    spread: Callable[[str, Any], dict[str, Any]] = lambda name, value: {name: value}


def _one_cell(show: Callable[[Any], str]) -> Callable[[str, Any], dict[str, Any]]:
    return lambda name, value: {name: None if value is None else show(value)}


def _gap_cells(name: str, gap: Row | None) -> dict[str, Any]:
    gap = gap or {}
    return {f"{name}_laps": gap.get("laps"), f"{name}_ms": gap.get("ms")}


def _show_probability(value: float) -> str:
    """In per cent; what is neither certain nor impossible is not shown as such."""
    return (
        "<1 %"
        if 0 < value < 0.005
        else ">99 %"
        if 0.995 <= value < 1
        else f"{value:.0%}".replace("%", " %")
    )


def _show_quantiles(laps: Mapping[str, float]) -> str:
    return f"{laps['p50']:g} ({laps['p10']:g}-{laps['p90']:g})"


def _quantile_cells(name: str, laps: Mapping[str, float] | None) -> dict[str, Any]:
    return {f"{name}_{share}": (laps or {}).get(share) for share in ("p10", "p50", "p90")}


def _show_penalties(penalties: Sequence[Row]) -> str:
    return ", ".join(
        f"{penalty_name(one['kind'], one['amount'])} ({one['status']})" for one in penalties
    )


def _show_times(times: Sequence[int | None]) -> str:
    return " ".join("-" if ms is None else format_lap_time(ms) for ms in times)


def _show_numbers(numbers: Sequence[Any]) -> str:
    return " ".join("-" if one is None else str(one) for one in numbers)


def _show_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _show_rivals(tables: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(
        f"{', '.join(one['rival'])}: "
        + " ".join(f"{theirs}>{mine or '-'}" for theirs, mine in one["beats_from"].items())
        for one in tables
    )


def _show_evidence(events: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(one["position"] or "" for one in events)


DISPLAYS: dict[str, Display] = {
    "text": Display(whole=False),
    "title": Display(whole=False, shortest=60),
    "identifier": Display(),
    "word": Display(plain),
    "count": Display(right=True),
    "points": Display(right=True),
    "mean": Display(lambda mean: f"{mean:.1f}", right=True),
    "change": Display(lambda change: f"{change:+.1f}", right=True),
    "score": Display(lambda score: f"{score:.3f}", right=True),
    "probability": Display(_show_probability, right=True),
    "probabilities": Display(_show_numbers, spread=_one_cell(_show_numbers)),
    "quantiles": Display(_show_quantiles, right=True, spread=_quantile_cells),
    "number": Display(right=True),
    "speed": Display(lambda speed: speed if speed == "max" else f"{speed:g}x", right=True),
    "place": Display(lambda place: plain(str(place)), right=True),
    "yes": Display(lambda yes: "yes" if yes else ""),
    "tied": Display(lambda tied: "=" if tied else ""),
    "clock": Display(format_clock, right=True),
    "moment": Display(clock_text, right=True),
    "time": Display(format_lap_time, right=True),
    "wall_clock": Display(lambda iso: f"{iso[:10]} {iso[11:16]} UTC"),
    "flag": Display(flag_name),
    "sector_flags": Display(show_sectors, spread=_one_cell(show_sectors)),
    "gap": Display(show_gap, right=True, spread=_gap_cells),
    "texts": Display(" ".join, whole=False, spread=_one_cell(" ".join)),
    "names": Display(", ".join, whole=False, spread=_one_cell(", ".join)),
    "times": Display(_show_times, spread=_one_cell(_show_numbers)),
    "rounds": Display(_show_numbers, spread=_one_cell(_show_numbers)),
    "by_round": Display(_show_numbers, spread=_one_cell(_show_numbers)),
    "penalties": Display(_show_penalties, whole=False, spread=_one_cell(_show_penalties)),
    "value": Display(_show_value, whole=False, spread=_one_cell(_show_value)),
    "evidence": Display(_show_evidence, spread=_one_cell(_show_evidence)),
    "rivals": Display(_show_rivals, spread=_one_cell(_show_rivals)),
}
"""The displays by the names of their formats."""

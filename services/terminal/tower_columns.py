"""The columns of a tower: their cells, and which of them fit a width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from projections.views.display import CLOSE_INTERVAL_MS
from projections.views.themes import class_colours, theme_of
from projections.wording import CAR_STATES, PENALTIES, penalty_tag
from services.formatting import gap_text, lap_time_text, running_text
from services.terminal.tower_state import Row, TowerOptions, TowerState, is_race


class Cell(NamedTuple):
    """A piece of text and its style."""

    text: str
    style: str = ""


class TowerContext(NamedTuple):
    """The state and options, with what every row is compared to."""

    state: TowerState
    options: TowerOptions
    best_ms: int | None
    class_best_ms: Mapping[str | None, int]
    class_styles: Mapping[str | None, str]
    class_tags: Mapping[str | None, str]

    @classmethod
    def of(cls, state: TowerState, options: TowerOptions) -> TowerContext:
        """The context of all rows."""
        class_best: dict[str | None, int] = {}
        for row in state.rows:
            ms, name = row.get("best_lap_ms"), row.get("class")
            if ms is not None:
                class_best[name] = min(ms, class_best.get(name, ms))
        styles = _class_styles(state)
        tags = short_tags([name for name in styles if name is not None])
        return cls(state, options, min(class_best.values(), default=None), class_best, styles, tags)


# -- Classes --------------------------------------------------------------------------------


def _class_styles(state: TowerState) -> dict[str | None, str]:
    names = list(state.session.get("classes") or ())
    names += sorted({row["class"] for row in state.rows if row.get("class")} - set(names))
    theme = theme_of(state.session.get("series"), state.session.get("rules"), names)
    return {name: one.dark for name, one in class_colours(names, theme).items()}


def short_tags(names: Iterable[str], width: int = 5) -> dict[str | None, str]:
    """Each class's name cut to ``width`` characters, or as many as tell them apart.

    A name of one character more stays whole: ``GTDPRO`` is clearer than ``GTDPR``.
    """
    plain = {name: name.replace(" ", "") for name in names}

    def cut(width: int) -> dict[str | None, str]:
        return {
            name: whole if len(whole) <= width + 1 else whole[:width]
            for name, whole in plain.items()
        }

    longest = max(map(len, plain.values()), default=0)
    while width < longest and len(set(cut(width).values())) < len(plain):
        width += 1
    return cut(width)


# -- States and penalties -------------------------------------------------------------------

STATE_STYLES = {
    "PIT": "bold black on #56b4e9",
    "OUT": "bold #56b4e9",
    "RET": "dim",
    "FIN": "bold",
    "PEN": "bold #ff7f50",
    "DNS": "dim",
}


def state_of(row: Row) -> str:
    """``PIT``, ``OUT`` (the lap after a visit), ``RET``, ``FIN``, ``DNS``, ``PEN`` or nothing.

    ``PEN`` is for a car with a penalty to serve.
    """
    if row["status"] != "running":
        return CAR_STATES[row["status"]]["tag"]
    last_pit_lap = row.get("last_pit_lap")
    if last_pit_lap is not None and last_pit_lap >= row["laps"]:
        return CAR_STATES["out_lap"]["tag"]
    owes = any(_effect(one) == "to_serve" for one in row["penalties"].values())
    return CAR_STATES["penalty" if owes else "running"]["tag"]


def _effect(penalty: Row) -> str:
    """``to_serve``, ``counts`` (in the result, without being served) or ``none``."""
    words = PENALTIES.get(penalty["kind"])
    if penalty["status"] == "served":
        return "none"
    return "to_serve" if words is None else words["effect"]


def penalty_text(penalties: Iterable[Row]) -> Cell:
    """The penalties to serve, as ``SG+30``, and those that count in the result, as ``=+30``.

    Without any, the last of the others, in brackets.
    """
    penalties = list(penalties)
    standing = [one for one in penalties if _effect(one) != "none"]
    text = " ".join(_tag(one) for one in standing or penalties[-1:])
    if not standing:
        return Cell(f"({text})" if text else "", "dim")
    owed = any(_effect(one) == "to_serve" for one in standing)
    return Cell(text, "bold #ff7f50" if owed else "bold")


def _tag(penalty: Row) -> str:
    tag = penalty_tag(penalty["kind"], penalty.get("amount"))
    return f"={tag}" if _effect(penalty) == "counts" else tag


# -- Columns --------------------------------------------------------------------------------


class TowerColumn(NamedTuple):
    """A column of the tower.

    Columns are taken in by ``rank`` as long as they fit; ``grow`` is the share of what
    room is left. ``replaces`` names a column that is not needed beside this one.
    """

    heading: str
    width: int
    rank: int
    cell: Callable[[TowerContext, Row], Cell]
    right: bool = False
    grow: int = 0
    replaces: str | None = None


def _position(context: TowerContext, row: Row) -> Cell:
    return Cell(str(row["position"]), "bold")


def _moved(context: TowerContext, row: Row) -> Cell:
    places = context.options.moved.get(row["car"], 0)
    if not places:
        return Cell(" ►" if row["car"] in context.options.watched else "")
    return Cell(f"▲{places}", "bold #2fd39a") if places > 0 else Cell(f"▼{-places}", "#ff7f50")


def _class(context: TowerContext, row: Row) -> Cell:
    name = row.get("class")
    tag = context.class_tags.get(name, "")
    style = context.class_styles.get(name, "")
    width = max(map(len, context.class_tags.values()), default=0)
    first = row["class_position"] == 1
    return Cell(f"{tag:<{width}}{row['class_position']:>3}", f"{'bold ' if first else ''}{style}")


def _car(context: TowerContext, row: Row) -> Cell:
    return Cell(row["car"], "bold " + context.class_styles.get(row.get("class"), ""))


def _driver(context: TowerContext, row: Row) -> Cell:
    return Cell(row.get("driver") or "")


def _driver_short(context: TowerContext, row: Row) -> Cell:
    return Cell(row.get("driver_short") or "")


def _team(context: TowerContext, row: Row) -> Cell:
    return Cell(row.get("team") or row.get("vehicle") or "")


def _vehicle(context: TowerContext, row: Row) -> Cell:
    return Cell(row.get("vehicle") or "")


def _gap(context: TowerContext, row: Row) -> Cell:
    if context.options.car_class:
        return Cell(_class_gap(context, row).text)
    return Cell(gap_text(row.get("gap"), leads=row["position"] == 1))


def _interval(context: TowerContext, row: Row) -> Cell:
    in_class = context.options.car_class is not None
    interval = row.get("class_interval" if in_class else "interval") or {}
    leads = row["class_position" if in_class else "position"] == 1
    close = (interval.get("ms") or CLOSE_INTERVAL_MS) < CLOSE_INTERVAL_MS
    close &= is_race(context.state.session)
    return Cell(gap_text(interval, leads=leads), "bold" if close else "")


def _class_gap(context: TowerContext, row: Row) -> Cell:
    text = gap_text(row.get("class_gap"), leads=row["class_position"] == 1)
    return Cell(text, context.class_styles.get(row.get("class"), ""))


def _laps(context: TowerContext, row: Row) -> Cell:
    return Cell(str(row["laps"]))


def _mark(context: TowerContext, row: Row, ms: int | None) -> Cell:
    """The mark of a lap time: ``◆`` best of all, ``◇`` best of its class, or none."""
    if ms is None:
        return Cell(" ")
    if ms == context.best_ms:
        return Cell("◆", "bold #d58cff")
    if ms == context.class_best_ms.get(row.get("class")):
        return Cell("◇", "bold " + context.class_styles.get(row.get("class"), ""))
    return Cell(" ")


def _last(context: TowerContext, row: Row) -> Cell:
    ms = row.get("last_lap_ms")
    mark = _mark(context, row, ms)
    if mark.text == " " and ms is not None and ms == row.get("best_lap_ms"):
        mark = Cell("•", "#2fd39a")
    return Cell(lap_time_text(ms) + mark.text, mark.style)


def _best(context: TowerContext, row: Row) -> Cell:
    ms = row.get("best_lap_ms")
    if row.get("outside_percent") is not None:
        return Cell(lap_time_text(ms) + "%", "bold #ff7f50")
    mark = _mark(context, row, ms)
    return Cell(lap_time_text(ms) + mark.text, mark.style)


def _pace(context: TowerContext, row: Row) -> Cell:
    return Cell(lap_time_text(row.get("pace_ms")))


def _stops(context: TowerContext, row: Row) -> Cell:
    return Cell(str(row["stops"]))


def _stint(context: TowerContext, row: Row) -> Cell:
    return Cell(str(row["stint_laps"]))


def _state(context: TowerContext, row: Row) -> Cell:
    state = state_of(row)
    return Cell(state, STATE_STYLES.get(state, ""))


def _lane(context: TowerContext, row: Row) -> Cell:
    since = row.get("in_pit_since_ms")
    if since is None or row["status"] != "pit":
        return Cell("")
    return Cell(running_text(context.state.clock_ms - since), "#56b4e9")


def _penalty(context: TowerContext, row: Row) -> Cell:
    return penalty_text(row["penalties"].values())


def columns_of(context: TowerContext) -> list[TowerColumn]:
    race = is_race(context.state.session)
    tag_width = max(map(len, context.class_tags.values()), default=0)
    car_width = max((cell_len(row["car"]) for row in context.state.rows), default=3)
    return [
        TowerColumn("P", 2 if len(context.state.rows) < 100 else 3, 0, _position, right=True),
        TowerColumn("", 3, 6, _moved),
        TowerColumn("Class", tag_width + 3, 2, _class),
        TowerColumn("No", max(2, car_width), 0, _car, right=True),
        TowerColumn("Drv", 3, 3, _driver_short),
        TowerColumn("Driver", 12, 15, _driver, grow=2, replaces="Drv"),
        TowerColumn("Team", 8, 4, _team, grow=3),
        TowerColumn("Car", 16, 17, _vehicle, grow=2),
        TowerColumn("Lap", 3, 3, _laps, right=True),
        TowerColumn("Gap", 7, 1, _gap, right=True),
        TowerColumn("Int", 7, 1, _interval, right=True),
        TowerColumn("ClGap", 7, 12, _class_gap, right=True),
        TowerColumn("Last ", 9, 3, _last, right=True),
        TowerColumn("Best ", 9, 5 if race else 1, _best, right=True),
        TowerColumn("Pace", 8, 16, _pace, right=True),
        TowerColumn("Pit", 3, 4 if race else 18, _stops, right=True),
        TowerColumn("Stint", 5, 11, _stint, right=True),
        TowerColumn("", 3, 1, _state),
        TowerColumn("Lane", 5, 14, _lane, right=True),
        TowerColumn("Pen", 7, 13, _penalty),
    ]


def chosen_columns(columns: Sequence[TowerColumn], width: int) -> list[tuple[TowerColumn, int]]:
    """The columns that fit, in order, each with its width; the growing ones take the rest."""
    chosen: set[int] = set()
    used = -1
    for index in sorted(range(len(columns)), key=lambda index: columns[index].rank):
        if used + 1 + columns[index].width <= width:
            chosen.add(index)
            used += 1 + columns[index].width
    shown = [column for index, column in enumerate(columns) if index in chosen]
    replaced = {column.replaces for column in shown}
    shown = [column for column in shown if column.heading not in replaced]
    used = sum(column.width + 1 for column in shown) - 1
    shares = sum(column.grow for column in shown)
    spare = width - used
    widths = []
    for column in shown:
        more = spare * column.grow // shares if shares else 0
        spare, shares = spare - more, shares - column.grow
        widths.append((column, column.width + more))
    return widths

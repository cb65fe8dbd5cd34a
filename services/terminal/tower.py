"""The timing tower in a terminal, drawn by pure functions.

``render`` makes every line of a screen of a given size. Columns that do not fit are left out
in an order that keeps what a pit wall reads first: position, car, gap, state. Nothing is
expressed by colour alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from projections.views.freshness import Freshness, freshness
from projections.views.session_line import is_over
from projections.wording import OVER, flag_title
from services.formatting import clock_text, on_one_line, running_text, show_sectors
from services.terminal.tower_columns import (
    TowerColumn,
    TowerContext,
    chosen_columns,
    columns_of,
)
from services.terminal.tower_state import Row, TowerOptions, TowerState, is_race

SMALLEST = (40, 10)
"""Columns and lines below which nothing useful fits."""

HELP = """\
space   pause, go on              n  p   next, previous caution
+  -    faster, slower            c      next class, or all
[  ]    a minute back, ahead      ?      this help
← →     the same                  ↑  ↓   scroll the field
q       quit

Last and best laps:  ◆ best of all   ◇ best of its class   • the car's own best
                     % too slow for the rules of qualifying (107 %)
State:  PIT in the lane  OUT out-lap  PEN has a penalty to serve
        RET retired      FIN finished     DNS did not start
Order:  on the road; penalties with = count in the result without being served
▲2 ▼1   places won and lost just now      ► a car to watch"""

CAUTION_STYLE = "bold black on #ffd800"
BANDS: dict[str | None, tuple[str, str]] = {
    None: ("", "bold white on grey30"),
    "green": ("", "bold black on #00b050"),
    "white": ("", "bold black on white"),
    "yellow": ("▲", CAUTION_STYLE),
    "fcy": ("▲", CAUTION_STYLE),
    "safety_car": ("▲", CAUTION_STYLE),
    "vsc": ("▲", CAUTION_STYLE),
    "code_60": ("▲", CAUTION_STYLE),
    "slow_zone": ("▲", CAUTION_STYLE),
    "red": ("■", "bold white on #c00000"),
    "chequered": ("▚▚", "bold black on white"),
}
"""The sign on both sides of a flag's title, and the style of the band."""


def _fit(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly ``width`` columns, cut or padded."""
    text = on_one_line(text)
    if cell_len(text) > width:
        return set_cell_size(text[: width * 2], max(0, width - 1)) + "…" if width else ""
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding


def _split(left: str, right: str, width: int, style: str = "") -> Text:
    """A line with text at both ends; the right one is dropped if there is no room."""
    room = width - cell_len(left) - 1
    return Text(
        _fit(left, width - cell_len(right)) + right
        if cell_len(right) <= room
        else _fit(left, width),
        style,
    )


def _title(state: TowerState, width: int) -> Text:
    return _split(state.session["title"], clock_text(state.clock_ms), width, "bold")


def _band(state: TowerState, width: int) -> Text:
    session = state.session
    flag = session.get("flag")
    sign, style = BANDS.get(flag, ("", "bold"))
    over = is_over(session)
    title = OVER if over and flag is None else flag_title(flag)
    left = f" {f'{sign} {title.upper()} {sign}'.strip()}"
    since = session.get("caution_since_ms")
    if session.get("caution") and since is not None and is_race(session) and not over:
        lasted = running_text(state.clock_ms - since)
        left += f"  caution {session['caution']}  {lasted}"
    elif session.get("flag_since_ms") is not None and not over:
        left += f"  {running_text(state.clock_ms - session['flag_since_ms'])}"
    if session.get("pit_lane_closed"):
        left += "  PITS CLOSED"
    return _split(left, f"{_to_go(state)} ", width, style)


def _to_go(state: TowerState) -> str:
    session, parts = state.session, []
    if is_over(session):
        return OVER.lower()
    if session.get("time_limit_ms") is not None:
        parts.append(clock_text(max(0, session["time_limit_ms"] - state.clock_ms)))
    if session.get("laps_to_go") is not None:
        parts.append(f"{session['laps_to_go']} laps")
    return " or ".join(parts) + " to go" if parts else ""


def _facts(context: TowerContext, width: int) -> Text:
    session, rows = context.state.session, context.state.rows
    local = show_sectors(session.get("sector_flags")).upper()
    flags = f" {local} " if local else ""
    parts = _race_facts(session) if is_race(session) else _timed_facts(session, rows)
    parts += _counts(session, [row["status"] for row in rows])
    line = Text(_fit(f"{flags} {' · '.join(parts)}" if local else " · ".join(parts), width))
    line.stylize(CAUTION_STYLE, 0, len(flags))
    return line


def _counts(session: Row, statuses: Sequence[str]) -> list[str]:
    """How many cars run and are in the lane; of a race that is over, how many have finished."""
    finished, in_lane = statuses.count("finished"), statuses.count("pit")
    running = statuses.count("running") + in_lane
    if not is_over(session):
        parts = [f"{running + finished} of {len(statuses)} running"]
        return [*parts, f"{in_lane} in the lane"] if in_lane else parts
    if not (finished and is_race(session)):
        return []
    parts = [f"{finished} of {len(statuses)} finished"]
    if running and session.get("ended_ms") is None:
        parts.append(f"{running} on the way to the flag")
    return parts


def _race_facts(session: Row) -> list[str]:
    changes = f"{session['lead_changes']} lead changes"
    if is_over(session) and session.get("leader") is not None:
        return [f"car {session['leader']} first after {session['leader_lap']} laps", changes]
    parts = [f"lap {session['leader_lap']}"]
    if session.get("leader") is not None:
        parts.append(f"car {session['leader']} leads")
    return [*parts, changes]


def _timed_facts(session: Row, rows: Sequence[Row]) -> list[str]:
    """Of qualifying and practice: who is quickest, and how many have a time."""
    parts = [session.get("segment") or session["kind"]]
    if session.get("leader") is not None:
        parts.append(f"car {session['leader']} is quickest")
    timed = sum(row.get("best_lap_ms") is not None for row in rows)
    return [*parts, f"{timed} of {len(rows)} with a time"]


def _headings(columns: Sequence[tuple[TowerColumn, int]], columns_wide: int) -> Text:
    cells = (_fit(column.heading, width, right=column.right) for column, width in columns)
    return Text(_fit(" ".join(cells), columns_wide), "dim underline")


def _line(
    context: TowerContext, row: Row, columns: Sequence[tuple[TowerColumn, int]], columns_wide: int
) -> Text:
    line = Text(style="dim" if row["status"] in ("retired", "not_started") else "")
    for index, (column, width) in enumerate(columns):
        if index:
            line.append(" ")
        cell = column.cell(context, row)
        line.append(_fit(cell.text, width, right=column.right), cell.style or None)
    line.append(" " * (columns_wide - line.cell_len))
    if row["car"] in context.options.watched:
        line.stylize("reverse")
    return line


def _message(state: TowerState, width: int) -> Text:
    message = state.message
    if message is None:
        return Text(" " * width)
    return Text(_fit(f"{clock_text(message['at_ms'])} {message['text']}", width), "bold")


def _footer(context: TowerContext, hidden: int, width: int) -> Text:
    options = context.options
    parts = []
    if options.speed is not None:
        speed = "max" if options.speed == float("inf") else f"{options.speed:g}x"
        parts.append("END" if options.ended else "PAUSED" if options.paused else f"▶ {speed}")
    fresh = _freshness(context)
    if options.age_ms is not None:
        warned = "" if fresh == "fresh" else f"{fresh.upper()}: "
        parts.append(f"{warned}data {options.age_ms / 1000:.1f} s old")
    if options.car_class:
        parts.append(f"only {options.car_class}")
    if hidden:
        parts.append(f"{hidden} more" if options.still else f"{hidden} more ↑↓")
    if options.address:
        parts.append(options.address)
    line = _split("  ".join(parts), "" if options.still else "? help  q quit", width, "dim")
    if fresh == "stale":
        line.stylize("not dim bold white on #c00000")
    return line


def _freshness(context: TowerContext) -> Freshness:
    session, age = context.state.session, context.options.age_ms
    running = age is not None and session.get("ended_ms") is None
    return freshness(running, age or 0, session.get("patience_ms"))


def _help(width: int, lines: int) -> list[Text]:
    text = HELP.splitlines()
    text += [""] * (lines - len(text))
    return [Text(_fit(line, width)) for line in text[:lines]]


def render(state: TowerState, options: TowerOptions, width: int, height: int) -> list[Text]:
    """Every line of a screen of this size: exactly ``height`` lines of ``width`` columns."""
    if width < SMALLEST[0] or height < SMALLEST[1]:
        message = _fit("too small: {}x{} at least".format(*SMALLEST), width)
        return [Text(message), *(Text(" " * width) for _ in range(height - 1))]
    context = TowerContext.of(state, options)
    rows = [row for row in state.rows if options.car_class in (None, row.get("class"))]
    columns = chosen_columns(columns_of(context), width)
    head = [_title(state, width), _band(state, width), _facts(context, width)]
    room = height - len(head) - 3
    top = max(0, min(options.top, len(rows) - room))
    shown = rows[top : top + room]
    if options.help:
        body = _help(width, room)
    else:
        body = [_line(context, row, columns, width) for row in shown]
        body += [Text(" " * width)] * (room - len(body))
    foot = [_message(state, width), _footer(context, len(rows) - len(shown), width)]
    return [*head, _headings(columns, width), *body, *foot]


def plain_lines(state: TowerState, options: TowerOptions, width: int, height: int) -> list[str]:
    """The screen as plain text, without the spaces at the ends of its lines."""
    return [line.plain.rstrip() for line in render(state, options, width, height)]


class Tower:
    """A tower as a rich renderable, in the size of its place."""

    def __init__(self, state: TowerState, options: TowerOptions) -> None:
        self.state = state
        self.options = options

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or options.size.height
        yield Text("\n").join(render(self.state, self.options, options.max_width, height))

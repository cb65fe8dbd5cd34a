"""The timing tower in a terminal: drawing it is a pure function of what is known.

``render`` makes every line of a screen of a given size. What does not fit is left out in
an order that keeps what a pit wall reads first: position, car, gap, state. Nothing is
told by colour alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from projections.views.display import CLASS_COLOURS, CLOSE_INTERVAL_MS, MOVEMENT_HOLD_MS
from projections.views.freshness import Freshness, freshness
from projections.views.merge_patch import State
from projections.wording import CAR_STATES, flag_title, penalty_tag
from services.formatting import clock_text, gap_text, lap_time_text, running_text, show_sectors

Row = Mapping[str, Any]

SMALLEST = (40, 10)
"""Columns and lines below which nothing useful fits."""

HELP = """\
space   pause, go on              n  p   next, previous caution
+  -    faster, slower            c      next class, or all
[  ]    a minute back, ahead      ?      this help
← →     the same                  ↑  ↓   scroll the field
q       quit

Last and best laps:  ◆ best of all   ◇ best of its class   • the car's own best
State:  PIT in the lane  OUT out-lap  PEN owes a penalty  RET retired
        FIN finished     DNS did not start
▲2 ▼1   places won and lost just now      ► a car to watch"""


class Board(NamedTuple):
    """The state of a session's frames (``projections.views.frame``) as a tower reads it.

    ``rows`` are the standings in order; a member that is absent is null. ``message`` is
    race control's last word, ``clock_ms`` the session clock.
    """

    session: Row
    rows: Sequence[Row]
    message: Row | None
    clock_ms: int

    @classmethod
    def of(cls, state: State, clock_ms: int) -> Board:
        """What to read from a frame state at this time of the session clock."""
        rows = sorted(state["standings"].values(), key=lambda row: row["position"])
        messages = state["messages"]
        message = messages[max(messages, key=int)] if messages else None
        return cls(state["session"], rows, message, clock_ms)


@dataclass(frozen=True)
class Look:
    """How it is looked at: the viewer's choices, and what the viewer's clock tells."""

    car_class: str | None = None
    top: int = 0
    help: bool = False
    watched: frozenset[str] = frozenset()
    moved: Mapping[str, int] = field(default_factory=dict)
    speed: float | None = None
    paused: bool = False
    ended: bool = False
    age_ms: int | None = None
    address: str | None = None
    """Of the same race's screen for browsers."""
    still: bool = False
    """A single picture, in which no key does anything."""


class Cell(NamedTuple):
    """A piece of text and its style."""

    text: str
    style: str = ""


class Scene(NamedTuple):
    """The board with what all rows are compared to."""

    board: Board
    look: Look
    best_ms: int | None
    class_best_ms: Mapping[str | None, int]
    class_styles: Mapping[str | None, str]
    class_tags: Mapping[str | None, str]


# -- Flags and classes ---------------------------------------------------------------------

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


def _class_styles(board: Board) -> dict[str | None, str]:
    names = list(board.session.get("classes") or ())
    names += sorted({row["class"] for row in board.rows if row.get("class")} - set(names))
    return {name: CLASS_COLOURS[n % len(CLASS_COLOURS)] for n, name in enumerate(names)}


def short_tags(names: Iterable[str], width: int = 5) -> dict[str | None, str]:
    """Each class's name cut to at most ``width`` signs, or as many as tell them apart.

    A name of one sign more stays whole: ``GTDPRO`` says what ``GTDPR`` does not.
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


# -- States and penalties ---------------------------------------------------------------------

STATE_STYLES = {
    "PIT": "bold black on #56b4e9",
    "OUT": "bold #56b4e9",
    "RET": "dim",
    "FIN": "bold",
    "PEN": "bold #ff7f50",
    "DNS": "dim",
}


def state_of(row: Row) -> str:
    """``PIT``, ``OUT`` (on the lap after a visit), ``RET``, ``FIN``, ``DNS``, else ``PEN``
    for a car that owes a penalty, or nothing."""
    if row["status"] != "running":
        return CAR_STATES[row["status"]]["tag"]
    last_pit_lap = row.get("last_pit_lap")
    if last_pit_lap is not None and last_pit_lap >= row["laps"]:
        return CAR_STATES["out_lap"]["tag"]
    owes = any(one["status"] != "served" for one in row["penalties"].values())
    return CAR_STATES["penalty" if owes else "running"]["tag"]


def penalty_text(penalties: Iterable[Row]) -> Cell:
    """What a car still owes, ``SG+30``; else what it served, in brackets."""
    penalties = list(penalties)
    owed = [one for one in penalties if one["status"] != "served"]
    told = " ".join(penalty_tag(one["kind"], one.get("amount")) for one in owed or penalties[-1:])
    return Cell(told, "bold #ff7f50") if owed else Cell(f"({told})" if told else "", "dim")


# -- Columns -------------------------------------------------------------------------------


class Column(NamedTuple):
    """A column of the tower.

    Columns are taken in by ``rank`` as long as they fit; ``grow`` is the share of what
    room is left. ``replaces`` names a column that is not needed beside this one.
    """

    heading: str
    width: int
    rank: int
    cell: Callable[[Scene, Row], Cell]
    right: bool = False
    grow: int = 0
    replaces: str | None = None


def _position(scene: Scene, row: Row) -> Cell:
    return Cell(str(row["position"]), "bold")


def _moved(scene: Scene, row: Row) -> Cell:
    places = scene.look.moved.get(row["car"], 0)
    if not places:
        return Cell(" ►" if row["car"] in scene.look.watched else "")
    return Cell(f"▲{places}", "bold #2fd39a") if places > 0 else Cell(f"▼{-places}", "#ff7f50")


def _class(scene: Scene, row: Row) -> Cell:
    name = row.get("class")
    tag = scene.class_tags.get(name, "")
    style = scene.class_styles.get(name, "")
    width = max(map(len, scene.class_tags.values()), default=0)
    first = row["class_position"] == 1
    return Cell(f"{tag:<{width}}{row['class_position']:>3}", f"{'bold ' if first else ''}{style}")


def _car(scene: Scene, row: Row) -> Cell:
    return Cell(row["car"], "bold " + scene.class_styles.get(row.get("class"), ""))


def _driver(scene: Scene, row: Row) -> Cell:
    return Cell(row.get("driver") or "")


def _driver_short(scene: Scene, row: Row) -> Cell:
    return Cell(row.get("driver_short") or "")


def _team(scene: Scene, row: Row) -> Cell:
    return Cell(row.get("team") or row.get("vehicle") or "")


def _vehicle(scene: Scene, row: Row) -> Cell:
    return Cell(row.get("vehicle") or "")


def _gap(scene: Scene, row: Row) -> Cell:
    if scene.look.car_class:
        return Cell(_class_gap(scene, row).text)
    return Cell(gap_text(row.get("gap"), leads=row["position"] == 1))


def _interval(scene: Scene, row: Row) -> Cell:
    in_class = scene.look.car_class is not None
    interval = row.get("class_interval" if in_class else "interval") or {}
    leads = row["class_position" if in_class else "position"] == 1
    close = (interval.get("ms") or CLOSE_INTERVAL_MS) < CLOSE_INTERVAL_MS
    return Cell(gap_text(interval, leads=leads), "bold" if close else "")


def _class_gap(scene: Scene, row: Row) -> Cell:
    told = gap_text(row.get("class_gap"), leads=row["class_position"] == 1)
    return Cell(told, scene.class_styles.get(row.get("class"), ""))


def _laps(scene: Scene, row: Row) -> Cell:
    return Cell(str(row["laps"]))


def _mark(scene: Scene, row: Row, ms: int | None) -> Cell:
    """How good a lap time is: ``◆``, ``◇`` or nothing, with its style."""
    if ms is None:
        return Cell(" ")
    if ms == scene.best_ms:
        return Cell("◆", "bold #d58cff")
    if ms == scene.class_best_ms.get(row.get("class")):
        return Cell("◇", "bold " + scene.class_styles.get(row.get("class"), ""))
    return Cell(" ")


def _last(scene: Scene, row: Row) -> Cell:
    ms = row.get("last_lap_ms")
    mark = _mark(scene, row, ms)
    if mark.text == " " and ms is not None and ms == row.get("best_lap_ms"):
        mark = Cell("•", "#2fd39a")
    return Cell(lap_time_text(ms) + mark.text, mark.style)


def _best(scene: Scene, row: Row) -> Cell:
    ms = row.get("best_lap_ms")
    mark = _mark(scene, row, ms)
    return Cell(lap_time_text(ms) + mark.text, mark.style)


def _pace(scene: Scene, row: Row) -> Cell:
    return Cell(lap_time_text(row.get("pace_ms")))


def _stops(scene: Scene, row: Row) -> Cell:
    return Cell(str(row["stops"]))


def _stint(scene: Scene, row: Row) -> Cell:
    return Cell(str(row["stint_laps"]))


def _state(scene: Scene, row: Row) -> Cell:
    state = state_of(row)
    return Cell(state, STATE_STYLES.get(state, ""))


def _lane(scene: Scene, row: Row) -> Cell:
    since = row.get("in_pit_since_ms")
    if since is None or row["status"] != "pit":
        return Cell("")
    return Cell(running_text(scene.board.clock_ms - since), "#56b4e9")


def _penalty(scene: Scene, row: Row) -> Cell:
    return penalty_text(row["penalties"].values())


def _columns(scene: Scene) -> list[Column]:
    tag_width = max(map(len, scene.class_tags.values()), default=0)
    car_width = max((cell_len(row["car"]) for row in scene.board.rows), default=3)
    return [
        Column("P", 2 if len(scene.board.rows) < 100 else 3, 0, _position, right=True),
        Column("", 3, 6, _moved),
        Column("Class", tag_width + 3, 2, _class),
        Column("No", max(2, car_width), 0, _car, right=True),
        Column("Drv", 3, 3, _driver_short),
        Column("Driver", 12, 15, _driver, grow=2, replaces="Drv"),
        Column("Team", 8, 4, _team, grow=3),
        Column("Car", 16, 17, _vehicle, grow=2),
        Column("Lap", 3, 3, _laps, right=True),
        Column("Gap", 7, 1, _gap, right=True),
        Column("Int", 7, 1, _interval, right=True),
        Column("ClGap", 7, 12, _class_gap, right=True),
        Column("Last ", 9, 3, _last, right=True),
        Column("Best ", 9, 5, _best, right=True),
        Column("Pace", 8, 16, _pace, right=True),
        Column("Pit", 3, 4, _stops, right=True),
        Column("Stint", 5, 11, _stint, right=True),
        Column("", 3, 1, _state),
        Column("Lane", 5, 14, _lane, right=True),
        Column("Pen", 7, 13, _penalty),
    ]


def chosen_columns(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
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


# -- Lines ---------------------------------------------------------------------------------


def _fit(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly ``width`` columns, cut or padded."""
    if cell_len(text) > width:
        return set_cell_size(text[: width * 2], max(0, width - 1)) + "…" if width else ""
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding


def _split(left: str, right: str, width: int, style: str = "") -> Text:
    """A line with something at its left and something at its right; the right gives way."""
    room = width - cell_len(left) - 1
    return Text(
        _fit(left, width - cell_len(right)) + right
        if cell_len(right) <= room
        else _fit(left, width),
        style,
    )


def _title(board: Board, width: int) -> Text:
    return _split(board.session["title"], clock_text(board.clock_ms), width, "bold")


def _band(board: Board, width: int) -> Text:
    session = board.session
    flag = session.get("flag")
    sign, style = BANDS.get(flag, ("", "bold"))
    left = f" {f'{sign} {flag_title(flag).upper()} {sign}'.strip()}"
    since = session.get("caution_since_ms")
    if session.get("caution") and since is not None:
        lasted = running_text(board.clock_ms - since)
        left += f"  caution {session['caution']}  {lasted}"
    elif session.get("flag_since_ms") is not None and flag != "chequered":
        left += f"  {running_text(board.clock_ms - session['flag_since_ms'])}"
    if session.get("pit_lane_closed"):
        left += "  PITS CLOSED"
    return _split(left, f"{_to_go(board)} ", width, style)


def _to_go(board: Board) -> str:
    session, parts = board.session, []
    if session.get("flag") == "chequered":
        return ""
    if session.get("time_limit_ms") is not None:
        parts.append(clock_text(max(0, session["time_limit_ms"] - board.clock_ms)))
    if session.get("laps_to_go") is not None:
        parts.append(f"{session['laps_to_go']} laps")
    return " or ".join(parts) + " to go" if parts else ""


def _facts(scene: Scene, width: int) -> Text:
    session, rows = scene.board.session, scene.board.rows
    local = show_sectors(session.get("sector_flags")).upper()
    told = f" {local} " if local else ""
    parts = [f"lap {session['leader_lap']}"]
    if session.get("leader") is not None:
        parts.append(f"car {session['leader']} leads")
    parts.append(f"{session['lead_changes']} lead changes")
    running = sum(row["status"] in ("running", "pit", "finished") for row in rows)
    in_lane = sum(row["status"] == "pit" for row in rows)
    parts.append(f"{running} of {len(rows)} running")
    if in_lane:
        parts.append(f"{in_lane} in the lane")
    line = Text(_fit(f"{told} {' · '.join(parts)}" if local else " · ".join(parts), width))
    line.stylize(CAUTION_STYLE, 0, len(told))
    return line


def _headings(columns: Sequence[tuple[Column, int]], columns_wide: int) -> Text:
    cells = (_fit(column.heading, width, right=column.right) for column, width in columns)
    return Text(_fit(" ".join(cells), columns_wide), "dim underline")


def _line(scene: Scene, row: Row, columns: Sequence[tuple[Column, int]], columns_wide: int) -> Text:
    line = Text(style="dim" if row["status"] in ("retired", "not_started") else "")
    for index, (column, width) in enumerate(columns):
        if index:
            line.append(" ")
        cell = column.cell(scene, row)
        line.append(_fit(cell.text, width, right=column.right), cell.style or None)
    line.append(" " * (columns_wide - line.cell_len))
    if row["car"] in scene.look.watched:
        line.stylize("reverse")
    return line


def _message(board: Board, width: int) -> Text:
    message = board.message
    if message is None:
        return Text(" " * width)
    return Text(_fit(f"{clock_text(message['at_ms'])} {message['text']}", width), "bold")


def _footer(scene: Scene, hidden: int, width: int) -> Text:
    look = scene.look
    parts = []
    if look.speed is not None:
        speed = "max" if look.speed == float("inf") else f"{look.speed:g}x"
        parts.append("END" if look.ended else "PAUSED" if look.paused else f"▶ {speed}")
    fresh = _freshness(scene)
    if look.age_ms is not None:
        warned = "" if fresh == "fresh" else f"{fresh.upper()}: "
        parts.append(f"{warned}data {look.age_ms / 1000:.1f} s old")
    if look.car_class:
        parts.append(f"only {look.car_class}")
    if hidden:
        parts.append(f"{hidden} more" if look.still else f"{hidden} more ↑↓")
    if look.address:
        parts.append(look.address)
    line = _split("  ".join(parts), "" if look.still else "? help  q quit", width, "dim")
    if fresh == "stale":
        line.stylize("not dim bold white on #c00000")
    return line


def _freshness(scene: Scene) -> Freshness:
    session, age = scene.board.session, scene.look.age_ms
    running = age is not None and session.get("ended_ms") is None
    return freshness(running, age or 0, session.get("patience_ms"))


def _help(width: int, lines: int) -> list[Text]:
    told = HELP.splitlines()
    told += [""] * (lines - len(told))
    return [Text(_fit(line, width)) for line in told[:lines]]


# -- The whole screen ----------------------------------------------------------------------


def _scene(board: Board, look: Look) -> Scene:
    class_best: dict[str | None, int] = {}
    for row in board.rows:
        ms, name = row.get("best_lap_ms"), row.get("class")
        if ms is not None:
            class_best[name] = min(ms, class_best.get(name, ms))
    styles = _class_styles(board)
    tags = short_tags([name for name in styles if name is not None])
    return Scene(board, look, min(class_best.values(), default=None), class_best, styles, tags)


def render(board: Board, look: Look, width: int, height: int) -> list[Text]:
    """Every line of a screen of this size: exactly ``height`` lines of ``width`` columns."""
    if width < SMALLEST[0] or height < SMALLEST[1]:
        told = _fit("too small: {}x{} at least".format(*SMALLEST), width)
        return [Text(told), *(Text(" " * width) for _ in range(height - 1))]
    scene = _scene(board, look)
    rows = [row for row in board.rows if look.car_class in (None, row.get("class"))]
    columns = chosen_columns(_columns(scene), width)
    head = [_title(board, width), _band(board, width), _facts(scene, width)]
    room = height - len(head) - 3
    top = max(0, min(look.top, len(rows) - room))
    shown = rows[top : top + room]
    if look.help:
        body = _help(width, room)
    else:
        body = [_line(scene, row, columns, width) for row in shown]
        body += [Text(" " * width)] * (room - len(body))
    foot = [_message(board, width), _footer(scene, len(rows) - len(shown), width)]
    return [*head, _headings(columns, width), *body, *foot]


def plain_lines(board: Board, look: Look, width: int, height: int) -> list[str]:
    """The screen as plain text, without the spaces at the ends of its lines."""
    return [line.plain.rstrip() for line in render(board, look, width, height)]


class Tower:
    """A board as something that rich can show; it takes the size of its place."""

    def __init__(self, board: Board, look: Look) -> None:
        self.board = board
        self.look = look

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or options.size.height
        yield Text("\n").join(render(self.board, self.look, options.max_width, height))


class Movements:
    """Which cars won and lost places lately, for the marks beside them."""

    def __init__(self, hold_ms: int = MOVEMENT_HOLD_MS) -> None:
        self._hold_ms = hold_ms
        self._places: dict[str, int] = {}
        self._moved: dict[str, tuple[int, float]] = {}

    def see(self, order: Sequence[str], now_ms: float) -> dict[str, int]:
        """Note the order at a time of the viewer's clock; the places won (lost: below 0)."""
        places = {car: place for place, car in enumerate(order)}
        for car, place in places.items():
            before = self._places.get(car, place)
            if before != place:
                started = self._moved[car][0] if car in self._moved else before
                self._moved[car] = (started, now_ms)
        self._places = places
        self._moved = {
            car: (started, at)
            for car, (started, at) in self._moved.items()
            if now_ms - at < self._hold_ms and car in places
        }
        return {
            car: started - places[car]
            for car, (started, _) in self._moved.items()
            if started != places[car]
        }

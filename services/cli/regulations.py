"""The commands for regulation packs: list, show, check, compare and switch them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from events import AnyEvent, EventVoided, RulesSwitched, SeasonOpened
from events.errors import BadDecision, BadRules, UnknownRound, UnknownRules
from projections.championship.season import Season
from projections.rules.packs import (
    RegulationPack,
    builtin_names,
    builtin_pack,
    compare_packs,
    pack_rows,
    rules_of,
)
from services.cli.console import echo
from services.cli.decisions import By, DecisionContext, DryRun, GivenReason, When
from services.cli.options import As, Data, OutputFormat, Store
from services.cli.output import print_rows
from services.cli.season import append_decided
from services.cli.shell import with_log
from services.queries.packs import line_of, pack_named
from services.queries.rules_switch import switch_in_force, switch_rows
from services.queries.seasons import read_season, rounds_of
from services.queries.sessions import PositionedEvents, read_events
from services.queries.tables import sporting_tables
from services.queries.tables.columns import Row
from services.storage.event_log import Log

regulations = typer.Typer(invoke_without_command=True)

Pack = Annotated[
    str,
    typer.Argument(metavar="PACK", help="A built-in pack's name, or the path of one of your own."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(
        regulations,
        name="rules",
        help="List the regulation packs, show, compare and switch them.",
        rich_help_panel="Ask",
    )


@regulations.callback()
def packs(context: typer.Context, form: As = OutputFormat.TABLE) -> None:
    """List the built-in regulation packs; show, check, compare and switch them."""
    if context.invoked_subcommand is None:
        rows = [_row(builtin_pack(name)) for name in builtin_names()]
        print_rows(sporting_tables.RULES, rows, form)


@regulations.command("show")
def show(pack: Pack, form: As = OutputFormat.TABLE) -> None:
    """Print every rule of a pack with its source, or as assumed."""
    chosen = pack_named(pack)
    heading = f"{chosen.title}: {chosen.name}, version {chosen.version}\n"
    print_rows(sporting_tables.RULES_SHOW, pack_rows(chosen), form, heading)


@regulations.command("check")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The pack's TOML file.")],
) -> None:
    """Check a pack of your own: the first error with its line, else what is assumed in it."""
    try:
        pack = pack_named(str(file))
    except BadRules as bad:
        text = file.read_text(encoding="utf-8", errors="replace")
        line = line_of(text, bad.key)
        where = ", ".join(filter(None, (f"{file}:{line}" if line else str(file), bad.key)))
        raise BadRules(where, None, bad.reason) from None
    rules = rules_of(pack)
    assumed = [key for key, (_, source) in rules.items() if source is None]
    echo(f"{file}: valid, {len(rules)} rules, {len(assumed)} of them assumed")
    for key in assumed:
        echo(f"assumed: {key}")


@regulations.command("compare")
def compare(a: Pack, b: Pack, form: As = OutputFormat.TABLE) -> None:
    """Print the rules in which two packs differ."""
    first, second = pack_named(a), pack_named(b)
    heading = f"{first.name} and {second.name}\n"
    print_rows(sporting_tables.RULES_COMPARE, compare_packs(first, second), form, heading)


# -- Switching -----------------------------------------------------------------------------

Target = Annotated[
    str, typer.Argument(metavar="SEASON|SESSION", help="The season or session to be switched.")
]


@regulations.command("switch")
def switch(
    name: Target,
    pack: Annotated[str, typer.Argument(metavar="PACK", help="A built-in pack's name.")],
    reason: GivenReason,
    number: Annotated[
        int | None,
        typer.Option(
            "--from", metavar="ROUND", min=1, help="Of a season, the first round. Default: all."
        ),
    ] = None,
    at: When = None,
    by: By = None,
    dry_run: DryRun = False,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """Put a season or session under another pack, by one event; print what changes.

    With --dry-run both scorings are compared and nothing is appended. A session is switched as a
    whole, or from --at on; screens get a new epoch that gives the reason.
    """
    if pack not in builtin_names():
        raise UnknownRules(pack, builtin_names())
    changes: dict[str, Any] = {"rules": pack, "from_round": number, "reason": reason}
    if _is_season(name, store, data):
        if at is not None:
            raise typer.BadParameter("--at is for sessions; a season is switched --from a round")
        _decide_on_season(name, changes, by, dry_run, form, store, data)
        return
    if number is not None:
        raise typer.BadParameter("--from is for seasons; a session is switched --at a moment")
    context = DecisionContext(name, at, by, dry_run, None, form, store, data)

    def decision(recorded: Any, head: Any) -> AnyEvent:
        if at is None:
            head = {**head, "at": recorded.timeline.race.session.opened.at}
        return RulesSwitched(**head, **changes)

    context.decide(decision)


@regulations.command("restore")
def restore(
    name: Target,
    reason: GivenReason,
    by: By = None,
    dry_run: DryRun = False,
    form: As = OutputFormat.TABLE,
    store: Store = None,
    data: Data = None,
) -> None:
    """Take back the last switch of rules of a season or session; print what changes."""
    if _is_season(name, store, data):
        _decide_on_season(name, {"reason": reason}, by, dry_run, form, store, data)
        return
    context = DecisionContext(name, None, by, dry_run, None, form, store, data)

    async def events(log: Log) -> PositionedEvents:
        return (await read_events(log, name))[0]

    switched = _to_restore(name, with_log(store, data, events))
    context.decide(lambda _, head: EventVoided(**head, **_void(switched), reason=reason))


def _is_season(name: str, store: Store, data: Data) -> bool:
    async def found(log: Log) -> bool:
        events, _, _ = await read_events(log, name)
        return any(isinstance(event, SeasonOpened) for _, event in events)

    return with_log(store, data, found)


def _to_restore(name: str, events: PositionedEvents) -> RulesSwitched:
    """The switch to be taken back. Raises BadDecision without one."""
    switched = switch_in_force(events)
    if switched is None:
        raise BadDecision("rules", f"no switch of rules of {name!r} is in force")
    return switched


def _void(switched: RulesSwitched) -> dict[str, Any]:
    return {"voided_source": switched.source, "voided_seq": switched.source_seq}


def _decide_on_season(
    name: str,
    changes: dict[str, Any],
    by: str | None,
    dry_run: bool,
    form: OutputFormat,
    store: Store,
    data: Data,
) -> None:
    """Switch a season's rules, or (without ``rules``) take the last switch back."""
    head: dict[str, Any] = {"at": 0, "source": "season", "source_seq": 0}

    async def decided(log: Log) -> tuple[str, Season, Season]:
        now, existing = await read_season(log, name)
        event: AnyEvent
        if "rules" in changes:
            number = changes["from_round"]
            if number is not None and number > rounds_of(now):
                raise UnknownRound(number, rounds_of(now))
            event = RulesSwitched(**head, **changes)
            since = f" from round {number} on" if number else ""
            what = f"rules switched to {event.rules}{since}"
            then = now.with_switches([*now.switched, event])
            if _packs(then) == _packs(now):
                raise BadDecision("rules", f"the season is under {event.rules} already{since}")
        else:
            switched = _to_restore(name, existing)
            event = EventVoided(**head, **_void(switched), **changes)
            what = f"switch to {switched.rules} taken back"
            rest = [one for one in now.switched if one.identity != switched.identity]
            then = now.with_switches(rest)
        if not dry_run:
            await append_decided(log, name, existing, [event], by)
        return what, now, then

    what, now, then = with_log(store, data, decided)
    rows = list(switch_rows(now, then))
    summary = f"{name}: {'would be ' if dry_run else ''}{what}"
    if form is not OutputFormat.TABLE:
        print_rows(sporting_tables.RULES_SWITCH, rows, form)
    elif rows:
        print_rows(sporting_tables.RULES_SWITCH, rows, form, f"{summary}\n")
    else:
        echo(f"{summary}\nno rank and no points change")


def _packs(season: Season) -> list[str]:
    """The packs of a season as a whole, and of each round."""
    rounds = range(1, rounds_of(season) + 1)
    return [season.pack.name, *(season.pack_of(number).name for number in rounds)]


def _row(pack: RegulationPack) -> Row:
    rules = rules_of(pack)
    return {
        "pack": pack.name,
        "version": pack.version,
        "title": pack.title,
        "rules": len(rules),
        "assumed": sum(source is None for _, source in rules.values()),
    }

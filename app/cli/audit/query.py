"""`audit query`: any filter, a page or everything, as a table, CSV or JSON, once or as calls end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, tzinfo
from typing import Any

import click
import msgspec

from app.audit.query import Asking, Query, cursor_of, id_of_cursor
from app.audit.query.columns import BODIES, SHORT, WHOLE, chosen
from app.audit.query.moments import day_or_month, moment, zone_named
from app.audit.query.query import STATUSES
from app.audit.query.writers import WRITERS, Writer
from app.audit.subjects import Reveal
from app.cli.site import Output, Site, operator_call, site_command
from app.core import jsonsafe
from app.core.call import Resource
from app.core.errors import InputError

_PAGE, _LARGE_PAGE = 500, 100
_TURN = 0.5
_FILTERS = (
    ("--actor", "Name of who asked; `*` stands for any characters, here and below."),
    ("--actor-id", "Their id."),
    ("--agent", "The agent in whose name the call was made."),
    ("--client", "The program that called."),
    ("--door", "gateway, mcp, api, console or cli."),
    ("--action", "Such as tool.call, or admin.*."),
    ("--resource", "Model, server/tool or whatever the call was about."),
    ("--session", "Session of the caller."),
    ("--credential", "Key or token that was presented, by its public id."),
    ("--reason", "Reason code of the decision."),
    ("--rule", "Id of a rule that took part in the decision."),
    ("--trace", "Trace id, 32 digits."),
)


def _filters(function: Callable[..., Any]) -> Callable[..., Any]:
    for name, line in reversed(_FILTERS):
        function = click.option(name, help=line)(function)
    return function


def _bounds(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--since", help="From this moment on: 2h, yesterday, 2026-11-21, 2026-11-21T14:30:00Z …"),
        click.option("--until", help="Before this moment."),
        click.option("--on", "day", help="One day or month: today, yesterday, 2026-11-21, 2026-11."),
        click.option("--zone", default="UTC", show_default=True, help="Time zone, read and shown: local, +02:00 …"),
        click.option("--decision", type=click.Choice(["permit", "forbid"]), help="What was decided."),
        click.option("--status", multiple=True, type=click.Choice(STATUSES), help="What came of it; repeatable."),
        click.option("--kind", type=click.Choice(["call", "event"]), help="Only calls, or only events."),
        click.option("--min-cost", type=click.IntRange(0), help="At least so many microdollars."),
        click.option("--min-latency", type=click.FloatRange(0), help="At least so many milliseconds."),
        click.option("--argument", "given", multiple=True, metavar="NAME=VALUE", help="Recorded argument; repeatable."),
        click.option("--arguments", "contained", metavar="JSON", help="JSON that the recorded arguments contain."),
        click.option("--no-reads", "reads", flag_value=False, default=True, help="Without looks at the record."),
    ):  # fmt: skip
        function = option(function)
    return function


@click.command()
@_filters
@_bounds
@click.option("--columns", help="Names with commas between, or all.")
@click.option("--format", "form", type=click.Choice(list(WRITERS)), default=None, help="How; default: table.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many lines.")
@click.option("--all", "whole", is_flag=True, help="All lines, however many.")
@click.option("--after", default="", help="Go on where an earlier query ended.")
@click.option("--follow", is_flag=True, help="Go on with what ends from now on, until interrupted.")
@site_command
async def query(site: Site, output: Output, **given: Any) -> None:
    """Ask the record, newest first.

    The line on standard error names the place to go on from with --after. CSV cells are quoted and never formulas;
    control characters are shown as escapes.
    """
    zone = zone_named(given["zone"])
    wanted = _query(given, zone=zone, now=site.clock.now())
    form = given["form"] or ("json" if output.as_json else "table")
    if given["follow"] and (given["after"] or given["until"] or form == "json"):
        raise InputError(
            "--follow goes on for ever.", remedy="Leave out --after, --until and json; jsonl fits."
        )
    names = chosen(given["columns"], standard=SHORT if form == "table" else WHOLE)
    writer = WRITERS[form](names, zone)
    bodies = not set(BODIES).isdisjoint(names)
    after = id_of_cursor(given["after"])
    asked = {**msgspec.to_builtins(wanted), "format": form, "columns": list(names)}
    async with site.admission.admit(
        operator_call("audit.read", Resource("record", "query"), asked)
    ) as passage:
        async with _asking(site) as asking:
            if given["follow"]:
                await _follow(asking, wanted, writer, bodies=bodies)
                return
            most = 0 if given["whole"] else given["limit"]
            size = _LARGE_PAGE if bodies else _PAGE
            shown = 0
            click.echo(writer.begin(), nl=False)
            async for page in asking.pages(wanted, after=after, most=most, size=size, bodies=bodies):
                click.echo(writer.page(page.lines), nl=False)
                shown += len(page.lines)
                after = page.next
            click.echo(writer.end(), nl=False)
            if after is not None:
                click.echo(f"There is more: --after {cursor_of(after)}", err=True)
        passage.note(result={"lines": shown})


async def _follow(asking: Asking, wanted: Query, writer: Writer, *, bodies: bool) -> None:
    await asking.watch()
    click.echo(writer.begin(), nl=False)
    while True:
        lines = await asking.ended(wanted, bodies=bodies)
        if lines:
            click.echo(writer.page(lines), nl=False)
        await asyncio.sleep(_TURN)


@asynccontextmanager
async def _asking(site: Site) -> AsyncIterator[Asking]:
    """Questions over one connection of their own, with all the time they need."""
    async with await site.connection("query") as conn:

        @asynccontextmanager
        async def lend() -> AsyncIterator[Any]:
            yield conn

        yield Asking(lend, reveal=Reveal(site.keeping.persons))


def _query(given: dict[str, Any], *, zone: tzinfo, now: datetime) -> Query:
    """The options as a query; InputError for what cannot be meant."""
    since = moment(given["since"], now=now, zone=zone) if given["since"] else None
    until = moment(given["until"], now=now, zone=zone) if given["until"] else None
    if given["day"]:
        if since or until:
            raise InputError("--on names a whole range.", remedy="Leave out --since and --until.")
        since, until = day_or_month(given["day"], now=now, zone=zone)
    return Query(
        since=since.astimezone(UTC) if since else None,
        until=until.astimezone(UTC) if until else None,
        min_microdollars=given["min_cost"],
        min_latency_us=None if given["min_latency"] is None else int(given["min_latency"] * 1000),
        arguments=_arguments(given["given"], given["contained"]),
        **{name: given[name] for name in ("decision", "status", "kind", "reads")},
        **{name.removeprefix("--").replace("-", "_"): given[name.removeprefix("--").replace("-", "_")]
           for name, _ in _FILTERS},
    ).checked()  # fmt: skip


def _arguments(pairs: tuple[str, ...], contained: str | None) -> dict[str, Any] | None:
    """`name=value` and JSON as one object; a value that is JSON is meant as such, else it is text."""
    if not pairs and contained is None:
        return None
    found = jsonsafe.decode_object(contained.encode()) if contained is not None else {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--argument {pair[:80]!r} has no `=`.", remedy="Write NAME=VALUE.")
        try:
            found[name] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            found[name] = value
    return found

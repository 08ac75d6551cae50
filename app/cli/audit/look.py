"""`audit list|show|trace`: calls, one row, one trace."""

from typing import Any

import click

from app.audit.event import Event
from app.audit.reading import Filter
from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Resource


@click.command("list")
@click.option("--actor", help="Only calls of this name.")
@click.option("--action", help="Only this action, such as tool.call.")
@click.option("--decision", type=click.Choice(["permit", "forbid"]), help="Only these decisions.")
@click.option("--before", type=click.UUID, help="Only calls before this id: the next page.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
@site_command
async def list_calls(site: Site, output: Output, **wanted: Any) -> None:
    """List decided calls, newest first."""
    async with site.admission.admit(operator_call("audit.read", Resource("record", "calls"))):
        lines = await site.reading.calls(Filter(**wanted))
    output.table(
        lines,
        {
            "time": lambda line: line.time.strftime("%Y-%m-%d %H:%M:%S"),
            "decision": lambda line: line.decision,
            "action": lambda line: line.action,
            "resource": lambda line: line.resource,
            "actor": lambda line: line.actor,
            "status": lambda line: line.status,
            "reason": lambda line: line.reason,
            "id": lambda line: line.id,
            "trace": lambda line: line.trace_id,
        },
    )


@click.command()
@click.argument("row_id")
@site_command
async def show(site: Site, output: Output, row_id: str) -> None:
    """Show a row and what belongs to the same call."""
    async with site.admission.admit(operator_call("audit.read", Resource("record", row_id))):
        events = await site.reading.event(row_id)
    _print(output, events)


@click.command()
@click.argument("trace_id")
@site_command
async def trace(site: Site, output: Output, trace_id: str) -> None:
    """Show everything that belongs to one trace."""
    async with site.admission.admit(operator_call("audit.read", Resource("record", trace_id))):
        events = await site.reading.trace(trace_id)
    _print(output, events)


def _print(output: Output, events: list[Event]) -> None:
    if output.as_json:
        output.value(events)
        return
    for event in events:
        what = event.decision or event.status
        click.echo(
            f"{event.time}  {event.kind:8} {what:8} {event.action} {event.resource_kind}:{event.resource}"
        )
        for name in (
            "id",
            "call",
            "actor",
            "actor_kind",
            "client",
            "reason",
            "rule_ids",
            "policy_hash",
            "body",
        ):
            if value := getattr(event, name):
                click.echo(f"    {name:12} {value}")

"""`sink`: where the record is forwarded to, how each sink stands, and what can be done about it."""

import functools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from app.audit.sinks import SinkStatus
from app.audit.sinks.diode.receiving import check_folder
from app.audit.sinks.diode.signing import diode_signer
from app.cli.site import (
    Output,
    Site,
    json_option,
    operator_call,
    site_command,
    site_options,
    site_profile,
)
from app.core.call import Resource
from app.core.errors import InputError
from app.egress import Connector
from app.server.process import run_guarded
from app.server.rooms.forward import diode_key, sink_ways
from app.server.site import open_site


@click.group()
def sink() -> None:
    """Forward the record: how sinks stand, test, pause, send again."""


@sink.command("list")
@site_command
async def list_sinks(site: Site, output: Output) -> None:
    """List the sinks and how they stand."""
    async with site.admission.admit(operator_call("admin.sink.list", Resource("sink", "*"))):
        statuses = await site.sinks.statuses()
    output.table(
        statuses,
        {
            "name": lambda status: status.name,
            "kind": lambda status: status.kind,
            "where": lambda status: status.where,
            "state": lambda status: status.state,
            "lag": lambda status: status.lag_rows,
            "delivered": lambda status: status.delivered,
            "error": lambda status: status.error,
        },
    )


@sink.command()
@click.argument("name")
@site_command
async def status(site: Site, output: Output, name: str) -> None:
    """Show how a sink stands."""
    async with site.admission.admit(operator_call("admin.sink.show", Resource("sink", name))):
        found = await site.sinks.status(name)
    output.value(found, _told(found))


def _told(found: SinkStatus) -> str:
    lines = [f"{found.name}: {found.state}", f"  {found.kind} {found.where} ({found.format})"]
    lines.append(f"  delivered  {found.delivered} rows{_at(found.delivered_at)}")
    lines.append(f"  to come    {found.lag_rows} rows{_at(found.oldest)}")
    if found.missing:
        lines.append(f"  missing    {found.missing} rows were gone before they could be forwarded")
    if found.refused:
        lines.append(f"  refused    {found.refused} rows were passed over")
    if found.error:
        lines.append(f"  error      {found.error}{_at(found.error_at)}")
    return "\n".join(lines)


def _at(moment: datetime | None) -> str:
    return f", {moment.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%S')} UTC" if moment else ""


@sink.command()
@click.argument("name")
@site_command
async def pause(site: Site, output: Output, name: str) -> None:
    """Stop forwarding; rows wait in the record."""
    async with site.admission.admit(operator_call("admin.sink.pause", Resource("sink", name))) as passage:
        await site.sinks.pause(passage, name)
    output.value({"name": name, "paused": True}, f"{name} is paused; rows wait in the record.")


@sink.command()
@click.argument("name")
@site_command
async def resume(site: Site, output: Output, name: str) -> None:
    """Go on where it stopped."""
    async with site.admission.admit(operator_call("admin.sink.resume", Resource("sink", name))) as passage:
        await site.sinks.resume(passage, name)
    output.value({"name": name, "paused": False}, f"{name} goes on.")


@sink.command()
@click.argument("name")
@click.option("--since", required=True, help="RFC 3339 time, such as 2026-03-01T08:00:00Z.")
@site_command
async def replay(site: Site, output: Output, name: str, since: str) -> None:
    """Send everything again that happened since; duplicates carry the same ids."""
    moment = _moment(since)
    call = operator_call("admin.sink.replay", Resource("sink", name), {"since": moment.isoformat()})
    async with site.admission.admit(call) as passage:
        await site.sinks.replay(passage, name, moment)
    output.value({"name": name, "since": moment}, f"{name} gets everything again since {moment.isoformat()}.")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(
            f"{text!r} is not a time with its zone.", remedy="Write for example 2026-03-01T08:00:00Z."
        )
    return moment


@sink.command()
@click.argument("name")
@site_command
async def forget(site: Site, output: Output, name: str) -> None:
    """Forget where a sink stood; one that is still in the profile begins anew."""
    async with site.admission.admit(operator_call("admin.sink.forget", Resource("sink", name))) as passage:
        await site.sinks.forget(passage, name)
    output.value({"name": name, "forgotten": True}, f"{name} is forgotten.")


@sink.command()
@site_command
async def key(site: Site, output: Output) -> None:
    """Print the verifier key of diode sinks, for the far side."""
    async with site.admission.admit(operator_call("admin.sink.key", Resource("sink", "*"))):
        text = str(diode_signer(diode_key(site.folder), node=site.profile.node).key)
    output.value({"key": text}, text)


@sink.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--key", "text", required=True, help="Verifier key: what `sink key` printed on the near side.")
@click.option("--name", required=True, help="The sink's name on the near side.")
@json_option
def check(folder: Path, text: str, name: str, as_json: bool) -> int:
    """Check what came through a diode; exit code 1 when something is missing, changed or foreign."""
    from app.audit.tlog.note import parse_key

    found = list(check_folder(folder, key=parse_key(text), stream=name))
    faults = [entry for entry in found if entry.fault]
    lines = [f"{entry.number:012d}: {entry.fault}" for entry in faults]
    rows = sum(entry.rows for entry in found)
    lines.append(f"{len(found) - len(faults)} files with {rows} rows are whole, {len(faults)} are not.")
    Output(as_json=as_json).value({"rows": rows, "files": len(found), "faults": faults}, "\n".join(lines))
    return int(bool(faults) or not found)


def _with_way_out(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Like `site_command`, for a command that connects to a destination itself."""

    @site_options
    @json_option
    @functools.wraps(function)
    def command(data: Path | None, profile: Path | None, as_json: bool, **arguments: Any) -> None:
        loaded, folder = site_profile(data, profile)

        async def run(connector: Connector) -> None:
            async with open_site(loaded, folder=folder, serving=False) as site:
                await function(site, connector, Output(as_json=as_json), **arguments)

        run_guarded(loaded, run, fast=False)

    return command


@sink.command()
@click.argument("name")
@_with_way_out
async def test(site: Site, connector: Connector, output: Output, name: str) -> None:
    """Send one row of no meaning from here, and say what came of it."""
    async with site.admission.admit(operator_call("admin.sink.test", Resource("sink", name))) as passage:
        found = await site.sinks.test(passage, name, ways=sink_ways(site, connector))
    output.value({"name": name, "found": found}, f"{name}: {found}.")

"""`egress verify`: watch the running site, try what must be refused, and say whether anything undeclared left."""

import asyncio
from pathlib import Path

import click
import msgspec

from app.cli.egress.verdict import Report
from app.cli.site import Output, json_option, operator_call, site_options, site_profile
from app.config import Profile
from app.core.call import Resource
from app.core.errors import SallyportError


@click.command()
@site_options
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 86_400),
    default=30.0,
    show_default=True,
    help="How long to watch.",
)
@click.option("--against", default="", help="URL of the running site, when it serves another data folder.")
@click.option(
    "--alone",
    is_flag=True,
    help="Nothing else runs in this network: a packet without a known owner is the site's.",
)
@click.option("--no-record", is_flag=True, help="Write nothing into the record.")
@json_option
def verify(
    data: Path | None,
    profile: Path | None,
    *,
    seconds: float,
    against: str,
    alone: bool,
    no_record: bool,
    as_json: bool,
) -> int:
    """Watch the running site and compare with what the profile declares.

    Exit code 0: nothing undeclared was seen, and every layer held. 1: something was seen, or a layer let through
    what it has to refuse. 2: it could not be found out. As root, packets are watched too, on all interfaces; else
    only the sockets of processes that this user may look at.
    """
    from app.cli.egress.looking import looked

    loaded, folder = site_profile(data, profile)
    report = looked(loaded, folder, seconds=seconds, against=against, alone=alone)
    if not no_record:
        report = _recorded(report, loaded, folder)
    _print(Output(as_json=as_json), report)
    return report.exit


def _recorded(report: Report, profile: Profile, folder: Path) -> Report:
    """The report with the trace of its row, or with the reason why it has none."""
    from app.egress import Connector
    from app.server.process import run_guarded
    from app.server.site import open_site

    call = operator_call("admin.egress.verify", Resource("egress", "site"), {"seconds": report.seconds})

    async def write(_: Connector) -> None:
        async with (
            open_site(profile, folder=folder, serving=False) as site,
            site.admission.admit(call) as passage,
        ):
            passage.note(result=msgspec.to_builtins(report))

    try:
        run_guarded(profile, write, fast=False)
    except (SallyportError, OSError, asyncio.CancelledError) as error:
        return msgspec.structs.replace(report, unrecorded=str(error))
    return msgspec.structs.replace(report, trace_id=call.trace.trace_id)


def _print(output: Output, report: Report) -> None:
    if output.as_json:
        output.value(report)
        return
    click.echo(
        f"Watched for {report.seconds:g} s: process {report.server}, {report.watched.processes} processes,"
    )
    click.echo(
        f"  {report.watched.apart} of them in networks of their own; {report.watched.packets} packets."
    )
    for layer in report.layers:
        click.echo(f"{layer.state:9} {layer.name:28} {layer.how}")
    for title, seen in (
        ("declared", report.watched.declared),
        ("granted", report.watched.granted),
        ("unknown", report.watched.unknown),
        ("UNDECLARED", report.watched.undeclared),
    ):
        for one in seen:
            what = one.sighting
            where = f"{what.transport} {what.address} port {what.port}"
            click.echo(f"{title:10} {where:40} {one.count:5} by {what.by}  {what.process}")
    for note in report.notes:
        click.echo(f"note: {note}")
    if report.unrecorded:
        click.echo(f"not recorded: {report.unrecorded}")
    click.echo(_VERDICTS[report.exit])


_VERDICTS = {
    0: "Silent: nothing undeclared was seen.",
    1: "NOT SILENT: see above.",
    2: "It could not be found out: see above.",
}

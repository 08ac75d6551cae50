"""`audit status|checkpoint|keys`: the seal over the record."""

import click

from app.audit.sealing.survey import key_lines, newest_checkpoint, survey
from app.cli.site import Output, Site, operator_call, site_command
from app.core.call import Resource
from app.core.errors import NotFoundError
from app.server.rooms.seal import outside_of
from app.server.rooms.seal_keys import key_source


@click.command()
@site_command
async def status(site: Site, output: Output) -> None:
    """Show how far the record is sealed, and what stands in the way; exit code 1 if something does."""
    async with (
        site.admission.admit(operator_call("audit.read", Resource("record", "seal"))),
        await site.connection("status") as conn,
    ):
        found = await survey(conn, source=key_source(site.profile, site.folder), outside=outside_of(site))
    lines = [
        f"origin     {found.origin or 'not begun'}",
        f"sealed     {found.size} rows, last at {found.created or 'never'}",
        f"unsealed   {found.unsealed} rows",
        f"outside    {found.outside_size} rows in {found.outside_file}",
        *(f"TROUBLE    {said}\n           {remedy}" for said, remedy in found.troubles),
    ]
    output.value(found, "\n".join(lines))
    if found.troubles:
        raise click.exceptions.Exit(1)


@click.command()
@click.option("--print", "paper", is_flag=True, help="For paper: the root in groups of digits.")
@site_command
async def checkpoint(site: Site, output: Output, paper: bool) -> None:
    """Print the newest checkpoint: the signed note, or a page to be filed."""
    async with (
        site.admission.admit(operator_call("audit.read", Resource("record", "checkpoint"))),
        await site.connection("checkpoint") as conn,
    ):
        found = await newest_checkpoint(conn)
    if found is None:
        raise NotFoundError("The record is not sealed yet.", remedy="Start the server once.")
    output.value(
        {"origin": found.origin, "size": found.size, "root": found.root.hex(), "note": found.note},
        found.paper() if paper else found.note.rstrip("\n"),
    )


@click.command()
@site_command
async def keys(site: Site, output: Output) -> None:
    """List the public keys that sign the record; give them to auditors by another way than the record."""
    async with (
        site.admission.admit(operator_call("audit.read", Resource("record", "keys"))),
        await site.connection("keys") as conn,
    ):
        lines = await key_lines(conn)
    if output.as_json:
        output.value(lines)
        return
    for line in lines:
        signs = "signs" if line.signs else "retired"
        click.echo(f"{line.kind:10} {signs:8} since {line.since:%Y-%m-%d %H:%M}  SHA-256 {line.fingerprint}")
        click.echo(f"           {line.key}")


__all__ = ["checkpoint", "keys", "status"]

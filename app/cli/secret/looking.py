"""`secret list|show|history`: everything about secrets but their values."""

import click

from app.cli.secret.asking import lines, secret_call
from app.cli.site import Output, Site, site_command


@click.command("list")
@site_command
async def list_secrets(site: Site, output: Output) -> None:
    """List secrets, without values."""
    async with site.admission.admit(secret_call("list", "*")):
        rows = await site.secrets.list_all()
    output.table(
        rows,
        {
            "name": lambda row: row.name,
            "version": lambda row: row.version,
            "changed": lambda row: row.changed.strftime("%Y-%m-%d %H:%M:%S"),
            "granted to": lambda row: ",".join(row.recipients),
            "purpose": lambda row: row.purpose,
            "problem": lambda row: row.problem,
        },
    )


@click.command()
@click.argument("name")
@site_command
async def show(site: Site, output: Output, name: str) -> None:
    """Show a secret, without its value."""
    async with site.admission.admit(secret_call("show", name)):
        shown = await site.secrets.show(name)
    output.value(shown, lines(shown))


@click.command()
@click.argument("name")
@site_command
async def history(site: Site, output: Output, name: str) -> None:
    """List the versions of a secret, newest first, with the master key that seals each."""
    async with site.admission.admit(secret_call("history", name)):
        rows = await site.secrets.history(name)
    output.table(
        rows,
        {
            "version": lambda row: row.version,
            "state": lambda row: row.state,
            "created": lambda row: row.created.strftime("%Y-%m-%d %H:%M:%S"),
            "by": lambda row: row.created_by,
            "key": lambda row: row.key[:12],
        },
    )

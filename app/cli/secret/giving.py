"""`secret grant|revoke`: who may be given a secret."""

import click

from app.cli.secret.asking import lines, secret_call
from app.cli.site import Output, Site, site_command


@click.command()
@click.argument("name")
@click.option("--to", "recipient", required=True, help="server:NAME or provider:NAME, as in the profile.")
@site_command
async def grant(site: Site, output: Output, name: str, recipient: str) -> None:
    """Let a server or provider be given a secret; its entry in the profile must declare it too."""
    async with site.admission.admit(secret_call("grant", name, {"recipient": recipient[:80]})) as passage:
        shown = await site.secrets.grant(passage, name, recipient)
    hint = (
        "" if recipient in shown.used_by else f"\n{recipient} does not declare it in this node's profile yet."
    )
    output.value(shown, lines(shown) + hint)


@click.command()
@click.argument("name")
@click.option("--from", "recipient", required=True, help="server:NAME or provider:NAME.")
@site_command
async def revoke(site: Site, output: Output, name: str, recipient: str) -> None:
    """Take a secret away; programs that have it are ended within seconds."""
    async with site.admission.admit(secret_call("revoke", name, {"recipient": recipient[:80]})) as passage:
        shown = await site.secrets.revoke(passage, name, recipient)
    output.value(shown, lines(shown))

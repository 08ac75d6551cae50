"""`secret set|rotate|delete`: values in, and gone."""

from pathlib import Path
from typing import Any

import click

from app.cli.secret.asking import EXACT, VALUE_FILE, asked_value, lines, secret_call
from app.cli.site import Output, Site, site_command


@click.command("set")
@click.argument("name")
@VALUE_FILE
@EXACT
@click.option("--purpose", default="", help="What it is for; part of what the box is sealed with.")
@site_command
async def set_secret(site: Site, output: Output, name: str, value_file: Path | None, **more: Any) -> None:
    """Store a new secret. The value is asked for, or read from standard input or --file; it is never an argument."""
    value, purpose = asked_value(name, value_file, exact=more["exact"]), more["purpose"]
    async with site.admission.admit(secret_call("set", name, {"purpose": purpose})) as passage:
        shown = await site.secrets.set(passage, name, value, purpose=purpose)
    output.value(
        shown, f"{lines(shown)}\nNobody is given it yet: `sallyport secret grant {name} --to server:NAME`."
    )


@click.command()
@click.argument("name")
@VALUE_FILE
@EXACT
@site_command
async def rotate(site: Site, output: Output, name: str, value_file: Path | None, exact: bool) -> None:
    """Give a secret a new value; whoever uses it is started or called with it within seconds, on every node."""
    value = asked_value(name, value_file, exact=exact)
    async with site.admission.admit(secret_call("rotate", name)) as passage:
        shown = await site.secrets.rotate(passage, name, value)
    output.value(shown, lines(shown))


@click.command()
@click.argument("name")
@site_command
async def delete(site: Site, output: Output, name: str) -> None:
    """Destroy a secret that nobody is granted any more."""
    async with site.admission.admit(secret_call("delete", name)) as passage:
        await site.secrets.delete(passage, name)
    output.value({"name": name}, f"{name} is destroyed.")

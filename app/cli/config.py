"""`config`: check, show and explain the profile."""

from pathlib import Path
from typing import Any

import click
import msgspec
import yaml

from app.cli.site import Output, json_option, site_options, site_profile
from app.config import Profile, Secret
from app.config.reference import reference
from app.egress.destinations import declared


@click.group()
def config() -> None:
    """Check, show and explain the profile."""


@config.command()
@site_options
@json_option
def check(data: Path | None, profile: Path | None, as_json: bool) -> None:
    """Read the profile and say whether it can be used; nothing is started."""
    loaded, folder = site_profile(data, profile)
    destinations = list(declared(loaded))
    output = Output(as_json=as_json)
    summary = {
        "ok": True,
        "data": str(folder),
        "address": loaded.listen.address,
        "models": len(loaded.models),
        "tool_servers": len(loaded.mcp.servers),
        "destinations": len(destinations),
    }
    output.value(
        summary,
        f"The profile is in order: data in {folder}, {loaded.listen.address}, {len(loaded.models)} models, "
        f"{len(loaded.mcp.servers)} tool servers, {len(destinations)} destinations.",
    )


@config.command()
@site_options
@json_option
def show(data: Path | None, profile: Path | None, as_json: bool) -> None:
    """Print the profile as it is in force, defaults included, secrets hidden."""
    loaded, folder = site_profile(data, profile)
    tree: dict[str, Any] = msgspec.to_builtins(loaded, enc_hook=_hide)
    tree["data"] = str(folder)
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)
    Output(as_json=as_json).value(tree, text.rstrip())


@config.command("reference")
@json_option
def print_reference(as_json: bool) -> None:
    """Print every key with type, default and meaning (Markdown)."""
    if as_json:
        Output(as_json=True).value(msgspec.json.schema(Profile, schema_hook=_secret_schema))
        return
    click.echo(reference(), nl=False)


def _hide(value: Any) -> str:
    if isinstance(value, Secret):
        return f"secret:{value.reference}" if value.reference else "***"
    raise TypeError(type(value).__name__)


def _secret_schema(type_: type) -> dict[str, str]:
    if type_ is Secret:
        return {"type": "string", "format": "password"}
    raise TypeError(type_)

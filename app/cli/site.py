"""What commands share: the site's options, the wired site, and how results are printed."""

import functools
import os
import pwd
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import click
import msgspec

from app.cli.options import json_option, site_options, site_profile
from app.core.call import Call, LocalOperator, Resource
from app.core.ids import new_trace

if TYPE_CHECKING:
    from app.egress import Connector
    from app.server.site import Site
else:
    # Names in annotations only. A command that asks the running server, or reads a file, imports this module too, and
    # shall not import a whole site for them.
    Connector = Site = Any

P = ParamSpec("P")


class Output:
    """Prints a result for people, or as JSON for scripts."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def value(self, value: Any, text: str | None = None) -> None:
        """One result; `text` is how people read it."""
        if self.as_json or text is None:
            click.echo(
                msgspec.json.format(msgspec.json.encode(value), indent=2 if not self.as_json else 0).decode()
            )
        else:
            click.echo(text)

    def table(self, rows: Sequence[Any], columns: Mapping[str, Callable[[Any], object]]) -> None:
        """Many results: an array for scripts, aligned columns for people."""
        if self.as_json:
            click.echo(msgspec.json.encode(list(rows)))
            return
        cells = [[str(cell(row)) for cell in columns.values()] for row in rows]
        widths = [max(len(name), *(len(line[i]) for line in cells), 0) for i, name in enumerate(columns)]
        click.echo(
            "  ".join(name.upper().ljust(width) for name, width in zip(columns, widths, strict=True)).rstrip()
        )
        for line in cells:
            click.echo(
                "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            )


def site_command(function: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Turn `async f(site, output, …)` into a command body with --data, --profile and --json."""

    @site_options
    @json_option
    @functools.wraps(function)
    def command(data: Path | None, profile: Path | None, as_json: bool, **arguments: Any) -> None:
        from app.server.process import run_guarded
        from app.server.site import open_site

        loaded, folder = site_profile(data, profile)

        async def run(_: Connector) -> None:
            async with open_site(loaded, folder=folder, serving=False) as site:
                await function(site, Output(as_json=as_json), **arguments)

        run_guarded(loaded, run, fast=False)

    return command


def operator_call(action: str, resource: Resource, arguments: dict[str, Any] | None = None) -> Call:
    """A call of the person at this host's shell."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Call(
        door="cli",
        action=action,
        resource=resource,
        arguments=arguments,
        trace=new_trace(),
        credential=LocalOperator(uid=uid, name=name),
        client="sallyport",
    )


__all__ = ["Output", "Site", "json_option", "operator_call", "site_command", "site_options", "site_profile"]

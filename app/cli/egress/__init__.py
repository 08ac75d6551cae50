"""`egress`: what this site may connect to, the same as rules for others, and the check that nothing else leaves."""

from pathlib import Path

import click

from app.cli.egress.show import nftables_rules, show, systemd_fragment, tcpdump_filter
from app.cli.egress.verify import verify
from app.cli.site import json_option, site_options


@click.group(invoke_without_command=True)
@site_options
@click.option("--resolve", is_flag=True, help="Ask the resolver for the addresses of names.")
@json_option
@click.pass_context
def egress(
    context: click.Context, data: Path | None, profile: Path | None, resolve: bool, as_json: bool
) -> None:
    """Show every place this site may connect to, and why; rules for packet filters; a check on the host.

    Nothing is started and nobody is asked, unless --resolve says so.
    """
    if context.invoked_subcommand is None:
        show(data, profile, resolve=resolve, as_json=as_json)


for command in (tcpdump_filter, nftables_rules, systemd_fragment, verify):
    egress.add_command(command)

__all__ = ["egress"]

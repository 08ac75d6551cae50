"""`status`: how a site is at this moment, without starting anything."""

import asyncio
from pathlib import Path

import click

from app import __version__
from app.cli.doctor import asked, show, site_findings
from app.cli.site import Output, json_option, site_options, site_profile
from app.server.checks import Finding
from app.server.host.standing import serves


@click.command()
@site_options
@json_option
def status(data: Path | None, profile: Path | None, as_json: bool) -> int:
    """Say how this site is: whether it serves, its database, record, certificate and backups.

    Nothing is started and nothing written. Exit code 0 if it serves and nothing fails, else 1.
    """
    loaded, folder = site_profile(data, profile)
    up = serves(folder)
    findings = [
        Finding(
            check="server",
            state="ok" if up else "warn",
            found=f"{__version__}, {loaded.node} {'serves' if up else 'does not serve'} {folder}",
            remedy="" if up else f"sallyport serve --data {folder}",
        ),
        *site_findings(loaded, folder),
        *asyncio.run(asked(loaded, folder)),
    ]
    show(Output(as_json=as_json), findings)
    return int(not up or any(finding.state == "fail" for finding in findings))

"""`doctor`: every precondition of this host and this site, each with its remedy."""

import asyncio
from pathlib import Path

import click

from app.cli.site import Output, json_option, site_options, site_profile
from app.config import Profile
from app.core.clock import SystemClock
from app.core.errors import SallyportError
from app.server.backup.standing import backup_findings
from app.server.checks import (
    Finding,
    confinement_findings,
    database_findings,
    folder_findings,
    host_findings,
    listener_findings,
)
from app.server.folder import PROFILE
from app.server.host.standing import certificate_finding, clock_findings, permission_findings
from app.server.rooms.seal_checks import seal_findings


@click.command()
@site_options
@json_option
def doctor(data: Path | None, profile: Path | None, as_json: bool) -> int:
    """Check this host and this site; exit code 1 if something stands in the way."""
    # Only here: `status` shares the rest of this file, and has none of these questions.
    from app.server.host.held import enforcement_findings
    from app.server.rooms.forward import place_findings
    from app.server.tools import sign_in_findings

    findings = list(host_findings())
    try:
        loaded, folder = site_profile(data, profile)
        # First: it forks, and what follows makes threads.
        findings += [*enforcement_findings(loaded), *confinement_findings()]
    except SallyportError as error:
        findings += confinement_findings()
        findings.append(Finding(check="profile", state="fail", found=error.message, remedy=error.remedy))
    else:
        named = profile or folder / PROFILE
        findings += [
            Finding(
                check="profile", state="ok", found=str(named) if named.exists() else "none yet: defaults"
            ),
            *site_findings(loaded, folder),
            *listener_findings(loaded),
            *place_findings(loaded),
            *sign_in_findings(loaded),
            *asyncio.run(asked(loaded, folder)),
        ]
    show(Output(as_json=as_json), findings)
    return int(any(finding.state == "fail" for finding in findings))


def site_findings(profile: Profile, folder: Path) -> list[Finding]:
    """What the files of a site tell."""
    now = SystemClock().now()
    certificate = certificate_finding(profile, folder, now=now)
    return [
        *folder_findings(folder),
        *permission_findings(folder),
        *clock_findings(folder, now=now),
        *([certificate] if certificate else []),
        *backup_findings(profile, folder, now=now),
    ]


async def asked(profile: Profile, folder: Path) -> list[Finding]:
    """What only the database and the files of the record can tell."""
    sealed = [finding async for finding in seal_findings(profile, folder)]
    return [*await database_findings(profile, folder), *sealed]


def show(output: Output, findings: list[Finding]) -> None:
    """One line each, with the remedy below; or all as JSON."""
    if output.as_json:
        output.value(findings)
        return
    for finding in findings:
        click.echo(f"{finding.state:4}  {finding.check:20} {finding.found}")
        if finding.remedy:
            click.echo(f"      {'':20} {finding.remedy}")

"""What the console looks into: the parts of other doors as plain rows."""

import asyncio
from collections.abc import Sequence

from app.audit.spending import Money
from app.console import Finding, ModelLine, ServerLine, Sources, VaultLine
from app.gateway.models import Models
from app.mcp import Servers
from app.mcp.oauth import SignIns
from app.secrets.vault import Pull
from app.server.backup.looking import SiteBackups
from app.server.checks import database_findings, folder_findings, host_findings
from app.server.rooms.forward import status_finding
from app.server.site import Site
from app.server.tools import client_document


def console_sources(
    site: Site,
    *,
    servers: Servers,
    models: Models,
    pulls: Sequence[Pull],
    sign_ins: SignIns,
    stopping: asyncio.Event,
) -> Sources:
    """The console's view of a serving site."""

    async def findings() -> Sequence[Finding]:
        found = [*host_findings(), *folder_findings(site.folder)]
        found += await database_findings(site.profile, site.folder)
        found += [status_finding(status) for status in await site.sinks.statuses()]
        return [
            Finding(check=entry.check, state=entry.state, found=entry.found, remedy=entry.remedy)
            for entry in found
        ]

    return Sources(
        identity=site.identity,
        policies=site.policies,
        engine=site.engine,
        catalog=site.catalog,
        review=site.review,
        reading=site.reading,
        money=Money(site.pool),
        recorder=site.recorder,
        clock=site.clock,
        servers=lambda: server_lines(servers),
        models=model_lines(models),
        secrets=site.secrets,
        vaults=lambda: vault_lines(site, pulls),
        findings=findings,
        backups=SiteBackups(site).standing,
        sign_ins=sign_ins,
        client_document=lambda: client_document(site),
        stopping=stopping,
    )


def server_lines(servers: Servers) -> list[ServerLine]:
    """The tool servers of the profile as they are at this moment."""
    states = servers.states()
    lines = []
    for name, entry in servers.entries.items():
        status = states[name]
        lines.append(
            ServerLine(
                name=name,
                transport="stdio" if entry.command else "http",
                description=entry.description,
                state=status.state,
                detail=status.why,
            )
        )
    return lines


def vault_lines(site: Site, pulls: Sequence[Pull]) -> list[VaultLine]:
    """The vaults of the profile as the last look found them."""
    settings = site.profile.secrets.vaults
    return [
        VaultLine(
            name=pull.status.name,
            state=pull.status.state,
            why=pull.status.why,
            secrets=tuple(sorted(settings[pull.status.name].secrets)),
            problems=pull.status.problems,
        )
        for pull in pulls
    ]


def model_lines(models: Models) -> list[ModelLine]:
    """The models that clients may name."""
    return [
        ModelLine(
            name=target.model,
            provider=target.provider,
            upstream=target.upstream_model,
            dialect=target.dialects[0].name,
            input_price=target.price.rates.input,
            output_price=target.price.rates.output,
            labels=target.labels,
        )
        for target in models
    ]

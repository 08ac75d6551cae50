"""What the console looks into: the parts of other doors as plain rows."""

import asyncio
from collections.abc import Sequence

from app.api.models import ModelPlace
from app.audit.spending import Money
from app.console import Finding, ModelLine, ServerLine, Sources, VaultLine
from app.mcp import Servers
from app.mcp.oauth import SignIns
from app.secrets.vault import Pull
from app.server.backup.looking import SiteBackups
from app.server.checks import database_findings, folder_findings, host_findings
from app.server.models import ModelRows
from app.server.rooms.forward import status_finding
from app.server.site import Site
from app.server.tools import client_document


def console_sources(
    site: Site,
    *,
    servers: Servers,
    models: ModelRows,
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
        models=lambda: model_lines(models.overview()),
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


def model_lines(places: Sequence[ModelPlace]) -> list[ModelLine]:
    """The models that clients may name, with their places."""
    return [
        ModelLine(
            name=place.model,
            aliases=tuple(place.aliases),
            provider=place.provider,
            upstream=place.upstream_model,
            dialect=place.dialect,
            input_price=place.input_price,
            output_price=place.output_price,
            labels=tuple(place.labels),
            state=place.why or {"closed": "", "": ""}.get(place.state, place.state),
            calls=place.calls,
            failures=place.failures,
        )
        for place in places
    ]

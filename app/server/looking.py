"""What the console looks into: the parts of other doors as plain rows."""

import asyncio
from collections.abc import Sequence

from app.console import Finding, ModelLine, ServerLine, Sources
from app.gateway.models import Models
from app.mcp import Servers
from app.mcp.oauth import SignIns
from app.server.checks import database_findings, folder_findings, host_findings
from app.server.rooms.forward import status_finding
from app.server.site import Site
from app.server.tools import client_document


def console_sources(
    site: Site, *, servers: Servers, models: Models, sign_ins: SignIns, stopping: asyncio.Event
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
        recorder=site.recorder,
        clock=site.clock,
        servers=lambda: server_lines(servers),
        models=model_lines(models),
        findings=findings,
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


def model_lines(models: Models) -> list[ModelLine]:
    """The models that clients may name."""
    return [
        ModelLine(
            name=target.model,
            provider=target.provider,
            upstream=target.upstream_model,
            dialect=target.dialect.name,
            input_price=target.price.input,
            output_price=target.price.output,
            labels=target.labels,
        )
        for target in models
    ]

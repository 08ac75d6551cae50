"""What the console shows of the other doors and of the host, as its own plain rows."""

import asyncio

import msgspec

from app.config import Profile
from app.console import Finding, ModelLine, ServerLine, Sources
from app.gateway.models import Models
from app.mcp import Servers
from app.server import checks
from app.server.site import Site


def console_sources(site: Site, servers: Servers, models: Models, stopping: asyncio.Event) -> Sources:
    """Everything the pages are made from."""

    async def findings() -> list[Finding]:
        found = [*checks.host_findings(), *checks.folder_findings(site.folder)]
        found += await checks.database_findings(site.profile, site.folder)
        return [Finding(**msgspec.structs.asdict(finding)) for finding in found]

    return Sources(
        identity=site.identity,
        policies=site.policies,
        engine=site.engine,
        reading=site.reading,
        recorder=site.recorder,
        clock=site.clock,
        servers=lambda: server_lines(site.profile, servers),
        models=model_lines(models),
        findings=findings,
        stopping=stopping,
    )


def server_lines(profile: Profile, servers: Servers) -> list[ServerLine]:
    """The tool servers with their state of this moment."""
    settings = profile.mcp.servers
    return [
        ServerLine(
            name=name,
            transport="program" if settings[name].command else "remote",
            description=settings[name].description,
            state=state,
            detail=detail,
        )
        for name, (state, detail) in servers.states().items()
    ]


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

"""What the console looks into: the parts of other doors as plain rows."""

import asyncio
from collections.abc import Sequence

from app.api.tools import Measure, ToolServer
from app.config.schema import McpServer
from app.console import Finding, ModelLine, ServerLine, Sources
from app.egress.sandbox import Level
from app.gateway.models import Models
from app.mcp import Servers
from app.mcp.upstream.ports import Status
from app.server.checks import database_findings, folder_findings, host_findings
from app.server.site import Site


def console_sources(site: Site, *, servers: Servers, models: Models, stopping: asyncio.Event) -> Sources:
    """The console's view of a serving site."""

    async def findings() -> Sequence[Finding]:
        found = [*host_findings(), *folder_findings(site.folder)]
        found += await database_findings(site.profile, site.folder)
        return [
            Finding(check=entry.check, state=entry.state, found=entry.found, remedy=entry.remedy)
            for entry in found
        ]

    return Sources(
        identity=site.identity,
        policies=site.policies,
        engine=site.engine,
        reading=site.reading,
        recorder=site.recorder,
        clock=site.clock,
        servers=lambda: server_lines(servers),
        models=model_lines(models),
        findings=findings,
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


class LookedAt:
    """The tool servers as the admin API and the control socket show them."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def overview(self) -> list[ToolServer]:
        """All of them, by name."""
        states = self._servers.states()
        entries = self._servers.entries
        return [_shown(name, status, entries[name]) for name, status in states.items() if name in entries]

    async def restart(self, name: str) -> None:
        """NotFoundError when there is no such program."""
        await self._servers.restart(name)


def _shown(name: str, status: Status, entry: McpServer) -> ToolServer:
    level = status.level or Level()
    measures = [Measure(name=one, on=True, how=how) for one, how in level.on.items()]
    remedies = {missing.measure: missing.remedy for missing in level.missing}
    measures += [
        Measure(name=one, on=False, how=why, remedy=remedies.get(one, "")) for one, why in level.off.items()
    ]
    return ToolServer(
        name=name,
        kind="program" if entry.command else "remote",
        state=status.state,
        why=status.why,
        seconds=round(status.seconds, 1),
        starts=status.starts,
        pid=status.pid,
        processes=status.processes,
        memory_bytes=status.memory_bytes,
        cpu_seconds=round(status.cpu_seconds, 2),
        confinement=level.text if measures else "",
        measures=measures,
        description=entry.description,
    )


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

"""The tool servers as the admin API and the host's commands show them."""

from app.api.tools import Measure, ToolServer
from app.config.tools import McpServer
from app.egress.sandbox import Level
from app.mcp import Servers
from app.mcp.upstream.ports import Status


class LookedAt:
    """Rows made of states."""

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

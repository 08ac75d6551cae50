"""The tool servers as the admin API and the host's commands show them."""

from collections.abc import Sequence

from app.api.tools import Measure, ToolServer
from app.config.tools import McpServer
from app.egress.sandbox import Level
from app.mcp import Servers
from app.mcp.upstream.ports import Status
from app.secrets.signins import Vault
from app.secrets.signins.records import SignInRow


class LookedAt:
    """Rows made of states."""

    def __init__(self, servers: Servers, vault: Vault) -> None:
        self._servers = servers
        self._vault = vault

    async def overview(self) -> list[ToolServer]:
        """All of them, by name."""
        states = self._servers.states()
        entries = self._servers.entries
        wanted = any(entry.oauth.issuers for entry in entries.values())
        rows = await self._vault.rows() if wanted else ()
        return [
            _shown(name, status, entries[name], [row for row in rows if row.server == name])
            for name, status in states.items()
            if name in entries
        ]

    async def restart(self, name: str) -> None:
        """NotFoundError when there is no such program."""
        await self._servers.restart(name)


def _shown(name: str, status: Status, entry: McpServer, rows: Sequence[SignInRow]) -> ToolServer:
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
        sign_in=_sign_in(entry, rows),
    )


def _sign_in(entry: McpServer, rows: Sequence[SignInRow]) -> str:
    """Such as `per user: 3 signed in, 1 ended`; empty where nobody signs in."""
    if not entry.oauth.issuers:
        return ""
    signed_in = sum(row.state == "signed in" for row in rows)
    ended = len(rows) - signed_in
    return f"per {entry.oauth.per}: {signed_in} signed in" + (f", {ended} ended" if ended else "")

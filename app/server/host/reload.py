"""The profile read again while serving: tool servers follow it at once, and what else changed is named."""

from collections.abc import Callable

import msgspec

from app.config import Profile
from app.config.tools import Mcp, McpServer, port_range
from app.core.errors import ConfigError
from app.egress import Connector, Held
from app.egress.destinations import SERVERS, of_servers
from app.egress.enforcement import needs_outside
from app.mcp import Servers, Surroundings
from app.mcp.upstream.ports import Upstream
from app.server.declared import Declared


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """Tool servers that came, went or were exchanged, places opened and closed to connections, and settings that wait.

    What waits is taken up by the next start of Sallyport.
    """

    changed: list[str] = []
    waiting: list[str] = []
    opened: list[str] = []
    closed: list[str] = []


class Reload:
    """Compares with what holds now, which is the profile of the start and every later change that was applied."""

    def __init__(
        self,
        profile: Profile,
        *,
        servers: Servers,
        declared: Declared,
        around: Surroundings,
        connector: Connector,
        build: Callable[[Mcp], dict[str, Upstream]],
        again: Callable[[], Profile] | None,
        held: Held | None = None,
    ) -> None:
        self._profile = profile
        self._servers = servers
        self._declared = declared
        self._around = around
        self._connector = connector
        self._build = build
        self._again = again
        self._held = held or Held()

    def __call__(self) -> Reloaded:
        """ConfigError when the profile cannot be used; then everything stays as it is."""
        if self._again is None:
            raise ConfigError("This server has no profile to read again.", remedy="Restart it.")
        fresh = self._again()
        # Whatever can be wrong is found out here, before the first thing changes.
        mcp, beyond = self._within(fresh.mcp)
        upstreams, places = self._build(mcp), list(of_servers(mcp))
        waiting = self._waiting(fresh) + beyond
        opened, closed = self._connector.exchange(SERVERS, places)
        self._declared.mcp = mcp
        self._around.capacity.allow(programs=mcp.programs, memory_mb=mcp.memory_mb)
        self._around.ports.allow(*port_range(mcp.ports))
        changed = self._servers.apply(upstreams, mcp)
        self._profile = msgspec.structs.replace(self._profile, mcp=mcp)
        return Reloaded(changed=changed, waiting=waiting, opened=opened, closed=closed)

    def _within(self, fresh: Mcp) -> tuple[Mcp, list[str]]:
        """Without what the kernel refuses this process since its start; those servers stay as they were."""
        before, servers = self._profile.mcp.servers, dict(fresh.servers)
        beyond = [
            name
            for name, entry in servers.items()
            if entry != before.get(name) and not self._given(name, entry)
        ]
        for name in beyond:
            del servers[name]
            if name in before:
                servers[name] = before[name]
        return msgspec.structs.replace(fresh, servers=servers), [f"mcp.servers.{name}" for name in beyond]

    def _given(self, name: str, entry: McpServer) -> bool:
        if needs_outside(entry):
            return not self._held.on or self._held.outside is not None
        return self._held.gives(of_servers(Mcp(servers={name: entry})))

    def _waiting(self, fresh: Profile) -> list[str]:
        now = self._profile
        names = [name for name in Profile.__struct_fields__ if name not in ("mcp", "data")]
        return [name for name in names if getattr(now, name) != getattr(fresh, name)]

"""The profile read again while serving: tool servers follow it at once, and what else changed is named."""

from collections.abc import Callable

import msgspec

from app.config import Profile
from app.config.tools import Mcp, port_range
from app.core.errors import ConfigError
from app.egress import Connector
from app.egress.destinations import SERVERS, of_servers
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
    ) -> None:
        self._profile = profile
        self._servers = servers
        self._declared = declared
        self._around = around
        self._connector = connector
        self._build = build
        self._again = again

    def __call__(self) -> Reloaded:
        """ConfigError when the profile cannot be used; then everything stays as it is."""
        if self._again is None:
            raise ConfigError("This server has no profile to read again.", remedy="Restart it.")
        fresh = self._again()
        # Whatever can be wrong is found out here, before the first thing changes.
        upstreams, places = self._build(fresh.mcp), list(of_servers(fresh.mcp))
        waiting = self._waiting(fresh)
        opened, closed = self._connector.exchange(SERVERS, places)
        self._declared.mcp = fresh.mcp
        self._around.capacity.allow(programs=fresh.mcp.programs, memory_mb=fresh.mcp.memory_mb)
        self._around.ports.allow(*port_range(fresh.mcp.ports))
        changed = self._servers.apply(upstreams, fresh.mcp)
        self._profile = msgspec.structs.replace(self._profile, mcp=fresh.mcp)
        return Reloaded(changed=changed, waiting=waiting, opened=opened, closed=closed)

    def _waiting(self, fresh: Profile) -> list[str]:
        now = self._profile
        names = [name for name in Profile.__struct_fields__ if name not in ("mcp", "data")]
        return [name for name in names if getattr(now, name) != getattr(fresh, name)]

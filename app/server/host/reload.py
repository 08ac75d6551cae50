"""The profile read again while serving: tool servers, providers and models follow it at once, and what else changed
is named."""

from collections.abc import Callable, Mapping

import msgspec

from app.config import Profile
from app.config.tools import Mcp, McpServer, port_range
from app.core.errors import ConfigError
from app.egress import Connector, Held
from app.egress.destinations import PROVIDERS, SERVERS, of_providers, of_servers
from app.egress.enforcement import needs_outside
from app.gateway.models import Models
from app.mcp import Servers, Surroundings
from app.mcp.upstream.ports import Upstream
from app.server.declared import Declared


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """Tool servers, providers and models that came, went or changed, places opened and closed to connections, and
    settings that wait.

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
        models: Models,
        declared: Declared,
        around: Surroundings,
        connector: Connector,
        build: Callable[[Mcp], dict[str, Upstream]],
        again: Callable[[], Profile] | None,
        held: Held | None = None,
    ) -> None:
        self._profile = profile
        self._servers = servers
        self._models = models
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
        ai, held = self._models_within(fresh)
        book, providers = self._models.read(ai), list(of_providers(ai.providers))
        waiting = self._waiting(fresh) + beyond + held
        opened, closed = self._connector.exchange(SERVERS, places)
        more, fewer = self._connector.exchange(PROVIDERS, providers)
        self._models.turn(book)
        self._declared.providers = ai.providers
        self._declared.mcp = mcp
        self._around.capacity.allow(programs=mcp.programs, memory_mb=mcp.memory_mb)
        self._around.ports.allow(*port_range(mcp.ports))
        changed = self._servers.apply(upstreams, mcp)
        changed += _changed("providers", self._profile.providers, ai.providers)
        changed += _changed("models", self._profile.models, ai.models)
        self._profile = msgspec.structs.replace(
            self._profile, mcp=mcp, providers=ai.providers, models=ai.models
        )
        return Reloaded(changed=changed, waiting=waiting, opened=opened + more, closed=closed + fewer)

    def _models_within(self, fresh: Profile) -> tuple[Profile, list[str]]:
        """Both sections as they were when the kernel refuses one of the providers since the start."""
        before = self._profile
        new = {name: one for name, one in fresh.providers.items() if one != before.providers.get(name)}
        if self._held.gives(of_providers(new)):
            return fresh, []
        return msgspec.structs.replace(fresh, providers=before.providers, models=before.models), [
            "providers",
            "models",
        ]

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
        followed = ("mcp", "providers", "models", "data")
        names = [name for name in Profile.__struct_fields__ if name not in followed]
        return [name for name in names if getattr(now, name) != getattr(fresh, name)]


def _changed(section: str, before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    return sorted(
        f"{section}.{name}" for name in before.keys() | now.keys() if before.get(name) != now.get(name)
    )

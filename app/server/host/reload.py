"""The profile read again while serving: tool programs follow it at once, and what else changed is named."""

import logging
from collections.abc import Callable

import msgspec

from app.config import Profile
from app.config.tools import Mcp, McpServer
from app.core.errors import ConfigError, SallyportError
from app.egress import Held
from app.mcp import Servers
from app.mcp.upstream.ports import Upstream
from app.server.declared import Declared

_log = logging.getLogger(__name__)


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """Tool servers that were started, stopped or exchanged, and settings that wait for a restart of Sallyport."""

    changed: list[str] = []
    waiting: list[str] = []


class Reload:
    """Compares with what holds now, which is the profile of the start and every later change that was applied."""

    def __init__(
        self,
        profile: Profile,
        *,
        servers: Servers,
        declared: Declared,
        build: Callable[[Mcp], dict[str, Upstream]],
        again: Callable[[], Profile] | None,
        held: Held | None = None,
    ) -> None:
        self._profile = profile
        self._servers = servers
        self._declared = declared
        self._build = build
        self._again = again
        self._held = held or Held()

    def __call__(self) -> Reloaded:
        """ConfigError when the profile cannot be used; then everything stays as it is."""
        if self._again is None:
            raise ConfigError("This server has no profile to read again.", remedy="Restart it.")
        fresh = self._again()
        waiting = self._waiting(fresh)
        # A new place on the network must be declared before the guard that refuses all others is set, and what is to
        # have the network can only be started from outside of what the kernel holds, which begins with the process.
        remote = {name for name, entry in fresh.mcp.servers.items() if entry.url or self._held_in(entry)}
        held = {
            name: entry
            for name, entry in self._servers.entries.items()
            if entry.url or (name in remote and self._held_in(fresh.mcp.servers[name]))
        }
        wanted = {name: entry for name, entry in fresh.mcp.servers.items() if name not in remote}
        waiting += sorted(
            f"mcp.servers.{name}"
            for name in remote | set(held)
            if held.get(name) != fresh.mcp.servers.get(name)
        )
        mcp = msgspec.structs.replace(
            self._profile.mcp, hold_after=fresh.mcp.hold_after, servers={**wanted, **held}
        )
        self._declared.mcp = mcp
        changed = self._servers.apply(self._build(mcp), entries=mcp.servers)
        self._profile = msgspec.structs.replace(self._profile, mcp=mcp)
        _log.info(
            "the profile was read again; changed: %s; waiting for a restart: %s",
            ", ".join(changed) or "nothing",
            ", ".join(waiting) or "nothing",
        )
        return Reloaded(changed=changed, waiting=waiting)

    def _held_in(self, entry: McpServer) -> bool:
        return bool(entry.network and entry.command and self._held.on and self._held.outside is None)

    def heard(self) -> None:
        """SIGHUP: nobody waits for an answer, so the log has it."""
        try:
            self()
        except SallyportError as error:
            _log.error("the profile was not read again: %s", error)

    def _waiting(self, fresh: Profile) -> list[str]:
        now = self._profile
        names = [name for name in Profile.__struct_fields__ if name not in ("mcp", "data")]
        found = [name for name in names if getattr(now, name) != getattr(fresh, name)]
        rest = [name for name in Mcp.__struct_fields__ if name not in ("servers", "hold_after")]
        return found + [f"mcp.{name}" for name in rest if getattr(now.mcp, name) != getattr(fresh.mcp, name)]

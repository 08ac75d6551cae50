"""All tool servers of a profile, kept under one task group."""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path
from ssl import SSLContext
from typing import Any

from app.config.schema import McpServer
from app.core.clock import Clock
from app.egress.http import Connects, parse_origin
from app.egress.http import Upstream as HttpUpstream
from app.mcp.upstream.child import Program, child_environment
from app.mcp.upstream.exchange import Exchange
from app.mcp.upstream.ports import State, Upstream
from app.mcp.upstream.remote import RemoteServer
from app.mcp.upstream.secrecy import Redacted, Secrecy
from app.mcp.upstream.stdio import StdioServer
from app.secrets import Broker, Redactor


class Servers:
    """By name. Nothing is started before `run`, and nothing outlives it."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        *,
        timeouts: Mapping[str, float],
        redactor: Redactor | None = None,
    ) -> None:
        self._redactor = redactor or Redactor()
        self._upstreams = dict(sorted(upstreams.items()))
        self._timeouts = dict(timeouts)
        self.names = tuple(self._upstreams)

    def get(self, name: str) -> Upstream | None:
        """The server of this name; no known secret comes out of it."""
        upstream = self._upstreams.get(name)
        return Redacted(upstream, self._redactor) if upstream is not None else None

    def renew(self, recipients: Collection[str]) -> None:
        """Secrets of these recipients (`server:NAME`) changed."""
        for name, upstream in self._upstreams.items():
            if f"server:{name}" in recipients:
                upstream.renew()

    def timeout(self, name: str) -> float:
        """Seconds a call to it may take."""
        return self._timeouts.get(name, 60.0)

    def states(self) -> dict[str, tuple[State, str]]:
        """Name to state and reason."""
        states = {name: upstream.state() for name, upstream in self._upstreams.items()}
        return {name: (state, self._redactor.text(why)) for name, (state, why) in states.items()}

    async def run(self) -> None:
        """Keep all programs running until cancelled, then end them at once, whole groups."""
        async with asyncio.TaskGroup() as group:
            for upstream in self._upstreams.values():
                group.create_task(upstream.run())


def program_of(name: str, settings: McpServer, *, own: Mapping[str, str], data: Path) -> Program:
    """What to start for an entry of `mcp.servers`."""
    private = data / "mcp" / name
    declared = {key: secret.reveal() for key, secret in settings.environment.items()}
    return Program(
        command=settings.command,
        environment=child_environment(declared, own=own, home=private),
        folder=Path(settings.folder) if settings.folder else private,
        home=private,
    )


def remotes(
    settings: Mapping[str, McpServer],
    *,
    connector: Connects,
    tls: SSLContext,
    clock: Clock,
    us: dict[str, Any],
    broker: Broker | None = None,
    redactor: Redactor | None = None,
) -> dict[str, Upstream]:
    """The remote servers of a profile; ConfigError when a URL is none."""
    known = redactor or Redactor()
    return {
        name: _remote(
            name,
            entry,
            connector=connector,
            tls=tls,
            clock=clock,
            us=us,
            secrecy=Secrecy(name, redactor=known, broker=broker, declared=entry.secrets),
        )
        for name, entry in settings.items()
        if entry.url
    }


def _remote(
    name: str,
    entry: McpServer,
    *,
    connector: Connects,
    tls: SSLContext,
    clock: Clock,
    us: dict[str, Any],
    secrecy: Secrecy,
) -> RemoteServer:
    origin = parse_origin(f"mcp.servers.{name}.url", entry.url)
    http = HttpUpstream(origin=origin, connector=connector, tls=tls, timeout=max(entry.timeout, 60.0) + 5.0)
    declared = tuple((key.lower(), secret.reveal()) for key, secret in entry.headers.items())
    target = "/" if entry.url.endswith("/") or not origin.path else ""
    exchange = Exchange(name, http, target=target, declared=declared, secrecy=secrecy)
    return RemoteServer(name, exchange, clock=clock, us=us)


def programs(
    settings: Mapping[str, McpServer],
    *,
    own: Mapping[str, str],
    data: Path,
    clock: Clock,
    us: dict[str, Any],
    broker: Broker | None = None,
    redactor: Redactor | None = None,
) -> dict[str, Upstream]:
    """The stdio servers of a profile."""
    known = redactor or Redactor()
    return {
        name: StdioServer(
            name,
            program_of(name, entry, own=own, data=data),
            clock=clock,
            us=us,
            secrecy=Secrecy(name, redactor=known, broker=broker, declared=entry.secrets),
        )
        for name, entry in settings.items()
        if entry.command
    }

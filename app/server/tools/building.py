"""The tool servers of a site: built from the profile, their events in the record."""

import os
from collections.abc import Callable
from ssl import SSLContext

from app import __version__
from app.audit.event import Event
from app.audit.recorder import Recorder
from app.config.tools import Mcp, port_range
from app.core.clock import Clock
from app.core.ids import new_trace, uuid7
from app.egress import Connector
from app.egress.outside import Outside
from app.egress.trust import child_trust
from app.mcp import Servers, Surroundings, programs, provided, remotes
from app.mcp.oauth import Parts
from app.mcp.supervisor import Capacity, Lifecycle
from app.mcp.supervisor.host.groups import delegated
from app.mcp.upstream.ports import Upstream
from app.mcp.web import Ports
from app.server.site import Site
from app.server.tools.own import own_tools

US = {"name": "sallyport", "title": "Sallyport", "version": __version__}
_ACTIONS = {
    "ready": "mcp.server.start",
    "end": "mcp.server.end",
    "stop": "mcp.server.stop",
    "hold": "mcp.server.hold",
    "release": "mcp.server.release",
}
Build = Callable[[Mcp], dict[str, Upstream]]


def tool_servers(site: Site, build: Build) -> Servers:
    """The tool servers of a site, not yet running."""
    wanted = site.declared.mcp
    return Servers(build(wanted), wanted, redactor=site.secrets.redactor)


def surroundings(site: Site, connector: Connector, *, outside: Outside | None = None) -> Surroundings:
    """What the programs of a site share; what happens to them goes into the record."""
    wanted = site.profile.mcp
    around = Surroundings(
        clock=site.clock,
        us=US,
        capacity=Capacity(programs=wanted.programs, memory_mb=wanted.memory_mb),
        ports=Ports(*port_range(wanted.ports)),
        lend=connector.lend,
        groups=delegated(pid=os.getpid()),
        outside=outside,
        trust=child_trust(site.profile.egress, site.folder),
        broker=site.secrets.broker,
        redactor=site.secrets.redactor,
    )
    around.bus.listen(lambda event: recorded(event, recorder=site.recorder, clock=site.clock))
    return around


def builder(site: Site, connector: Connector, around: Surroundings, tls: SSLContext, sign_in: Parts) -> Build:
    """What makes upstreams of the profile's tool servers, now and when the profile changes."""
    inside = provided(own_tools(site), clock=site.clock)

    def build(settings: Mcp) -> dict[str, Upstream]:
        return {
            **inside,
            **programs(settings, own=os.environ, data=site.folder, around=around),
            **remotes(
                settings.servers,
                connector=connector,
                tls=tls,
                clock=site.clock,
                us=US,
                broker=site.secrets.broker,
                redactor=site.secrets.redactor,
                sign_in=sign_in,
            ),
        }

    return build


def recorded(event: Lifecycle, *, recorder: Recorder, clock: Clock) -> None:
    """Write what happened to a program into the record; nobody waits for it."""
    now, trace = clock.now(), new_trace()
    identifier = str(uuid7(now_us=int(now.timestamp() * 1_000_000)))
    recorder.post(
        Event(
            id=identifier,
            call=identifier,
            time=now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            kind="event",
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            door="server",
            action=_ACTIONS[event.what],
            resource_kind="server",
            resource=event.server,
            actor="sallyport",
            actor_kind="system",
            status="error" if event.what in ("end", "hold") else "ok",
            body={**event.facts, **({"why": event.why} if event.why else {})},
        )
    )

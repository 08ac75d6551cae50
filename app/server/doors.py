"""The doors of a serving site: their routes and the tool servers and providers behind them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from app.api import Rooms
from app.api import routes as api_routes
from app.audit.query import Asking
from app.console import routes as console_routes
from app.core.paths import resources
from app.egress import Connector
from app.egress.trust import client_context
from app.extensions import Route
from app.gateway.models import Models, open_models
from app.gateway.prices import read_prices
from app.gateway.routes import routes as gateway_routes
from app.mcp import Servers
from app.mcp import routes as mcp_routes
from app.server.listen import health
from app.server.looking import console_sources
from app.server.site import Site
from app.server.tools import US, Build, LookedAt, ServerMetrics, builder, surroundings


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """What is mounted, the tool servers behind it and what makes more of them, and the sign for long-lived views to end."""

    routes: Sequence[Route]
    servers: Servers
    stopping: asyncio.Event
    build: Build
    connector: Connector


@asynccontextmanager
async def open_doors(site: Site, connector: Connector, notes: health.Notes) -> AsyncIterator[Doors]:
    """Build every door; tool servers run inside the block and end with it."""
    tls = client_context(site.profile.egress)
    build = builder(site, connector, surroundings(site))
    servers = Servers(build(site.profile.mcp), entries=site.profile.mcp.servers)
    site.registry.register(ServerMetrics(servers.states))
    models = open_models(
        profile=site.profile,
        prices=read_prices(resources() / "assets" / "prices.yaml"),
        connector=connector,
        tls=tls,
    )
    # Its life is this block.
    running = asyncio.create_task(servers.run(), name="tool servers")
    try:
        stopping = asyncio.Event()
        sources = console_sources(site, servers=servers, models=models, stopping=stopping)
        routes = [
            *_routes(site, servers, models, notes=notes, stopping=stopping),
            *console_routes(admission=site.admission, sources=sources),
        ]
        yield Doors(routes=routes, servers=servers, stopping=stopping, build=build, connector=connector)
    finally:
        running.cancel()
        await asyncio.wait({running})
        await models.aclose()


def _routes(
    site: Site, servers: Servers, models: Models, *, notes: health.Notes, stopping: asyncio.Event
) -> list[Route]:
    rooms = Rooms(
        identity=site.identity,
        policies=site.policies,
        engine=site.engine,
        reading=site.reading,
        # Below the pool's patience, so that a question that is too broad is told so.
        asking=Asking(site.pool.connection, seconds=0.8 * site.pool.patience),
        clock=site.clock,
        recorder=site.recorder,
        servers=LookedAt(servers),
        sinks=site.sinks,
        stopping=stopping,
    )
    return [
        *health.routes(registry=site.registry, checks={"record": _record_check(site)}, notes=notes),
        *gateway_routes(admission=site.admission, models=models),
        *mcp_routes(
            admission=site.admission,
            servers=servers,
            clock=site.clock,
            new_id=lambda: secrets.token_urlsafe(24),
            us=US,
            origins=site.profile.listen.origins,
        ),
        *api_routes(admission=site.admission, rooms=rooms),
    ]


def _record_check(site: Site) -> health.Check:
    async def check() -> str:
        return "" if site.recorder.available else "The record cannot be written; calls are refused."

    return check

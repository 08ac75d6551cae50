"""The doors of a serving site: their routes, jobs and background work."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from app import __version__
from app.api import Rooms
from app.api import routes as api_routes
from app.core.paths import resources
from app.egress import Connector
from app.egress.trust import client_context
from app.extensions import Route
from app.gateway.models import open_models
from app.gateway.prices import read_prices
from app.gateway.routes import routes as gateway_routes
from app.jobs import Job
from app.mcp import routes as mcp_routes
from app.mcp.upstream.servers import Servers, programs
from app.server import health
from app.server.site import Site

_US = {"name": "sallyport", "title": "Sallyport", "version": __version__}


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """What is mounted, what runs beside it, and the tool servers behind it."""

    routes: Sequence[Route]
    jobs: Sequence[Job]
    servers: Servers


@asynccontextmanager
async def open_doors(site: Site, connector: Connector) -> AsyncIterator[Doors]:
    """Build every door; tool servers run inside the block and end with it."""
    profile = site.profile
    upstreams = programs(profile.mcp.servers, own=os.environ, data=site.folder, clock=site.clock, us=_US)
    servers = Servers(
        upstreams, timeouts={name: entry.timeout for name, entry in profile.mcp.servers.items()}
    )
    models = open_models(
        profile=profile,
        prices=read_prices(resources() / "assets" / "prices.yaml"),
        connector=connector,
        tls=client_context(profile.egress),
    )
    routes = [
        *api_routes(
            admission=site.admission,
            rooms=Rooms(
                identity=site.identity,
                policies=site.policies,
                engine=site.engine,
                reading=site.reading,
                recorder=site.recorder,
            ),
        ),
        *gateway_routes(admission=site.admission, models=models),
        *health.routes(
            registry=site.registry, checks={"record": _record_check(site), "policy": _policy_check(site)}
        ),
        *mcp_routes(
            admission=site.admission,
            servers=servers,
            clock=site.clock,
            new_id=lambda: secrets.token_urlsafe(24),
            us=_US,
            origins=profile.listen.origins,
        ),
    ]
    # Its life is this block.
    running = asyncio.create_task(servers.run(), name="tool servers")
    try:
        yield Doors(routes=routes, jobs=[], servers=servers)
    finally:
        running.cancel()
        await asyncio.wait({running})
        await models.aclose()


def _policy_check(site: Site) -> health.Check:
    async def check() -> str:
        return site.engine.problem

    return check


def _record_check(site: Site) -> health.Check:
    async def check() -> str:
        return "" if site.recorder.available else "The record cannot be written; calls are refused."

    return check

"""The doors of a serving site: their routes and the tool servers and providers behind them."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from app.api import routes as api_routes
from app.catalog.program import Programs
from app.console import routes as console_routes
from app.core.errors import ConfigError
from app.core.paths import resources
from app.egress import Connector, Held
from app.egress.trust import client_context
from app.extensions import Route
from app.gateway.models import Models, open_models
from app.gateway.money import PriceTable, read_prices
from app.gateway.routes import routes as gateway_routes
from app.mcp import Ledger, Quarantine, Servers, Surroundings, Watch, registry_routes
from app.mcp import routes as mcp_routes
from app.mcp.oauth import SignIns
from app.mcp.own import NAME as OWN
from app.release.bundles import newest
from app.secrets.vault import Pull
from app.server.listen import health
from app.server.looking import console_sources
from app.server.rooms.api import api_rooms
from app.server.rooms.pulls import open_pulls
from app.server.site import Site
from app.server.tools import US, Build, ServerMetrics, builder, sign_in_parts, surroundings, tool_servers

log = logging.getLogger(__name__)


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """What is mounted, the tool servers behind it and what makes more of them, and the sign for long-lived views to end."""

    routes: Sequence[Route]
    servers: Servers
    stopping: asyncio.Event
    build: Build
    around: Surroundings
    pulls: Sequence[Pull]
    connector: Connector
    sign_ins: SignIns


@asynccontextmanager
async def open_doors(
    site: Site, connector: Connector, notes: health.Notes, *, held: Held
) -> AsyncIterator[Doors]:
    """Build every door; tool servers run inside the block and end with it."""
    tls = client_context(site.profile.egress)
    around = surroundings(site, connector, outside=held.outside)
    parts = sign_in_parts(site, connector, tls)
    build = builder(site, connector, around, tls, parts)
    sign_ins = SignIns(parts)
    servers = tool_servers(site, build)
    site.registry.register(ServerMetrics(servers.states))
    models = open_models(
        profile=site.profile,
        prices=_prices(site),
        connector=connector,
        tls=tls,
        broker=site.secrets.broker,
        redactor=site.secrets.redactor,
    )
    site.secrets.catalogue.moved.append(servers.renew)
    pulls = open_pulls(site, connector, tls)
    # Its life is this block.
    running = asyncio.create_task(servers.run(), name="tool servers")
    try:
        stopping = asyncio.Event()
        sources = console_sources(
            site, servers=servers, models=models, pulls=pulls, sign_ins=sign_ins, stopping=stopping
        )
        routes = [
            *_routes(site, servers, models, notes=notes),
            *api_routes(
                admission=site.admission,
                rooms=api_rooms(site, servers=servers, sign_ins=sign_ins, stopping=stopping),
            ),
            *console_routes(admission=site.admission, sources=sources),
        ]
        yield Doors(
            routes=routes,
            servers=servers,
            stopping=stopping,
            build=build,
            around=around,
            pulls=pulls,
            connector=connector,
            sign_ins=sign_ins,
        )
    finally:
        running.cancel()
        await asyncio.wait({running})
        await models.aclose()


def task_ledger(site: Site) -> Ledger:
    """Where calls are kept whose answer comes later."""
    return Ledger(pool=site.pool, clock=site.clock, new_id=lambda: secrets.token_urlsafe(24))


def _prices(site: Site) -> PriceTable:
    """The table of the newest bundle that can be used, else the one in the file."""
    bundle = newest(site.folder, "prices")
    if bundle is not None:
        try:
            return read_prices(bundle / "prices.yaml")
        except ConfigError as error:
            log.error("the price table of %s is passed over: %s", bundle, error)
    return read_prices(resources() / "assets" / "prices.yaml")


def watch(site: Site) -> Watch:
    """Who compares what tool servers show with what was approved."""
    files = Programs()

    def program(server: str) -> dict[str, str]:
        entry = site.declared.mcp.servers.get(server)
        return files.digest(entry.command, folder=entry.folder) if entry is not None else {}

    return Watch(
        catalog=site.catalog,
        admission=site.admission,
        clock=site.clock,
        recheck=lambda: site.declared.mcp.recheck,
        program=program,
        ours={OWN},
    )


def _routes(site: Site, servers: Servers, models: Models, *, notes: health.Notes) -> list[Route]:
    return [
        *health.routes(registry=site.registry, checks={"record": _record_check(site)}, notes=notes),
        *gateway_routes(admission=site.admission, models=models),
        *mcp_routes(
            admission=site.admission,
            servers=servers,
            clock=site.clock,
            watch=watch(site),
            new_id=lambda: secrets.token_urlsafe(24),
            us=US,
            origins=site.profile.listen.origins,
            tasks=(task_ledger(site), Quarantine(site.catalog)),
        ),
        *registry_routes(
            admission=site.admission,
            catalog=site.catalog,
            entries=lambda: {name: entry.description for name, entry in site.declared.mcp.servers.items()},
        ),
    ]


def _record_check(site: Site) -> health.Check:
    async def check() -> str:
        return "" if site.recorder.available else "The record cannot be written; calls are refused."

    return check

"""What the admin API asks."""

import asyncio

from app.api import Rooms
from app.api.models import ModelPlaces
from app.audit.query import Asking
from app.audit.spending import Money
from app.audit.subjects import Reveal
from app.mcp import Servers
from app.mcp.oauth import SignIns
from app.server.backup.looking import SiteBackups
from app.server.site import Site
from app.server.tools import LookedAt


def api_rooms(
    site: Site, *, servers: Servers, models: ModelPlaces, sign_ins: SignIns, stopping: asyncio.Event
) -> Rooms:
    """The rooms of a site behind the admin API; `stopping` ends long-lived answers."""
    return Rooms(
        identity=site.identity,
        policies=site.policies,
        engine=site.engine,
        catalog=site.catalog,
        review=site.review,
        reading=site.reading,
        money=Money(site.pool),
        # Below the pool's patience, so that a question that is too broad is told so.
        asking=Asking(
            site.pool.connection, reveal=Reveal(site.keeping.persons), seconds=0.8 * site.pool.patience
        ),
        clock=site.clock,
        recorder=site.recorder,
        secrets=site.secrets,
        sign_ins=sign_ins,
        servers=LookedAt(servers, site.secrets.sign_ins),
        models=models,
        sinks=site.sinks,
        erasures=site.keeping.erasures,
        holds=site.keeping.holds,
        retention=site.keeping.retention,
        backups=SiteBackups(site),
        stopping=stopping,
    )

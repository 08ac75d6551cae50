"""The models of a serving site, with their prices, their state for those who look, and looks at their providers."""

from ssl import SSLContext

import msgspec

from app.egress import Connector
from app.gateway.models import Models, open_models
from app.gateway.money import today
from app.server.models.events import transitions
from app.server.models.looking import Looking
from app.server.models.metrics import ModelMetrics
from app.server.models.rows import ModelRows
from app.server.rooms.money import Pricing, table_in_force
from app.server.site import Site


class SiteModels(msgspec.Struct, frozen=True, kw_only=True):
    """`book` is what the gateway calls, the others are who keeps and shows it."""

    book: Models
    pricing: Pricing
    looking: Looking
    rows: ModelRows


def open_site_models(site: Site, connector: Connector, tls: SSLContext | None) -> SiteModels:
    """The models of the profile and their prices; their circuits are in the record and in the metrics."""
    pricing = Pricing(site, table_in_force(site.folder))
    models = open_models(
        profile=site.profile,
        prices=pricing.table,
        clock=site.clock,
        today=lambda: today(site.clock.now()),
        connector=connector,
        tls=tls,
        broker=site.secrets.broker,
        redactor=site.secrets.redactor,
        changed=transitions(site.recorder, clock=site.clock),
    )
    site.registry.register(ModelMetrics(models, clock=site.clock))
    pricing.price(models)
    looking = Looking(models, admission=site.admission)
    rows = ModelRows(models, looking, clock=site.clock)
    return SiteModels(book=models, pricing=pricing, looking=looking, rows=rows)

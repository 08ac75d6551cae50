"""Forwarding the record, wired: what sinks need of a site, and the periodic part of it."""

import random
from pathlib import Path

from app.audit.sinks import SinkMetrics, Ways
from app.audit.sinks.diode.signing import diode_signer, sign_note
from app.egress import Connector
from app.server.site import Site


def sink_ways(site: Site, connector: Connector) -> Ways:
    """The way out, the trust, the diode's key and the time of this site."""
    path = diode_key(site.folder)

    def sign(text: str) -> str:
        return sign_note(diode_signer(path, node=site.profile.node), text)

    return Ways(connector=connector, egress=site.profile.egress, sign=sign, clock=site.clock)


def diode_key(folder: Path) -> Path:
    """Where the key of diode sinks lies in a data folder."""
    return folder / "keys" / "sinks" / "diode"


async def forward(site: Site, connector: Connector) -> None:
    """Forward to every sink until cancelled."""
    await site.sinks.run(
        node=site.profile.node,
        ways=sink_ways(site, connector),
        record=site.recorder,
        metrics=SinkMetrics(site.registry),
        random=random.random,
    )

"""Forwarding the record, wired: what sinks need of a site, the running part of it, and what a check finds."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

from app.audit.sinks import SinkMetrics, SinkStatus, Ways
from app.audit.sinks.diode.signing import diode_signer, sign_note
from app.config import Profile
from app.core.errors import ConfigError
from app.egress import Connector
from app.egress.trust import sink_context
from app.server.checks import Finding
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


def place_findings(profile: Profile) -> Iterator[Finding]:
    """Whether each sink's folder, authorities and certificates are there, without connecting anywhere."""
    for name, sink in profile.sinks.items():
        folder = Path(sink.path) if sink.kind == "diode" else Path(sink.path).parent
        if sink.path and not os.access(folder, os.W_OK | os.X_OK):
            yield Finding(
                check=f"sink {name}",
                state="fail",
                found=f"{folder} cannot be written",
                remedy="Make the folder, and let Sallyport's user write to it.",
            )
            continue
        try:
            sink_context(profile.egress, sink.tls)
        except ConfigError as error:
            yield Finding(check=f"sink {name}", state="fail", found=error.message, remedy=error.remedy)
        else:
            where = sink.path or sink.address or sink.url
            yield Finding(check=f"sink {name}", state="ok", found=f"{sink.kind} {where}")


def status_finding(status: SinkStatus) -> Finding:
    """How a sink stands, as one check."""
    found, remedy = f"{status.state}, {status.delivered} rows delivered, {status.lag_rows} to come", ""
    if status.error:
        found, remedy = f"{found}: {status.error}", "Rows wait in the record; see `sallyport sink status`."
    elif status.state == "paused":
        remedy = "Go on by `sallyport sink resume`."
    elif status.state == "behind":
        remedy = "It takes rows more slowly than they are written, or was away for long."
    elif status.state == "not in the profile":
        remedy = "Forget it by `sallyport sink forget`, or put it back."
    return Finding(check=f"sink {status.name}", state="warn" if remedy else "ok", found=found, remedy=remedy)

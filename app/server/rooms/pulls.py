"""Secrets pulled from vaults: a job for each of them, governed, and its ups and downs in the record."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from ssl import SSLContext
from typing import Any

from app.audit.event import Event
from app.core.call import Resource
from app.core.ids import new_trace, uuid7_text
from app.core.passage import Passage
from app.db import Connection
from app.egress import Connector
from app.jobs import Job
from app.jobs.leader import Leader
from app.secrets.vault import Pull, VaultClient, VaultStatus
from app.server.first_run import host_call
from app.server.site import Site

_log = logging.getLogger(__name__)


def open_pulls(site: Site, connector: Connector, tls: SSLContext) -> list[Pull]:
    """One for each vault of the profile; ConfigError when a URL is none."""

    def admit(verb: str, name: str, about: dict[str, Any]) -> AbstractAsyncContextManager[Passage]:
        return site.admission.admit(host_call(f"admin.secret.{verb}", Resource("secret", name), about))

    async def dial(name: str) -> Connection:
        return await site.connection(f"vault {name}")

    return [
        Pull(
            client=VaultClient(name, settings, connector=connector, tls=tls, clock=site.clock),
            wanted=settings.secrets,
            secrets=site.secrets,
            admit=admit,
            leads=Leader(connect=partial(dial, name), name=f"vault {name}").connection,
            tell=partial(_told, site),
        )
        for name, settings in site.profile.secrets.vaults.items()
    ]


def pull_jobs(site: Site, pulls: Sequence[Pull]) -> list[Job]:
    """The first look is at once."""
    jobs = []
    for pull in pulls:
        name, wake = pull.status.name, asyncio.Event()
        wake.set()
        seconds = site.profile.secrets.vaults[name].seconds
        jobs.append(Job(name=f"vault {name}", seconds=seconds, work=pull.step, wake=wake))
    return jobs


def _told(site: Site, status: VaultStatus) -> None:
    """Into the log and the record; what is said there holds no value."""
    well = status.state == "well"
    say = _log.info if well else _log.warning
    say("vault %s: %s %s", status.name, status.state, status.why or dict(status.problems) or "")
    now, trace = site.clock.now(), new_trace()
    identifier = uuid7_text(now_us=int(now.timestamp() * 1_000_000))
    body = {"state": status.state, "why": status.why, "problems": dict(status.problems)}
    site.recorder.post(
        Event(
            id=identifier,
            call=identifier,
            time=now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            kind="event",
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            door="server",
            action="secret.pull",
            resource_kind="vault",
            resource=status.name,
            actor="sallyport",
            actor_kind="system",
            status="ok" if well else "error",
            body={name: value for name, value in body.items() if value},
        )
    )

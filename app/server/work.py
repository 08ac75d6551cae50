"""The periodic work of a serving site: each job by name, and what wakes it early."""

import asyncio
from collections.abc import Mapping
from functools import partial

from app.audit.retention.retention import RUN
from app.audit.store import ensure_partitions
from app.core.call import Resource
from app.db.listen import listen
from app.jobs import Job, run_jobs
from app.server.backup.schedule import Scheduled
from app.server.doors import Doors, task_ledger
from app.server.first_run import host_call
from app.server.listen.listener import Listener
from app.server.listen.tls import Certificate
from app.server.rooms.forward import forward
from app.server.rooms.money import alerts, reconcile
from app.server.rooms.pulls import pull_jobs
from app.server.rooms.seal import Seal
from app.server.site import Site
from app.server.tools import end_of_the_gone


async def run_work(
    site: Site, doors: Doors, listener: Listener, certificate: Certificate | None, *, seal: Seal
) -> None:
    """Run every periodic job of the site, and listen for changes, until cancelled."""
    changed = {name: asyncio.Event() for name in ("identity", "policy", "persons", "secret", "catalog")}

    def heard(payload: str) -> None:
        for name, event in changed.items():
            if payload in ("", name):
                event.set()

    jobs = [
        *_following(site, changed),
        *_keeping(site),
        Job(name="sign-ins", seconds=10.0, work=partial(end_of_the_gone, site, doors.sign_ins)),
        Job(name="seal", seconds=1.0, work=seal.sealer.step),
        Job(name="witnesses", seconds=2.0, work=seal.cosigning.step),
        *pull_jobs(site, doors.pulls),
        *_money(site, doors),
        Job(name="providers", seconds=1.0, work=doors.models.looking.due),
        Job(name="idle connections", seconds=5.0, work=listener.close_idle),
    ]
    if certificate is not None:
        jobs.append(Job(name="certificate", seconds=5.0, work=certificate.reload))
    async with asyncio.TaskGroup() as group:
        group.create_task(run_jobs(jobs))
        group.create_task(forward(site, doors.connector))
        group.create_task(listen(lambda: site.connection("listen"), heard))


def _following(site: Site, changed: Mapping[str, asyncio.Event]) -> list[Job]:
    """What other nodes change is taken up at once, or within a second."""
    return [
        Job(name="identity", seconds=1.0, work=site.identity.refresh, wake=changed["identity"]),
        Job(name="policy", seconds=1.0, work=site.engine.refresh, wake=changed["policy"]),
        Job(name="secrets", seconds=1.0, work=site.secrets.catalogue.follow, wake=changed["secret"]),
        Job(name="catalog", seconds=1.0, work=site.catalog.refresh, wake=changed["catalog"]),
        Job(name="persons", seconds=1.0, work=site.keeping.persons.refresh, wake=changed["persons"]),
    ]


def _money(site: Site, doors: Doors) -> list[Job]:
    """What is spent, and by which prices."""
    reached = asyncio.Event()
    site.identity.budgets.on_alert(reached.set)
    return [
        Job(name="prices", seconds=2.0, work=doors.models.pricing.step),
        Job(name="budget alerts", seconds=60.0, work=partial(alerts, site), wake=reached),
        Job(name="budgets", seconds=60.0, work=partial(reconcile, site)),
    ]


def _keeping(site: Site) -> list[Job]:
    """What time does to the tables."""

    async def partitions() -> None:
        async with site.pool.connection() as conn:
            await ensure_partitions(conn)

    async def statements() -> None:
        await site.keeping.erasures.finish()
        await site.keeping.retention.mirror()
        await site.keeping.retention.finish()

    async def retention() -> None:
        if any(due.rows for due in await site.keeping.retention.plan()):
            async with site.admission.admit(host_call(RUN, Resource("record", "retention"))) as passage:
                removed = await site.keeping.retention.run(passage)
                passage.note(result={"rows": sum(one.rows for one in removed), "statements": len(removed)})

    return [
        Job(name="statements", seconds=10.0, work=statements),
        Job(name="retention", seconds=3600.0, work=retention),
        Job(name="key use", seconds=60.0, work=site.identity.flush),
        Job(name="prune", seconds=3600.0, work=site.identity.prune),
        Job(name="tasks", seconds=600.0, work=task_ledger(site).prune),
        Job(name="partitions", seconds=3600.0, work=partitions),
        Job(name="backup", seconds=30.0, work=Scheduled(site).step),
    ]

"""Verifying the record in the site's database, with what was published outside it."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from app.audit.verify import Anchors, Connections, Report, Surroundings, keys, verify_database
from app.cli.audit.outside import published, statements
from app.cli.site import operator_call, site_profile
from app.core.call import Resource
from app.egress import Connector
from app.server.process import run_guarded
from app.server.site import Site, open_site


def verify_site(data: Path | None, profile: Path | None, anchors: Anchors, further: Sequence[Path]) -> Report:
    """Open the site that the options mean and verify its record."""
    loaded, folder = site_profile(data, profile)
    reports: list[Report] = []

    async def run(_: Connector) -> None:
        async with open_site(loaded, folder=folder, serving=False) as site:
            call = operator_call("audit.read", Resource("record", "verify"))
            async with site.admission.admit(call) as passage:
                reports.append(await _verify(site, anchors, further))
                passage.note(result={"verdict": reports[0].verdict, "checked": reports[0].checked})

    run_guarded(loaded, run, fast=False)
    return reports[0]


async def _verify(site: Site, anchors: Anchors, further: Sequence[Path]) -> Report:
    witnesses = keys(witness.key for witness in site.profile.record.witnesses.values())
    around = Surroundings(
        checkpoints=list(published(site)), statements=statements(site, further), witnesses=witnesses
    )
    async with await site.connection("verify") as ahead, await site.connection("verify") as other:
        with _progress() as progress:
            return await verify_database(Connections(ahead, other), anchors, around, progress)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    with click.progressbar(length=1, file=sys.stderr, label="Verifying") as bar:

        def moved(done: int, total: int) -> None:
            bar.length = max(1, total)
            bar.update(done - bar.pos)

        yield moved

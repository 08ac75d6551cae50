"""What a server serves: the site's rooms, its doors, the listener and the jobs, and a drain that loses nothing."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from ssl import SSLContext

import msgspec

from app.audit.recovery import close_orphans
from app.config import Profile
from app.core.errors import ConfigError
from app.egress import Connector, Held
from app.server.doors import Doors, open_doors
from app.server.first_run import first_policy
from app.server.host.control import control
from app.server.host.held import say_held
from app.server.host.reload import Reload
from app.server.listen.listener import Listener, split_address
from app.server.listen.router import Router
from app.server.listen.tls import Certificate, certificate_for
from app.server.rooms.seal import Seal, open_seal, refuse_undeclared_restore
from app.server.secrecy import quiet_logs
from app.server.site import Site, site_over
from app.server.tools import LookedAt
from app.server.work import run_work

log = logging.getLogger(__name__)


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A server that listens: its base URL and, when no administrator exists yet, the one-time setup link."""

    url: str
    setup_link: str
    site: Site
    doors: Doors
    reload: Reload


@asynccontextmanager
async def open_running(
    profile: Profile,
    *,
    folder: Path,
    url: str,
    connector: Connector,
    plain: bool,
    policy: str,
    again: Callable[[], Profile] | None,
    held: Held,
) -> AsyncIterator[Running]:
    """A server over the database at `url`, listening inside the block."""
    with ExitStack() as stack:
        async with site_over(profile, folder=folder, url=url, serving=True) as site:
            stack.enter_context(quiet_logs(site.secrets.redactor))
            seal = open_seal(site, connector)
            await refuse_undeclared_restore(site, seal)
            await seal.sealer.prepare()
            await _recover(site)
            if held.on or held.off:
                await say_held(site, held)
            await first_policy(site, name=policy)
            async with open_doors(site, connector, seal.state.notes, held=held) as doors:
                certificate = None if plain else _certificate(site)
                reload = Reload(
                    profile,
                    servers=doors.servers,
                    models=doors.models.book,
                    declared=site.declared,
                    around=doors.around,
                    connector=connector,
                    build=doors.build,
                    again=again,
                    held=held,
                )
                async with (
                    control(
                        site.folder,
                        admission=site.admission,
                        servers=LookedAt(doors.servers, site.secrets.sign_ins),
                        models=doors.models.rows,
                        reload=reload,
                        held=held,
                    ),
                    _listening(site, doors, certificate, seal) as listening,
                ):
                    link = await _setup_link(site, listening)
                    yield Running(url=listening, setup_link=link, site=site, doors=doors, reload=reload)


async def _recover(site: Site) -> None:
    async with await site.connection("recovery") as conn:
        lost = await close_orphans(
            conn, recorder=site.recorder, clock=site.clock, settle=site.identity.budgets.settle_lost
        )
    await site.keeping.erasures.repeat()
    try:
        await site.keeping.erasures.finish()
    except ConfigError as error:
        log.warning("erasures are not stated outside the database yet: %s", error)
    await site.keeping.retention.finish()
    if lost:
        log.warning("%d calls of an earlier run had no outcome; they are closed as lost", lost)


@asynccontextmanager
async def _listening(
    site: Site, doors: Doors, certificate: Certificate | None, seal: Seal
) -> AsyncIterator[str]:
    settings = site.profile.listen
    listener = Listener(
        router=Router(doors.routes),
        settings=settings,
        clock=site.clock,
        names=frozenset(_names(site.profile)),
    )
    tls: SSLContext | None = certificate.context if certificate else None
    try:
        server = await listener.open(tls)
    except OSError as error:
        raise ConfigError(
            f"listen.address {settings.address} cannot be used ({error.strerror or error}).",
            remedy="Choose another address by --address.",
        ) from None
    jobs = asyncio.create_task(run_work(site, doors, listener, certificate, seal=seal), name="jobs")
    host, _ = split_address(settings.address)
    port = server.sockets[0].getsockname()[1]
    url = f"{'https' if certificate else 'http'}://{_shown(host, site.profile)}:{port}"
    site.declared.listening(url, site.profile)
    try:
        yield url
    finally:
        server.close()
        doors.stopping.set()
        if not await listener.drain(settings.drain):
            log.warning("%d calls did not end in time and are cancelled", listener.running)
        await listener.close_idle()
        await listener.shutdown(2.0)
        jobs.cancel()
        await asyncio.wait({jobs})
        await site.identity.close()
        await seal.sealer.close()


def _certificate(site: Site) -> Certificate:
    return certificate_for(
        site.profile.listen.tls, folder=site.folder / "tls", names=_names(site.profile), now=site.clock.now()
    )


def _names(profile: Profile) -> list[str]:
    """Every name clients may use for this server."""
    host, _ = split_address(profile.listen.address)
    names = ["localhost", "127.0.0.1", "::1", *profile.listen.names]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - asked for in the profile
        names.append(socket.gethostname().lower())
    else:
        names.append(host)
    return list(dict.fromkeys(name.lower() for name in names))


def _shown(host: str, profile: Profile) -> str:
    if profile.listen.names:
        return profile.listen.names[0]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - asked for in the profile
        return socket.gethostname().lower()
    return f"[{host}]" if ":" in host else host


async def _setup_link(site: Site, url: str) -> str:
    token = await site.identity.setup.mint_setup_token()
    return f"{url}/console/setup/{token}" if token else ""

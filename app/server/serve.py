"""The running server: first-run set-up, doors, listener, jobs, and a drain that loses nothing."""

import asyncio
import logging
import os
import signal
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
from app.server.folder import prepare, sole_server
from app.server.host.control import control
from app.server.host.held import say_held
from app.server.host.reload import Reload
from app.server.listen.connection import require_compiled_parser
from app.server.listen.listener import Listener, is_loopback, split_address
from app.server.listen.router import Router
from app.server.listen.tls import Certificate, certificate_for
from app.server.rooms.seal import Seal, open_seal, refuse_undeclared_restore
from app.server.secrecy import quiet_logs
from app.server.site import Site, open_site
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


async def serve_until_stopped(
    profile: Profile,
    *,
    folder: Path,
    connector: Connector,
    announce: Callable[[Running], None],
    again: Callable[[], Profile] | None = None,
    held: Held | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends at once. SIGHUP reads the profile `again`."""
    stop = stop_event()
    async with running(profile, folder=folder, connector=connector, again=again, held=held) as server:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, server.reload.heard)
        announce(server)
        _tell_systemd("READY=1")
        await stop.wait()
        _tell_systemd("STOPPING=1")
        log.info("draining")


@asynccontextmanager
async def running(
    profile: Profile,
    *,
    folder: Path,
    connector: Connector,
    policy: str = "starter",
    again: Callable[[], Profile] | None = None,
    held: Held | None = None,
) -> AsyncIterator[Running]:
    """A server that listens inside the block and drains when it ends; `policy` is applied to a site without any."""
    require_compiled_parser()
    plain = _plain(profile)
    with ExitStack() as stack:
        stack.enter_context(sole_server(prepare(folder)))
        async with open_site(profile, folder=folder, serving=True) as site:
            stack.enter_context(quiet_logs(site.secrets.redactor))
            seal = open_seal(site, connector)
            await refuse_undeclared_restore(site, seal)
            await seal.sealer.prepare()
            await _recover(site)
            if held is not None:
                say_held(site, held)
            await first_policy(site, name=policy)
            async with open_doors(site, connector, seal.state.notes, held=held or Held()) as doors:
                certificate = None if plain else _certificate(site)
                reload = Reload(
                    profile,
                    servers=doors.servers,
                    declared=site.declared,
                    build=doors.build,
                    again=again,
                    held=held,
                )
                async with (
                    control(
                        site.folder,
                        admission=site.admission,
                        servers=LookedAt(doors.servers),
                        reload=reload,
                        held=held or Held(),
                    ),
                    _listening(site, doors, certificate, seal) as url,
                ):
                    link = await _setup_link(site, url)
                    yield Running(url=url, setup_link=link, site=site, doors=doors, reload=reload)


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
    try:
        yield f"{'https' if certificate else 'http'}://{_shown(host, site.profile)}:{port}"
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


def _plain(profile: Profile) -> bool:
    """Whether to listen without TLS; ConfigError unless loopback or said in words."""
    try:
        host, _ = split_address(profile.listen.address)
    except ValueError:
        raise ConfigError(
            f"listen.address: {profile.listen.address!r} is not HOST:PORT.",
            remedy="Write for example 127.0.0.1:8443.",
        ) from None
    wanted = profile.listen.plain_http
    if wanted == "loopback" and not is_loopback(host):
        raise ConfigError(
            f"listen.plain_http: {host} can be reached from elsewhere.",
            remedy="Leave TLS on, or write: plain_http: 'yes, without encryption'.",
        )
    return wanted != "never"


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


def stop_event() -> asyncio.Event:
    """Set by SIGTERM or SIGINT; a second signal ends the process at once."""
    stop = asyncio.Event()

    def heard() -> None:
        if stop.is_set():
            # The embedded PostgreSQL ends with us: the kernel tells it.
            os._exit(130)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heard)
    return stop


def _tell_systemd(state: str) -> None:
    """sd_notify(3), when systemd asks for it."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            sock.sendto(state.encode(), "\0" + path[1:] if path.startswith("@") else path)
        except OSError as error:
            log.warning("systemd was not told: %s", error)

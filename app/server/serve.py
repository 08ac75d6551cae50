"""The server as a process: its folder's lock, its database, signals; what it serves is in `app.server.host.running`."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.config import Profile
from app.core.errors import ConfigError, SallyportError
from app.core.frozen import own_files_are_there
from app.egress import Connector, Held
from app.server.folder import prepare, sole_server
from app.server.listen.connection import require_compiled_parser
from app.server.listen.listener import is_loopback, split_address
from app.server.rooms.database import open_database

if TYPE_CHECKING:  # see _import_site
    from app.server.host.running import Running

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0


async def serve_until_stopped(
    profile: Profile,
    *,
    folder: Path,
    connector: Connector,
    announce: "Callable[[Running], None]",
    again: Callable[[], Profile] | None = None,
    held: Held | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; a second signal ends at once. SIGHUP reads the profile `again`."""
    stop = stop_event()
    async with running(profile, folder=folder, connector=connector, again=again, held=held) as server:
        from app.server.host.hangup import following_hangups

        async with following_hangups(server.site.admission, server.reload):
            announce(server)
            _tell_systemd("READY=1")
            await _stopped(stop)
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
) -> "AsyncIterator[Running]":
    """A server that listens inside the block and drains when it ends; `policy` is applied to a site without any."""
    require_compiled_parser()
    plain = _plain(profile)
    with sole_server(prepare(folder)):
        async with open_database(profile, folder, serving=True, meanwhile=_import_site) as url:
            from app.server.host.running import open_running

            async with open_running(
                profile,
                folder=folder,
                url=url,
                connector=connector,
                plain=plain,
                policy=policy,
                again=again,
                held=held or Held(),
            ) as server:
                yield server


async def _stopped(stop: asyncio.Event) -> None:
    """Until told to stop; SallyportError when the folder that this program runs from was emptied.

    What is not loaded yet could not be loaded any more, by us or by PostgreSQL: better to end in order, and to be
    started anew from files that the launcher unpacks again.
    """
    while not stop.is_set():
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await stop.wait()
        except TimeoutError:
            if not own_files_are_there():
                raise SallyportError(
                    "Somebody emptied the folder that Sallyport runs from.",
                    remedy="Start it again, which unpacks it, and keep cleaners away, or set SALLYPORT_RUNTIME_DIR.",
                ) from None


def _import_site() -> None:
    """Rooms and doors are two thirds of what a start imports: PostgreSQL starts meanwhile, on another core."""
    import app.server.host.running  # noqa: F401


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

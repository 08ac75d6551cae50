"""All tool servers of a profile, each in a task of its own, exchanged while they run."""

import asyncio
import os
from collections.abc import Callable, Collection, Coroutine, Mapping
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import Any

from msgspec.structs import replace

from app.config.tools import Mcp, McpServer
from app.core.clock import Clock
from app.core.errors import ConfigError, NotFoundError, UpstreamError
from app.egress.http import Connects, parse_origin
from app.egress.http import Upstream as HttpUpstream
from app.egress.sandbox import Confinement, Limits, Program
from app.egress.sandbox.confinement import named_user, own_user
from app.egress.sandbox.program import child_environment
from app.mcp.oauth import Bearer, Parts
from app.mcp.remote.exchange import Exchange
from app.mcp.remote.server import RemoteServer
from app.mcp.supervisor import Rules, Supervised, Surroundings, log_path
from app.mcp.supervisor.instances import Instances, Own
from app.mcp.supervisor.stand import Backoff
from app.mcp.upstream.asking import silence
from app.mcp.upstream.ports import Status, Upstream
from app.mcp.upstream.secrecy import Redacted, Secrecy, SignedIn
from app.secrets import Broker, Redactor

_IDLE_ALONE = 900.0


class Servers:
    """By name. Nothing is started before `run`, and nothing outlives it."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        settings: Mcp,
        *,
        redactor: Redactor | None = None,
    ) -> None:
        self._redactor = redactor or Redactor()
        self._upstreams = dict(sorted(upstreams.items()))
        self._settings = settings
        self._age = 0
        self._ages: dict[str, int] = {}
        """Which change of the profile brought each; those of the start are not named."""
        self._changed = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None

    @property
    def entries(self) -> Mapping[str, McpServer]:
        """What the profile says about each."""
        return self._settings.servers

    @property
    def names(self) -> tuple[str, ...]:
        """Of all servers, in order."""
        return tuple(self._upstreams)

    def get(self, name: str) -> Upstream | None:
        """The server of this name; no known secret comes out of it."""
        upstream = self._upstreams.get(name)
        if upstream is None:
            return None
        return Redacted(upstream, self._redactor, age=self._ages.get(name, 0))

    def renew(self, recipients: Collection[str]) -> None:
        """Secrets of these recipients (`server:NAME`) changed."""
        for name, upstream in self._upstreams.items():
            if f"server:{name}" in recipients:
                upstream.renew()

    def timeout(self, name: str) -> float:
        """Seconds a call to it may take."""
        entry = self.entries.get(name)
        return entry.timeout if entry is not None else 60.0

    def states(self) -> dict[str, Status]:
        """Name to how it is; no known secret is in the reason."""
        states = {name: upstream.state() for name, upstream in self._upstreams.items()}
        clean = self._redactor.text
        return {name: replace(status, why=clean(status.why)) for name, status in states.items()}

    async def restart(self, name: str) -> None:
        """End a program and start it again, held or not; NotFoundError when there is no such program."""
        upstream = self._upstreams.get(name)
        if not isinstance(upstream, Instances):
            raise NotFoundError(
                f"There is no tool program {name!r}.",
                remedy="See `sallyport mcp list`; a remote server is not ours to restart.",
            )
        await upstream.restart()

    def apply(self, upstreams: Mapping[str, Upstream], settings: Mcp) -> list[str]:
        """Let these be the servers from now on: what did not change goes on, the rest is ended or started."""
        before = self._settings
        kept = {
            name: one
            for name, one in self._upstreams.items()
            if name in upstreams and _made_of(name, settings) == _made_of(name, before)
        }
        changed = sorted({*self._upstreams, *upstreams} - set(kept))
        self._age += 1
        self._ages = {name: self._ages.get(name, 0) if name in kept else self._age for name in upstreams}
        self._upstreams = dict(sorted({**upstreams, **kept}.items()))
        self._settings = settings
        self._changed.set()
        return changed

    async def run(self) -> None:
        """Keep all programs running until cancelled, then end them at once, whole groups."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            running: dict[str, tuple[Upstream, asyncio.Task[None]]] = {}
            while True:
                self._changed.clear()
                gone = {name for name, (one, _) in running.items() if self._upstreams.get(name) is not one}
                ending = [running.pop(name)[1] for name in gone]
                for task in ending:
                    task.cancel()
                if ending:
                    await asyncio.wait(ending)
                for name, upstream in self._upstreams.items():
                    if name not in running:
                        running[name] = (upstream, group.create_task(upstream.run()))
                await self._changed.wait()

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run what outlasts the request that began it, until the servers end; it must not raise."""
        if self._group is None:
            work.close()
            raise UpstreamError("The tool servers are not running.", kind="closed", status=503)
        try:
            return self._group.create_task(work)
        except RuntimeError:  # they are about to end
            work.close()
            raise UpstreamError("Sallyport is shutting down.", kind="closed", status=503) from None


def _made_of(name: str, settings: Mcp) -> tuple[McpServer | None, int]:
    """What a server cannot keep running under when it changes; one inside this process is in no profile."""
    if name not in settings.servers:
        return None, 0
    entry = replace(settings.servers[name], description="", pins="")
    if entry.url:
        return entry, 0
    confinement, user = entry.confinement or settings.confinement, entry.user or settings.user
    # The time that a call through pipes may take is asked at each call.
    timeout = entry.timeout if entry.transport == "http" else 60.0
    return replace(entry, timeout=timeout, confinement=confinement, user=user), settings.hold_after


def program_of(
    name: str, settings: Mcp, *, own: Mapping[str, str], data: Path, owner: str = "", trust: str = ""
) -> Program:
    """What to start for an entry of `mcp.servers`, and what it may do; ConfigError when its user is none.

    A process of one `owner` has a home folder, and as root a user, that no other owner's process has.
    """
    entry = settings.servers[name]
    data = data.resolve()
    place = f"{name}@{owner}" if owner else name
    private = data / "mcp" / place
    declared = {key: secret.reveal() for key, secret in entry.environment.items()}
    user, group = _user_of(name, settings, data, place)
    trust = trust if entry.network else ""
    limits = entry.limits
    return Program(
        command=entry.command,
        environment=child_environment(declared, own=own, home=private, trust=trust),
        folder=Path(entry.folder) if entry.folder else private,
        home=private,
        confinement=Confinement(
            read=(*entry.read, *([trust] if trust else [])),
            write=entry.write,
            network=entry.network,
            hide=str(data),
            user=user,
            group=group,
            limits=Limits(
                memory_mb=limits.memory_mb,
                processes=limits.processes,
                files=limits.files,
                file_mb=limits.file_mb,
                cpu_percent=limits.cpu_percent,
            ),
            required=(entry.confinement or settings.confinement) == "required",
        ),
    )


def _user_of(name: str, settings: Mcp, data: Path, place: str) -> tuple[int, int]:
    if os.geteuid() != 0:
        return -1, -1
    chosen = settings.servers[name].user or settings.user
    if chosen:
        return named_user(chosen)
    number = own_user(data, place)
    return number, number


def started_as(program: Callable[[], Program], secrecy: Secrecy) -> Program:
    """The program with its secrets of now; UpstreamError when one cannot be given, and then it is not started."""
    wanted, given = program(), secrecy.injection()
    environment = {**wanted.environment, **given.environment}
    return replace(wanted, environment=environment, descriptors=given.descriptors)


def programs(
    settings: Mcp, *, own: Mapping[str, str], data: Path, around: Surroundings
) -> dict[str, Upstream]:
    """The programs of a profile; each start asks anew for what a program is and what it is given."""

    def instances(name: str, entry: McpServer) -> Instances:
        def make(mine: Own) -> Supervised:
            secrecy = Secrecy(name, redactor=around.redactor, broker=around.broker, declared=entry.secrets)
            program = partial(
                program_of, name, settings, own=own, data=data, owner=mine.owner, trust=around.trust
            )
            return Supervised(
                name,
                partial(started_as, program, secrecy),
                rules=_rules(entry, settings, alone=bool(mine.key)),
                log=log_path(data, f"{name}@{mine.number}" if mine.key else name),
                around=around,
                key=mine.key,
                guest=mine.guest,
            )

        shared = make(Own(key="", number=0, owner="", guest=None))
        # A program that serves HTTP has sessions itself: one process serves every caller.
        mode = "shared" if entry.transport == "http" else entry.instances
        return Instances(shared, make=make, mode=mode, capacity=around.capacity)

    return {name: instances(name, entry) for name, entry in settings.servers.items() if entry.command}


def _rules(entry: McpServer, settings: Mcp, *, alone: bool) -> Rules:
    """How a process is kept; one that is somebody's own starts when needed and never stays for ever."""
    eager = entry.start == "eager" and entry.instances in ("auto", "shared") and not alone
    return Rules(
        eager=eager,
        idle_stop=(entry.idle_stop or _IDLE_ALONE) if alone else entry.idle_stop,
        health=entry.health,
        patience=min(10.0, max(entry.health, 0.5)),
        backoff=Backoff(hold_after=settings.hold_after),
        memory_mb=entry.limits.memory_mb,
        cpu_percent=entry.limits.cpu_percent,
        path=entry.path if entry.transport == "http" else "",
        timeout=entry.timeout,
    )


def remotes(
    settings: Mapping[str, McpServer],
    *,
    connector: Connects,
    tls: SSLContext,
    clock: Clock,
    us: dict[str, Any],
    broker: Broker | None = None,
    redactor: Redactor | None = None,
    sign_in: Parts | None = None,
) -> dict[str, Upstream]:
    """The remote servers of a profile; ConfigError when a URL is none, or when it wants sign-ins and cannot have any."""
    known = redactor or Redactor()
    return {
        name: _remote(
            name,
            entry,
            connector=connector,
            tls=tls,
            clock=clock,
            us=us,
            secrecy=Secrecy(name, redactor=known, broker=broker, declared=entry.secrets),
            sign_in=sign_in,
        )
        for name, entry in settings.items()
        if entry.url
    }


def _remote(
    name: str,
    entry: McpServer,
    *,
    connector: Connects,
    tls: SSLContext,
    clock: Clock,
    us: dict[str, Any],
    secrecy: Secrecy,
    sign_in: Parts | None,
) -> Upstream:
    origin = parse_origin(f"mcp.servers.{name}.url", entry.url)
    http = HttpUpstream(origin=origin, connector=connector, tls=tls, timeout=silence(entry.timeout))
    declared = tuple((key.lower(), secret.reveal()) for key, secret in entry.headers.items())
    target = "/" if entry.url.endswith("/") or not origin.path else ""
    bearer: Bearer | None = None
    if entry.oauth.issuers:
        if sign_in is None:
            raise ConfigError(
                f"{name} wants sign-ins, and nobody can sign in here.", remedy="Take `oauth` out."
            )
        bearer = Bearer(name, entry, sign_in)
    exchange = Exchange(name, http, target=target, declared=declared, secrecy=secrecy, bearer=bearer)
    server = RemoteServer(name, exchange, clock=clock, us=us)
    return SignedIn(server, bearer) if bearer is not None else server

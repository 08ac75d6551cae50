"""`sallyport witness`: an HTTP(S) server that cosigns the checkpoints of other sites; no database, no way out."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from aiohttp import web

from app.audit.signing.keys import WITNESS_KINDS, new_signers, read_signers, write_signers
from app.audit.signing.source import public_keys
from app.audit.tlog.note import VerifierKey
from app.audit.tlog.signing import SeedSigner
from app.audit.witnessing.witness import Answer, Witness
from app.config.schema import Listen
from app.core.clock import Clock
from app.core.errors import ConfigError, ProofError
from app.extensions import Params, Route
from app.server.folder import prepare, sole_server
from app.server.listen.listener import Listener, is_loopback, split_address
from app.server.listen.router import Router
from app.server.listen.tls import certificate_for

log = logging.getLogger(__name__)

_PUBLIC = "a witness answers whoever shows a checkpoint signed by a log it knows, and holds nothing else"


class Witnessing(msgspec.Struct, frozen=True, kw_only=True):
    """A witness that listens: its base URL and the keys that sites name in their profile."""

    url: str
    keys: list[VerifierKey]


@asynccontextmanager
async def witnessing(
    settings: Listen, *, folder: Path, logs: Sequence[VerifierKey], name: str, clock: Clock
) -> AsyncIterator[Witnessing]:
    """Cosign for these logs inside the block."""
    home = prepare(folder)
    with sole_server(home):
        signers = await asyncio.to_thread(_signers, home, name)
        memory = home / "witness"
        memory.mkdir(mode=0o700, exist_ok=True)
        witness = Witness(folder=memory, logs=logs, signers=signers, clock=clock)
        async with _listening(settings, witness, home, clock) as url:
            yield Witnessing(url=url, keys=public_keys(signers))


@asynccontextmanager
async def _listening(settings: Listen, witness: Witness, home: Path, clock: Clock) -> AsyncIterator[str]:
    host, _ = split_address(settings.address)
    if settings.plain_http == "loopback" and not is_loopback(host):
        raise ConfigError(f"{host} can be reached from elsewhere.", remedy="Leave TLS on.")
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - asked for on the command line
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname() if everywhere else host, *settings.names]
    listener = Listener(
        router=Router(_routes(witness)), settings=settings, clock=clock, names=frozenset(names)
    )
    certificate = None
    if settings.plain_http == "never":
        certificate = certificate_for(settings.tls, folder=home / "tls", names=names, now=clock.now())
    try:
        server = await listener.open(certificate.context if certificate else None)
    except OSError as error:
        raise ConfigError(
            f"{settings.address} cannot be listened on ({error.strerror or error}).",
            remedy="Choose another address by --listen.",
        ) from None
    async with asyncio.TaskGroup() as group:
        idle = group.create_task(_close_idle(listener))
        try:
            yield f"{'https' if certificate else 'http'}://{host}:{server.sockets[0].getsockname()[1]}"
        finally:
            idle.cancel()
            server.close()
            await listener.drain(settings.drain)
            await listener.shutdown(2.0)


async def _close_idle(listener: Listener) -> None:
    while True:
        await asyncio.sleep(5.0)
        await listener.close_idle()


def _routes(witness: Witness) -> list[Route]:
    async def add_checkpoint(request: web.BaseRequest, params: Params) -> web.StreamResponse:
        body = await request.read()  # the listener holds it to the size of a note
        try:
            return _response(await asyncio.to_thread(witness.add, body))
        except (OSError, ProofError) as error:
            # What was cosigned last is not known: cosigning anything now could be cosigning a fork.
            log.error("the witness cannot remember: %s", error)
            return _response(Answer(500, "The witness cannot remember; see its log.\n"))

    async def livez(request: web.BaseRequest, params: Params) -> web.StreamResponse:
        return _response(Answer(200, "ok\n"))

    return [
        Route(method="POST", path="/add-checkpoint", endpoint=add_checkpoint, public=_PUBLIC),
        Route(method="GET", path="/livez", endpoint=livez, public="says only that the process runs"),
    ]


def _response(answer: Answer) -> web.Response:
    return web.Response(
        status=answer.status, body=answer.text.encode(), headers={"Content-Type": answer.content_type}
    )


def _signers(home: Path, name: str) -> list[SeedSigner]:
    """The witness's own keys, made at its first start."""
    path = home / "keys" / "witness"
    if not path.exists():
        write_signers(path, new_signers(name, kinds=WITNESS_KINDS, unnamed="sallyport-witness-{}"))
    signers = read_signers(path, kinds=WITNESS_KINDS)
    if name and signers[0].key.name != name:
        raise ConfigError(
            f"This witness is named {signers[0].key.name}.",
            remedy="Leave --name out, or choose another --data.",
        )
    return signers

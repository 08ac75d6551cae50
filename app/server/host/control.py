"""The socket in the data folder by which commands on the host ask the running server; each request is a governed call.

One line of JSON each way: `{"ask": "servers"}`, `{"ask": "restart", "name": "…"}`, `{"ask": "reload"}`,
`{"ask": "egress"}`.
Whoever may open the socket is the operator, as whoever may read the data folder is.
"""

import asyncio
import contextlib
import logging
import os
import pwd
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from app.admission import Admission
from app.api.tools import ToolServer, ToolServers
from app.core.call import Call, LocalOperator, Resource
from app.core.errors import InputError, SallyportError
from app.core.ids import new_trace
from app.egress import Held
from app.server.host.asking import SECONDS, Ask, Told, asked, control_path
from app.server.host.reload import Reload

_LIMIT = 64 * 1024
_LONGEST_PATH = 100
"""Bytes of a socket's path, below what unix(7) allows."""
_log = logging.getLogger(__name__)


@asynccontextmanager
async def control(
    folder: Path, *, admission: Admission, servers: ToolServers, reload: Reload, held: Held
) -> AsyncIterator[None]:
    """Listen inside the block; a path that is too long for a socket costs only the commands that need it."""
    path = control_path(folder)
    if len(os.fsencode(path)) > _LONGEST_PATH:
        _log.warning("the data folder's path is too long for a control socket: `mcp status` cannot ask here")
        yield
        return
    path.unlink(missing_ok=True)

    answers = _Answers(admission=admission, servers=servers, reload=reload, held=held)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError, ValueError):
            async with asyncio.timeout(SECONDS):
                told = await answers.to(await reader.readline(), _peer(writer))
                writer.write(msgspec.json.encode(told) + b"\n")
                await writer.drain()
        writer.close()

    before = os.umask(0o177)
    try:
        listener = await asyncio.start_unix_server(connected, path, limit=_LIMIT)
    finally:
        os.umask(before)
    try:
        yield
    finally:
        listener.close()
        path.unlink(missing_ok=True)


class _Answers:
    def __init__(self, *, admission: Admission, servers: ToolServers, reload: Reload, held: Held) -> None:
        self._admission = admission
        self._servers = servers
        self._reload = reload
        self._held = held

    async def to(self, line: bytes, uid: int) -> Told:
        """Every refusal and failure is an answer too."""
        try:
            return await self._given(_read(line), uid)
        except SallyportError as error:
            return Told(error=error.message, remedy=error.remedy)

    async def _given(self, asked: Ask, uid: int) -> Told:
        if asked.ask == "servers":
            async with self._admission.admit(_call("admin.server.list", "*", uid)):
                return Told(servers=list(await self._servers.overview()))
        if asked.ask == "restart":
            async with self._admission.admit(_call("admin.server.restart", asked.name, uid)):
                await self._servers.restart(asked.name)
                return Told()
        if asked.ask == "egress":
            async with self._admission.admit(_call("admin.egress.read", "*", uid, kind="egress")):
                return Told(held=dict(self._held.on), missing=dict(self._held.off))
        if asked.ask == "reload":
            async with self._admission.admit(_call("admin.profile.reload", "*", uid)) as passage:
                done = self._reload()
                passage.note(result=msgspec.to_builtins(done))
                return Told(**msgspec.structs.asdict(done))
        raise InputError(
            f"The running server cannot {asked.ask!r}.", remedy="Use the command of its release."
        )


def _read(line: bytes) -> Ask:
    try:
        return msgspec.json.decode(line, type=Ask)
    except msgspec.MsgspecError as error:
        raise InputError(f"The request cannot be read: {error}.") from None


def _peer(writer: asyncio.StreamWriter) -> int:
    sock = writer.get_extra_info("socket")
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return uid


def _call(action: str, name: str, uid: int, *, kind: str = "server") -> Call:
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    return Call(
        door="cli",
        action=action,
        resource=Resource(kind, name),
        trace=new_trace(),
        credential=LocalOperator(uid=uid, name=user),
        client="sallyport",
    )


async def ask(folder: Path, request: Ask) -> Told | None:
    """`asked` for those with an event loop, and with the rows as they were sent."""
    told = await asyncio.to_thread(asked, folder, request)
    if told is None:
        return None
    return msgspec.structs.replace(told, servers=msgspec.convert(told.servers, list[ToolServer]))

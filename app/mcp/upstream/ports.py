"""What the doors need from a tool server, whatever era and transport it speaks."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

import msgspec
from msgspec import UNSET, Raw

from app.core.errors import UpstreamError
from app.core.passage import Passage
from app.egress.sandbox import Level
from app.mcp.protocol import Era, Wire
from app.mcp.protocol.envelope import SERVER_INFO

Respond = Callable[[bytes], Awaitable[None]]
"""Carries the caller's response (original bytes, its id replaced) back to the server that asked."""


class Line(Protocol):
    """The caller's side between its requests. Nothing here waits: what cannot be sent now is kept or dropped."""

    open: bool
    """Whether somebody listens at this moment."""

    def notify(self, message: bytes) -> None:
        """Pass a notification on."""
        ...

    def ask(self, method: str, params: Raw | None, respond: Respond) -> bool:
        """Pass a request of the server on; False when nobody listens who could answer."""
        ...


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """On whose behalf a server is called: sessions are never shared between two callers' principals."""

    principal: str
    session: str = ""
    era: Era = "old"
    version: str = ""
    info: dict[str, Any] = {}
    capabilities: dict[str, Any] = {}
    line: "Line | None" = None
    """Where a caller with a session hears what belongs to none of its requests."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A request for a server: members of `params` and `meta` are the caller's original bytes where it sent them."""

    method: str
    params: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    progress: Raw | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The server's own bytes: a result, or an error object."""

    result: Raw | None = None
    error: Raw | None = None
    era: Era = "old"
    session: str = ""
    """The session there in which it was given, where the caller has none of its own."""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says about itself."""

    capabilities: dict[str, Any] = {}
    info: dict[str, Any] = {}
    instructions: str = ""


class Introduction(msgspec.Struct, frozen=True):
    """The result of `server/discover` or `initialize`."""

    supportedVersions: list[str] = []  # noqa: N815 - the wire's name
    protocolVersion: str = ""  # noqa: N815
    capabilities: dict[str, Any] = {}
    serverInfo: dict[str, Any] = {}  # noqa: N815
    instructions: str = ""
    meta: dict[str, Any] = msgspec.field(default_factory=dict, name="_meta")

    @property
    def description(self) -> Description:
        """The same without the wire's spelling."""
        info = self.meta.get(SERVER_INFO)
        found = info if isinstance(info, dict) else self.serverInfo
        return Description(capabilities=self.capabilities, info=found, instructions=self.instructions)

    @classmethod
    def read(cls, wire: Wire, server: str) -> "Introduction | None":
        """From a response; None when it is an error, UpstreamError when it cannot be read."""
        if wire.result is UNSET:
            return None
        try:
            return msgspec.json.decode(wire.result, type=cls)
        except msgspec.MsgspecError as error:
            raise UpstreamError(f"{server} introduced itself wrongly: {error}.", kind="protocol") from None


class Relay(Protocol):
    """The caller's side of one request while it runs."""

    session: Any
    """Where a caller with a session takes questions; set once it is known."""

    async def notify(self, message: bytes) -> None:
        """Pass a notification on; dropped when the caller cannot take one."""
        ...

    async def ask(self, method: str, params: Raw | None, respond: Respond) -> bool:
        """Pass a request of the server on; False when this caller cannot be asked."""
        ...


State = Literal["stopped", "starting", "ready", "backing off", "held", "stopping", "unknown"]


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a tool server is at this moment; the numbers and the level are of programs. `seconds` in this state."""

    state: State
    why: str = ""
    seconds: float = 0.0
    starts: int = 0
    pid: int = 0
    memory_bytes: int = 0
    cpu_seconds: float = 0.0
    processes: int = 0
    level: Level | None = None
    instances: int = 0
    """Processes of single callers, beside the shared one; memory and processes are of all of them."""


class Upstream(Protocol):
    """One tool server. Failures are UpstreamError; cancelling the awaiting task cancels the request there too."""

    name: str
    sessions: bool
    """Whether a caller can have a session of its own there, in which log levels and subscriptions are kept."""

    def of(self, caller: Caller, method: str) -> "Upstream":
        """Where this caller's requests go: itself, or the one of many that is this caller's own."""
        ...

    def place(self, caller: Caller) -> str:
        """Callers of the same place see the same definitions."""
        ...

    @property
    def changes(self) -> int:
        """Grows when what it offers may have changed: it was started anew, or it said so."""
        ...

    async def run(self) -> None:
        """Whatever must go on in the background; returns or is cancelled."""
        ...

    async def describe(self, passage: Passage, caller: Caller) -> Description:
        """Its capabilities, name and instructions, after whatever handshake its era asks for."""
        ...

    async def request(self, passage: Passage, caller: Caller, outgoing: Outgoing, relay: Relay) -> Reply:
        """Send one request and return its answer; messages about it go to `relay` meanwhile."""
        ...

    async def listen(self, passage: Passage, caller: Caller) -> None:
        """Let the caller's line hear what the server says on its own, until cancelled or there is nothing to hear."""
        ...

    async def forget(self, passage: Passage, caller: Caller) -> None:
        """The caller's session ended."""
        ...

    def renew(self) -> None:
        """Its secrets changed: begin anew with them, as soon as what runs has ended."""
        ...

    def state(self) -> Status:
        """For `sallyport mcp status` and the console."""
        ...

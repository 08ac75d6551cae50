"""The AI gateway over a network in memory: providers that answer what they are told to, and who was connected to."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from multidict import CIMultiDict
from prometheus_client import CollectorRegistry

from app.admission import Admission
from app.admission.metrics import CallMetrics
from app.admission.recording import Recording
from app.audit.event import Event
from app.config import Profile
from app.config.schema import Record
from app.core.clock import SystemClock
from app.core.paths import resources
from app.gateway import open_models, read_prices
from app.gateway.asked import Operation
from app.gateway.dialects import OPENAI
from app.gateway.invoke import Invocation
from app.policy.engine import Engine, compiled
from app.policy.parse import parse
from tests.fix_gateway import Keyring
from tests.fix_tools import NoBudgets

PRICES = read_prices(resources() / "assets" / "prices.yaml")
CHAT = Operation(dialect=OPENAI, path="/chat/completions")
Script = Callable[[str], Sequence[bytes]]
"""What the provider at this host sends; an empty sequence refuses the connection."""


class Wire(asyncio.Transport):
    """One connection: whatever is sent is answered by the script, then it ends."""

    def __init__(self, protocol: asyncio.Protocol, answer: Sequence[bytes]) -> None:
        super().__init__()
        self._protocol = protocol
        self._answer = answer
        self._closing = False

    def write(self, data: Any) -> None:
        asyncio.get_running_loop().call_soon(self._reply)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"")

    def _reply(self) -> None:
        for piece in self._answer:
            if not self._closing:
                self._protocol.data_received(piece)
        if not self._closing:
            self._closing = True
            self._protocol.connection_lost(None)

    def is_closing(self) -> bool:
        return self._closing

    def abort(self) -> None:
        self._closing = True

    def pause_reading(self) -> None:
        return None

    def resume_reading(self) -> None:
        return None


class Network:
    """Opens connections in memory and remembers to whom."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.connected: list[str] = []

    async def connect(self, host: str, port: int, protocol: Callable[[], Any], *, tls: Any) -> Any:
        self.connected.append(host)
        answer = self._script(host)
        if not answer:
            raise ConnectionRefusedError(111, "refused")
        made = protocol()
        wire = Wire(made, answer)
        made.connection_made(wire)
        return wire, made


class Records:
    """Keeps the rows."""

    def __init__(self) -> None:
        self.rows: list[Event] = []

    def require(self) -> None:
        return None

    async def write(self, event: Event, contents: Any = ()) -> None:
        self.rows.append(event)

    def post(self, event: Event, contents: Any = ()) -> None:
        self.rows.append(event)


class Written:
    """What a client got of a stream."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.body = b""

    async def write(self, data: bytes) -> None:
        self.body += data

    async def end(self) -> None:
        return None


class Asking:
    """A request without a connection."""

    method, path, query, remote, gone = "POST", "/v1/chat/completions", "", "127.0.0.1", False

    def __init__(self, body: bytes, headers: dict[str, str]) -> None:
        self.headers: CIMultiDict[str] = CIMultiDict(headers)
        self._body = body

    async def read(self) -> bytes:
        return self._body

    async def begin(self, status: int, headers: dict[str, str]) -> Written:
        return Written(status)


class Gateway:
    """The gateway of a profile under a policy."""

    def __init__(self, profile: Profile, policy: bytes, network: Network, chances: Sequence[float]) -> None:
        engine = Engine()
        engine.use(compiled({}, draft=(parse(policy), "sha256:law")))
        settings = Record()
        self.records = Records()
        self.models = open_models(profile=profile, prices=PRICES, connector=network, tls=None)
        admission = Admission(
            identity=Keyring(),
            policy=engine,
            budgets=NoBudgets(),
            records=self.records,
            recording=Recording(settings),
            clock=SystemClock(),
            metrics=CallMetrics(CollectorRegistry()),
        )
        draw = itertools.cycle(chances)
        self._invocation = Invocation(
            admission=admission, models=self.models, heartbeat=5.0, draw=lambda: next(draw)
        )

    async def ask(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer."""
        answered = await self._invocation.serve(CHAT, Asking(body, headers))  # pyright: ignore[reportArgumentType]
        return answered.status, answered.body  # pyright: ignore[reportAttributeAccessIssue]

"""Multi round-trip requests: a server that wants input first, its state sealed, and older clients asked for it.

`requestState` passes through the client, so it is in an attacker's hands: what leaves here is bound to the
principal, the request and an hour, and what comes back otherwise is refused before the server sees it.
"""

import asyncio
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from app.core.canonical import canonical
from app.core.clock import Clock
from app.core.errors import UpstreamError
from app.mcp import protocol
from app.mcp.protocol import INVALID_PARAMS, ProtocolError
from app.mcp.upstream.ports import Relay

LASTS_SECONDS = 3600.0
MOST_BYTES = 64 * 1024
MOST_QUESTIONS = 16
ROUNDS = 8
"""How often a tool may want input before the call ends as an error."""


class Wanted(msgspec.Struct):
    """The view of an `input_required` result."""

    questions: dict[str, "Question"] = msgspec.field(default_factory=dict, name="inputRequests")
    state: str | None = msgspec.field(default=None, name="requestState")


class Question(msgspec.Struct):
    """One request of the server for the person or the client."""

    method: str
    params: Raw = msgspec.field(default_factory=lambda: Raw(b"{}"))


class Seal:
    """Seals and opens states; its key lives and dies with this process."""

    def __init__(self, *, key: bytes, clock: Clock) -> None:
        self._key = hashlib.sha256(b"sallyport request state\0" + key).digest()
        self._clock = clock

    def seal(self, state: str, about: bytes) -> str:
        """The state as the client gets it; `about` names principal and request."""
        if len(state) > MOST_BYTES:
            raise UpstreamError("The tool server's request state is longer than the limit.", kind="too_large")
        body = canonical({"until": int(self._clock.monotonic() + LASTS_SECONDS), "state": state})
        return urlsafe_b64encode(self._mac(body, about) + body).decode()

    def open(self, sealed: object, about: bytes) -> str:
        """The server's own state; ProtocolError for anything else, without saying what was wrong with it."""
        data = _decoded(sealed) if isinstance(sealed, str) and len(sealed) < 2 * MOST_BYTES else b""
        mac, body = data[:32], data[32:]
        if hmac.compare_digest(mac, self._mac(body, about)):
            value = msgspec.json.decode(body)
            if value["until"] >= self._clock.monotonic():
                return value["state"]
        raise ProtocolError(
            "params.requestState is not valid for this request; call again without it.", number=INVALID_PARAMS
        )

    def _mac(self, body: bytes, about: bytes) -> bytes:
        return hmac.digest(self._key, hashlib.sha256(about).digest() + body, "sha256")


def _decoded(text: str) -> bytes:
    """Base64 with one reading only; empty for anything else."""
    try:
        data = urlsafe_b64decode(text)
    except ValueError:
        return b""
    return data if urlsafe_b64encode(data).decode() == text else b""


def about(principal: str, method: str, server: str, params: dict[str, Any]) -> bytes:
    """What a state is bound to: everything of the request but the answers and the state itself."""
    kept = {key: value for key, value in params.items() if key in ("name", "uri", "arguments")}
    return canonical([principal, method, server, kept])


def wanted(result: Raw | bytes) -> Wanted:
    """Read what a server wants."""
    found = msgspec.json.decode(result, type=Wanted)
    if len(found.questions) > MOST_QUESTIONS:
        raise UpstreamError(f"The tool server asks for more than {MOST_QUESTIONS} inputs.", kind="protocol")
    return found


def with_sealed_state(result: Raw, seal: Seal, about: bytes) -> Raw | bytes:
    """An `input_required` result whose state the client may hold."""
    state = wanted(result).state
    if state is None:
        return result
    members: dict[str, Any] = msgspec.json.decode(result, type=dict[str, Raw])
    return msgspec.json.encode({**members, "requestState": seal.seal(state, about)})


async def ask_all(relay: Relay, questions: dict[str, Question]) -> dict[str, Raw]:
    """Put the questions to a client of the older era, one after another; UpstreamError when it cannot be asked."""
    return {key: await _ask(relay, question) for key, question in questions.items()}


async def _ask(relay: Relay, question: Question) -> Raw:
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def respond(body: bytes) -> None:
        if not answer.done():
            answer.set_result(body)

    if not await relay.ask(question.method, question.params, respond):
        raise UpstreamError(
            f"The tool wants input ({question.method[:100]}) that this client cannot be asked for.",
            kind="protocol",
        )
    wire = protocol.read_wire(await answer)
    if wire is None or wire.result is UNSET:
        raise UpstreamError("The client gave no answer to what the tool asked.", kind="protocol")
    return wire.result

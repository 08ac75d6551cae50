"""One admitted message: who sent it, where it goes, and what is sent there."""

from typing import Any

import msgspec
from msgspec import Raw

from app.core.call import Credential
from app.core.ids import Trace
from app.core.passage import Passage
from app.mcp import inputs, protocol
from app.mcp.protocol import Era, Message, envelope
from app.mcp.protocol.envelope import TASKS, Headers
from app.mcp.protocol.methods import Method, Target
from app.mcp.signing_in import without_our_answer
from app.mcp.streams import Session
from app.mcp.upstream.ports import Caller, Outgoing

_OURS = frozenset(
    {
        "progressToken",
        "traceparent",
        "tracestate",
        envelope.VERSION,
        envelope.CAPABILITIES,
        envelope.CLIENT_INFO,
    }
)
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


class Inbound(msgspec.Struct, frozen=True, kw_only=True):
    """Where a message came in and with what; `server` is empty on the aggregated endpoint."""

    server: str
    credential: Credential
    trace: Trace
    headers: Headers = Headers()
    client: str = ""
    address: str = ""
    batched: bool = False


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One admitted message."""

    passage: Passage
    inbound: Inbound
    message: Message
    method: Method
    target: Target
    caller: Caller
    session: Session | None


def members_of(value: Any) -> dict[str, Any]:
    """The object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def _supported(capabilities: dict[str, Any]) -> dict[str, Any]:
    """Without what could not be carried through: a server cannot begin tasks at its client."""
    return {key: value for key, value in capabilities.items() if key != "tasks"}


def caller_of(passage: Passage, message: Message, session: Session | None, era: Era) -> Caller:
    """On whose behalf, and as what it introduced itself."""
    principal = passage.principal.id or passage.principal.name
    if era == "modern":
        meta = message.meta
        return Caller(
            principal=principal,
            era="modern",
            version=protocol.MODERN,
            info=members_of(meta.get(envelope.CLIENT_INFO)),
            capabilities=_supported(members_of(meta.get(envelope.CAPABILITIES))),
        )
    if session is None:
        return Caller(principal=principal, version=protocol.LATEST_OLD)
    return Caller(
        principal=principal,
        session=session.id,
        version=session.version,
        info=session.info,
        capabilities=_supported(session.capabilities),
    )


def bound(turn: Turn) -> bytes:
    """What a state is bound to that passes through this caller."""
    return inputs.about(turn.caller.principal, turn.message.method, turn.target.server, turn.message.params)


def outgoing_of(turn: Turn) -> Outgoing:
    """The caller's own bytes, with the name put as the server knows it."""
    message = turn.message
    params: dict[str, Any] = {key: value for key, value in message.raw.items() if key != "_meta"}
    if not turn.inbound.server and turn.target.name:
        if turn.method.shape == "complete":
            key = "name" if turn.target.resource.kind == "prompt" else "uri"
            params["ref"] = {**message.params["ref"], key: turn.target.name}
        else:
            params[turn.method.key] = turn.target.name
    meta: dict[str, Any] = dict(_MEMBERS.decode(message.raw["_meta"])) if message.meta else {}
    if turn.session is not None and turn.session.level:
        meta[envelope.LOG_LEVEL] = turn.session.level
    return Outgoing(
        method=message.method,
        params=without_our_answer(params),
        meta={key: value for key, value in meta.items() if key not in _OURS},
        progress=meta.get("progressToken"),
        headers=turn.inbound.headers.params,
    )


def following(caller: Caller, *, tasks: bool) -> Caller:
    """The caller as a server may know it: one that follows tasks only where we can carry them."""
    extensions = members_of(caller.capabilities.get("extensions"))
    if tasks == (TASKS in extensions):
        return caller
    extensions = {key: value for key, value in extensions.items() if key != TASKS}
    if tasks:
        extensions[TASKS] = {}
    return msgspec.structs.replace(caller, capabilities={**caller.capabilities, "extensions": extensions})

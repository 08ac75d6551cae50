"""Questions of the older era as `inputRequests` of 2026-07-28, and what comes back for them. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw

from app.mcp import protocol
from app.mcp.protocol import INVALID_PARAMS, ProtocolError
from app.mcp.upstream.asking import ASKING
from app.mcp.upstream.ports import Caller, Respond

MOST_BYTES = 256 * 1024
"""Of the parameters of one question."""
_NEEDED = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}
_PREFIX = "sallyport."
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """What the client gets instead of the answer: an `input_required` result."""

    result: bytes


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One question of the server, and the way of its answer."""

    method: str
    params: Raw | None
    respond: Respond


def can_be_asked(caller: Caller, method: str) -> bool:
    """Whether a request of this caller may be answered with a question."""
    return (
        caller.era == "modern"
        and method in ASKING
        and any(k in caller.capabilities for k in _NEEDED.values())
    )


def may_ask(caller: Caller, method: str, params: Raw | None) -> bool:
    """Whether the caller declared that it can be asked for this."""
    needed = _NEEDED.get(method)
    if needed is None or needed not in caller.capabilities or len(bytes(params or b"")) > MOST_BYTES:
        return False
    if needed != "elicitation" or params is None:
        return needed != "elicitation"
    modes = caller.capabilities[needed]
    mode = _mode(params)
    return mode == "form" if not isinstance(modes, dict) or not modes else mode in modes


def _mode(params: Raw) -> str:
    try:
        return msgspec.json.decode(params, type=_Elicitation).mode
    except msgspec.MsgspecError:
        return ""


class _Elicitation(msgspec.Struct):
    mode: str = "form"


def input_required(asked: Mapping[str, Asked], state: str) -> bytes:
    """The result that asks the client."""
    requests = {
        key: {"method": one.method, **({"params": one.params} if one.params is not None else {})}
        for key, one in asked.items()
    }
    return msgspec.json.encode(
        {"resultType": "input_required", "inputRequests": requests, "requestState": state}
    )


def answers(given: Raw | None, params: Mapping[str, Any]) -> dict[str, Raw]:
    """The members of `inputResponses`; ProtocolError when they are no objects."""
    decoded = params.get("inputResponses", {})
    if not isinstance(decoded, dict) or not all(isinstance(one, dict) for one in decoded.values()):
        raise ProtocolError("params.inputResponses must be an object of objects.", number=INVALID_PARAMS)
    return _MEMBERS.decode(given) if given is not None else {}


def response(answer: Raw) -> bytes:
    """An answer as the response that the server waits for; its id is put in by whoever carries it."""
    return protocol.result(b"0", answer)


def addressed(node: str, sealed: str) -> str:
    """A state that says at which node its call waits."""
    return f"{_PREFIX}{node}.{sealed}"


def address(state: object) -> tuple[str, str] | None:
    """Node and sealed part of a state of ours; None for any other."""
    if not isinstance(state, str) or not state.startswith(_PREFIX):
        return None
    node, _, sealed = state.removeprefix(_PREFIX).rpartition(".")
    return node, sealed

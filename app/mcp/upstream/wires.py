"""The messages of a tool program, read: which request they belong to, and what is passed on of them. Pure."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw

from app.core.errors import UpstreamError
from app.mcp.protocol import Era, Wire
from app.mcp.protocol.envelope import SUBSCRIPTION
from app.mcp.upstream.ports import Reply

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def note_of(wire: Wire) -> bytes:
    """A notification once more, around its own parameters."""
    params: dict[str, Any] = {"params": wire.params} if wire.params is not UNSET else {}
    return msgspec.json.encode({"jsonrpc": "2.0", "method": wire.method, **params})


def subscription_of(wire: Wire) -> int | None:
    """Which `subscriptions/listen` of the modern era a notification belongs to."""
    meta = member_of(wire.params, "_meta") if wire.params is not UNSET else None
    return number_of(member_of(meta, SUBSCRIPTION)) if meta is not None else None


def reply_of(wire: Wire, era: Era) -> Reply:
    """A response as the answer of a request; UpstreamError when it is none."""
    if wire.result is not UNSET:
        return Reply(result=wire.result, era=era)
    if wire.error is not UNSET:
        return Reply(error=wire.error, era=era)
    raise UpstreamError("The tool server answered with neither result nor error.", kind="protocol")


def member_of(params: Raw, name: str) -> Raw | None:
    """A member of an object; None when there is none, or it is no object."""
    try:
        return _MEMBERS.decode(params).get(name)
    except msgspec.MsgspecError:
        return None


def number_of(identifier: Raw | msgspec.UnsetType | None) -> int | None:
    """One of our own ids or tokens; None for anything else."""
    if identifier is None or identifier is UNSET:
        return None
    text = bytes(identifier)
    return int(text) if text.isdigit() and len(text) < 20 else None

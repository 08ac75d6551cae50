"""Rows whose persons' values are moved into boxes."""

from typing import Any
from uuid import UUID

from app.admission.capture import Kept
from app.audit.event import Event
from app.audit.subjects import Owners
from app.audit.subjects.box import seal_values

_CLEAR_DETAILS = frozenset({
    "dialect", "operation", "bytes", "stream", "max_tokens", "tools", "provider", "upstream_model", "prices",
    "method", "era", "model", "attempts", "labels",
})  # fmt: skip
"""What is known about a request that says nothing about whoever sent it: views and figures need it."""
_CONTENTS = ("arguments", "result", "error", "masked", "message")


def sealed_decision(event: Event, owners: Owners, kept: Kept) -> None:
    """Move who asks, from where, about whom and with what into the boxes of those it belongs to."""
    mine: dict[str, Any] = {}
    theirs: dict[str, Any] = {}
    if owners.actor is not None:
        mine = {"actor": event.actor}
        if event.address:
            mine["address"] = event.address
        message = event.body.pop("message", None)
        if message is not None and owners.about is None:
            mine["message"] = message  # else it names two persons; the reason code and the rules say the same
        event.actor = event.address = ""
    if owners.named:
        if owners.about is not None:
            theirs["resource"] = event.resource
            event.resource = ""
        else:
            event.resource = "unknown"
            if owners.actor is None:
                # A stranger typed it: under nobody's key it could never be erased.
                event.body = {"message": event.body["message"]} if "message" in event.body else {}
                kept.clear()
    _seal(event, owners, kept, mine, theirs)


def sealed_outcome(event: Event, owners: Owners, kept: Kept) -> None:
    """Move what came of it into the box of the person it belongs to."""
    if owners.named and owners.about is None and owners.actor is None:
        kept.clear()
        for name in _CONTENTS:
            event.body.pop(name, None)
    _seal(event, owners, kept, {}, {})


def _seal(event: Event, owners: Owners, kept: Kept, mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Contents belong to the person a call is about, else to the one who asks."""
    holder = owners.about or owners.actor
    if holder is None:
        return
    if kept.contents:
        kept.seal(holder, UUID(holder.id).bytes)
    contents = theirs if owners.about is not None else mine
    contents |= {name: event.body.pop(name) for name in _CONTENTS if name in event.body}
    details: dict[str, Any] = event.body.get("details") or {}
    if not _CLEAR_DETAILS.issuperset(details):
        hidden = {name: details[name] for name in details if name not in _CLEAR_DETAILS}
        contents["details"] = hidden
        event.body["details"] = {name: details[name] for name in details if name in _CLEAR_DETAILS}
    if owners.actor is not None:
        event.subject = owners.actor.id
        if mine:
            event.body["sealed"] = seal_values(owners.actor.key, mine, row=event.id, part="sealed")
    if owners.about is not None:
        event.resource_subject = owners.about.id
        if theirs:
            event.body["sealed_resource"] = seal_values(
                owners.about.key, theirs, row=event.id, part="sealed_resource"
            )

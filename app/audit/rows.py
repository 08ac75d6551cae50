"""Rows on their way into the record, and the rows that close a call nobody else will close."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from app.audit.event import ENTRY_LIMIT, Event
from app.core.ids import uuid7

Contents = Sequence[tuple[str, bytes]]
"""Digest and bytes of what is too large for an entry."""


class Row:
    """One event on its way, and who waits for it."""

    __slots__ = ("contents", "event", "waiter")

    def __init__(self, event: Event, contents: Contents, waiter: asyncio.Future[None] | None) -> None:
        self.event = event
        self.contents = contents
        self.waiter = waiter

    def done(self) -> None:
        """Wake the waiter: committed."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def failed(self, error: Exception) -> None:
        """Wake the waiter: not known to be committed."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(error)

    @property
    def abandoned(self) -> bool:
        """An intent whose call has gone away while it waited."""
        return self.event.kind == "intent" and self.waiter is not None and self.waiter.cancelled()


def numbered(batch: Sequence[Row], *, node: str, boot: str, first: int) -> str:
    """Give each row its gap-free place and return the JSON array of canonical entries."""
    entries = []
    for seq, row in enumerate(batch, first):
        row.event.node, row.event.boot, row.event.seq = node, boot, seq
        entry = row.event.entry()
        if len(entry) > ENTRY_LIMIT:
            row.event.body = {"truncated": len(entry)}
            entry = row.event.entry()
        entries.append(entry)
    return (b"[" + b",".join(entries) + b"]").decode()


def closing(
    intent: Event, *, kind: Literal["outcome", "lost"], status: str, error: str, now: datetime
) -> Event:
    """The row that ends an intent whose call cannot end it itself."""
    return Event(
        id=str(uuid7(now_us=int(now.timestamp() * 1_000_000))),
        time=now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        kind=kind,
        call=intent.call,
        trace_id=intent.trace_id,
        span_id=intent.span_id,
        action=intent.action,
        resource_kind=intent.resource_kind,
        resource=intent.resource,
        subject=intent.subject,
        resource_subject=intent.resource_subject,
        status=status,
        body={"error": error},
    )

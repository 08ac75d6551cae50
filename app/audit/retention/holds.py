"""Legal holds: what they cover is neither removed nor erased."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.audit.event import Event
from app.audit.retention import store
from app.audit.statement import happened
from app.core.clock import Clock
from app.core.errors import InputError, NotFoundError
from app.core.ids import uuid7
from app.core.passage import Passage

SET, LIFT = "admin.hold.set", "admin.hold.lift"
Write = Callable[[Event], Awaitable[None]]


class NewHold(msgspec.Struct, frozen=True, kw_only=True):
    """What to hold, and why; every criterion that is given must fit. `resource` reads KIND:NAME."""

    reason: str
    user: str | None = None
    trace_id: str | None = None
    resource: str | None = None
    starts: datetime | None = None
    ends: datetime | None = None


class Holds:
    """Set, listed and lifted; each change is an event of the record."""

    def __init__(self, *, pool: store.Pool, clock: Clock, write: Write) -> None:
        self._pool = pool
        self._clock = clock
        self._write = write

    async def set(self, passage: Passage, wanted: NewHold) -> store.Hold:
        """Hold what fits from now on; InputError for a hold on everything or for an empty reason."""
        _require(passage, SET)
        kind, name = _checked(wanted)
        async with store.transaction(self._pool) as conn:
            await store.lock_holds(conn)
            subject = await store.subject_by_name(conn, wanted.user) if wanted.user else None
            row = store.Hold(
                hold=uuid7(), reason=wanted.reason.strip(), subject=subject, user=wanted.user,
                actor=wanted.user if subject is None else None, trace_id=wanted.trace_id, resource_kind=kind,
                resource=name, starts=wanted.starts, ends=wanted.ends, created=self._clock.now(),
                created_by=author(passage), lifted=None, lifted_by=None,
            )  # fmt: skip
            await store.insert_hold(conn, row)
        await self._tell(passage, "record.hold.set", row)
        return row

    async def lift(self, passage: Passage, hold: UUID) -> None:
        """Hold these rows no longer; NotFoundError when no such hold stands."""
        _require(passage, LIFT)
        async with store.transaction(self._pool) as conn:
            found = [row for row in await store.holds(conn, lifted=False) if row.hold == hold]
            if not found or not await store.lift_hold(conn, hold, at=self._clock.now(), by=author(passage)):
                raise NotFoundError(f"No hold {hold} stands.", remedy="See `sallyport audit hold list`.")
        await self._tell(passage, "record.hold.lift", found[0])

    async def list_all(self, *, lifted: bool = False) -> list[store.Hold]:
        """Holds, newest first."""
        async with store.transaction(self._pool) as conn:
            return await store.holds(conn, lifted=lifted)

    async def _tell(self, passage: Passage, action: str, row: store.Hold) -> None:
        body: dict[str, Any] = msgspec.to_builtins(row)
        said = {
            name: value
            for name, value in body.items()
            if value is not None and name not in ("user", "created")
        }
        if row.subject is not None:
            said.pop("actor", None)
        await self._write(happened(passage, action, ("hold", str(row.hold)), said, now=self._clock.now()))


def author(passage: Passage) -> str:
    """Who did it, without a person's name: kind and id."""
    who = passage.principal
    return f"{who.kind}:{who.id or who.name}"


def _require(passage: Passage, action: str) -> None:
    if passage.call.action != action or passage.settled:
        raise ValueError(f"a passage for {passage.call.action} cannot do {action}")


def _checked(wanted: NewHold) -> tuple[str | None, str | None]:
    if not 3 <= len(wanted.reason.strip()) <= 1000:
        raise InputError("A hold needs a reason of 3 to 1000 characters.", remedy="Give --reason.")
    if (
        wanted.user is None
        and wanted.trace_id is None
        and wanted.resource is None
        and not (wanted.starts or wanted.ends)
    ):
        raise InputError(
            "This would hold everything.", remedy="Give --user, --trace, --resource, --since or --until."
        )
    if wanted.starts and wanted.ends and wanted.starts >= wanted.ends:
        raise InputError("The time range of the hold is empty.", remedy="Let --since be before --until.")
    if wanted.resource is None:
        return None, None
    kind, colon, name = wanted.resource.partition(":")
    if not colon or not kind or not name:
        raise InputError(
            f"{wanted.resource[:80]!r} is no resource.", remedy="Write KIND:NAME, such as tool:files/read."
        )
    if kind == "user":
        raise InputError("A user is held by name.", remedy="Use --user.")
    return kind, name

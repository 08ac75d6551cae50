"""Erasing a person: their key and name are destroyed, stated in the record and outside, and stay destroyed."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from app.audit.event import Event
from app.audit.statement import Statements, happened
from app.audit.subjects import store
from app.audit.subjects.persons import ERASE, Persons
from app.core import crash
from app.core.call import Resource
from app.core.clock import Clock
from app.core.errors import ConfigError, ConflictError, InputError, NotFoundError
from app.core.ids import uuid7
from app.core.passage import Passage

log = logging.getLogger(__name__)

EVENT = "record.subject.erase"


class Forgets(Protocol):
    """Where accounts are: whether somebody still works here, and that nothing names them any more."""

    async def standing(self, name: str) -> tuple[str, str]:
        """Id and state (active, disabled, deleted) of the user of that name; empty texts when there is none."""
        ...

    async def forget(self, passage: Passage, name: str) -> None:
        """Delete the account for good and take its name from everything that can change."""
        ...


class ErasurePlan(msgspec.Struct, frozen=True, kw_only=True):
    """Who would be erased, what that is about, and what stands against it."""

    subject: UUID
    account: str
    state: str
    rows: int
    held: int
    oldest: datetime | None
    newest: datetime | None
    against: tuple[str, ...]


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """What was done: the row that says so, and how many rows nobody can read any more."""

    subject: UUID
    event: UUID
    rows: int


class Erasures:
    """Plans, does and repeats erasures."""

    def __init__(
        self,
        *,
        pool: store.Pool,
        connect: Callable[[], Awaitable[store.Connection]],
        persons: Persons,
        accounts: Forgets,
        write: Callable[[Event], Awaitable[None]],
        statements: Statements,
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._connect = connect
        self._persons = persons
        self._accounts = accounts
        self._write = write
        self.statements = statements
        self._clock = clock

    async def plan(self, name: str, *, also_disable: bool = False) -> ErasurePlan:
        """What erasing the user of this name would mean; NotFoundError when the record knows nobody of that name."""
        account, state = await self._accounts.standing(name)
        async with store.alone(self._connect) as conn:
            row = await store.by_name(conn, name)
            if row is None:
                raise NotFoundError(
                    f"The record holds no person named {name[:80]!r}.",
                    remedy="Perhaps they were erased already, or never called: then nothing is kept under their key.",
                )
            rows = await store.count_rows(conn, row.subject)
            holds = await store.held_directly(conn, row.subject)
        against: list[str] = []
        if state == "active" and not also_disable:
            against.append("the account is active: disable or delete it first, or give --also-disable")
        if holds:
            against.append(f"legal holds stand on this person: {', '.join(map(str, holds))}")
        if rows.held:
            against.append(f"{rows.held} of the rows are under legal hold")
        return ErasurePlan(
            subject=row.subject, account=account or row.account, state=state or "none", rows=rows.rows,
            held=rows.held, oldest=rows.oldest, newest=rows.newest, against=tuple(against),
        )  # fmt: skip

    async def erase(self, passage: Passage, name: str, *, reason: str, also_disable: bool = False) -> Erasure:
        """Destroy the person's key and name, for ever; ConflictError says what stands against it."""
        if passage.call.action != ERASE or passage.settled or passage.call.resource != Resource("user", name):
            raise ValueError(f"a passage for {passage.call.action} cannot do {ERASE} of somebody")
        _check_reason(reason, name)
        plan = await self.plan(name, also_disable=also_disable)
        _require_clear(plan)
        if plan.state != "none":
            await self._accounts.forget(passage, name)
            if __debug__:
                crash.at("erase.after_forget")
        row_id = uuid7()
        said: dict[str, Any] = {
            "statement": "erase", "subject": str(plan.subject), "reason": reason.strip(), "rows": plan.rows,
            "by": f"{passage.principal.kind}:{passage.principal.id}",
        }  # fmt: skip
        about = ("subject", str(plan.subject))
        event = happened(passage, EVENT, about, said, now=self._clock.now(), row_id=str(row_id))
        async with store.alone(self._connect) as conn:
            await store.lock_holds(conn)
            rows = await store.count_rows(conn, plan.subject)
            held = await store.held_directly(conn, plan.subject)
            _require_clear(msgspec.structs.replace(
                plan, against=("a legal hold was set meanwhile",) if rows.held or held else ()
            ))  # fmt: skip
            event.body["rows"] = rows.rows
            # Last, because every call of a person waits from here on until the commit.
            await store.keep_writers_out(conn)
            await self._destroy(conn, plan, event)
            if __debug__:
                crash.at("erase.before_commit")
        if __debug__:
            crash.at("erase.after_commit")
        self._persons.forget([plan.subject])
        try:
            await self.finish()
        except ConfigError as error:
            log.warning("the erasure is not stated outside the database yet: %s", error)
        return Erasure(subject=plan.subject, event=row_id, rows=rows.rows)

    async def finish(self) -> None:
        """State every erasure of the database in the record and in this node's file, as far as that is not done.

        ConfigError when this node cannot sign: the record says it all the same.
        """
        unsigned: ConfigError | None = None
        async with store.transaction(self._pool) as conn:
            await store.lock_telling(conn)
            for row in await store.erasures(conn):
                event = msgspec.convert(row.stated, Event)
                if not row.told:
                    # A crash may have come between writing the row and remembering that.
                    if not await store.event_exists(conn, row.erasure):
                        await self._write(event)
                    if __debug__:
                        crash.at("erase.after_event")
                    await store.set_told(conn, row.subject)
                try:
                    await self.statements.append(event)
                    if __debug__:
                        crash.at("erase.after_statement")
                except ConfigError as error:
                    unsigned = error
        if unsigned is not None:
            raise unsigned

    async def repeat(self) -> int:
        """Erase again whom a restored database brought back, by the statements outside it; how many there were."""
        again = 0
        for statement in self.statements.read():
            if statement.action != EVENT:
                continue
            subject, erasure = UUID(statement.said["subject"]), UUID(statement.id)
            stated = msgspec.json.encode(_restated(statement.said, statement.id, self._clock.now())).decode()
            async with store.transaction(self._pool) as conn:
                await store.keep_writers_out(conn)
                at = self._clock.now()
                back = await store.destroy(conn, subject, account="", erasure=erasure, stated=stated, at=at)
                if not back:
                    await store.insert_erased(
                        conn, subject, key_id=self._persons.key_id, erasure=erasure, stated=stated, at=at
                    )
            if back:
                log.warning("subject %s came back with a restored database and was erased again", subject)
                self._persons.forget([subject])
            again += back
        return again

    async def _destroy(self, conn: store.Connection, plan: ErasurePlan, event: Event) -> None:
        stated = msgspec.json.encode(event).decode()
        if not await store.destroy(
            conn,
            plan.subject,
            account=plan.account,
            erasure=UUID(event.id),
            stated=stated,
            at=self._clock.now(),
        ):
            raise ConflictError("This person was erased meanwhile.", remedy="Nothing is left to do.")


def _restated(said: dict[str, Any], row_id: str, now: datetime) -> Event:
    """The row of an erasure that a restored database does not know any more; its id stays."""
    return Event(
        id=row_id,
        time=now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        kind="event",
        call=row_id,
        action=EVENT,
        resource_kind="subject",
        resource=said["subject"],
        body={**said, "again": True},
    )


def _require_clear(plan: ErasurePlan) -> None:
    if plan.against:
        raise ConflictError(
            f"Nothing was erased: {'; '.join(plan.against)}.", remedy="See `sallyport audit hold list`."
        )


def _check_reason(reason: str, name: str) -> None:
    if not 3 <= len(reason.strip()) <= 1000:
        raise InputError("An erasure needs a reason of 3 to 1000 characters.", remedy="Give --reason.")
    if name.lower() in reason.lower():
        raise InputError(
            "The reason names the person; it is kept for ever.", remedy="Write, for example: request 2026-17."
        )

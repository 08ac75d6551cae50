"""Tasks kept in the database: there before their client hears of them, gone when they expire."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Raw

from app.core.clock import Clock
from app.core.errors import InputError
from app.core.passage import Passage
from app.mcp.protocol import INVALID_PARAMS, ProtocolError
from app.mcp.tasks import store
from app.mcp.tasks.store import Kept, Pool
from app.mcp.tasks.task import POLL_MS, Task, TaskStatus

MOST_OF_ONE = 500
"""Tasks of one principal at a time."""
LARGEST = 1024 * 1024
"""Bytes of an answer that are kept."""
PAGE = 50
_ANSWER = msgspec.json.Decoder(dict[str, Raw])


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A new task: where it is, and until when. `upstream` is its id there; `request` is a call to be made later."""

    endpoint: str
    server: str
    tool: str
    lasts: timedelta
    status: TaskStatus = "working"
    message: str = ""
    upstream: str = ""
    session: str = ""
    request: dict[str, Any] | None = None


class Ledger:
    """`new_id` makes ids that nobody can guess; they are bound to their principal all the same."""

    def __init__(self, *, pool: Pool, clock: Clock, new_id: Callable[[], str]) -> None:
        self._pool = pool
        self._clock = clock
        self._new_id = new_id

    async def begin(self, passage: Passage, begun: Begun) -> Kept:
        """Keep a new one; committed when this returns. InputError when its principal has too many."""
        now = self._clock.now()
        kept = Kept(
            id=self._new_id(),
            principal=owner(passage),
            endpoint=begun.endpoint,
            server=begun.server,
            tool=begun.tool,
            call=passage.id,
            status=begun.status,
            message=begun.message[:1000],
            upstream=begun.upstream,
            session=begun.session,
            request=None if begun.request is None else msgspec.json.encode(begun.request).decode(),
            answer=None,
            created=now,
            updated=now,
            expires=now + begun.lasts,
            leased=None,
        )
        async with store.transaction(self._pool) as conn:
            if not await store.add(conn, kept, most=MOST_OF_ONE):
                raise InputError(
                    f"There are {MOST_OF_ONE} tasks of this principal.",
                    remedy="Wait until some have expired.",
                )
        return kept

    async def find(self, passage: Passage, id_: object, *, endpoint: str) -> Kept:
        """The caller's own task; ProtocolError for anything else."""
        if isinstance(id_, str) and 0 < len(id_) <= 256 and "\0" not in id_:
            async with store.transaction(self._pool) as conn:
                kept = await store.find(
                    conn, id_, principal=owner(passage), endpoint=endpoint, now=self._clock.now()
                )
            if kept is not None:
                return kept
        raise ProtocolError("There is no such task; it may have expired.", number=INVALID_PARAMS)

    async def page(self, passage: Passage, *, endpoint: str, before: str) -> list[Kept]:
        """The caller's tasks, newest first; one more than a page holds when there are more."""
        async with store.transaction(self._pool) as conn:
            return await store.newest(
                conn,
                principal=owner(passage),
                endpoint=endpoint,
                before=before,
                most=PAGE + 1,
                now=self._clock.now(),
            )

    async def end(self, kept: Kept, status: TaskStatus, *, message: str = "", answer: Any = None) -> bool:
        """It is over, with `answer` as `{"result": …}` or `{"error": …}`; whether it was not before."""
        text = None if answer is None else msgspec.json.encode(answer).decode()
        if text is not None and len(text) > LARGEST:
            status, message = "failed", "The answer is longer than what is kept of a task."
            text = msgspec.json.encode({"error": {"code": -32603, "message": message}}).decode()
        async with store.transaction(self._pool) as conn:
            now = self._clock.now()
            return await store.move(conn, kept.id, status, message=message[:1000], answer=text, now=now)

    async def note(self, kept: Kept, status: TaskStatus, *, message: str) -> None:
        """What is told of one that goes on."""
        async with store.transaction(self._pool) as conn:
            await store.note(conn, kept.id, status, message=message[:1000], now=self._clock.now())

    async def lease(self, kept: Kept, *, seconds: float) -> bool:
        """Take it in order to make its call; False when another node has it."""
        async with store.transaction(self._pool) as conn:
            until = self._clock.now() + timedelta(seconds=seconds)
            return await store.lease(conn, kept.id, until=until)

    async def release(self, kept: Kept) -> None:
        """Give it back: its call could not be made yet."""
        async with store.transaction(self._pool) as conn:
            await store.release(conn, kept.id)

    def lost(self, kept: Kept) -> bool:
        """Whether the node that made its call has not been heard of."""
        return kept.leased is not None and kept.leased < self._clock.now()

    async def prune(self) -> None:
        """Forget what expired; a periodic job."""
        async with store.transaction(self._pool) as conn:
            await store.prune(conn, now=self._clock.now())


def owner(passage: Passage) -> str:
    """Whose a task is."""
    return passage.principal.id or passage.principal.name


def task_of(kept: Kept, *, poll_ms: int = POLL_MS) -> Task:
    """As its client sees it."""
    answer = _ANSWER.decode(kept.answer) if kept.answer else {}
    return Task(
        id=kept.id,
        status=kept.status,
        message=kept.message,
        created=kept.created,
        updated=kept.updated,
        expires=kept.expires,
        poll_ms=poll_ms,
        result=answer.get("result"),
        error=answer.get("error"),
    )

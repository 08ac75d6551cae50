"""A site without a listener on a real database: identities, built-in policy, corridor and record."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from prometheus_client import CollectorRegistry

from app.admission import Admission
from app.admission.metrics import CallMetrics
from app.admission.recording import Recording
from app.audit.recorder import Recorder
from app.config.schema import Identity as Settings
from app.config.schema import Record
from app.core.call import BearerToken, Call, Credential, LocalOperator, Resource, SessionCookie
from app.core.ids import new_trace
from app.core.passage import Passage
from app.core.principal import Principal
from app.core.usage import Amounts, Reserve
from app.db import Connection, Pool, connect, open_pool
from app.identity import Identity
from app.identity.keys import Budget, NewKey
from app.identity.records import Account
from app.identity.signin.sessions import NewSession
from app.policy import Engine

OPERATOR = LocalOperator(uid=0, name="root")
PASSWORD = "correct horse battery"


class ManualClock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


class World:
    """The room and the corridor before it; `act` opens a passage as the operator."""

    def __init__(self, *, identity: Identity, admission: Admission, clock: ManualClock, pool: Pool) -> None:
        self.identity = identity
        self.admission = admission
        self.clock = clock
        self.pool = pool

    @asynccontextmanager
    async def act(
        self,
        action: str,
        *,
        credential: Credential = OPERATOR,
        resource: str = "x",
        address: str = "10.0.0.1",
    ) -> AsyncIterator[Passage]:
        call = Call(
            door="cli",
            action=action,
            resource=Resource("user", resource),
            trace=new_trace(),
            credential=credential,
            address=address,
        )
        async with self.admission.admit(call) as passage:
            yield passage

    async def who(self, credential: Credential, address: str = "10.0.0.1") -> Principal:
        return await self.identity.authenticator.authenticate(credential, address=address)

    async def bearer(self, token: str, address: str = "10.0.0.1") -> Principal:
        return await self.who(BearerToken(token), address)

    async def cookie(self, token: str) -> Principal:
        return await self.who(SessionCookie(token))

    async def user(self, name: str, *roles: str, password: str | None = None) -> Account:
        async with self.act("admin.user.create") as passage:
            return await self.identity.users.create(passage, name=name, password=password, roles=roles)

    async def key(
        self,
        owner: str,
        *,
        scopes: tuple[str, ...] | None = None,
        seconds: float | None = None,
        budget: Budget | None = None,
    ) -> NewKey:
        expires = self.clock.now() + timedelta(seconds=seconds) if seconds else None
        async with self.act("admin.key.create") as passage:
            return await self.identity.keys.create(
                passage, owner=owner, scopes=scopes, expires=expires, budget=budget
            )

    async def sign_in(self, credential: Credential) -> NewSession:
        async with self.act("session.create", credential=credential) as passage:
            return await self.identity.sessions.begin(passage)

    async def spend(self, token: str, reserve: int, *, cost: int = 0) -> None:
        """A call that holds `reserve` back and costs `cost`."""
        call = Call(
            door="cli",
            action="admin.user.list",
            resource=Resource("user", "*"),
            trace=new_trace(),
            credential=BearerToken(token),
            reserve=Reserve(amounts=Amounts(microdollars=reserve, requests=1)),
        )
        async with self.admission.admit(call) as passage:
            passage.note(microdollars=cost)

    async def rows(self, statement: str) -> list[tuple[object, ...]]:
        async with self.pool.connection() as conn:
            cursor = await conn.execute(statement)  # pyright: ignore[reportArgumentType, reportCallIssue]
            return await cursor.fetchall()

    async def restart(self, settings: Settings | None = None) -> Identity:
        """Another process on the same database."""
        other = Identity(pool=self.pool, clock=self.clock, settings=settings or Settings())
        await other.refresh()
        return other


@asynccontextmanager
async def world(url: str, settings: Settings | None = None) -> AsyncIterator[World]:
    async def dial() -> Connection:
        return await connect(url, purpose="record", timeout=2)

    clock = ManualClock()
    recorder = Recorder(connect=dial, node="n1", boot=uuid4(), clock=clock, settings=Record())
    async with open_pool(url, size=6, timeout=5) as pool, asyncio.TaskGroup() as group:
        group.create_task(recorder.run())
        await recorder.ready.wait()
        identity = Identity(pool=pool, clock=clock, settings=settings or Settings())
        engine = Engine(pool=pool)
        await engine.refresh()
        await identity.refresh()
        admission = Admission(
            identity=identity.authenticator,
            policy=engine,
            budgets=identity.budgets,
            records=recorder,
            recording=Recording(Record()),
            clock=clock,
            metrics=CallMetrics(CollectorRegistry()),
        )
        try:
            yield World(identity=identity, admission=admission, clock=clock, pool=pool)
        finally:
            recorder.close()

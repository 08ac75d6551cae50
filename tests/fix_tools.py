"""A listening MCP door on a real database and record, with keys and rules given as data."""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
from prometheus_client import CollectorRegistry

from app.admission import Admission, Vetted
from app.admission.metrics import CallMetrics
from app.admission.recording import Recording
from app.audit.recorder import Recorder
from app.catalog import Catalog, Review
from app.catalog.pins import Mode
from app.config.schema import Listen, Record
from app.config.tools import Mcp, McpServer
from app.core.call import BearerToken, Call, Credential, Inherited, Resource
from app.core.clock import SystemClock
from app.core.principal import ANONYMOUS, Principal, rejected
from app.core.usage import Amounts
from app.core.verdict import Decision, Exceeded
from app.db import Connection, connect, open_pool
from app.egress import Connector, Destinations, Guard
from app.egress.destinations import from_url
from app.extensions import ToolProvider
from app.jobs import Job, run_jobs
from app.mcp import (
    Ledger,
    Quarantine,
    Servers,
    Surroundings,
    Watch,
    programs,
    provided,
    remotes,
    routes,
)
from app.mcp.parked import Limits
from app.mcp.supervisor import Capacity
from app.server.listen.listener import Listener
from app.server.listen.router import Router
from app.server.rooms.definitions import announcer
from app.server.tools import recorded

CLOCK = SystemClock()
US = {"name": "sallyport", "version": "0"}
SAMPLE = McpServer(
    command=(sys.executable, "-m", "app.demo.sample_mcp"), folder=str(Path(__file__).parent.parent)
)
ALICE = "sp_alice"
BOB = "sp_bob"


class Keys:
    """Each known token is the principal of the same name; `default` stands in for callers that cannot send one."""

    def __init__(self, default: str = "") -> None:
        self.default = default

    async def authenticate(self, credential: Credential, *, address: str) -> Principal:
        if isinstance(credential, Inherited):
            return credential.passage.principal
        if not isinstance(credential, BearerToken):
            if not self.default:
                return ANONYMOUS
            credential = BearerToken(self.default)
        if credential.token not in (ALICE, BOB):
            return rejected("credential_invalid")
        name = credential.token.removeprefix("sp_")
        return Principal(id=f"user-{name}", kind="user", name=name)


class Rules:
    """`who action resource` patterns; forbid wins. An entry may hold a predicate on arguments."""

    def __init__(self, permit: list[str], forbid: list[str]) -> None:
        self.permit = permit
        self.forbid = forbid

    def decide(
        self, principal: Principal, action: str, resource: Resource, *, arguments: dict[str, Any] | None
    ) -> Decision:
        text = f"{principal.name} {action} {resource}"
        for rule in self.forbid:
            if fnmatchcase(text, rule):
                return _decision("forbid", "forbidden_by_rule", rule)
        for rule in self.permit:
            if fnmatchcase(text, rule):
                return _decision("permit", "permitted_by_rule", rule)
        return _decision("forbid", "no_rule_permits", "")

    def may(self, principal: Principal, action: str, resource: Resource) -> bool:
        return self.decide(principal, action, resource, arguments=None).permitted


def _decision(effect: Any, reason: str, rule: str) -> Decision:
    rule_ids = (rule,) if rule else ()
    return Decision(
        effect=effect, reason=reason, message=f"{reason}.", rule_ids=rule_ids, policy_hash="sha256:test"
    )


class NoBudgets:
    def known(self, principal: Principal, call: Call) -> Sequence[Any]:
        return ()

    async def find(self, principal: Principal, call: Call) -> Sequence[Any]:
        return ()

    async def reserve(self, passage_id: UUID, shares: Sequence[Any], amounts: Amounts) -> Exceeded | None:
        return None

    async def settle(self, passage_id: UUID, shares: Sequence[Any], amounts: Amounts) -> None:
        return None


class ToolSite:
    """The running door."""

    def __init__(
        self,
        *,
        url: str,
        database: str,
        servers: Servers,
        session: aiohttp.ClientSession,
        review: Review,
        catalog: Catalog,
        admission: Admission,
    ) -> None:
        self.review = review
        self.catalog = catalog
        self.admission = admission
        self.url = url
        self.database = database
        self.servers = servers
        self.session = session

    async def post(
        self, path: str, body: Any, *, key: str = ALICE, **headers: str
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, decoded JSON (or None) and headers of one POST; `body` is JSON or bytes."""
        given = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            **({"Authorization": f"Bearer {key}"} if key else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        payload = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self.session.post(self.url + path, headers=given, **payload) as response:
            data = await response.read()
            value = await response.json() if data and "json" in response.content_type else data or None
            return response.status, value, response.headers

    async def call(
        self, method: str, params: dict[str, Any] | None = None, *, path: str = "/mcp/sample", **rest: str
    ) -> Any:
        """The JSON-RPC response of an older-era request without a session."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        _, value, _ = await self.post(path, message, **rest)
        return value

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the record holds."""
        async with await connect(self.database, purpose="test") as conn:
            return await (await conn.execute(statement)).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]


@asynccontextmanager
async def tool_site(
    database: str,
    folder: Path,
    *,
    servers: Mapping[str, McpServer] | None = None,
    permit: list[str] | None = None,
    forbid: list[str] | None = None,
    default_key: str = "",
    hold_after: int = 8,
    programs_at_once: int = 64,
    pins: Mode = "trust-first",
    recheck: float = 5.0,
    providers: Mapping[str, ToolProvider] | None = None,
    parking: Limits = Limits(),  # noqa: B008 - it cannot be changed
    node: str = "test",
) -> AsyncIterator[ToolSite]:
    """Everything a tool call crosses, from the listening socket to the database."""
    inside = provided(providers or {}, clock=CLOCK)

    async def dial() -> Connection:
        return await connect(database, purpose="record", timeout=5)

    settings = dict(servers) if servers is not None else {"sample": SAMPLE}
    recorder = Recorder(connect=dial, node=node, boot=uuid4(), clock=CLOCK, settings=Record())
    rules = Rules(permit if permit is not None else ["alice *"], forbid or [])
    destinations = Destinations(
        from_url(entry.url, name=name, purpose="test") for name, entry in settings.items() if entry.url
    )
    connector = Connector(destinations=destinations, guard=Guard(destinations))
    around = Surroundings(clock=CLOCK, us=US, capacity=Capacity(programs=programs_at_once))
    around.bus.listen(lambda event: recorded(event, recorder=recorder, clock=CLOCK))
    upstreams = {
        **programs(
            Mcp(servers=settings, hold_after=hold_after),
            own={"PATH": "/usr/bin:/bin"},
            data=folder,
            around=around,
        ),
        **remotes(settings, connector=connector, tls=ssl.create_default_context(), clock=CLOCK, us=US),
        **inside,
    }
    fleet = Servers(upstreams, Mcp(servers=settings, hold_after=hold_after))
    listen = Listen(address="127.0.0.1:0", max_body_bytes=1024 * 1024)
    async with open_pool(database, size=3, timeout=5) as pool, asyncio.TaskGroup() as group:
        catalog = Catalog(
            pool=pool, clock=CLOCK, mode=lambda _: pins, announce=announcer(recorder, clock=CLOCK)
        )
        await catalog.refresh()
        refreshing = group.create_task(run_jobs([Job(name="catalog", seconds=0.5, work=catalog.refresh)]))
        admission = Admission(
            identity=Keys(default_key),
            policy=Vetted(rules, catalog),
            budgets=NoBudgets(),
            records=recorder,
            recording=Recording(Record()),
            clock=CLOCK,
            metrics=CallMetrics(CollectorRegistry()),
        )
        watch = Watch(
            catalog=catalog,
            admission=admission,
            clock=CLOCK,
            recheck=lambda: recheck,
            program=lambda _: {},
            ours=inside,
        )
        doors = routes(
            admission=admission,
            servers=fleet,
            clock=CLOCK,
            watch=watch,
            new_id=lambda: uuid4().hex,
            us=US,
            tasks=(Ledger(pool=pool, clock=CLOCK, new_id=lambda: uuid4().hex), Quarantine(catalog)),
            parking=parking,
            node=node,
        )
        listener = Listener(router=Router(doors), settings=listen, clock=CLOCK, names=frozenset())
        group.create_task(recorder.run())
        running = group.create_task(fleet.run())
        await recorder.ready.wait()
        server = await listener.open(None)
        port = server.sockets[0].getsockname()[1]
        try:
            async with aiohttp.ClientSession() as session:
                yield ToolSite(
                    url=f"http://127.0.0.1:{port}",
                    database=database,
                    servers=fleet,
                    session=session,
                    review=Review(pool=pool, clock=CLOCK),
                    admission=admission,
                    catalog=catalog,
                )
        finally:
            server.close()
            await listener.shutdown(0)
            for task in (running, refreshing):
                task.cancel()
            await asyncio.wait({running, refreshing})
            recorder.close()

"""A listening AI door on a real database, record and policy, in front of the simulated provider."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import anthropic
import openai
from prometheus_client import CollectorRegistry

from app.admission import Admission
from app.admission.metrics import CallMetrics
from app.admission.recording import Recording
from app.audit.recorder import Recorder
from app.config import Profile, Secret
from app.config.gateway.models import Model, Provider
from app.config.schema import Listen, Record
from app.core.call import Inherited
from app.core.paths import resources
from app.core.verdict import Exceeded
from app.db import Connection, connect
from app.demo.provider import SimulatedProvider
from app.demo.script import Script
from app.egress import Connector, Destinations, Guard
from app.egress.destinations import declared
from app.gateway import Models, open_models, read_prices, routes
from app.policy.engine import Engine, compiled
from app.policy.parse import parse
from app.server.listen.listener import Listener
from app.server.listen.router import Router
from tests.fix_tools import ALICE, CLOCK, Keys, NoBudgets

PROVIDER_KEY = "sk-the-providers-own"
AWS_KEY = Secret("AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY:a-session-token")
EVERYTHING = {"id": "everything", "effect": "permit", "actions": ["*"]}


class Keyring(Keys):
    """Tokens of people, and what is done on behalf of an admitted call."""

    async def authenticate(self, credential, *, address):
        if isinstance(credential, Inherited):
            return credential.passage.principal
        return await super().authenticate(credential, address=address)


class Exhausted(NoBudgets):
    def known(self, principal, call):
        return ("all",)

    async def reserve(self, passage_id, shares, amounts) -> Exceeded:
        return Exceeded(budgets=("all",), retry_after=90)


class GatewaySite:
    """The running door."""

    models: Models

    def __init__(
        self, *, url: str, database: str, provider: SimulatedProvider, session: aiohttp.ClientSession
    ) -> None:
        self.url = url
        self.database = database
        self.provider = provider
        self.session = session

    def openai(self, key: str = ALICE) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0)

    def anthropic(self, key: str = ALICE) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(base_url=self.url, api_key=key, max_retries=0)

    async def post(
        self, path: str, body: Any, *, key: str = ALICE, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers of one POST; `body` is JSON or bytes."""
        given = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.session.post(
            self.url + path, data=data, headers=given | dict(headers or {})
        ) as response:
            return response.status, await response.read(), response.headers

    async def rows(self, columns: str, *, table: str = "ai_requests") -> list[tuple[Any, ...]]:
        """What the record holds, oldest first."""
        async with await connect(self.database, purpose="test") as conn:
            statement = f"SELECT {columns} FROM {table} ORDER BY time"
            return await (await conn.execute(statement)).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]

    async def ended(self) -> None:
        """Wait until the provider answers nobody any more."""
        while self.provider.running:
            await asyncio.sleep(0.01)


def profile(url: str, models: Mapping[str, str], record: Record, timeout: float) -> Profile:
    """Five providers on one port, and models `name: provider/upstream name`."""
    key = Secret(PROVIDER_KEY)
    providers = {
        "oai": Provider(dialect="openai", url=f"{url}/v1", key=key, timeout=timeout),
        "nat": Provider(dialect="openai", url=f"{url}/v1", key=key, timeout=timeout, responses=True),
        "ant": Provider(dialect="anthropic", url=url, key=key, timeout=timeout),
        "own": Provider(dialect="openai", url=f"{url}/v1", key=key, timeout=timeout, own_keys=True),
        "mine": Provider(dialect="anthropic", url=url, key=key, timeout=timeout, own_keys=True),
        "goo": Provider(dialect="gemini", url=url, key=key, timeout=timeout),
        "ama": Provider(dialect="bedrock", url=url, key=AWS_KEY, timeout=timeout, region="eu-central-1"),
    }
    entries = {
        name: Model(
            provider=place.partition("/")[0], upstream=place.partition("/")[2], price="simulated", retries=0
        )
        for name, place in models.items()
    }
    return Profile(providers=providers, models=entries, record=record)


@asynccontextmanager
async def gateway_site(
    database: str,
    *,
    scripts: Mapping[str, Script] | None = None,
    rules: list[dict[str, Any]] | None = None,
    content: Any = "digest",
    timeout: float = 10.0,
    url: str = "",
    exhausted: bool = False,
    shape: Callable[[Profile], Profile] = lambda profile: profile,
) -> AsyncIterator[GatewaySite]:
    """Everything an AI request crosses. Scripts whose name begins with `claude` speak Anthropic's format, those with
    `native` both of OpenAI's, those with `gemini` and `bedrock` theirs; with `own` and `mine` callers may bring keys.
    `shape` may change the profile."""

    async def dial() -> Connection:
        return await connect(database, purpose="record", timeout=5)

    scripts = {"gpt": Script(), "claude": Script(), **(scripts or {})}
    providers = {
        "claude": "ant",
        "native": "nat",
        "gemini": "goo",
        "bedrock": "ama",
        "own": "own",
        "mine": "mine",
    }
    places = {name: f"{providers.get(name.partition('-')[0], 'oai')}/{name}" for name in scripts}
    places |= {"alias": "oai/gpt", "claude-alias": "ant/claude"}
    policy = json.dumps({"policy": "site", "rules": rules or [EVERYTHING]}).encode()
    engine = Engine()
    engine.use(compiled({}, draft=(parse(policy), "sha256:test")))
    people = Keyring()
    record = Record(ai_content=content)
    recorder = Recorder(connect=dial, node="test", boot=uuid4(), clock=CLOCK, settings=record)
    admission = Admission(
        identity=people,
        policy=engine,
        budgets=Exhausted() if exhausted else NoBudgets(),
        records=recorder,
        recording=Recording(record),
        clock=CLOCK,
        metrics=CallMetrics(CollectorRegistry()),
    )
    async with asyncio.TaskGroup() as group, SimulatedProvider(scripts=scripts) as provider:
        settings = shape(profile(url or provider.url, places, record, timeout))
        destinations = Destinations(declared(settings))
        connector = Connector(destinations=destinations, guard=Guard(destinations))
        prices = read_prices(resources() / "assets" / "prices.yaml")
        models = open_models(profile=settings, prices=prices, connector=connector, tls=None)
        listen = Listen(address="127.0.0.1:0", max_body_bytes=1024 * 1024)
        router = Router(
            routes(admission=admission, models=models, heartbeat=0.1, body_limit=listen.max_body_bytes)
        )
        listener = Listener(router=router, settings=listen, clock=CLOCK, names=frozenset())
        group.create_task(recorder.run())
        await recorder.ready.wait()
        server = await listener.open(None)
        port = server.sockets[0].getsockname()[1]
        try:
            async with aiohttp.ClientSession() as session:
                site = GatewaySite(
                    url=f"http://127.0.0.1:{port}", database=database, provider=provider, session=session
                )
                site.models = models
                yield site
        finally:
            server.close()
            await models.aclose()
            await listener.shutdown(0.1)
            recorder.close()

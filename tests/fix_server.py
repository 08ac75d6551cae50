"""A whole server on a free loopback port and a fresh database, spoken to through its front door."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psycopg
import pytest
from psycopg.rows import dict_row

from app.config import Profile, load
from app.core.call import Resource
from app.egress import Connector, Destinations, Guard
from app.egress.destinations import declared
from app.server.first_run import host_call
from app.server.host.running import Running
from app.server.serve import running
from app.server.site import Site


class Served:
    """The server under test: its URL, its parts, and the shortest ways to a key and to the record."""

    def __init__(self, server: Running, database: str) -> None:
        self.running = server
        self.url = server.url
        self.site: Site = server.site
        self.database = database

    async def key(self, *roles: str, name: str = "robot", **members: Any) -> str:
        """An API key of a service account with these roles, which is made if it is new."""
        services = self.site.identity.services
        if name not in [account.name for account in await services.list_all()]:
            call = host_call("admin.service.create", Resource("service", name))
            async with self.site.admission.admit(call) as passage:
                await services.create(passage, name=name, roles=list(roles))
        async with self.site.admission.admit(host_call("admin.key.create", Resource("key", name))) as passage:
            made = await self.site.identity.keys.create(passage, owner=name, **members)
        await self.site.identity.refresh()
        return made.token

    async def apply(self, policy: str) -> None:
        """Let this policy document hold."""
        async with self.site.admission.admit(
            host_call("admin.policy.apply", Resource("policy", "test"))
        ) as passage:
            await self.site.policies.apply(passage, policy.encode())
        await self.site.engine.refresh()

    def record(self, where: str = "true", *parameters: object) -> list[dict[str, Any]]:
        """Rows of `audit_events`, oldest first, without what the test's own set-up wrote (door `server`).

        Persons are named as the views name them; their other values stay sealed.
        """
        rows = self.select(
            f"SELECT * FROM audit_events WHERE door IS DISTINCT FROM 'server' AND {where} ORDER BY id",
            *parameters,
        )
        names = {
            row["subject"]: row["name"] for row in self.select("SELECT subject, name FROM audit_subjects")
        }
        for row in rows:
            row["actor"] = names.get(row["subject"], row["actor"])
            row["resource"] = names.get(row["resource_subject"], row["resource"])
        return rows

    def select(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        """Any question to the database."""
        with psycopg.connect(self.database, row_factory=dict_row) as conn:
            return conn.execute(statement, parameters).fetchall()  # pyright: ignore[reportArgumentType, reportCallIssue]


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def serve(database: str, tmp_path: Path) -> AsyncIterator[Serve]:
    """Start a server: `await serve(profile_yaml, policy="…")`; it ends with the test."""
    async with AsyncExitStack() as stack:

        async def start(profile: str = "", *, policy: str = "") -> Served:
            path = tmp_path / "profile.yaml"
            path.write_text(profile, encoding="utf-8")
            loaded = _reachable(load(path, environment={}), database)
            destinations = Destinations(declared(loaded))
            connector = Connector(destinations=destinations, guard=Guard(destinations))
            served = Served(
                await stack.enter_async_context(
                    running(loaded, folder=tmp_path / "data", connector=connector)
                ),
                database,
            )
            if policy:
                await served.apply(policy)
            return served

        yield start


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


def _reachable(profile: Profile, database: str) -> Profile:
    from app.config.secret import Secret

    listen = profile.listen
    if listen.address == Profile().listen.address:
        listen = msgspec.structs.replace(listen, address="127.0.0.1:0", plain_http="loopback", drain=1.0)
    return msgspec.structs.replace(
        profile, listen=listen, database=msgspec.structs.replace(profile.database, url=Secret(database))
    )


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait for something to become true and return it."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := true()):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"{true} did not become true in {seconds} s")
        await asyncio.sleep(0.02)
    return found

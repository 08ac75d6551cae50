"""The table of all operations, mounted."""

import asyncio
import functools

import msgspec
from aiohttp import web

from app.admission import Admission
from app.api import accounts, catalog, groups, keeping, keys, policies, record, sessions, sinks, status, tools
from app.api.door import endpoint
from app.api.openapi import document
from app.api.operation import Operation
from app.api.secrets import operations as secret_operations
from app.api.tools import ToolServers
from app.audit.query import Asking
from app.audit.reading import Reading
from app.audit.recorder import Recorder
from app.audit.retention import Holds, Retention
from app.audit.sinks import Sinks
from app.audit.subjects.erasure import Erasures
from app.catalog import Catalog, Review
from app.core.clock import Clock
from app.extensions import Params, Route
from app.identity import Identity
from app.policy import Engine, Policies
from app.secrets import Secrets
from app.secrets.signins import SignsIn


class Rooms(msgspec.Struct, frozen=True, kw_only=True):
    """The rooms that administrators look into and change."""

    identity: Identity
    policies: Policies
    engine: Engine
    catalog: Catalog
    review: Review
    reading: Reading
    asking: Asking
    clock: Clock
    recorder: Recorder
    secrets: Secrets
    sign_ins: SignsIn
    servers: ToolServers
    sinks: Sinks
    erasures: Erasures
    holds: Holds
    retention: Retention
    stopping: asyncio.Event


def operations(rooms: Rooms) -> list[Operation]:
    """Every operation of the admin API."""
    return [
        *status.operations(engine=rooms.engine, recorder=rooms.recorder),
        *policies.operations(rooms.policies),
        *catalog.operations(catalog=rooms.catalog, review=rooms.review),
        *record.operations(rooms.reading, asking=rooms.asking, clock=rooms.clock),
        *sinks.operations(rooms.sinks),
        *keeping.operations(erasures=rooms.erasures, holds=rooms.holds, retention=rooms.retention),
        *accounts.operations(rooms.identity.users),
        *accounts.operations(rooms.identity.services),
        *sessions.operations(rooms.identity),
        *groups.operations(rooms.identity.groups, rooms.identity.roles),
        *keys.operations(rooms.identity.keys),
        *secret_operations(rooms.secrets),
        *tools.operations(rooms.servers),
        *tools.sign_ins.operations(rooms.sign_ins),
    ]


def routes(*, admission: Admission, rooms: Rooms) -> list[Route]:
    """The admin API, ready to be mounted."""
    table = operations(rooms)

    @functools.cache
    def described() -> bytes:
        # Made when first asked for: to look into all shapes takes a twentieth of a start.
        return msgspec.json.encode(document(table))

    async def openapi(request: web.BaseRequest, params: Params) -> web.StreamResponse:
        return web.Response(body=described(), content_type="application/json")

    return [
        *(
            Route(method=op.method, path=op.path, endpoint=endpoint(op, admission=admission))
            for op in table
        ),
        sinks.stream_route(admission=admission, sinks=rooms.sinks, stopping=rooms.stopping),
        Route(
            method="GET", path="/api/openapi.json", endpoint=openapi,
            public="describes the interface, which is the same on every site",
        ),
    ]  # fmt: skip

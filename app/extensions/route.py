"""A door's HTTP endpoint as a value: the server mounts these, and a test walks them all."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:  # commands import this room, and most of them speak no HTTP
    from aiohttp import web

Params = Mapping[str, str]
Endpoint = Callable[["web.BaseRequest", Params], Awaitable["web.StreamResponse"]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """`path` may hold `{name}` segments, and `{name...}` last for the rest.

    `public` is the reason why the endpoint needs no admission; without one it must pass `admit`.
    """

    method: str
    path: str
    endpoint: Endpoint
    public: str = ""

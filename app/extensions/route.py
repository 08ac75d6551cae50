"""A door's HTTP endpoint as a value: the server mounts these, and a test walks them all."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from app.extensions.exchange import Answered, Request

if TYPE_CHECKING:  # commands import this room, and most of them speak no HTTP
    from aiohttp import web

Params = Mapping[str, str]
Endpoint = Callable[["web.BaseRequest", Params], Awaitable["web.StreamResponse"]]
ShortEndpoint = Callable[[Request, Params], Awaitable[Answered]]


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """`path` may hold `{name}` segments, and `{name...}` last for the rest.

    One of `endpoint` and `short` answers: the second knows no server's classes, so that it can be reached by a
    shorter way. `public` is the reason why the endpoint needs no admission; without one it must pass `admit`.
    """

    method: str
    path: str
    endpoint: Endpoint | None = None
    short: ShortEndpoint | None = None
    public: str = ""

    def __post_init__(self) -> None:
        if (self.endpoint is None) == (self.short is None):
            raise ValueError(f"{self.method} {self.path} needs one endpoint")

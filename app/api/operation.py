"""One endpoint as data: the router, the corridor and the OpenAPI document are all made from this."""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, Literal, TypeVar

import msgspec

from app.core.passage import Passage
from app.extensions import Params

Run = Callable[["Asked"], Awaitable[Any]]
T = TypeVar("T")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """An admitted request: its path parameters, its decoded query and body, and the bytes of the body."""

    passage: Passage
    params: Params
    query: Any
    body: Any
    data: bytes


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """`about` names the resource: `*`, a text with `{parameter}`, or `body.member`.

    Body members in `secret` are never recorded. `media` says how the body is written; a YAML body has no shape.
    """

    id: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    summary: str
    action: str
    kind: str
    about: str
    run: Run
    answer: Any = None
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    media: Literal["application/json", "application/yaml"] = "application/json"
    secret: tuple[str, ...] = ()
    status: int = 200

    @property
    def takes_body(self) -> bool:
        """Whether a body is read."""
        return self.body is not None or self.media == "application/yaml"


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters after the `?`; unknown ones are refused."""


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON body; unknown members are refused."""


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list; `next` is the cursor of the page that follows, null at the end."""

    items: list[T]
    next: str | None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong, a code for programs, what to do, and the trace to ask about."""

    code: str
    message: str
    remedy: str
    trace_id: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Every answer that is not a success."""

    error: Failure

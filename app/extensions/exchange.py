"""A request and its answer without a server's classes, for endpoints that may be served by more than one."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar, overload

T = TypeVar("T")


class Fields(Protocol):
    """A request's headers in their order; names in any case."""

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, /, default: str | T) -> str | T: ...
    def get(self, key: str, /, default: Any = None) -> Any:
        """The first value, or the default."""
        ...

    def getall(self, key: str, /, default: Any = ...) -> Sequence[str]:
        """All values of one name; KeyError when there is none and no default."""
        ...

    def items(self) -> Iterable[tuple[str, str]]:
        """All pairs."""
        ...

    def __contains__(self, key: object, /) -> bool: ...


class Response:
    """A whole answer. The server adds the length of the body and its own name."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, *, status: int = 200, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.status = status
        self.body = body
        self.headers: dict[str, str] = headers if headers is not None else {}


class Stream(Protocol):
    """An answer that is written in pieces. Whoever returns it has ended, the server ends the framing."""

    async def write(self, data: bytes) -> None:
        """Send a piece and wait for a slow reader; ConnectionResetError when the client is gone."""
        ...

    def offer(self, data: bytes) -> bool:
        """Send a piece at once; False, and nothing is sent, when `write` must be waited for. Nothing asks whether."""
        ...

    async def end(self) -> None:
        """Send what ends the body, once."""
        ...


class Request(Protocol):
    """One request. When its client goes away, the task that answers it is cancelled."""

    @property
    def method(self) -> str:
        """In capitals."""
        ...

    @property
    def path(self) -> str:
        """As it was sent, without the query."""
        ...

    @property
    def query(self) -> str:
        """As it was sent, without its question mark."""
        ...

    @property
    def headers(self) -> Fields:
        """All of them."""
        ...

    @property
    def remote(self) -> str | None:
        """The address of whoever calls."""
        ...

    @property
    def gone(self) -> bool:
        """Whether the client's connection is closed."""
        ...

    async def read(self) -> bytes:
        """The whole body; InputError when it is too large or too slow."""
        ...

    async def begin(self, status: int, headers: dict[str, str]) -> Stream:
        """Begin an answer in pieces."""
        ...


Answered = Response | Stream

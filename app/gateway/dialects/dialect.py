"""What a dialect is."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, Protocol, TypeVar

import msgspec

from app.core import jsonsafe
from app.core.errors import UpstreamError
from app.core.usage import Usage
from app.gateway.sse import Event

TEXT_LIMIT = 1024 * 1024
SSE = "text/event-stream"
Headers = Sequence[tuple[str, str]]
T = TypeVar("T")


class Seen(Enum):
    """What an event of a stream means for those before the client."""

    FLOW = "flow"
    """Nothing stands against it."""
    HOLD = "hold"
    """Part of a tool use that is not whole yet."""
    JUDGE = "judge"
    """Completes the tool uses in `Reader.take`; it and what was held may follow once they are permitted."""
    END = "end"
    """The last event: released when the outcome is recorded."""
    FAIL = "fail"
    """The upstream's own error in mid-stream."""


class ToolUse(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that a model wants used: by the client, or one that the provider used itself."""

    id: str
    name: str
    arguments: str | dict[str, Any]
    by: str = "client"

    def read(self) -> dict[str, Any]:
        """The arguments; InputError when policy could not see what a client would."""
        if isinstance(self.arguments, dict):
            return self.arguments
        return (
            jsonsafe.decode_object(self.arguments.encode("utf-8", "surrogatepass")) if self.arguments else {}
        )


class Said(msgspec.Struct, kw_only=True):
    """What an answer says; `characters` count everything generated, for estimates.

    `complete` once the upstream said how the answer ends, `counted` once it said the whole usage.
    """

    text: list[str] = []
    tools: list[ToolUse] = []
    stop: str = ""
    usage: Usage | None = None
    characters: int = 0
    complete: bool = False
    counted: bool = False

    def add(self, text: str) -> None:
        """Take a piece of text; what is beyond the limit is only counted."""
        if text:
            if self.characters < TEXT_LIMIT:
                self.text.append(text)
            self.characters += len(text)

    def spent(self, request_bytes: int) -> Usage:
        """The reported usage, or an estimate of four characters a token that says so."""
        if self.usage is not None and self.counted:
            return self.usage.bounded()
        known = self.usage or Usage(input=request_bytes // 4 + 1)
        generated = max(known.output, -(-self.characters // 4))
        return msgspec.structs.replace(known, output=generated, estimated=True).bounded()

    def recorded(self) -> dict[str, Any]:
        """What the record keeps as the result."""
        tools = [{"id": tool.id, "name": tool.name, "arguments": tool.arguments} for tool in self.tools]
        return {"text": "".join(self.text), "tools": tools, "stop": self.stop}


class Frames(Protocol):
    """Cuts a stream into events; any split of the bytes gives the same ones."""

    def feed(self, chunk: bytes) -> Iterable[Event]:
        """The events that this chunk completes; UpstreamError after those that came before what is wrong."""
        ...

    @property
    def rest(self) -> bytes:
        """What has come of an event that is not complete."""
        ...


class Reader(Protocol):
    """Follows one stream."""

    said: Said

    def see(self, event: Event) -> Seen:
        """What to do with the next event; UpstreamError when it cannot be understood."""
        ...

    def take(self) -> list[ToolUse]:
        """The tool uses not judged yet, whole or not; the reader forgets them."""
        ...


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A POST as it will leave, for credentials that are bound to its very bytes; `path` as on the wire."""

    authority: str
    path: str
    headers: Headers
    body: bytes


class Wire(Protocol):
    """One vendor's wire format, as its providers speak it."""

    name: str
    headers: tuple[tuple[str, str], ...]
    """What its providers want to see beside the credential."""
    stream_type: str
    """The media type of its streams."""

    def frames(self) -> Frames:
        """A parser for one stream."""
        ...

    def reader(self) -> Reader:
        """A reader for one stream."""
        ...

    def read(self, body: bytes) -> Said:
        """What a JSON answer says; UpstreamError when it cannot be understood."""
        ...

    def credential(self, key: str, sent: Sent) -> Headers:
        """The headers that prove the key; ConfigError when it is none of this vendor's."""
        ...


class Dialect(Wire, Protocol):
    """A wire format that clients speak as well."""

    ping: bytes

    def error(self, *, status: int, message: str, code: str, trace_id: str) -> bytes:
        """An error body in the vendor's shape."""
        ...

    def error_event(self, *, status: int, message: str, code: str, trace_id: str) -> bytes:
        """The same in mid-stream."""
        ...


def service_of(named: str | None) -> str:
    """The service tier that an answer names, empty for the standard one."""
    return "" if named in (None, "default", "standard", "auto") else str(named)


def unreadable(error: Exception) -> UpstreamError:
    """The failure of an answer that cannot be understood, and so not governed."""
    return UpstreamError(f"The provider's answer cannot be understood ({error}).", kind="protocol")


def decoded(decode: Callable[[bytes], T], data: bytes) -> T:
    """What a decoder makes of a provider's bytes; UpstreamError when they are not of its shape, or no UTF-8."""
    try:
        return decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise unreadable(error) from None

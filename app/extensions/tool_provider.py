"""Tools, prompts and resources that Sallyport serves itself, with no program and no remote server behind them."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from app.core.passage import Passage


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the person or the client has to answer first: `questions` are `{method, params}` of MCP by a key of one's own.

    The same call comes again with the answers under those keys, and with `state`, which nobody can have changed.
    """

    questions: dict[str, dict[str, Any]]
    state: str | None = None


class Inquiry(Protocol):
    """One call of something that a provider offers, while it runs. It was admitted: `passage` says for whom."""

    passage: Passage
    name: str
    """Of the tool or prompt; the address of a resource."""
    arguments: dict[str, Any]
    """As the client sent them; of a resource template the values of its variables."""
    capabilities: dict[str, Any]
    """What the client says it can do."""
    answers: dict[str, Any]
    """To what was Wanted before; empty the first time."""
    state: str | None

    async def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Tell the caller how far it is; nothing to a caller who did not ask for it."""
        ...

    async def log(self, level: str, data: Any) -> None:
        """Tell the caller something of this `level`; nothing to a caller who did not ask for that level."""
        ...

    def announce(self, changed: str) -> None:
        """Tell all who listen that `tools`, `prompts` or `resources` are others now."""
        ...


Answer = Callable[[Inquiry], Awaitable[dict[str, Any] | Wanted]]
"""Returns the members of an MCP result; InputError for what the caller did wrong."""


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: `definition` as a listing shows it, and what answers it.

    `needs` are client capabilities without which a call is refused before it begins.
    """

    definition: dict[str, Any]
    answer: Answer
    needs: tuple[str, ...] = ()


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """All that a provider has. `complete` proposes values for what somebody types: reference, argument and its value."""

    title: str
    version: str
    instructions: str = ""
    tools: Sequence[Offered] = ()
    prompts: Sequence[Offered] = ()
    resources: Sequence[Offered] = ()
    templates: Sequence[Offered] = ()
    complete: Callable[[dict[str, Any], str, str], Sequence[str]] | None = None


class ToolProvider(Protocol):
    """A tool server inside this process, under its own name in URLs and policies; policy governs it like any other.

    Failure rule: whatever an answer raises ends that call with an error that tells nothing of it, and is logged; an
    offer that cannot be made leaves the provider without anything to call.
    """

    def offer(self) -> Offer:
        """What there is at this moment; asked for each listing and each call."""
        ...

"""Proof of admission: upstream clients and the secrets broker demand one, only the corridor makes one."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Literal, final
from uuid import UUID

from app.core.ids import Trace
from app.core.principal import Principal
from app.core.usage import NOTHING, Usage
from app.core.verdict import Decision

if TYPE_CHECKING:
    from app.core.call import Call, Resource

Status = Literal["ok", "error", "cancelled", "refused", "started"]
"""How a call ended; `started` is one whose end comes later, in an event of its own."""


@final
class Passage:
    """An admitted call: intent committed, outcome still open. Built by `app.admission` only (a house test)."""

    __slots__ = (
        "_may", "_settle", "call", "decision", "details", "error", "id", "microdollars", "owners", "principal",
        "result", "secrets", "settled", "started", "status", "timings", "usage",
    )  # fmt: skip

    def __init__(
        self,
        *,
        id: UUID,  # noqa: A002 - the record's own name for it
        call: "Call",
        principal: Principal,
        decision: Decision,
        started: float,
        owners: object = None,
        gates: "tuple[Callable[[Passage], Awaitable[None]], Callable[[Principal, str, Resource], bool]]",
    ) -> None:
        self.id = id
        self.call = call
        self.principal = principal
        self.decision = decision
        self.started = started
        self.timings: dict[str, float] = {}
        self.status: Status = "ok"
        self.error = ""
        self.secrets: tuple[str, ...] = ()
        """Names and versions (`token@3`) of the secrets that were used for it."""
        self.result: dict[str, Any] | None = None
        self.details: dict[str, Any] | None = None
        """What the outcome keeps beside the result, such as which provider it was in the end."""
        self.usage: Usage = NOTHING
        self.microdollars = 0
        self.settled = False
        self.owners = owners
        """Whose values its rows hold: a matter between the corridor and the record."""
        self._settle, self._may = gates

    @property
    def trace(self) -> Trace:
        """The trace this call belongs to."""
        return self.call.trace

    @property
    def server_timing(self) -> str:
        """Milliseconds of each stage so far (W3C Server-Timing)."""
        return ", ".join(f"{stage};dur={seconds * 1000:.2f}" for stage, seconds in self.timings.items())

    def note(
        self,
        *,
        status: Status | None = None,
        error: str | None = None,
        result: dict[str, Any] | None = None,
        usage: Usage | None = None,
        microdollars: int | None = None,
    ) -> None:
        """Add to the outcome; what is not given stays as it was."""
        if status is not None:
            self.status = status
        if error is not None:
            self.error = error
        if result is not None:
            self.result = result
        if usage is not None:
            self.usage = usage
        if microdollars is not None:
            self.microdollars = microdollars

    async def settle(self) -> None:
        """Commit the outcome now, before the last byte of the answer; later calls do nothing."""
        await self._settle(self)

    def may(self, action: str, resource: "Resource") -> bool:
        """Whether the principal could be permitted this, for listings; never an admission."""
        return self._may(self.principal, action, resource)

"""What the corridor needs from the rooms, as one-method protocols."""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import UUID

from app.audit.event import Event
from app.audit.rows import Contents
from app.catalog import Hold
from app.core.call import Call, Credential, Resource
from app.core.principal import Principal
from app.core.usage import Amounts
from app.core.verdict import Decision, Exceeded


class Authenticates(Protocol):
    """Never raises for a bad credential: that is an anonymous principal with a `failure`."""

    async def authenticate(self, credential: Credential, *, address: str) -> Principal:
        """Who presents this credential from this peer address."""
        ...


class Decides(Protocol):
    """Pure and fast: the compiled policy of this moment. An exception inside it denies the call."""

    def decide(
        self, principal: Principal, action: str, resource: Resource, *, arguments: dict[str, Any] | None
    ) -> Decision:
        """Permit or forbid, default deny."""
        ...

    def may(self, principal: Principal, action: str, resource: Resource) -> bool:
        """Whether some arguments could be permitted; for listings."""
        ...


class Budgets(Protocol):
    """Reserve then settle under every budget that holds for a call."""

    def known(self, principal: Principal, call: Call) -> Sequence[Any] | None:
        """Those budgets, if that is known without waiting. Pure and fast: every call is asked about."""
        ...

    async def find(self, principal: Principal, call: Call) -> Sequence[Any]:
        """Those budgets by asking the database."""
        ...

    async def reserve(self, passage_id: UUID, shares: Sequence[Any], amounts: Amounts) -> Exceeded | None:
        """Hold the estimate back under all of them, or under none and say which do not cover it."""
        ...

    async def settle(self, passage_id: UUID, shares: Sequence[Any], amounts: Amounts) -> None:
        """Replace the reservation by what was spent."""
        ...


class Records(Protocol):
    """The durable record."""

    def require(self) -> None:
        """RecordUnavailableError at once while nothing can be written, before any other work is done."""
        ...

    async def write(self, event: Event, contents: Contents = ()) -> None:
        """Return once the event is committed; RecordUnavailableError otherwise."""
        ...

    def post(self, event: Event, contents: Contents = ()) -> None:
        """Hand over an outcome that must be committed even if nobody waits for it any more."""
        ...


class Holds(Protocol):
    """What may not be used whatever policy says, because a person has not seen how it is now. Pure and fast."""

    def hold(self, action: str, resource: Resource) -> Hold | None:
        """Why not; None when there is nothing against it."""
        ...

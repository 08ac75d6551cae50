"""The port of whoever makes calls wait for a person, and its first user: definitions in quarantine."""

from typing import Literal, Protocol

from app.catalog import Catalog
from app.core.call import Resource

Stands = Literal["waiting", "granted", "refused"]


class Waiting(Protocol):
    """Knows which denials a person can still turn. Failure rule: what it does not know is refused."""

    def waits(self, reason: str) -> bool:
        """Whether a denial for this reason (a code) is one that a person can turn."""
        ...

    def stands(self, server: str, tool: str) -> Stands:
        """How it stands with the call of this tool now."""
        ...


class Quarantine:
    """A tool's definition, or its server's introduction, that a person has not approved yet."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def waits(self, reason: str) -> bool:
        """Only what waits in quarantine."""
        return reason in ("tool_quarantined", "server_quarantined")

    def stands(self, server: str, tool: str) -> Stands:
        """Granted as soon as nothing holds the tool; refused when it was judged, and not approved."""
        hold = self._catalog.hold("tool.call", Resource("tool", f"{server}/{tool}"))
        if hold is None:
            return "granted"
        if not self.waits(hold.reason):
            return "waiting"  # the catalog could not be read for a while: nothing was judged
        pins = (self._catalog.pin((server, "server", "")), self._catalog.pin((server, "tool", tool)))
        held = [pin for pin in pins if pin is not None and pin.held]
        return "waiting" if any(pin.pending is not None for pin in held) else "refused"

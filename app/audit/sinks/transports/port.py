"""What a transport does."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Transport(Protocol):
    """Takes rows in order. Failure rule: DeliveryError, UpstreamError, EgressError or OSError; the forwarder then
    closes the transport and sends everything again that was not acknowledged.
    """

    async def send(self, rows: Sequence[bytes]) -> None:
        """Hand over some rows, at least one; the answer to them is counted as one acknowledgement."""
        ...

    async def acknowledged(self, *, wait: bool) -> int:
        """How many sends have been acknowledged since this was last asked, in order; `wait` until there is one."""
        ...

    async def probe(self, row: bytes) -> str:
        """Try the way to the other side with one row, and say what was found."""
        ...

    @property
    def state(self) -> Mapping[str, str]:
        """What must be known to go on after a restart; kept with the cursors."""
        ...

    async def aclose(self) -> None:
        """Let go of files and connections."""
        ...

"""What happens to programs, told to whoever listens in this process; a slow listener holds up nobody."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec

_KEPT = 256
_log = logging.getLogger(__name__)


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """One event of one server; `facts` are what the record keeps of it."""

    server: str
    what: Literal["start", "ready", "end", "hold", "release", "stop"]
    why: str = ""
    facts: dict[str, Any] = {}


Listener = Callable[[Lifecycle], None]


class Bus:
    """Listeners are called at once and in order; what one of them raises is logged."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def publish(self, event: Lifecycle) -> None:
        """Tell all."""
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - one listener must not cost another its events
                _log.exception("a listener of tool server events failed")

    def listen(self, listener: Listener) -> None:
        """Call it for each event, from now on."""
        self._listeners.append(listener)

    @contextlib.contextmanager
    def subscribe(self) -> Iterator["asyncio.Queue[Lifecycle]"]:
        """A queue of events while the block runs; the newest are dropped when nobody takes them."""
        queue: asyncio.Queue[Lifecycle] = asyncio.Queue(_KEPT)

        def put(event: Lifecycle) -> None:
            with contextlib.suppress(asyncio.QueueFull):
                queue.put_nowait(event)

        self._listeners.append(put)
        try:
            yield queue
        finally:
            self._listeners.remove(put)

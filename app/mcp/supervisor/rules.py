"""How one program is to be kept, and what the programs of a site share."""

import socket
from collections.abc import Callable
from random import random
from typing import Any

import msgspec

from app.core.clock import Clock
from app.egress.outside import Outside
from app.mcp.supervisor.bus import Bus
from app.mcp.supervisor.capacity import Capacity
from app.mcp.supervisor.host.groups import Groups
from app.mcp.supervisor.stand import Backoff
from app.mcp.web import Ports
from app.secrets import Broker, Redactor


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds; 0 switches a limit off."""

    eager: bool = True
    idle_stop: float = 0.0
    backoff: Backoff = Backoff()
    health: float = 15.0
    """Silence after which a program is asked whether it is well."""
    patience: float = 10.0
    """Seconds it may take to answer that; it is asked twice."""
    greeting: float = 60.0
    """Seconds it has to introduce itself."""
    memory_mb: int = 0
    cpu_percent: int = 0
    path: str = ""
    """Where a program that serves HTTP takes messages; empty for one that talks through its pipes."""
    timeout: float = 60.0
    """Of a call to such a program."""
    look: float = 1.0
    """Between two looks at memory and processor time."""


def _nothing(_: socket.socket) -> None:
    pass


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What all programs of a site share."""

    clock: Clock
    us: dict[str, Any]
    capacity: Capacity = msgspec.field(default_factory=Capacity)
    bus: Bus = msgspec.field(default_factory=Bus)
    ports: Ports = msgspec.field(default_factory=Ports)
    lend: Callable[[socket.socket], None] = _nothing
    """Told of each socket into a program's own network: connecting it leaves nothing."""
    groups: Groups | None = None
    outside: Outside | None = None
    trust: str = ""
    """File of the authorities that programs with the network trust; empty: the host's own."""
    jitter: Callable[[], float] = random
    broker: Broker | None = None
    redactor: Redactor = msgspec.field(default_factory=Redactor)

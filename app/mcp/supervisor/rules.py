"""How one program is to be kept."""

import msgspec

from app.mcp.supervisor.stand import Backoff


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

"""The columns of a line by name."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

import msgspec

from app.audit.query.lines import RecordLine
from app.audit.query.moments import shown
from app.core.errors import InputError

_PLAIN = (
    "id", "kind", "door", "action", "resource_kind", "resource", "actor", "actor_id", "actor_kind", "client",
    "address", "agent", "session", "credential", "decision", "reason", "rule_ids", "policy_hash", "status",
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "microdollars",
    "latency_us", "node", "boot", "seq",
)  # fmt: skip
BODIES = ("arguments", "result", "error")
"""Read only when asked for: they may be large."""

NAMES = ("time", *_PLAIN[:2], "trace_id", *_PLAIN[2:], *BODIES)
SHORT = ("time", "decision", "action", "resource", "actor", "status", "reason", "id")
"""What a terminal shows."""
WHOLE = tuple(name for name in NAMES if name not in BODIES)
"""What scripts and spreadsheets get."""


def chosen(given: str | None, *, standard: Sequence[str]) -> tuple[str, ...]:
    """The columns named in a list with commas; `all` means every one."""
    if given is None:
        return tuple(standard)
    if given == "all":
        return NAMES
    names = tuple(name.strip() for name in given.split(","))
    unknown = [name for name in names if name not in NAMES]
    if unknown or len(set(names)) != len(names):
        what = f"There is no column {unknown[0][:80]!r}" if unknown else "A column is named twice"
        raise InputError(f"{what}.", remedy=f"Choose among {', '.join(NAMES)}, or all.")
    return names


def values(line: RecordLine, names: Sequence[str], zone: tzinfo) -> dict[str, Any]:
    """The line's columns as values for JSON; times are RFC 3339 with the zone's offset."""
    return {name: shown(line.time, zone) if name == "time" else _value(line, name) for name in names}


def _value(line: RecordLine, name: str) -> Any:
    value = getattr(line, name)
    return str(value) if name == "id" else value


def text(value: Any) -> str:
    """A value for a cell: nothing for None, lists with spaces between, JSON for what has members."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    return msgspec.json.encode(value, order="sorted").decode()

"""A decided call with its outcome, or an event, as one line."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.audit.event import Event


class RecordLine(msgspec.Struct, frozen=True, kw_only=True):
    """`status` is `open` without an outcome; `arguments`, `result` and `error` are there only if asked for."""

    id: UUID
    time: datetime
    kind: str
    trace_id: str
    door: str
    action: str
    resource_kind: str
    resource: str
    actor_id: str
    actor_kind: str
    actor: str
    client: str
    address: str
    agent: str
    session: str
    credential: str
    decision: str
    reason: str
    rule_ids: list[str]
    policy_hash: str
    status: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    microdollars: int
    latency_us: int
    arguments: Any
    result: Any
    error: str
    node: str
    boot: str
    seq: int


_DECIDED = (
    "kind", "trace_id", "door", "action", "resource_kind", "resource", "actor_id", "actor_kind", "actor", "client",
    "address", "agent", "session", "credential", "reason", "rule_ids", "policy_hash", "node", "boot", "seq",
)  # fmt: skip
_ENDED = (
    "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "microdollars",
    "latency_us",
)  # fmt: skip


def line_of(decided: Event, ended: Event | None, *, bodies: bool) -> RecordLine:
    """The two rows of a call as one line."""
    used = ended or decided
    status = {"denial": "denied", "event": decided.status}.get(
        decided.kind, ended.status if ended else "open"
    )
    error = used.body.get("error") or decided.body.get("message") or ""
    return RecordLine(
        id=UUID(decided.id),
        time=datetime.fromisoformat(decided.time),
        decision=decided.decision or ("" if decided.kind == "event" else "forbid"),
        status=status,
        arguments=decided.body.get("arguments") if bodies else None,
        result=ended.body.get("result") if bodies and ended else None,
        error=str(error) if bodies else "",
        **{name: getattr(decided, name) for name in _DECIDED},
        **{name: getattr(used, name) for name in _ENDED},
    )

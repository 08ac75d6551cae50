"""One row of the record and its canonical bytes."""

from typing import Any, Literal

import msgspec

from app.core.canonical import canonical

EventKind = Literal["intent", "outcome", "denial", "lost", "event"]

ENTRY_LIMIT = 65_535
"""Bytes of one entry, from C2SP tlog-tiles."""


class Event(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What happened. `call` is the intent's id on every row about that call; times are RFC 3339 UTC.

    Tokens are counts, `microdollars` and `latency_us` integers. `node`, `boot` and `seq` are set by the recorder.
    `subject` stands for the person who asked and `resource_subject` for the one it was about; their values are in
    the boxes `body.sealed` and `body.sealed_resource`.
    """

    id: str
    time: str
    kind: EventKind
    call: str
    node: str = ""
    boot: str = ""
    seq: int = -1
    trace_id: str = ""
    span_id: str = ""
    parent_id: str = ""
    door: str = ""
    action: str = ""
    resource_kind: str = ""
    resource: str = ""
    actor_id: str = ""
    actor_kind: str = ""
    actor: str = ""
    client: str = ""
    address: str = ""
    agent: str = ""
    session: str = ""
    credential: str = ""
    decision: str = ""
    reason: str = ""
    policy_hash: str = ""
    rule_ids: list[str] = []
    status: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    microdollars: int = 0
    latency_us: int = 0
    body: dict[str, Any] = {}
    subject: str = ""
    resource_subject: str = ""

    @property
    def sealed_for(self) -> list[str]:
        """Persons whose keys sealed what stands in this row."""
        found = [self.subject] if "sealed" in self.body else []
        return [*found, self.resource_subject] if "sealed_resource" in self.body else found

    def entry(self) -> bytes:
        """The canonical bytes: what is stored, hashed and later proven."""
        return canonical(self)

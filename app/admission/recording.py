"""Calls and passages as rows of the record."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.audit.event import Event
from app.audit.rows import Contents
from app.config.schema import Record
from app.core.call import Call
from app.core.canonical import canonical, digest
from app.core.ids import uuid7_text
from app.core.passage import Passage
from app.core.principal import Principal
from app.core.verdict import Decision

INLINE_LIMIT = 24 * 1024
CONTENT_LIMIT = 4 * 1024 * 1024
_INT64 = 2**63


class Recording:
    """Makes rows; what of the contents is kept follows the profile's `record` section."""

    def __init__(self, settings: Record) -> None:
        self._full = {"model": settings.ai_content == "full", "tool": settings.tool_content == "full"}

    def decided(
        self,
        call: Call,
        principal: Principal,
        decision: Decision,
        *,
        now: datetime,
        row_id: UUID | None = None,
    ) -> tuple[Event, Contents]:
        """The intent of a permitted call, or the denial of another."""
        event_id, time = stamp(now)
        if row_id is not None:
            event_id = str(row_id)
        contents: list[tuple[str, bytes]] = []
        body: dict[str, Any] = {}
        if call.details is not None:
            body["details"] = recordable(call.details)
        # A body whose own digest stands in the details need not be digested a second time.
        if call.arguments is not None and (self._keeps(call.action) or "sha256" not in (call.details or ())):
            body["arguments"] = self._captured(call.action, call.arguments, contents)
        if not decision.permitted:
            body["message"] = decision.message
        _name_kept(body, contents)
        event = Event(
            id=event_id,
            time=time,
            kind="intent" if decision.permitted else "denial",
            call=event_id,
            trace_id=call.trace.trace_id,
            span_id=call.trace.span_id,
            parent_id=call.trace.parent_id,
            door=call.door,
            action=call.action,
            resource_kind=call.resource.kind,
            resource=_text(call.resource.name, 1024),
            actor_id=principal.id,
            actor_kind=principal.kind,
            actor=principal.name,
            client=_text(call.client, 256),
            address=call.address,
            agent=_text(call.agent, 256),
            session=_text(call.session or principal.session, 256),
            credential=principal.credential_id,
            decision=decision.effect,
            reason=decision.reason,
            policy_hash=decision.policy_hash,
            rule_ids=list(decision.rule_ids),
            body=body,
        )
        return event, contents

    def outcome(self, passage: Passage, *, now: datetime, latency_us: int) -> tuple[Event, Contents]:
        """What came of an admitted call."""
        event_id, time = stamp(now)
        contents: list[tuple[str, bytes]] = []
        body: dict[str, Any] = {}
        if passage.result is not None:
            body["result"] = self._captured(passage.call.action, passage.result, contents)
        if passage.error:
            body["error"] = _text(passage.error, 4096)
        if passage.usage.estimated:
            body["usage_estimated"] = True
        _name_kept(body, contents)
        usage = passage.usage
        event = Event(
            id=event_id,
            time=time,
            kind="outcome",
            call=str(passage.id),
            trace_id=passage.trace.trace_id,
            span_id=passage.trace.span_id,
            action=passage.call.action,
            status=passage.status,
            input_tokens=usage.input,
            output_tokens=usage.output,
            cache_read_tokens=usage.cache_read,
            cache_write_tokens=usage.cache_write,
            reasoning_tokens=usage.reasoning,
            microdollars=passage.microdollars,
            latency_us=latency_us,
            body=body,
        )
        return event, contents

    def _keeps(self, action: str) -> bool:
        """Whether contents of this action are kept in full."""
        family = action.partition(".")[0]
        return self._full.get("tool" if family in ("resource", "prompt") else family, True)

    def _captured(self, action: str, value: dict[str, Any], contents: list[tuple[str, bytes]]) -> Any:
        full = self._keeps(action)
        kept = recordable(value) if full else value
        try:
            data = canonical(kept)
        except UnicodeEncodeError:
            data = canonical(recordable(value))
        if full:
            if len(data) <= INLINE_LIMIT:
                return kept
            if len(data) <= CONTENT_LIMIT:
                contents.append((digest(data), data))
        return {"sha256": digest(data), "bytes": len(data)}


def stamp(now: datetime) -> tuple[str, str]:
    """A new row's id and RFC 3339 time, of the same microsecond."""
    micros = int(now.timestamp() * 1_000_000)
    return uuid7_text(now_us=micros), now.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _name_kept(body: dict[str, Any], contents: list[tuple[str, bytes]]) -> None:
    """Say in the entry which contents are kept beside it, so that whoever verifies the record can miss one."""
    if contents:
        body["contents"] = [name for name, _ in contents]


def recordable(value: Any) -> Any:
    """The value in what PostgreSQL's jsonb can hold: U+0000 shown as U+2400, huge integers as text."""
    if isinstance(value, str):
        return _text(value, len(value))
    if isinstance(value, dict):
        return {_text(key, len(key)): recordable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [recordable(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else str(value)
    if isinstance(value, float):
        return value if abs(value) < 1e300 else str(value)
    return str(value)


def _text(value: str, limit: int) -> str:
    """Cut, and without what PostgreSQL's text cannot hold."""
    if value.isascii() and "\x00" not in value:
        return value[:limit]
    return value[:limit].replace("\x00", "\u2400").encode("utf-8", "replace").decode()

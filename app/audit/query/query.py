"""What is asked of the record, its checks, and where a page goes on."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from app.core.errors import InputError

MAX_PAGE = 1000
MAX_TEXT = 400
SLACK = timedelta(minutes=10)
"""How far a row's id and its time may lie apart: a budget is asked for between the two."""

STATUSES = ("ok", "error", "cancelled", "refused", "started", "lost", "denied", "open")
_MARK = b"q1"
_INDEXED = ("actor", "action", "resource")
"""Compared by `=` unless a pattern was given: only that tells PostgreSQL that an index has them in the order of ids."""
_PATTERNS = ("actor_id", "agent", "client", "door", "session", "credential", "reason")
_LOOKS = ("audit.read", "console.view")


class Query(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which calls and events; None means any, `*` in a text stands for any characters.

    `since` is included, `until` is not. `arguments` must be contained in the recorded ones (PostgreSQL's `@>`).
    `reads` False leaves out permitted looks at the record and the console.
    """

    since: datetime | None = None
    until: datetime | None = None
    kind: Literal["call", "event"] | None = None
    actor: str | None = None
    actor_id: str | None = None
    agent: str | None = None
    client: str | None = None
    door: str | None = None
    action: str | None = None
    resource: str | None = None
    session: str | None = None
    credential: str | None = None
    decision: Literal["permit", "forbid"] | None = None
    reason: str | None = None
    rule: str | None = None
    status: tuple[str, ...] = ()
    trace: str | None = None
    min_microdollars: int | None = None
    min_latency_us: int | None = None
    arguments: dict[str, Any] | None = None
    reads: bool = True

    def checked(self) -> "Query":
        """Itself; InputError if it cannot be asked."""
        unknown = sorted(set(self.status) - set(STATUSES))
        if unknown:
            raise InputError(
                f"{unknown[0][:80]!r} is not a status.", remedy=f"There are {', '.join(STATUSES)}."
            )
        for name, value in msgspec.structs.asdict(self).items():
            if isinstance(value, str) and ("\x00" in value or len(value) > MAX_TEXT):
                raise InputError(
                    f"{name} is too long or holds U+0000.", remedy=f"Give at most {MAX_TEXT} characters."
                )
        if self.arguments is not None and "\\u0000" in msgspec.json.encode(self.arguments).decode():
            raise InputError("Recorded arguments hold no U+0000.", remedy="It is recorded as U+2400.")
        if self.since and self.until and self.since >= self.until:
            raise InputError("The time range is empty.", remedy="Let `since` be before `until`.")
        return self


def parameters(query: Query, *, after: UUID | None) -> dict[str, Any]:
    """Every parameter of the statement: exact texts and patterns apart, time bounds as ids and ids as time bounds.

    Row ids begin with their moment (UUIDv7), so either bound gives the other: ids for the index within a
    month's partition, times for leaving out the other partitions.
    """
    since, until = query.since, query.until
    first = first_id(since - SLACK) if since else None
    last = first_id(until + SLACK) if until else None
    if after is not None:
        last = after if last is None else min(last, after)
        end = moment_of(after) + SLACK
        until = end if until is None else min(until, end)
    given: dict[str, Any] = {
        "first": first,
        "last": last,
        "since": since,
        "until": until,
        "kinds": _kinds(query),
        "rule": [query.rule] if query.rule is not None else None,
        "trace": query.trace.lower() if query.trace is not None else None,
        "microdollars": query.min_microdollars,
        "latency": query.min_latency_us,
        "arguments": None if query.arguments is None else msgspec.json.encode(query.arguments).decode(),
        "looks": None if query.reads else list(_LOOKS),
    }
    ended = [status for status in query.status if status not in ("denied", "open")]
    given |= {
        "statuses": ended if query.status else None,
        "denied": "denied" in query.status,
        "open": "open" in query.status,
    }
    for name in _INDEXED:
        text: str | None = getattr(query, name)
        pattern = text is not None and "*" in text
        given[name] = None if pattern else text
        given[f"{name}_like"] = like(text) if pattern and text is not None else None
        # A person's name stands beside the record: whoever asks adds the subjects who have it.
        given[f"{name}_named"] = like(text) if text is not None and name != "action" else None
    for name in _PATTERNS:
        text = getattr(query, name)
        given[name] = None if text is None else like(text)
    return given


def _kinds(query: Query) -> list[str] | None:
    """Kinds of the rows that can fit; what was permitted has an intent, what was forbidden a denial."""
    kinds = {"permit": ["intent"], "forbid": ["denial"]}.get(
        query.decision or "", ["intent", "denial", "event"]
    )
    if query.kind is not None:
        kinds = [kind for kind in kinds if (kind == "event") == (query.kind == "event")]
    return None if len(kinds) == 3 else kinds


def like(pattern: str) -> str:
    """A pattern with `*` as PostgreSQL's LIKE knows it."""
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def first_id(moment: datetime) -> UUID:
    """The smallest id that a row of this moment can have (UUIDv7, RFC 9562)."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def moment_of(row: UUID) -> datetime:
    """The moment in an id, to the millisecond; the end of time for what is no UUIDv7."""
    millis = row.int >> 80
    try:
        return datetime.fromtimestamp(millis / 1000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.max.replace(tzinfo=UTC) - SLACK


def cursor_of(row: UUID) -> str:
    """Where the page after this row begins, sealed so that nobody builds upon its form."""
    return base64.urlsafe_b64encode(_MARK + row.bytes).decode()


def id_of_cursor(cursor: str) -> UUID | None:
    """The row of a cursor, None for the first page; InputError for anything that we did not give out."""
    if not cursor:
        return None
    try:
        data = base64.b64decode(cursor, altchars=b"-_", validate=True)
        if len(data) != 18 or data[:2] != _MARK:
            raise ValueError
    except (ValueError, binascii.Error):
        raise InputError(
            "The cursor is not one of this record.",
            remedy="Take the one that the page before ended with.",
            code="invalid_cursor",
        ) from None
    return UUID(bytes=data[2:])

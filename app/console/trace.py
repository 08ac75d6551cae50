"""One trace as a tree of calls: pure, from rows of the record."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from app.audit.event import Event
from app.audit.reading import Entry
from app.console.render import moment

MAX_STEPS = 200
MAX_DEPTH = 8
WIDTH = 1000
"""Units of the time line."""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A row as the record holds it."""

    kind: str
    place: str
    sha256: str
    text: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One call: the row that decided it, the row with its outcome, and where it lies in the trace."""

    decided: Event
    outcome: Event | None
    stored: tuple[Stored, ...]
    depth: int
    left: float
    width: float

    @property
    def status(self) -> str:
        """In one word: denied, open, or as the outcome says."""
        if self.decided.kind == "denial":
            return "denied"
        return "open" if self.outcome is None else self.outcome.status or self.outcome.kind

    @property
    def tokens(self) -> int:
        """All tokens that were processed."""
        out = self.outcome
        if out is None:
            return 0
        return out.input_tokens + out.output_tokens + out.cache_read_tokens + out.cache_write_tokens

    @property
    def microdollars(self) -> int:
        """What it cost."""
        return self.outcome.microdollars if self.outcome else 0

    @property
    def latency_us(self) -> int:
        """How long it took."""
        return self.outcome.latency_us if self.outcome else 0

    @property
    def contents(self) -> list[tuple[str, Any]]:
        """What was kept of the request and of the answer."""
        found = [(name, self.decided.body.get(name)) for name in ("arguments", "details")]
        found += [("result", self.outcome.body.get("result"))] if self.outcome else []
        return [(name, value) for name, value in found if value is not None]

    @property
    def digests(self) -> list[str]:
        """Digests that stand for contents."""
        return [found for _, value in self.contents if (found := digest_of(value))]

    @property
    def error(self) -> str:
        """Why it did not end well."""
        return str(self.outcome.body.get("error", "")) if self.outcome else ""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A trace at a glance."""

    start: str
    microseconds: int
    calls: int
    denied: int
    tokens: int
    microdollars: int
    actors: tuple[str, ...]


def digest_of(value: Any) -> str:
    """The digest that stands in an entry instead of a content, or nothing."""
    if isinstance(value, dict) and set(value) == {"sha256", "bytes"}:
        digest = value["sha256"]
        return digest if isinstance(digest, str) else ""
    return ""


def summary_of(steps: Sequence[Step]) -> Summary:
    """Sums and the people of a trace."""
    first, last = _span(steps)
    return Summary(
        start=min(step.decided.time for step in steps),
        microseconds=last - first,
        calls=len(steps),
        denied=sum(step.decided.kind == "denial" for step in steps),
        tokens=sum(step.tokens for step in steps),
        microdollars=sum(step.microdollars for step in steps),
        actors=tuple(dict.fromkeys(step.decided.actor or "anonymous" for step in steps)),
    )


def steps_of(entries: Sequence[Entry]) -> list[Step]:
    """Calls in the order of the tree: each before the calls that were made on its behalf."""
    by_call: dict[str, list[Entry]] = {}
    for entry in entries:
        by_call.setdefault(entry.event.call, []).append(entry)
    flat = [_step(rows) for rows in by_call.values()]
    ordered = _in_tree(sorted(flat, key=lambda step: step.decided.id))
    first, last = _span(ordered)
    return [_placed(step, first, max(last - first, 1)) for step in ordered]


def _step(rows: Sequence[Entry]) -> Step:
    decided = next((row for row in rows if row.event.kind in ("intent", "denial")), rows[0])
    outcome = next((row.event for row in rows if row is not decided), None)
    stored = tuple(_stored(row) for row in rows)
    return Step(decided=decided.event, outcome=outcome, stored=stored, depth=0, left=0, width=0)


def _stored(row: Entry) -> Stored:
    event = row.event
    return Stored(
        kind=event.kind,
        place=f"{event.node} {event.boot} #{event.seq}",
        sha256=hashlib.sha256(row.data).hexdigest(),
        text=row.data.decode("utf-8", "replace"),
    )


def _in_tree(steps: Sequence[Step]) -> list[Step]:
    """Depth first and without recursion: parents are what callers claim in `traceparent`."""
    spans = {step.decided.span_id for step in steps}
    children: dict[str, list[Step]] = {}
    for step in steps:
        parent = step.decided.parent_id
        known = parent in spans and parent != step.decided.span_id
        children.setdefault(parent if known else "", []).append(step)
    ordered: list[Step] = []
    waiting = [(step, 0) for step in reversed(children.pop("", []))]
    while waiting:
        step, depth = waiting.pop()
        ordered.append(msgspec.structs.replace(step, depth=min(depth, MAX_DEPTH)))
        waiting += [(child, depth + 1) for child in reversed(children.pop(step.decided.span_id, []))]
    # Whoever claims to be an own descendant is shown all the same.
    ordered += [step for lost in children.values() for step in lost]
    return ordered


def _begin(step: Step) -> int:
    return int(moment(step.decided.time).timestamp() * 1_000_000)


def _span(steps: Sequence[Step]) -> tuple[int, int]:
    return min(map(_begin, steps)), max(_begin(step) + step.latency_us for step in steps)


def _placed(step: Step, first: int, whole: int) -> Step:
    left = WIDTH * (_begin(step) - first) / whole
    return msgspec.structs.replace(
        step, left=round(min(left, WIDTH - 6), 1), width=round(max(WIDTH * step.latency_us / whole, 6), 1)
    )

from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.audit.event import Event
from app.audit.reading import Entry
from app.console.trace import MAX_DEPTH, Step, steps_of, summary_of

BEGAN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def rows(number: int, *, span: str, parent: str = "", kind: str = "intent", **outcome: object) -> list[Entry]:
    """The rows of one call, a millisecond after the one before."""
    call = str(UUID(int=number))
    time = (BEGAN + timedelta(milliseconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    events = [
        Event(
            id=call, call=call, time=time, kind=kind, span_id=span, parent_id=parent, action="tool.call",
            actor=f"actor-{number % 2}",
        )
    ]  # fmt: skip
    if outcome:
        made = {"id": str(UUID(int=number + 1000)), "call": call, "time": time, "kind": "outcome", **outcome}
        events.append(Event(**made))
    return [Entry(event, event.entry()) for event in events]


def shape(steps: list[Step]) -> list[tuple[str, int]]:
    return [(step.decided.span_id, step.depth) for step in steps]


def test_children_stand_below_their_parent_in_the_order_of_time() -> None:
    entries = [
        *rows(1, span="a"), *rows(2, span="b"), *rows(3, span="a1", parent="a"), *rows(4, span="b1", parent="b"),
        *rows(5, span="a2", parent="a"), *rows(6, span="a1x", parent="a1"),
    ]  # fmt: skip
    expected = [("a", 0), ("a1", 1), ("a1x", 2), ("a2", 1), ("b", 0), ("b1", 1)]
    assert shape(steps_of(entries)) == expected


def test_a_parent_that_the_trace_does_not_hold_makes_a_root() -> None:
    assert shape(steps_of(rows(1, span="a", parent="elsewhere"))) == [("a", 0)]


def test_calls_that_claim_each_other_as_parent_are_all_shown() -> None:
    entries = [*rows(1, span="a", parent="b"), *rows(2, span="b", parent="a"), *rows(3, span="c", parent="c")]
    assert {span for span, _ in shape(steps_of(entries))} == {"a", "b", "c"}


def test_a_chain_of_a_thousand_is_shown_at_a_bounded_depth() -> None:
    entries = [row for n in range(1, 1000) for row in rows(n, span=f"s{n}", parent=f"s{n - 1}")]
    steps = steps_of(entries)
    assert len(steps) == 999
    assert max(step.depth for step in steps) == MAX_DEPTH


def test_status_says_denied_open_lost_or_what_the_outcome_says() -> None:
    def status(*entries: Entry) -> str:
        return steps_of(entries)[0].status

    assert status(*rows(1, span="a", kind="denial")) == "denied"
    assert status(*rows(1, span="a")) == "open"
    assert status(*rows(1, span="a", status="cancelled", latency_us=5)) == "cancelled"
    assert status(*rows(1, span="a", kind="intent")[:1], *_lost()) == "lost"


def _lost() -> list[Entry]:
    event = Event(id=str(UUID(int=9)), call=str(UUID(int=1)), time="2026-05-04T03:02:02.000000Z", kind="lost")
    return [Entry(event, event.entry())]


def test_sums_are_over_all_calls() -> None:
    entries = [
        *rows(1, span="a", status="ok", latency_us=5000, input_tokens=10, output_tokens=5, microdollars=70),
        *rows(2, span="b", status="ok", latency_us=1000, cache_read_tokens=3, microdollars=8),
        *rows(3, span="c", kind="denial"),
    ]
    found = summary_of(steps_of(entries))
    assert (found.calls, found.denied, found.tokens, found.microdollars) == (3, 1, 18, 78)
    assert found.microseconds == 5000
    assert found.actors == ("actor-1", "actor-0")


def test_bars_lie_within_the_line() -> None:
    entries = [row for n in range(1, 50) for row in rows(n, span=f"s{n}", status="ok", latency_us=n * 500)]
    assert all(step.left >= 0 and step.left + step.width <= 1006 for step in steps_of(entries))


def test_stored_bytes_are_shown_as_they_are_hashed() -> None:
    (step,) = steps_of(rows(1, span="a", status="ok"))
    assert [stored.kind for stored in step.stored] == ["intent", "outcome"]
    assert step.stored[0].text.encode() == step.decided.entry()
    assert len(step.stored[0].sha256) == 64

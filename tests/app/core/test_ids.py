"""Trace context as W3C says, and identifiers that keep their order."""

import pytest

from app.core.ids import child_span, continue_trace, new_trace, uuid7

GOOD = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_callers_trace_is_continued_with_a_span_of_our_own():
    trace = continue_trace(GOOD)
    assert trace.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert trace.parent_id == "00f067aa0ba902b7"
    assert trace.span_id != trace.parent_id
    assert trace.traceparent == f"00-{trace.trace_id}-{trace.span_id}-01"


def test_future_version_may_have_more_parts():
    assert continue_trace(GOOD.replace("00-4", "cc-4") + "-what-ever").parent_id == "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "header",
    [
        None, "", "-", "00", GOOD[:-1], GOOD + "0", GOOD.upper(), GOOD + "-x", GOOD.replace("00-4", "ff-4"),
        "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
        GOOD.replace("4bf", "4 f"), GOOD.replace("4bf", "xyz"), "a" * 10_000, GOOD.replace("-", "\u2010"),
        GOOD.replace("4bf92f", "\u0664bf92f"[:6]),
    ],
)  # fmt: skip
def test_malformed_header_begins_a_new_trace(header: str | None):
    trace = continue_trace(header)
    assert trace.parent_id == ""
    assert len(trace.trace_id) == 32
    assert trace.trace_id != "4bf92f3577b34da6a3ce929d0e0e4736"


def test_child_belongs_to_the_same_trace():
    parent = new_trace()
    child = child_span(parent)
    assert (child.trace_id, child.parent_id) == (parent.trace_id, parent.span_id)


def test_identifiers_sort_by_time():
    made = [uuid7(now_us=1_700_000_000_000_000 + step) for step in range(0, 5000, 7)]
    assert made == sorted(made)
    assert {identifier.version for identifier in made} == {7}
    assert {identifier.variant for identifier in made} == {"specified in RFC 4122"}


def test_identifiers_of_the_same_moment_differ():
    assert len({uuid7(now_us=1) for _ in range(1000)}) == 1000

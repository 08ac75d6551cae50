"""Whatever a server shows in whatever order, only what was approved last can be used."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.definition import Definition, defined, diff
from app.catalog.pins import First, Pin, first_seen, gone, seen_again
from app.catalog.scan import Finding

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALARM = Finding(code="override", grade="alarm", where="description")
STEPS = st.lists(
    st.tuples(st.sampled_from(["show", "hide", "approve", "reject"]), st.integers(0, 3)), max_size=30
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def version(number: int) -> Definition:
    return defined("s", "tool", "t", {"name": "t", "description": f"version {number}"})


@given(
    first=st.integers(0, 3), mode=st.sampled_from(["approve", "trust-first"]), odd=st.booleans(), steps=STEPS
)
def test_only_the_definition_that_was_approved_last_is_ever_usable(first, mode, odd, steps) -> None:
    about = First(mode=mode, findings=(ALARM,) if odd else ())
    pin = first_seen(version(first), about, now=NOW).pin
    trusted = mode == "trust-first" and not odd
    approved, rejected = ({version(first).digest} if trusted else set[str]()), set[str]()
    assert pin.held != trusted
    for action, number in steps:
        digest = version(number).digest
        if action == "show":
            pin = seen_again(pin, version(number), rejected=digest in rejected, now=NOW).pin
        elif action == "hide":
            pin = gone(pin, now=NOW).pin
        elif action == "approve" and pin.pending is not None:
            approved, rejected = {pin.pending}, rejected - {pin.pending}
            pin = msgspec.structs.replace(pin, approved=pin.pending, pending=None)
        elif action == "reject" and pin.pending is not None:
            rejected = rejected | {pin.pending}
            approved = approved - {pin.pending}
            kept = None if pin.approved == pin.pending else pin.approved
            pin = msgspec.structs.replace(pin, approved=kept, pending=None)
        assert pin.approved is None or pin.approved in approved
        if not pin.held:
            assert pin.pending is None
            assert pin.seen in (None, *approved)


@given(steps=STEPS)
def test_change_stays_held_until_a_person_judges_it(steps) -> None:
    pin = Pin(
        server="s", kind="tool", name="t", approved=version(0).digest, seen=version(0).digest, changed=NOW
    )
    changed = False
    for action, number in steps:
        if action == "hide":
            pin = gone(pin, now=NOW).pin
        else:
            pin = seen_again(pin, version(number), rejected=False, now=NOW).pin
            changed = changed or number != 0
        assert pin.held == changed


@given(
    one=st.dictionaries(st.text(max_size=4), JSON, max_size=4),
    other=st.dictionaries(st.text(max_size=4), JSON, max_size=4),
)
def test_digests_are_equal_exactly_when_definitions_are_and_a_difference_can_be_seen(one, other) -> None:
    first, second = defined("s", "tool", "t", one), defined("s", "tool", "t", other)
    shuffled = defined("s", "tool", "t", dict(reversed(one.items())))
    assert first.digest == shuffled.digest
    assert (first.digest == second.digest) == (first.document == second.document)
    if first.digest == second.digest:
        assert diff(first, second) == ""
    else:
        assert diff(first, second) != ""

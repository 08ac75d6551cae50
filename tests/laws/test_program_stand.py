"""Whatever happens to a program in whatever order, where it stands makes sense."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from app.mcp.supervisor.stand import Backoff, Happened, Stand, step

WHATS = ["start", "ready", "end", "stop", "stopped", "release", "due"]
NEXT = {
    "stopped": {"stopped", "starting"},
    "starting": {"starting", "ready", "backing off", "held", "stopping"},
    "ready": {"ready", "backing off", "held", "stopping"},
    "backing off": {"backing off", "starting", "stopped"},
    "held": {"held", "stopped"},
    "stopping": {"stopping", "stopped"},
}
events = st.lists(
    st.tuples(st.sampled_from(WHATS), st.floats(0, 100, allow_nan=False), st.floats(0, 1, allow_nan=False)),
    max_size=60,
)
backoffs = st.builds(Backoff, hold_after=st.integers(0, 6))


def walk(steps: list[tuple[str, float, float]], backoff: Backoff) -> list[Stand]:
    """Each stand, time only ever going forward."""
    now, stands = 0.0, [Stand()]
    for what, seconds, jitter in steps:
        now += seconds
        stands.append(step(stands[-1], Happened(what=what, now=now, jitter=jitter), backoff))  # pyright: ignore[reportArgumentType]
    return stands


@given(events, backoffs)
def test_only_these_ways_lead_from_state_to_state(
    steps: list[tuple[str, float, float]], backoff: Backoff
) -> None:
    stands = walk(steps, backoff)
    for before, after in itertools.pairwise(stands):
        assert after.state in NEXT[before.state]


@given(events, backoffs)
def test_back_off_stays_within_its_bounds_and_leads_to_a_hold(
    steps: list[tuple[str, float, float]], backoff: Backoff
) -> None:
    for stand in walk(steps, backoff):
        if stand.state == "backing off":
            assert backoff.first / 2 <= stand.until - stand.since <= backoff.longest
            assert not backoff.hold_after or stand.failures < backoff.hold_after
        if stand.state == "held":
            assert stand.failures >= backoff.hold_after > 0
            assert stand.why


@given(events, backoffs)
def test_released_it_begins_afresh(steps: list[tuple[str, float, float]], backoff: Backoff) -> None:
    last = walk(steps, backoff)[-1]
    after = step(last, Happened(what="release", now=last.since + 1), backoff)
    if last.state in ("held", "backing off"):
        assert (after.state, after.failures) == ("stopped", 0)
    else:
        assert after == last


@given(st.integers(1, 40), backoffs)
def test_long_readiness_counts_as_a_fresh_beginning(failures: int, backoff: Backoff) -> None:
    ready = Stand(state="ready", since=0.0, failures=failures)
    steady = step(ready, Happened(what="end", now=backoff.steady, why="gone"), backoff)
    assert steady.failures == 1
    assert steady.state == ("held" if backoff.hold_after == 1 else "backing off")

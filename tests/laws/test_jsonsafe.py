"""Strict JSON: whatever the spelling, the same value; a member named twice, never."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import jsonsafe
from app.core.errors import InputError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)


@given(VALUES, st.booleans(), st.sampled_from([(",", ":"), (", ", ": ")]))
def test_every_spelling_gives_the_value(value, ascii_only, separators):
    data = json.dumps(value, ensure_ascii=ascii_only, separators=separators).encode()
    assert jsonsafe.decode(data) == value


@given(st.lists(st.tuples(TEXT, VALUES), min_size=1, max_size=4), st.integers(0, 3), VALUES, st.booleans())
def test_a_member_named_twice_is_refused_at_any_depth(members, again, other, nested):
    members.append((members[again % len(members)][0], other))
    pairs = ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in members)
    data = f'[{{"in":{{{pairs}}}}}]' if nested else f"{{{pairs}}}"
    with pytest.raises(InputError) as refused:
        jsonsafe.decode(data.encode())
    assert refused.value.code == "duplicate_member"

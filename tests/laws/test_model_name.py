"""Replacing the model's name leaves every other byte as it was."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.gateway.ask import read_ask, with_model

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.just("model"), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = st.text(min_size=1, max_size=20).filter(str.isprintable)


@pytest.mark.slow
@given(
    st.dictionaries(st.text(max_size=8), VALUES, max_size=5),
    NAMES,
    NAMES,
    st.booleans(),
    st.sampled_from([None, 1]),
)
def test_only_the_name_changes(members, old, new, escaped, indent):
    members = {key: value for key, value in members.items() if key not in ("model", "stream")} | {
        "model": old
    }
    body = json.dumps(members, ensure_ascii=escaped, indent=indent).encode("utf-8", "replace")
    if b"\\ud" in body or read_ask(body).model != old:
        return
    renamed = with_model(body, new)
    assert json.loads(renamed) == json.loads(body) | {"model": new}
    quoted = json.dumps(old, ensure_ascii=escaped).encode()
    assert len(renamed) - len(body) == len(msgspec.json.encode(new)) - len(quoted)

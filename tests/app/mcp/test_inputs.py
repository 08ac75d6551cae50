"""State that passes through a client comes back unchanged, from the same principal, for the same request, in time."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mcp.inputs import LASTS_SECONDS, Seal, about
from app.mcp.protocol import ProtocolError


class Hand:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


CALL = {"name": "t", "arguments": {"a": 1}}
ALICE = about("alice", "tools/call", "s", CALL)


def test_state_comes_back_as_the_server_gave_it():
    seal = Seal(key=b"k", clock=Hand())
    assert seal.open(seal.seal("stäte", ALICE), ALICE) == "stäte"


def test_answers_do_not_change_what_a_state_is_bound_to():
    assert (
        about("alice", "tools/call", "s", {**CALL, "inputResponses": {}, "requestState": "x", "_meta": {}})
        == ALICE
    )


@pytest.mark.parametrize(
    "other",
    [
        about("bob", "tools/call", "s", CALL),
        about("alice", "prompts/get", "s", CALL),
        about("alice", "tools/call", "other", CALL),
        about("alice", "tools/call", "s", {**CALL, "name": "u"}),
        about("alice", "tools/call", "s", {**CALL, "arguments": {"a": 2}}),
    ],
)
def test_state_of_another_principal_or_request_is_refused(other: bytes):
    seal = Seal(key=b"k", clock=Hand())
    with pytest.raises(ProtocolError):
        seal.open(seal.seal("state", ALICE), other)


def test_old_state_and_state_of_another_process_are_refused():
    clock = Hand()
    seal = Seal(key=b"k", clock=clock)
    sealed = seal.seal("state", ALICE)
    with pytest.raises(ProtocolError):
        Seal(key=b"other", clock=clock).open(sealed, ALICE)
    clock.seconds += LASTS_SECONDS + 1
    with pytest.raises(ProtocolError):
        seal.open(sealed, ALICE)


@given(st.text() | st.none() | st.integers() | st.binary().map(lambda data: data.hex()))
def test_anything_made_up_is_refused(made_up: object):
    with pytest.raises(ProtocolError):
        Seal(key=b"k", clock=Hand()).open(made_up, ALICE)


@given(st.data())
def test_one_changed_character_is_refused(data: st.DataObject):
    seal = Seal(key=b"k", clock=Hand())
    sealed = seal.seal("state", ALICE)
    at = data.draw(st.integers(0, len(sealed) - 1))
    changed = data.draw(st.sampled_from("ABab01-_").filter(lambda char: char != sealed[at]))
    with pytest.raises(ProtocolError):
        seal.open(sealed[:at] + changed + sealed[at + 1 :], ALICE)

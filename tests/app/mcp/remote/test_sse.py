"""Event streams: any split of the bytes gives the same events."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import UpstreamError
from app.mcp.remote.sse import EventReader

STREAM = b'id: 1\ndata:\n\n: note\r\nevent: message\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata: two\r\rdata:three\n\ndata: cut'
EVENTS = [b'{"a":\n1}', b"two", b"three"]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_any_split_gives_the_same_events(cuts: list[int]):
    reader = EventReader()
    edges = [0, *sorted(cuts), len(STREAM)]
    found = [data for start, end in itertools.pairwise(edges) for data in reader.feed(STREAM[start:end])]
    assert found == EVENTS


def test_every_byte_alone_gives_the_same_events():
    reader = EventReader()
    assert [data for byte in STREAM for data in reader.feed(bytes([byte]))] == EVENTS


@pytest.mark.parametrize("piece", [b"x" * 64, b"data: " + b"x" * 57 + b"\n"])
def test_endless_event_is_given_up(piece: bytes):
    reader = EventReader(limit=1000)
    with pytest.raises(UpstreamError):
        for _ in range(100):
            list(reader.feed(piece))

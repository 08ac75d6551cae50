"""Server-sent events: how the bytes are cut changes nothing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.gateway.sse import EventParser

LINES = st.sampled_from(
    [
        b"data: x",
        b"data:y",
        b"data",
        b"event: ping",
        b": comment",
        b"",
        b"id: 1",
        b"retry: 2",
        b"data: \xc3\xa9",
        b"\xef\xbb\xbf",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
STREAMS = st.lists(st.tuples(LINES, ENDS), max_size=30).map(lambda lines: b"".join(a + b for a, b in lines))


def read(chunks: list[bytes]) -> tuple[list[tuple[str, bytes]], bytes]:
    """The events with data, and all bytes that came out or are kept."""
    parser = EventParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    raw = b"".join(event.raw for event in events) + parser.rest
    return [(event.name, event.data) for event in events if event.data is not None], raw


@given(STREAMS, st.lists(st.integers(0, 200), max_size=12))
def test_any_split_of_the_bytes_gives_the_same_events_and_bytes(stream: bytes, cuts: list[int]):
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    chunks = [stream[a:b] for a, b in pairwise(places)]
    events, raw = read(chunks)
    assert (events, raw) == read([stream])
    assert raw == stream

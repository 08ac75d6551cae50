"""AWS event streams: how the bytes are cut changes nothing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import UpstreamError
from app.demo.bedrock_wire import frame
from app.gateway.dialects.frames import FrameParser
from app.gateway.sse import Event

FRAMES = st.builds(
    lambda kind, payload: frame({":message-type": "event", ":event-type": kind}, payload),
    st.text("abc", max_size=5),
    st.binary(max_size=40),
)


def read(chunks: list[bytes]) -> tuple[list[Event], bytes | None]:
    """The events that came, and the rest; None when what followed was refused."""
    parser, events = FrameParser(), []
    try:
        for chunk in chunks:
            for event in parser.feed(chunk):
                events.append(event)  # noqa: PERF402 - what came before an error counts
    except UpstreamError:
        return events, None
    return events, parser.rest


@given(
    st.lists(FRAMES, max_size=8),
    st.lists(st.integers(0, 600), max_size=12),
    st.integers(0, 20),
    st.none() | st.integers(0, 600),
)
def test_any_split_of_the_bytes_gives_the_same_events(
    frames: list[bytes], cuts: list[int], missing: int, changed: int | None
) -> None:
    stream = bytearray(b"".join(frames))
    del stream[max(0, len(stream) - missing) :]
    if changed is not None and changed < len(stream):
        stream[changed] ^= 1
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    events, rest = read([bytes(stream[one:other]) for one, other in pairwise(places)])
    assert (events, rest) == read([bytes(stream)])
    if rest is not None:
        assert b"".join(event.raw for event in events) + rest == stream

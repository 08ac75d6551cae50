"""AWS event streams: how the bytes are cut changes nothing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.demo.bedrock_wire import frame
from app.gateway.dialects.frames import FrameParser

FRAMES = st.builds(
    lambda kind, payload: frame({":message-type": "event", ":event-type": kind}, payload),
    st.text("abc", max_size=5),
    st.binary(max_size=40),
)


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(0, 600), max_size=12), st.integers(0, 20))
def test_any_split_of_the_bytes_gives_the_same_events_and_bytes(
    frames: list[bytes], cuts: list[int], missing: int
) -> None:
    stream = b"".join(frames)
    stream = stream[: max(0, len(stream) - missing)]
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    at_once, parser = FrameParser(), FrameParser()
    events = [event for one, other in pairwise(places) for event in parser.feed(stream[one:other])]
    assert events == at_once.feed(stream)
    assert b"".join(event.raw for event in events) + parser.rest == stream

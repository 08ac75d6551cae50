"""Frames of AWS event streams: what is whole and checked comes out, everything else is the provider's failure."""

import json
import struct
import zlib

import pytest

from app.core.errors import UpstreamError
from app.demo.bedrock_wire import error_event, frame
from app.gateway.dialects.frames import FrameParser

GIVEN = bytes.fromhex(
    "0000003d0000002007fd83960c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b27666f6f273a27626172277d8d9c08b1"
)
"""A message of AWS' own test data: one header, `{'foo':'bar'}`."""
STOP = frame({":message-type": "event", ":event-type": "messageStop"}, b'{"stopReason":"end_turn"}')


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack(">II", total, headers)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


def whole(headers: bytes, payload: bytes = b"{}") -> bytes:
    begun = prelude(16 + len(headers) + len(payload), len(headers)) + headers + payload
    return begun + struct.pack(">I", zlib.crc32(begun))


def header(name: bytes, kind: int, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([kind]) + value


def test_the_published_message_is_whole_but_of_no_type_that_is_known() -> None:
    parser = FrameParser()
    assert list(parser.feed(GIVEN[:-1])) == []
    with pytest.raises(UpstreamError, match="type 'None'"):
        list(parser.feed(GIVEN[-1:]))


def test_an_event_has_its_type_its_payload_and_its_very_bytes() -> None:
    [event] = FrameParser().feed(STOP)
    assert (event.name, event.data, event.raw) == ("messageStop", b'{"stopReason":"end_turn"}', STOP)


def test_exceptions_and_errors_come_as_events_that_say_so() -> None:
    told = frame({":message-type": "error", ":error-code": "gone", ":error-message": 'a "b"'}, b"")
    failed, broken = FrameParser().feed(error_event() + told)
    assert (failed.name, json.loads(failed.data or b"")) == (
        "exception/modelStreamErrorException",
        {"message": "Overloaded"},
    )
    assert (broken.name, json.loads(broken.data or b"")) == ("exception/gone", {"message": 'a "b"'})


def test_headers_of_every_type_are_stepped_over() -> None:
    sizes = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
    others = b"".join(header(b"h%d" % kind, kind, bytes(size)) for kind, size in sizes.items())
    others += header(b"h6", 6, b"\0\3abc")
    text = header(b":message-type", 7, b"\0\5event") + header(b":event-type", 7, b"\0\1x")
    assert [event.name for event in FrameParser().feed(whole(others + text))] == ["x"]


@pytest.mark.parametrize("at", [0, 5, 9, 12, 40, len(STOP) - 5, len(STOP) - 1])
def test_a_changed_byte_is_seen_wherever_it_is(at: int) -> None:
    changed = bytearray(STOP)
    changed[at] ^= 1
    with pytest.raises(UpstreamError, match="check sum"):
        list(FrameParser().feed(bytes(changed)))


@pytest.mark.parametrize("length", [4 * 1024 * 1024 + 1, 2**32 - 1])
def test_a_giant_frame_is_refused_by_its_first_bytes(length: int) -> None:
    with pytest.raises(UpstreamError) as refused:
        list(FrameParser().feed(prelude(length, 0)))
    assert refused.value.kind == "too_large"


@pytest.mark.parametrize(("total", "headers"), [(0, 0), (15, 0), (20, 5), (200, 2**20)])
def test_lengths_that_cannot_be_are_refused(total: int, headers: int) -> None:
    with pytest.raises(UpstreamError):
        list(FrameParser().feed(prelude(total, headers)))


@pytest.mark.parametrize(
    "headers",
    [
        header(b"a", 10, b""),
        header(b"a", 7, b"\xff\xffx"),
        header(b"a", 7, b"\0"),
        header(b"a", 7, b"\0\1\xff"),
        header(b"\xff", 0, b""),
        header(b"a", 0, b"") * 2,
        b"\5ab",
        b"\1",
    ],
)
def test_headers_that_cannot_be_read_are_refused(headers: bytes) -> None:
    with pytest.raises(UpstreamError):
        list(FrameParser().feed(whole(headers)))

"""The envelope of 2026-07-28: the body decides, and headers must agree with it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mcp.protocol import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    UNSUPPORTED_VERSION,
    Message,
    ProtocolError,
    envelope,
)

META = {envelope.VERSION: "2026-07-28", envelope.CAPABILITIES: {}}


def message(method: str = "tools/call", *, meta: Any = META, **params: Any) -> Message:
    return Message(method=method, id=b"1", params={"_meta": meta, **params})


def headers(**given: str | None) -> envelope.Headers:
    usual: dict[str, Any] = {"version": "2026-07-28", "method": "tools/call", "name": "t"}
    return envelope.Headers(**(usual | given))


def test_agreeing_request_passes():
    envelope.check(message(name="t"), headers())


@pytest.mark.parametrize(
    ("asked", "given", "number"),
    [
        (message(meta=None, name="t"), headers(), INVALID_PARAMS),
        (message(meta={envelope.VERSION: "2026-07-28"}, name="t"), headers(), INVALID_PARAMS),
        (message(meta={**META, envelope.CAPABILITIES: []}, name="t"), headers(), INVALID_PARAMS),
        (message(name="t"), headers(version=None), HEADER_MISMATCH),
        (message(name="t"), headers(version="2025-11-25"), HEADER_MISMATCH),
        (message(name="t"), headers(method="tools/list"), HEADER_MISMATCH),
        (message(name="t"), headers(name="other"), HEADER_MISMATCH),
        (message(name="t"), headers(name=None), HEADER_MISMATCH),
        (message(name="t"), headers(name="=?base64?dB==?="), HEADER_MISMATCH),
        (
            message(meta={**META, envelope.VERSION: "2099-01-01"}, name="t"),
            headers(version="2099-01-01"),
            UNSUPPORTED_VERSION,
        ),
    ],
)
def test_contradiction_is_refused(asked: Message, given: envelope.Headers, number: int):
    with pytest.raises(ProtocolError) as caught:
        envelope.check(asked, given)
    assert caught.value.number == number


@pytest.mark.parametrize(
    ("asked", "version", "era"),
    [
        (Message(method="initialize"), "2026-07-28", "old"),
        (message("initialize"), None, "modern"),
        (message(), "2025-06-18", "modern"),
        (Message(method="tools/call"), None, "old"),
        (Message(method="tools/call"), "2025-03-26", "old"),
        (Message(method="tools/call"), "2026-07-28", "modern"),
        (Message(method="server/discover"), None, "modern"),
    ],
)
def test_body_decides_the_era(asked: Message, version: str | None, era: str):
    assert envelope.era_of(asked, envelope.Headers(version=version)) == era


@pytest.mark.parametrize("name", ["MCP-Protocol-Version", "Mcp-Method", "mcp-name", "MCP-Session-Id"])
def test_header_given_twice_is_refused(name: str):
    with pytest.raises(ProtocolError):
        envelope.read_headers([(name, "a"), (name.upper(), "a")])


@given(st.text(st.characters(codec="utf-8")))
def test_header_value_comes_back_as_it_went(value: str):
    encoded = envelope.encode_header(value)
    assert encoded.isascii()
    assert encoded.isprintable()
    assert envelope.decode_header(encoded) == value


@given(st.text())
def test_two_encodings_never_mean_one_value(text: str):
    decoded = envelope.decode_header(f"=?base64?{text}?=")
    assert (
        decoded is None
        or decoded == f"=?base64?{text}?="
        or envelope.encode_header(decoded) in (f"=?base64?{text}?=", decoded)
    )

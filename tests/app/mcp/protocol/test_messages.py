"""JSON-RPC messages: what is refused, and that what is forwarded are the sender's own bytes."""

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mcp import protocol
from app.mcp.protocol import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, ProtocolError


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (b"", PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":NaN}}', PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":' + b'{"a":' * 80 + b"1" + b"}" * 81, PARSE_ERROR),
        (b"[" * 200_000, PARSE_ERROR),
        (b"7", INVALID_REQUEST),
        (b"[]", INVALID_REQUEST),
        (b"[" + b",".join([b'{"jsonrpc":"2.0","method":"x"}'] * 51) + b"]", INVALID_REQUEST),
        (b'{"id":1,"method":"ping"}', INVALID_REQUEST),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":""}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', INVALID_REQUEST),
        (b'{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}', INVALID_PARAMS),
    ],
)
def test_unusable_body_is_refused_by_number(body: bytes, number: int):
    with pytest.raises(ProtocolError) as caught:
        protocol.parse(body)
    assert caught.value.number == number


def test_error_about_params_names_the_request():
    with pytest.raises(ProtocolError) as caught:
        protocol.parse(b'{"jsonrpc":"2.0","id":"q","method":"x","params":[1]}')
    assert caught.value.id == b'"q"'


def test_numbers_keep_their_digits():
    raw = b'{"a": 1.10, "b": 123456789012345678901234567890, "c": 1e5}'
    messages, batch = protocol.parse(
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":' + raw + b"}}"
    )
    assert not batch
    assert bytes(messages[0].raw["arguments"]) == raw
    assert raw in protocol.request(5, "tools/call", dict(messages[0].raw))


def test_batch_keeps_each_message():
    first = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
    second = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
    messages, batch = protocol.parse(b"[" + first + b"," + second + b"]")
    assert batch
    assert [message.kind for message in messages] == ["request", "notification"]


def test_response_is_carried_under_another_id():
    body = b'{"jsonrpc":"2.0","id":"ask-1","result":{"x": 1.0}}'
    assert protocol.with_id(body, b"77") == b'{"jsonrpc":"2.0","id":77,"result":{"x": 1.0}}'
    failed = b'{"id":"ask-1","error":{"code":1,"message":"no"},"jsonrpc":"2.0"}'
    assert json.loads(protocol.with_id(failed, b'"s"'))["error"]["code"] == 1


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    params=st.dictionaries(st.text(st.characters(codec="utf-8")), JSON, max_size=4),
    identifier=st.integers() | st.text(st.characters(codec="utf-8"), max_size=9),
)
def test_what_is_forwarded_is_what_was_judged(params: dict, identifier: int | str):
    body = json.dumps({"jsonrpc": "2.0", "id": identifier, "method": "m", "params": params}).encode()
    [message], _ = protocol.parse(body)
    assert message.params == params
    assert message.id is not None
    assert json.loads(message.id) == identifier
    sent = protocol.request(1, "m", dict(message.raw))
    assert json.loads(sent)["params"] == params


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_refusal(body: bytes):
    with contextlib.suppress(ProtocolError):
        protocol.parse(body)


@given(st.binary(max_size=200))
def test_any_line_of_a_server_is_a_message_or_nothing(line: bytes):
    wire = protocol.read_wire(line)
    assert wire is None or isinstance(wire.method, str | msgspec.UnsetType)

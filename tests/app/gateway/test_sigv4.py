"""Signatures of requests: AWS' published test suite for Signature Version 4, and keys as operators write them."""

from datetime import UTC, datetime

import pytest

from app.core.errors import ConfigError
from app.gateway.dialects import Bedrock, Sent
from app.gateway.dialects.sigv4 import AccessKeys, parse_keys, sign

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx"
    "7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q"
    "6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
FORM = [("content-type", "application/x-www-form-urlencoded")]
VECTORS = {
    "get-vanilla": (
        "GET",
        "/",
        [],
        b"",
        "",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-utf8": (
        "GET",
        "/ሴ",
        [],
        b"",
        "",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    ),
    "get-space": (
        "GET",
        "/example space/",
        [],
        b"",
        "",
        "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    "get-unreserved": (
        "GET",
        "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        [],
        b"",
        "",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    "get-header-key-duplicate": (
        "GET",
        "/",
        [("my-header1", "value2,value2,value1")],
        b"",
        "",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    "get-header-value-multiline": (
        "GET",
        "/",
        [("my-header1", "value1,value2,value3")],
        b"",
        "",
        "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790",
    ),
    "post-header-key-sort": (
        "POST",
        "/",
        [("my-header1", "value1")],
        b"",
        "",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    "post-x-www-form-urlencoded": (
        "POST",
        "/",
        FORM,
        b"Param1=value1",
        "",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    "post-sts-header-before": (
        "POST",
        "/",
        [],
        b"",
        TOKEN,
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ),
}


class At:
    """A clock that stands."""

    def now(self) -> datetime:
        return AT

    def monotonic(self) -> float:
        return 0.0


@pytest.mark.parametrize("name", VECTORS)
def test_the_published_vectors_are_met(name: str) -> None:
    method, path, headers, body, token, signature = VECTORS[name]
    sent = Sent(authority="example.amazonaws.com", path=path, headers=headers, body=body)
    keys = AccessKeys("AKIDEXAMPLE", SECRET, token)
    added = dict(sign(keys, sent, method=method, scope=("us-east-1", "service"), at=AT))
    assert added["x-amz-date"] == "20150830T123600Z"
    assert added["authorization"].endswith(f"Signature={signature}")


def test_what_is_encoded_on_the_wire_is_encoded_again_under_the_signature() -> None:
    """The value is botocore's for the same request."""
    sent = Sent(
        authority="bedrock-runtime.eu-central-1.amazonaws.com",
        path="/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse-stream",
        headers=[("content-type", "application/json"), ("user-agent", "x")],
        body=b'{"messages":[]}',
    )
    wire = Bedrock(region="eu-central-1", clock=At())
    [date, (name, proof)] = wire.credential(f"AKIDEXAMPLE:{SECRET}", sent)
    assert (date, name) == (("x-amz-date", "20150830T123600Z"), "authorization")
    assert "SignedHeaders=content-type;host;x-amz-date, " in proof
    assert proof.endswith("Signature=01853838012ae0e8160e0f347cc5db3a9647df0e7d68f4d1a8e1d084d6f8d935")


def test_a_key_is_a_pair_a_pair_with_a_token_or_a_bearer_token() -> None:
    assert parse_keys(f"AKIDEXAMPLE:{SECRET}") == AccessKeys("AKIDEXAMPLE", SECRET)
    assert parse_keys(f"ASIAEXAMPLE:{SECRET}:{TOKEN}") == AccessKeys("ASIAEXAMPLE", SECRET, TOKEN)
    assert SECRET not in repr(parse_keys(f"AKIDEXAMPLE:{SECRET}"))
    wire = Bedrock(region="eu-central-1", clock=At())
    sent = Sent(authority="h", path="/", headers=(), body=b"")
    assert wire.credential("ABSKexample", sent) == (("authorization", "Bearer ABSKexample"),)
    for wrong in ("AKIDEXAMPLE:", ":x", "AKID EXAMPLE:x", "AKIDEXAMPLE:a:b:c"):
        with pytest.raises(ConfigError, match="neither"):
            wire.credential(wrong, sent)

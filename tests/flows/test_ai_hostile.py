"""Hostile requests: a clear error in the dialect, nothing at the provider, recorded where somebody was named."""

import json

import pytest

from tests.fix_gateway import gateway_site

GOOD = b'{"model":"%s","messages":[]}'
BODIES = {
    "duplicate_member": b'{"model":"gpt","model":"claude","messages":[]}',
    "too_deep": b'{"model":"gpt","messages":' + b"[" * 100 + b"]" * 100 + b"}",
    "invalid_utf8": b'{"model":"gpt","messages":"\xff"}',
    "lone_surrogate": b'{"model":"gpt","messages":"\\ud800"}',
    "invalid_json": b'{"model":"gpt","messages":',
    "model_missing": b'{"messages":[]}',
    "invalid_shape": b'{"model":"gpt","stream":"yes"}',
    "body_too_large": b'{"model":"gpt","messages":"' + b"x" * 2_000_000 + b'"}',
}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("code", BODIES)
async def test_a_bad_body_is_refused_recorded_and_never_forwarded(database: str, path: str, code: str):
    async with gateway_site(database) as site:
        status, body, headers = await site.post(path, BODIES[code])
        assert status == (413 if code == "body_too_large" else 400)
        said = json.loads(body)
        assert (said["error"].get("code") or said["code"]) == code
        assert headers["x-request-id"] in body.decode()
        status, _, _ = await site.post(path, BODIES[code], key="")
        assert status == 401
        assert not site.provider.received
        rows = await site.rows("model, actor, status")
    assert rows == [("unreadable", "alice", "refused"), ("unreadable", "anonymous", "denied")]


async def test_an_unknown_model_is_404_in_either_dialect(database: str):
    async with gateway_site(database) as site:
        status, body, _ = await site.post("/v1/chat/completions", GOOD % b"nothing")
        assert (status, json.loads(body)["error"]["code"]) == (404, "model_not_found")
        status, body, _ = await site.post("/v1/messages", GOOD % b"nothing")
        assert (status, json.loads(body)["code"]) == (404, "model_not_found")
        assert not site.provider.received
        assert await site.rows("model, status") == [("nothing", "refused"), ("nothing", "refused")]


async def test_over_budget_is_429_and_says_not_to_retry(database: str):
    async with gateway_site(database, exhausted=True) as site:
        status, body, headers = await site.post("/v1/messages", GOOD % b"claude")
        assert (status, headers["x-should-retry"]) == (429, "false")
        assert json.loads(body)["error"]["type"] == "billing_error"
        assert headers["retry-after"] == "90"
        assert not site.provider.received
        assert await site.rows("status, reason") == [("denied", "budget_exceeded")]

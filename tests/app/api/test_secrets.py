"""`/api/v1/secrets`: values go in and never out."""

from base64 import b64encode

import pytest

from tests.fix_api import Api

VALUE = "the-value-of-it-4711"


async def test_life_of_a_secret_through_the_api(api: Api) -> None:
    made = await api.ask("POST", "/api/v1/secrets", {"name": "token", "value": VALUE, "purpose": "tickets"})
    assert (made.status, made.body["version"], made.body["recipients"]) == (201, 1, [])
    granted = await api.ask("POST", "/api/v1/secrets/token/grant", {"recipient": "server:files"})
    assert granted.body["recipients"] == ["server:files"]
    encoded = {"value": b64encode(b"\0\1\2\3binary").decode(), "encoding": "base64"}
    assert (await api.ask("POST", "/api/v1/secrets/token/rotate", encoded)).body["version"] == 2
    history = await api.ask("GET", "/api/v1/secrets/token/history")
    assert [one["state"] for one in history.body["items"]] == ["current", "previous"]
    assert (await api.ask("DELETE", "/api/v1/secrets/token")).status == 409
    await api.ask("POST", "/api/v1/secrets/token/revoke", {"recipient": "server:files"})
    assert (await api.ask("DELETE", "/api/v1/secrets/token")).status == 204
    assert (await api.ask("GET", "/api/v1/secrets/token")).status == 404
    assert (await api.ask("POST", "/api/v1/master-keys", {})).body["versions"] == 0
    assert (await api.ask("DELETE", "/api/v1/master-keys/previous")).body["problems"] == []
    assert len((await api.ask("GET", "/api/v1/master-keys")).body["keys"]) == 2
    record = str(api.served.select("SELECT e::text AS row FROM audit_events e"))
    assert "admin.secret.rotate" in record
    for value in (VALUE, encoded["value"]):
        assert value not in record


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "token", "value": "tiny"}, "invalid_shape"),
        ({"name": "Token", "value": VALUE}, "invalid_shape"),
        ({"name": "token", "value": "aaaaaaaaaa"}, "unusable_secret"),
        ({"name": "token", "value": "no base64 at all", "encoding": "base64"}, "invalid_value"),
        ({"name": "token", "value": VALUE, "purpose": "a\nb"}, "invalid_text"),
    ],
)
async def test_unusable_input_is_refused_and_not_repeated(api: Api, body: dict, code: str) -> None:
    refused = await api.ask("POST", "/api/v1/secrets", body)
    assert (refused.status, refused.body["error"]["code"]) == (400, code)
    assert body["value"] not in str(refused.body)
    assert (await api.ask("GET", "/api/v1/secrets")).body["items"] == []


async def test_only_administrators_manage_secrets(api: Api) -> None:
    for who in ("grace", "dora"):
        asked = await api.ask("POST", "/api/v1/secrets", {"name": "token", "value": VALUE}, who=who)
        assert asked.status == 403
        assert VALUE not in str(asked.body)
    assert VALUE not in str(api.served.select("SELECT e::text AS row FROM audit_events e"))

"""A caller's own key of a provider: sent on where profile and policy allow it, seen by nobody else."""

import msgspec
import pytest

from app.config import Profile
from app.config.gateway.models import Model, Place
from app.demo.script import Script
from tests.fix_gateway import EVERYTHING, GatewaySite, gateway_site

OWN = "sk-alices-own-0123456789"
SCRIPTS = {"own": Script(), "mine": Script(), "own-refused": Script(status=401)}
CHAT = {"model": "own", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
DENIED = {"id": "no-own-keys", "effect": "forbid", "actions": ["model.own_key"], "models": ["own"]}
CHILDREN = "(SELECT * FROM audit_events WHERE action = 'model.own_key') AS children"


def both(ours: str = "sp_alice", theirs: str = OWN, **more: str) -> dict[str, str]:
    return {"x-sallyport-key": ours, "authorization": f"Bearer {theirs}", **more}


async def written(site: GatewaySite) -> str:
    """Every row as text."""
    return str(await site.rows("audit_events::text", table="audit_events"))


async def test_the_own_key_travels_and_stands_nowhere_else(database: str):
    async with gateway_site(database, scripts=SCRIPTS, content="full") as site:
        status, _, _ = await site.post("/v1/chat/completions", CHAT, headers=both())
        assert status == 200
        sent = site.provider.received[-1]
        assert sent.headers["Authorization"] == f"Bearer {OWN}"
        assert not {"x-sallyport-key", "x-api-key"} & {name.lower() for name in sent.headers}
        message = {**CHAT, "model": "mine"}
        assert (await site.post("/v1/messages", message, headers=both()))[0] == 200
        assert site.provider.received[-1].headers["x-api-key"] == OWN
        rows = await site.rows("actor, status, microdollars > 0, intent->'details'->>'own_key'", table=_CALLS)
        assert rows == [("alice", "ok", True, "true")] * 2
        assert [kind for (kind,) in await site.rows("kind", table=CHILDREN)] == ["intent", "outcome"] * 2
        assert OWN not in await written(site)


async def test_an_own_key_that_comes_back_is_taken_out(database: str):
    async with gateway_site(database, scripts=SCRIPTS, content="full") as site:
        said = {**CHAT, "messages": [{"role": "user", "content": f"my key is {OWN}"}]}
        for stream in (False, True):
            status, body, _ = await site.post(
                "/v1/chat/completions", {**said, "stream": stream}, headers=both()
            )
            assert status == 200
            assert OWN.encode() not in body
        results = await site.rows(
            "body->'result'", table="(SELECT * FROM audit_events WHERE kind = 'outcome') AS o"
        )
        assert any("own-key" in str(result) for (result,) in results)
        assert OWN not in str(results)


@pytest.mark.parametrize(
    ("headers", "model", "code"),
    [
        (both(theirs="sp_alice-other"), "own", "own_key_unclear"),
        (both(**{"x-api-key": "sk-another-key"}), "own", "own_key_unclear"),
        (both(theirs="short"), "own", "own_key_unclear"),
        ({"x-sallyport-key": "sp_alice", "authorization": f"Basic {OWN}"}, "own", "own_key_unclear"),
        (both(), "gpt", "own_key_not_allowed"),
    ],
)
async def test_a_key_that_is_unclear_or_not_allowed_is_refused_and_sent_nowhere(
    database: str, headers: dict[str, str], model: str, code: str
):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        status, body, _ = await site.post("/v1/chat/completions", {**CHAT, "model": model}, headers=headers)
        assert (status, code.encode() in body) == (400, True)
        assert OWN.encode() not in body
        assert not site.provider.received
        assert await site.rows("status") == [("refused",)]


async def test_policy_decides_about_own_keys(database: str):
    async with gateway_site(database, scripts=SCRIPTS, rules=[EVERYTHING, DENIED]) as site:
        status, body, _ = await site.post("/v1/chat/completions", CHAT, headers=both())
        assert (status, b"no-own-keys" in body) == (400, True)
        assert not site.provider.received
        assert await site.rows("status") == [("refused",)]
        assert (await site.post("/v1/chat/completions", CHAT))[0] == 200


async def test_a_key_that_its_provider_refuses_is_the_callers_fault_and_nobody_elses(database: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        refused = {**CHAT, "model": "own-refused"}
        for _ in range(8):
            status, body, _ = await site.post("/v1/chat/completions", refused, headers=both())
            assert (status, b"upstream_own_key" in body) == (401, True)
            assert OWN.encode() not in body
        assert len(site.provider.received) == 8, "neither tried again nor held off"
        assert {status for (status,) in await site.rows("status")} == {"error"}


async def test_a_key_is_of_one_provider_so_a_model_of_several_takes_none(database: str):
    def several(profile: Profile) -> Profile:
        places = (Place(provider="own", price="simulated"), Place(provider="mine", price="simulated"))
        return msgspec.structs.replace(profile, models={"own": Model(targets=places)})

    async with gateway_site(database, scripts=SCRIPTS, shape=several) as site:
        status, body, _ = await site.post("/v1/chat/completions", CHAT, headers=both())
        assert (status, b"own_key_not_allowed" in body) == (400, True)
        assert not site.provider.received


async def test_only_the_key_of_this_site_says_who_asks(database: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        status, _, _ = await site.post("/v1/chat/completions", CHAT, headers=both("sp_nobody", "sp_alice"))
        assert status == 401
        status, _, _ = await site.post("/v1/chat/completions", CHAT, headers=both(theirs="sp_alice"))
        assert status == 200, "the same key twice is no own key"
        assert site.provider.received[-1].headers["Authorization"] == "Bearer sk-the-providers-own"


_CALLS = """(SELECT o.time, i.actor, o.status, o.microdollars, i.body AS intent FROM audit_events i
    JOIN audit_events o ON o.call = i.id AND o.kind = 'outcome' WHERE i.action = 'model.invoke') AS calls"""

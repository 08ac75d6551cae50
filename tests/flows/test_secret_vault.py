"""Secrets that a vault leads arrive by themselves, are rotated when they change there, and survive its absence."""

import asyncio
import json
from typing import Any

import pytest

from app.core.errors import ConfigError
from tests.fix_server import Serve, Served, until
from tests.simulators.vault import ROLE, ROOT_TOKEN, SECRET, VaultServer

APPROLE = {"role_id": ROLE, "secret_id": SECRET}


def profile(vault: VaultServer, *, secrets: dict[str, str], **members: Any) -> str:
    entry = {"url": vault.url, "seconds": 0.2, "timeout": 2, "secrets": secrets, **members}
    return json.dumps({"secrets": {"vaults": {"main": entry}}})


def held(served: Served, name: str) -> str | None:
    found = served.site.secrets.catalogue.snapshot.opened.get(name)
    return found.value.decode() if found else None


def state(served: Served) -> str:
    return served.running.doors.pulls[0].status.state


def changes(served: Served, action: str) -> list[dict[str, Any]]:
    return served.select(
        "SELECT resource, body, status FROM audit_events WHERE action = %s AND kind = 'intent' ORDER BY id",
        action,
    )


@pytest.mark.slow
@pytest.mark.parametrize("signed_in", [{"token": ROOT_TOKEN}, APPROLE])
async def test_secret_comes_from_a_vault_and_is_rotated_when_it_changes_there(
    serve: Serve, signed_in: dict[str, str]
) -> None:
    async with VaultServer() as vault:
        vault.put("apps/search", token="first-value-of-the-token", other="x")
        served = await serve(
            profile(vault, secrets={"search-token": "apps/search#token"}, namespace="team", **signed_in)
        )
        await until(lambda: held(served, "search-token") == "first-value-of-the-token", 60.0)
        vault.put("apps/search", token="second-value-of-the-token")
        await until(lambda: held(served, "search-token") == "second-value-of-the-token", 60.0)
        await until(lambda: state(served) == "well", 60.0)
        assert vault.namespaces == {"team"}
        looks = vault.requests
        await until(lambda: vault.requests > looks + 3, 60.0)
        shown = await served.site.secrets.show("search-token")
    assert (shown.version, shown.purpose, shown.recipients) == (2, "from the vault main", ())
    (made,), (rotated,) = changes(served, "admin.secret.set"), changes(served, "admin.secret.rotate")
    assert made["resource"] == rotated["resource"] == "search-token"
    text = json.dumps(served.select("SELECT body FROM audit_events"), default=str)
    assert "value-of-the-token" not in text
    assert json.loads(json.dumps(rotated["body"]))["arguments"] == {"vault": "main", "version": 2}


@pytest.mark.slow
async def test_vault_that_is_away_sealed_or_forgetful_harms_nothing(serve: Serve) -> None:
    async with VaultServer() as vault:
        vault.put("apps/search", token="first-value-of-the-token")
        served = await serve(profile(vault, secrets={"search-token": "apps/search#token"}, **APPROLE))
        await until(lambda: state(served) == "well", 60.0)
        vault.forget()
        vault.put("apps/search", token="second-value-of-the-token")
        await until(lambda: held(served, "search-token") == "second-value-of-the-token", 60.0)
        assert vault.logins == 2
        vault.sealed = True
        await until(lambda: state(served) == "away", 60.0)
        assert "Vault is sealed" in served.running.doors.pulls[0].status.why
        vault.sealed = False
        await until(lambda: state(served) == "well", 60.0)
        await vault.stop()
        await until(lambda: state(served) == "away", 60.0)
        assert held(served, "search-token") == "second-value-of-the-token"
        await vault.start()
        await until(lambda: state(served) == "well", 60.0)
    events = "SELECT body->>'state' AS state FROM audit_events WHERE action = 'secret.pull' ORDER BY id"
    await until(lambda: len(served.select(events)) >= 5, 60.0)
    assert [row["state"] for row in served.select(events)][:5] == ["well", "away", "well", "away", "well"]


@pytest.mark.slow
async def test_what_is_gone_or_unusable_there_stays_here_and_is_named(serve: Serve) -> None:
    async with VaultServer() as vault:
        vault.put("apps/search", token="first-value-of-the-token", number=17, short="x")
        vault.put("apps/other", token="a-value-that-will-be-deleted")
        vault.put("apps/closed", token="nobody-may-read-this-one")
        vault.refused_paths = {"apps/closed"}
        wanted = {
            "good": "apps/search#token",
            "number": "apps/search#number",
            "short": "apps/search#short",
            "absent": "apps/search#absent",
            "nowhere": "apps/nowhere#token",
            "closed": "apps/closed#token",
            "goes": "apps/other#token",
        }
        served = await serve(profile(vault, secrets=wanted, token=ROOT_TOKEN))
        await until(lambda: state(served) == "incomplete" and held(served, "goes"), 60.0)
        vault.delete("apps/other")
        pull = served.running.doors.pulls[0]
        await until(lambda: "goes" in pull.status.problems, 60.0)
        assert held(served, "good") == "first-value-of-the-token"
        assert held(served, "goes") == "a-value-that-will-be-deleted"
        problems = pull.status.problems
    assert set(problems) == set(wanted) - {"good"}
    assert "not text" in problems["number"]
    assert "shorter" in problems["short"]
    assert "permission denied" in problems["closed"]
    assert "deleted" in problems["goes"]


async def test_wrong_token_is_told_and_nothing_is_set(serve: Serve) -> None:
    async with VaultServer() as vault:
        vault.put("apps/search", token="first-value-of-the-token")
        served = await serve(profile(vault, secrets={"one": "apps/search#token"}, token="hvs.wrong-one"))
        await until(lambda: state(served) == "away", 60.0)
        assert "permission denied" in served.running.doors.pulls[0].status.why
        assert held(served, "one") is None


@pytest.mark.slow
async def test_two_looks_at_once_set_one_version(serve: Serve) -> None:
    async with VaultServer() as vault:
        vault.put("apps/search", token="first-value-of-the-token")
        served = await serve(
            profile(vault, secrets={"one": "apps/search#token"}, token=ROOT_TOKEN, seconds=3600)
        )
        await until(lambda: state(served) == "well", 60.0)
        vault.put("apps/search", token="second-value-of-the-token")
        pull = served.running.doors.pulls[0]
        await asyncio.gather(pull.step(), pull.step())
        shown = await served.site.secrets.show("one")
    assert shown.version == 2


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"token": "t", "role_id": "r", "secret_id": "s"},
        {"role_id": "r"},
        {"token": "t", "secrets": {"one": "apps/search"}},
        {"token": "t", "secrets": {"one": "apps/../../sys#key"}},
    ],
)
async def test_entry_that_cannot_work_is_refused_in_words(serve: Serve, members: dict[str, Any]) -> None:
    vault = VaultServer()
    with pytest.raises(ConfigError, match=r"secrets\.vaults\.main"):
        await serve(profile(vault, **{"secrets": {}, **members}))

"""Keys in the wrong hands: a leaked one is revoked from a shell, guessed ones end in refusals; the record tells it all."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from app.core.paths import resources
from tests.fix_api import api_site


async def sallyport(folder: Path, database: str, *words: str) -> bytes:
    """A command line in a process of its own."""
    profile = folder / "profile.yaml"
    profile.write_text(json.dumps({"database": {"url": database}, "node": "shell"}))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *words, "--json", "--profile", profile, "--data", folder / "shell"),
        cwd=resources(),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await child.communicate()
    assert child.returncode == 0
    return out


@pytest.mark.slow
async def test_key_revoked_from_a_shell_is_refused_by_the_running_server(
    database: str, tmp_path: Path
) -> None:
    async with api_site(database, tmp_path / "server") as site:
        made = json.loads(await sallyport(tmp_path, database, "key", "create", "ada", "--label", "laptop"))
        site.keys["leaked"] = made["token"]
        assert (await site.ask("GET", "/api/v1/roles", who="leaked")).status == 200

        await sallyport(tmp_path, database, "key", "revoke", made["prefix"])
        loop = asyncio.get_running_loop()
        revoked, status = loop.time(), 200
        while status == 200:
            assert loop.time() < revoked + 2.0
            status = (await site.ask("GET", "/api/v1/roles", who="leaked")).status
            await asyncio.sleep(0.05)
        assert status == 401
        assert (await site.ask("GET", "/api/v1/roles", who="ada")).status == 200

        rows = await site.rows(
            f"""SELECT action, decision, reason FROM audit_events WHERE kind IN ('intent', 'denial')
            AND (credential = '{made["prefix"]}' OR resource = '{made["prefix"]}' OR reason = 'identity_disabled')
            ORDER BY id"""
        )
        assert rows[0] == ("admin.role.list", "permit", "permitted_by_rule")
        assert ("admin.key.revoke", "permit", "permitted_by_rule") in rows
        assert rows[-1] == ("admin.role.list", "forbid", "identity_disabled")


@pytest.mark.slow
async def test_guessing_keys_ends_in_refusals_without_a_look_and_each_guess_is_recorded(
    database: str, tmp_path: Path
) -> None:
    async with api_site(database, tmp_path / "server") as site:
        assert (await site.ask("GET", "/api/v1/roles", who="ada")).status == 200
        for number in range(40):
            site.keys["guess"] = f"sp_aaaaaaaaaa_{number:043}"
            answer = await site.ask("GET", "/api/v1/roles", who="guess")
            assert answer.status == (401 if number < 30 else 429)
        assert (await site.ask("GET", "/api/v1/roles", who="ada")).status == 200
        rows = await site.rows(
            """SELECT reason, count(*), count(*) FILTER (WHERE actor_kind = 'anonymous')
            FROM audit_events WHERE kind = 'denial' GROUP BY reason ORDER BY reason"""
        )
        assert rows == [("credential_invalid", 30, 30), ("rate_limited", 10, 10)]

"""Keys in the wrong hands: a leaked one is revoked from a shell, guessed ones end in refusals; the record tells it all."""

import asyncio
import json
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from app.core.paths import resources
from tests.fix_api import Api

pytestmark = pytest.mark.slow
ASKED = ("GET", "/api/v1/roles")
Shell = Callable[..., Awaitable[Any]]


@pytest.fixture
def shell(api: Api, database: str, tmp_path: Path) -> Shell:
    """`sallyport WORDS… --json` in a process of its own, as another node with the same key over persons' keys."""
    own, keys = tmp_path / "shell" / "keys" / "record", api.served.site.folder / "keys" / "record"
    own.mkdir(parents=True, mode=0o700)
    shutil.copy(keys / "subjects", own / "subjects")
    profile = tmp_path / "shell.yaml"
    profile.write_text(json.dumps({"database": {"url": database}, "node": "shell"}))

    async def run(*words: str) -> Any:
        child = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "app",
                *words,
                "--json",
                "--profile",
                profile,
                "--data",
                tmp_path / "shell",
            ),
            cwd=resources(),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await child.communicate()
        assert child.returncode == 0
        return json.loads(out)

    return run


async def test_key_revoked_from_a_shell_is_refused_by_the_running_server(api: Api, shell: Shell) -> None:
    made = await shell("key", "create", "ada", "--label", "laptop")
    api.keys["leaked"] = made["token"]
    assert (await api.ask(*ASKED, who="leaked")).status == 200

    await shell("key", "revoke", made["prefix"])
    loop = asyncio.get_running_loop()
    revoked, status = loop.time(), 200
    while status == 200:
        assert loop.time() < revoked + 2.0
        status = (await api.ask(*ASKED, who="leaked")).status
        await asyncio.sleep(0.05)
    assert status == 401
    assert (await api.ask(*ASKED, who="ada")).status == 200

    rows = api.served.record(
        "resource = %s OR credential = %s OR kind = 'denial'", made["prefix"], made["prefix"]
    )
    told = [(row["door"], row["action"], row["decision"], row["reason"]) for row in rows if row["decision"]]
    assert told[0] == ("api", "admin.role.list", "permit", "permitted_by_rule")
    assert ("cli", "admin.key.revoke", "permit", "permitted_by_rule") in told
    assert told[-1] == ("api", "admin.role.list", "forbid", "identity_disabled")


async def test_guesses_are_refused_without_a_look_after_a_while_and_each_is_recorded(api: Api) -> None:
    assert (await api.ask(*ASKED)).status == 200
    for number in range(40):
        api.keys["guess"] = f"sp_aaaaaaaaaa_{number:043}"
        assert (await api.ask(*ASKED, who="guess")).status == (401 if number < 30 else 429)
    assert (await api.ask(*ASKED)).status == 200
    reasons = [(row["actor_kind"], row["reason"]) for row in api.served.record("kind = 'denial'")]
    assert reasons == [("anonymous", "credential_invalid")] * 30 + [("anonymous", "rate_limited")] * 10


async def test_last_use_of_a_key_is_in_the_database_within_a_minute_or_at_the_end(
    api: Api, shell: Shell
) -> None:
    assert (await api.ask(*ASKED)).status == 200
    assert api.served.record("action = 'admin.role.list'")
    await api.served.site.identity.close()
    listed = await shell("key", "list")
    assert {key["owner"]: bool(key["last_used"]) for key in listed} == {
        "ada": True,
        "grace": False,
        "dora": False,
    }

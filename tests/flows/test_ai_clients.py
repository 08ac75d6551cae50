"""Claude Code and Codex, as developers run them, against models of each dialect, with a tool that really runs.

`scripts/test` fetches both; without npm these tests are left out.
"""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from app.demo.script import Script
from tests.fix_gateway import EVERYTHING, GatewaySite, gateway_site

CLIENTS = Path(__file__).resolve().parents[2] / ".cache" / "clients"
SCRIPTS = {family: Script() for family in ("gpt", "claude", "native", "gemini-3-pro", "bedrock-claude")}
MODELS = ("native", "gpt", "claude", "gemini-3-pro", "bedrock-claude")
NO_SHELL = {
    "id": "no-shell",
    "effect": "forbid",
    "actions": ["tool.use"],
    "tools": ["client/Bash", "client/exec_command"],
}
USES = "(SELECT * FROM audit_events WHERE action = 'tool.use' AND kind IN ('intent', 'denial')) AS uses"
ANSWER = "Hello from the simulated provider."

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (CLIENTS / "codex").exists(),
        reason="the clients are not here; scripts/test fetches them (needs npm)",
    ),
]


class Home:
    """A home folder of its own and an empty project in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir(parents=True)

    async def run(self, *command: str, **environment: str) -> tuple[int, str]:
        """Exit code and everything that was said."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.project,
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"], **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(120):
                out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return process.returncode or 0, out.decode()

    async def claude_code(self, site: GatewaySite, model: str, prompt: str) -> tuple[int, str]:
        """Claude Code, allowed to use its shell."""
        settings = {
            "ANTHROPIC_BASE_URL": site.url,
            "ANTHROPIC_AUTH_TOKEN": "sp_alice",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
        command = (str(CLIENTS / "claude"), "-p", prompt, "--model", model, "--allowedTools", "Bash")
        return await self.run(*command, **settings)

    async def codex(self, site: GatewaySite, model: str, prompt: str) -> tuple[int, str]:
        """Codex, allowed to use its shell."""
        folder = self.folder / ".codex"
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text(
            f'''model = "{model}"
model_provider = "sallyport"
web_search = "disabled"

[model_providers.sallyport]
name = "Sallyport"
base_url = "{site.url}/v1"
env_key = "SALLYPORT_KEY"
wire_api = "responses"
supports_websockets = false
'''
        )
        command = (str(CLIENTS / "codex"), "exec", "--skip-git-repo-check")
        freely = "--dangerously-bypass-approvals-and-sandbox"
        return await self.run(*command, freely, prompt, SALLYPORT_KEY="sp_alice")


def unsigned(site: GatewaySite) -> int:
    """Requests to Gemini with a call whose signature the client did not keep."""
    return sum(b"skip_thought_signature_validator" in one.body for one in site.provider.received)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.mark.parametrize("model", ["claude", "gpt", "gemini-3-pro", "bedrock-claude"])
async def test_claude_code_uses_a_tool_and_finishes(database: str, home: Home, model: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        code, said = await home.claude_code(
            site, model, 'use Bash {"command": "echo here > made.txt", "description": "make a file"}'
        )
        assert (code, ANSWER in said) == (0, True), said
        assert (home.project / "made.txt").read_text() == "here\n"
        assert ("client/Bash", "intent") in await site.rows("resource, kind", table=USES)
        assert unsigned(site) == 0
        assert {status for (status,) in await site.rows("status")} == {"ok"}


@pytest.mark.parametrize("model", MODELS)
async def test_codex_uses_a_tool_and_finishes(database: str, home: Home, model: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        code, said = await home.codex(site, model, 'use exec_command {"cmd": "echo here > made.txt"}')
        assert (code, ANSWER in said) == (0, True), said
        assert (home.project / "made.txt").read_text() == "here\n"
        assert ("client/exec_command", "intent") in await site.rows("resource, kind", table=USES)
        assert unsigned(site) == 0
        assert {status for (status,) in await site.rows("status")} == {"ok"}


async def test_a_tool_that_policy_forbids_is_never_used(database: str, home: Home):
    async with gateway_site(database, scripts=SCRIPTS, rules=[EVERYTHING, NO_SHELL]) as site:
        code, said = await home.claude_code(
            site, "claude", 'use Bash {"command": "echo here > made.txt", "description": "make a file"}'
        )
        assert (code != 0, "was stopped" in said) == (True, True), said
        shutil.rmtree(home.folder / ".codex", ignore_errors=True)
        code, said = await home.codex(site, "native", 'use exec_command {"cmd": "echo here > made.txt"}')
        assert code != 0, said
        assert not (home.project / "made.txt").exists()
        assert {kind for (kind,) in await site.rows("kind", table=USES)} == {"denial"}


async def test_claude_code_finds_the_models_it_may_use(database: str):
    async with gateway_site(database, scripts=SCRIPTS) as site:
        headers = {"x-api-key": "sp_alice", "anthropic-version": "2023-06-01"}
        async with site.session.get(f"{site.url}/v1/models?limit=1000", headers=headers) as answer:
            listed = json.loads(await answer.read())["data"]
        assert {"id", "display_name"} <= listed[0].keys()
        assert "claude" in {entry["id"] for entry in listed}

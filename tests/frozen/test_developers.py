"""The file serves developers over HTTPS: Claude Code, Codex and the SDKs, set up by what `client-config` prints."""

import asyncio
import json
import shlex
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.demo.provider import SimulatedProvider
from tests.fix_server import free_port
from tests.flows.test_ai_clients import ANSWER, CLIENTS, Home
from tests.frozen.conftest import ROOT, Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.frozen,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (CLIENTS / "codex").exists(),
        reason="the clients are not here; scripts/test fetches them (needs npm)",
    ),
]
PROFILE = """
listen: {{address: "127.0.0.1:{port}", names: [localhost]}}
providers:
  oai: {{dialect: openai, url: "{url}/v1"}}
  ant: {{dialect: anthropic, url: "{url}"}}
models:
  claude-sim: {{provider: ant, price: simulated}}
  gpt-sim: {{provider: oai, price: simulated}}
"""
BASH = 'use Bash {"command": "echo here > %s", "description": "make a file"}'
SHELL = 'use exec_command {"cmd": "echo here > %s"}'


@contextmanager
def serving(bundle: Path, data: Path, environment: dict[str, str]) -> Iterator[Path]:
    """The file serves the folder; its log."""
    log = data.parent / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [bundle, "serve", "--data", data], env=environment, stdout=output, stderr=output
        )
    try:
        yield log
        assert process.poll() is None, log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()


async def asked(run: Run, *words: str, **environment: str) -> str:
    """What a command of the file prints, while the provider goes on answering."""
    done = await asyncio.to_thread(run, *words, **environment)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


async def claude_code(run: Run, home: Home, data: str, key: str) -> None:
    """A turn with a tool on a model of its own dialect, and one on a translated one."""
    settings = json.loads(
        await asked(run, "client-config", "claude-code", "--data", data, SALLYPORT_KEY=key)
    )["env"]
    assert settings["ANTHROPIC_MODEL"] == "claude-sim"
    for model in ("claude-sim", "gpt-sim"):
        chosen = settings | {"ANTHROPIC_MODEL": model, "ANTHROPIC_DEFAULT_HAIKU_MODEL": model}
        code, said = await home.run(
            str(CLIENTS / "claude"), "-p", BASH % model, "--allowedTools", "Bash", **chosen
        )
        assert (code, ANSWER in said) == (0, True), said
        assert (home.project / model).read_text() == "here\n"


async def codex(run: Run, home: Home, data: str, key: str, authority: Path) -> None:
    """The same; both are translated, as no provider here has the responses API."""
    (home.folder / ".codex").mkdir()
    printed = await asked(run, "client-config", "codex", "--data", data)
    (home.folder / ".codex" / "config.toml").write_text(printed)
    trust = {"SALLYPORT_KEY": key, "CODEX_CA_CERTIFICATE": str(authority)}
    for model in ("gpt-sim", "claude-sim"):
        command = (str(CLIENTS / "codex"), "exec", "--skip-git-repo-check", "-m", model)
        freely = "--dangerously-bypass-approvals-and-sandbox"
        code, said = await home.run(*command, freely, SHELL % f"codex-{model}", **trust)
        assert (code, ANSWER in said) == (0, True), said
        assert (home.project / f"codex-{model}").read_text() == "here\n"


async def sdks(run: Run, home: Home, data: str, key: str) -> None:
    """A program that knows nothing but its environment."""
    environment = {"PYTHONPATH": str(ROOT)}
    for client in ("openai", "anthropic"):
        printed = await asked(run, "client-config", client, "--data", data, SALLYPORT_KEY=key)
        for line in printed.splitlines():
            name, _, value = shlex.split(line)[1].partition("=")
            environment[name] = value
    code, said = await home.run(sys.executable, "-m", "tests.frozen.sdk_turns", **environment)
    assert code == 0, said


async def test_developers_work_through_the_file_and_the_record_has_all_of_it(
    bundle: Path, folder: Path, environment: dict[str, str], run: Run, tmp_path: Path
) -> None:
    data = folder / "data"
    data.mkdir()
    async with SimulatedProvider() as provider:
        (data / "profile.yaml").write_text(PROFILE.format(port=free_port(), url=provider.url))
        with serving(bundle, data, environment):
            await ready(run, str(data))
            given = ("--data", str(data))
            await asked(run, "service", "create", "dev", "--role", "developer", *given)
            key = json.loads(await asked(run, "key", "create", "dev", "--json", *given))["token"]
            home = Home(tmp_path / "home")
            await claude_code(run, home, str(data), key)
            await codex(run, home, str(data), key, data / "tls" / "ca.pem")
            await sdks(run, home, str(data), key)
    listed = json.loads(
        await asked(run, "audit", "list", *given, "--actor", "dev", "--limit", "500", "--json")
    )
    rows = Counter((row["action"], row["resource"], row["decision"], row["status"]) for row in listed)
    for model in ("claude-sim", "gpt-sim"):
        assert rows["model.invoke", model, "permit", "ok"] >= 10
    # A file was made by each client on each model; eight tools were wanted of the SDKs.
    assert rows["tool.use", "client/Bash", "permit", "ok"] == 2
    assert rows["tool.use", "client/exec_command", "permit", "ok"] == 2
    assert rows["tool.use", "client/look", "permit", "ok"] == 8
    assert {row["status"] for row in listed} == {"ok"}


async def ready(run: Run, data: str) -> None:
    """Until the site can be administered."""
    async with asyncio.timeout(90):
        while (await asyncio.to_thread(run, "status", "--data", data)).returncode:
            await asyncio.sleep(0.2)

"""Our server as a stranger would run it: a profile, `serve`, a key made by the command line, the embedded PostgreSQL."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.load import Aim, chat, free_port, tool_call
from tests.bench.process import BenchError, Program, start, wait_until_ready

ROOT = Path(__file__).resolve().parent.parent.parent
RECORDED = ("-m", "app", "serve")
UNRECORDED = ("-m", "tests.bench.unrecorded")


def start_ours(
    *,
    name: str,
    module: tuple[str, ...],
    folder: Path,
    upstream: int,
    slow: int,
    desk: dict[str, object] | None = None,
) -> tuple[Program, str]:
    """A ready server, with a tool program `desk` if one is given, and an API key for it.

    PostgreSQL, which any other gateway would have beside it, is not counted.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "profile.yaml").write_text(json.dumps(_profile(upstream=upstream, slow=slow, desk=desk)))
    port = free_port()
    log = folder.parent / f"{folder.name}.log"
    command = [
        sys.executable,
        *module,
        "--data",
        str(folder),
        "--address",
        f"127.0.0.1:{port}",
        "--plain-http",
    ]
    process = start(command, log=log, env=_environment())
    program = Program(name=name, process=process, port=port, counted=_is_ours)
    wait_until_ready(program, path="/livez", log=log)
    try:
        _command("service", "create", "bench", "--role", "developer", data=folder)
        key = json.loads(_command("key", "create", "bench", "--json", data=folder))
    except BenchError:
        program.end()
        raise
    return program, str(key["token"])


def aims(key: str) -> dict[str, Aim]:
    """The request of each scenario."""
    headers = {"Authorization": f"Bearer {key}"}
    path = "/v1/chat/completions"
    return {
        "chat": Aim(path=path, body=chat(), headers=headers),
        "chat20": Aim(path=path, body=chat(kilobytes=20), headers=headers),
        "chat200": Aim(path=path, body=chat(kilobytes=200), headers=headers),
        "many": Aim(path=path, body=chat(stream=True), headers=headers),
        "stream": Aim(path=path, body=chat(stream=True), headers=headers),
        "added": Aim(path=path, body=chat(model="slow-model"), headers=headers),
        "mcp": Aim(path="/mcp/harbour", body=tool_call("count"), headers=headers),
    }


def _profile(*, upstream: int, slow: int, desk: dict[str, object] | None) -> dict[str, object]:
    provider = {"dialect": "openai", "key": "unused", "connections": 2048}
    model = {"upstream": "bench-model", "price": "gpt-4o-mini"}
    return {
        "log": {"level": "warning"},
        "providers": {
            "fast": {**provider, "url": f"http://127.0.0.1:{upstream}/v1"},
            "slow": {**provider, "url": f"http://127.0.0.1:{slow}/v1"},
        },
        "models": {
            "bench-model": {"provider": "fast", **model},
            "slow-model": {"provider": "slow", **model},
        },
        "mcp": {
            "servers": {
                "harbour": {"url": f"http://127.0.0.1:{upstream}/mcp"},
                **({"desk": desk} if desk else {}),
            }
        },
    }


def _command(*arguments: str, data: Path) -> str:
    made = subprocess.run(
        [sys.executable, "-m", "app", *arguments, "--data", str(data)],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise BenchError(f"sallyport {' '.join(arguments)}: {made.stderr.strip()[-400:]}")
    return made.stdout


def _environment() -> dict[str, str]:
    """Only what a service manager would give, and where the source is."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "HOME": "/nonexistent"}


def _is_ours(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() != "postgres"
    except OSError:
        return False

"""The peer of the tool gateway: IBM ContextForge."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.bench.load import Aim, free_port, tool_call
from tests.bench.peers.peer import Place, install_locked, locked_version
from tests.bench.process import BenchError, Program, start, wait_until_ready

_LOCK = "contextforge"


class ContextForge:
    """One worker on SQLite, its rate limits and plugins off, tools called with a JSON Web Token."""

    name = "ContextForge"
    scenarios = frozenset({"mcp"})
    slow = True

    def __init__(self) -> None:
        self._token = ""

    def version(self) -> str:
        return locked_version(_LOCK, "mcp-contextforge-gateway")

    def installed(self, folder: Path) -> bool:
        return (folder / "venv" / "bin" / "mcpgateway").exists()

    def install(self, folder: Path) -> None:
        install_locked(folder, _LOCK)

    def start(self, place: Place) -> Program:
        port = free_port()
        (place.folder / "mcp.db").unlink(missing_ok=True)
        log = place.folder / "log"
        program = str(place.folder / "venv" / "bin" / "mcpgateway")
        command = [program, "--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
        environment = self._environment(place.folder)
        forge = Program(name=self.name, process=start(command, log=log, env=environment), port=port)
        wait_until_ready(forge, path="/health", log=log, seconds=240)
        self._token = self._mint(place.folder, environment)
        upstream = {
            "name": "harbour",
            "url": f"http://127.0.0.1:{place.upstream_port}/mcp",
            "transport": "STREAMABLEHTTP",
        }
        self._register(forge, upstream)
        return forge

    def aim(self, place: Place, scenario: str) -> Aim:
        return Aim(
            path="/mcp/", body=tool_call("harbour-count"), headers={"Authorization": f"Bearer {self._token}"}
        )

    def _register(self, forge: Program, upstream: dict[str, str]) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{forge.port}/gateways",
            data=json.dumps(upstream).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        reason = ""
        for attempt in range(5):
            try:
                with urllib.request.urlopen(request, timeout=30):
                    return
            except OSError as error:
                reason = error.read().decode() if isinstance(error, urllib.error.HTTPError) else str(error)
                time.sleep(1 + attempt)
        forge.end()
        raise BenchError(f"ContextForge did not take the upstream: {reason[:300]}")

    @staticmethod
    def _mint(folder: Path, environment: dict[str, str]) -> str:
        python = str(folder / "venv" / "bin" / "python")
        made = subprocess.run(
            [
                python,
                "-m",
                "mcpgateway.utils.create_jwt_token",
                "-u",
                "admin@example.com",
                "--admin",
                "-e",
                "600",
            ],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = made.stdout.split()
        if made.returncode or not lines:
            raise BenchError(f"ContextForge made no token: {made.stderr[-300:]}")
        return lines[-1]

    @staticmethod
    def _environment(folder: Path) -> dict[str, str]:
        """Its settings: what its start insists on, and nothing that would slow it down."""
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "DATABASE_URL": f"sqlite:///{folder}/mcp.db",
            "JWT_SECRET_KEY": "a-key-for-measuring-only-0123456789-abcdef",
            "AUTH_ENCRYPTION_SECRET": "a-salt-for-measuring-only-9876543210-fedcba",
            "PLATFORM_ADMIN_EMAIL": "admin@example.com",
            "PLATFORM_ADMIN_PASSWORD": "Only#Measured-2026",
            "DEFAULT_USER_PASSWORD": "Only#Measured-2026",
            "BASIC_AUTH_PASSWORD": "Only#Measured-2026",
            "LOG_LEVEL": "ERROR",
            "MCPGATEWAY_UI_ENABLED": "false",
            "MCPGATEWAY_ADMIN_API_ENABLED": "true",
            "PLUGINS_ENABLED": "false",
            "RATE_LIMITING_ENABLED": "false",
            "TOOL_RATE_LIMIT": "1000000000",
            "RATE_LIMIT_MEDIUM_RPM": "1000000000",
            "SSRF_ALLOW_LOCALHOST": "true",
            "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
        }

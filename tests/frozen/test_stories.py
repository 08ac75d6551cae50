"""Stories of tests/flows, told once more by the file: through its own door, with its own libraries, optimised."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import Cluster, cluster
from tests.fix_process import clean, sallyport
from tests.fix_server import Serve, Served
from tests.flows.test_database_roles import apart, test_site_serves_with_its_roles_apart
from tests.flows.test_sink_syslog import (
    test_rows_arrive_over_tls_with_a_client_certificate_as_structured_data,
)
from tests.flows.test_upgrade import restored, test_released_schema_is_upgraded_and_loses_nothing
from tests.flows.test_upstream_sign_in import test_token_that_a_server_repeats_reaches_nobody

pytestmark = [pytest.mark.slow, pytest.mark.frozen, pytest.mark.timeout(300)]
__all__ = [
    "apart",
    "restored",
    "test_released_schema_is_upgraded_and_loses_nothing",
    "test_rows_arrive_over_tls_with_a_client_certificate_as_structured_data",
    "test_site_serves_with_its_roles_apart",
    "test_token_that_a_server_repeats_reaches_nobody",
]


@pytest.fixture(autouse=True)
def frozen(bundle: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALLYPORT_TEST_FILE", str(bundle))
    monkeypatch.setenv("SALLYPORT_RUNTIME_DIR", str(runtime))


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as made:
        yield made


class ServedByFile(Served):
    """As tests know a server, but nothing of its inside: what is made is made by its command line."""

    def __init__(self, url: str, database: str, options: list[str]) -> None:
        self.url = url
        self.database = database
        self._options = options

    async def key(self, *roles: str, name: str = "robot", **members: Any) -> str:
        """A key of a new service account."""
        assert not members
        given = [word for role in roles for word in ("--role", role)]
        await asyncio.to_thread(self.run, "service", "create", name, *given)
        return json.loads(await asyncio.to_thread(self.run, "key", "create", name, "--json"))["token"]

    def run(self, *words: str) -> str:
        """A command on this site, to its end."""
        return self.alone(*words, *self._options)

    def alone(self, *words: str) -> str:
        """A command that needs no site."""
        done = subprocess.run(
            [*sallyport(), *words],
            env=clean(), capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def serve(database: str, tmp_path: Path) -> Iterator[Serve]:
    """Start the file: `await serve(profile_yaml)`; it ends with the test."""
    with ExitStack() as stack:

        async def start(profile: str = "", *, policy: str = "") -> Served:
            assert not policy
            listen = {"address": "127.0.0.1:0", "plain_http": "loopback", "drain": 1.0}
            whole = {"listen": listen, "database": {"url": database}} | (yaml.safe_load(profile) or {})
            path = tmp_path / "profile.yaml"
            path.write_text(json.dumps(whole), encoding="utf-8")
            options = ["--profile", str(path), "--data", str(tmp_path / "data")]
            url = await asyncio.to_thread(_started, options, tmp_path / "log", stack)
            return ServedByFile(url, database, options)

        yield start


def _started(options: list[str], log: Path, stack: ExitStack) -> str:
    """Serve until the stack ends; its address."""
    words = [*sallyport(), "serve", "--json", *options]
    with log.open("ab") as output:
        process = subprocess.Popen(words, env=clean(), stdout=subprocess.PIPE, stderr=output)
    stack.callback(_end, process)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, log.read_text()
    return json.loads(line)["url"]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()

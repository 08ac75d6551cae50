"""The process with the vendor's library: started when it is needed, ended after a failure, asked one thing at a time."""

import os
import selectors
import shutil
import subprocess
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec

from app.core.errors import SallyportError
from app.core.paths import resources
from app.extensions.pkcs11.uri import TokenUri

PATIENCE = 15.0
"""Seconds for one answer."""
_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")
_ANSWER_BYTES = 1024 * 1024
_KEPT = ("SOFTHSM2_CONF", "PATH", "HOME", "P11_KIT_SERVER_ADDRESS")
"""Variables that vendors' libraries are told things by; no loader or bundle variable is among them."""


class TokenError(SallyportError):
    """The token, its library or the host's Python is away or failed; nothing secret is in the text."""


class Token:
    """Blocking: ask it on a thread."""

    def __init__(self, uri: TokenUri) -> None:
        self.uri = uri
        self.starts = 0
        """Handles of objects hold for one start."""
        self._one = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._said = b""

    def ask(self, what: str, **more: Any) -> Any:
        """One question; TokenError whatever goes wrong, and then the next one starts a new process."""
        with self._one:
            if not self.alive:
                self._end()
                self._start()
            try:
                return self._exchange({"do": what, **more})
            except TokenError:
                self._end()
                raise

    @property
    def pid(self) -> int:
        """Of the process, 0 without one."""
        return self._process.pid if self._process is not None else 0

    @property
    def alive(self) -> bool:
        """Whether a process runs that was told the PIN."""
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        with self._one:
            self._end()

    def _start(self) -> None:
        python = next(
            (one for one in (*_PYTHONS, shutil.which("python3") or "") if os.access(one, os.X_OK)), ""
        )
        if not python:
            raise TokenError(
                "This host has no python3, which a token's library is loaded by.",
                remedy="Install the distribution's python3; no module is needed.",
            )
        script = resources() / "assets" / "pkcs11" / "host.py"
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._process = subprocess.Popen(
            [python, "-I", "-S", "-c", Path(script).read_text(encoding="utf-8")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
        )
        self._said = b""
        self.starts += 1
        try:
            pin = self.uri.pin()
            self._exchange({"module": self.uri.module, "token": self.uri.token, "pin": pin})
        except SallyportError:
            self._end()
            raise

    def _exchange(self, asked: dict[str, Any]) -> Any:
        process = self._process
        if process is None or process.stdin is None:
            raise self._failed("its process ended")
        try:
            process.stdin.write(msgspec.json.encode(asked) + b"\n")
            process.stdin.flush()
        except OSError:
            raise self._failed("its process ended") from None
        try:
            told = msgspec.json.decode(self._line(process), type=dict[str, Any])
        except msgspec.MsgspecError:
            raise self._failed("its process ended, or says nonsense") from None
        if "error" in told:
            raise self._failed(str(told["error"])[:200])
        return told.get("ok")

    def _line(self, process: subprocess.Popen[bytes]) -> bytes:
        stdout = process.stdout
        if stdout is None:
            return b""
        deadline = time.monotonic() + PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while b"\n" not in self._said:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise self._failed(f"no answer within {PATIENCE:g} seconds")
                chunk = os.read(stdout.fileno(), 65_536)
                if not chunk or len(self._said) > _ANSWER_BYTES:
                    return b""
                self._said += chunk
        line, _, self._said = self._said.partition(b"\n")
        return line

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _failed(self, why: str) -> TokenError:
        return TokenError(
            f"{self.uri.place[:1].upper()}{self.uri.place[1:]} cannot be used: {why}.",
            remedy="See that the device is there, and that library, token and PIN are those of the URI.",
        )


def text(data: bytes) -> str:
    """Bytes on their way there."""
    return b64encode(data).decode()

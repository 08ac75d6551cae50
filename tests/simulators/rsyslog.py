"""Debian's rsyslog, receiving over TCP or TLS and writing each message as one JSON line."""

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fix_server import free_port
from tests.simulators.authority import Authority

_CONFIG = """\
global(workDirectory="{folder}" maxMessageSize="128k"{tls})
module(load="imtcp"{driver})
template(name="line" type="list") {{
  constant(value="{{") property(name="pri" format="jsonf" outname="pri")
  constant(value=",") property(name="hostname" format="jsonf")
  constant(value=",") property(name="app-name" format="jsonf" outname="app")
  constant(value=",") property(name="msgid" format="jsonf")
  constant(value=",") property(name="structured-data" format="jsonf" outname="data")
  constant(value=",") property(name="msg" format="jsonf")
  constant(value="}}\\n")
}}
ruleset(name="all" queue.type="direct") {{ action(type="omfile" file="{out}" template="line") }}
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="all")
"""
_GLOBAL = (
    ' defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{ca}"'
    ' defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}"'
)
_DRIVER = ' streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/certvalid"'


class Rsyslog:
    """A daemon of its own; `authority` makes it speak TLS and ask for a client certificate of that authority."""

    def __init__(self, folder: Path, *, authority: Authority | None = None) -> None:
        self.program = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
        if not Path(self.program).exists():
            pytest.skip("no rsyslog on this machine (Debian: apt-get install rsyslog rsyslog-openssl)")
        if authority and not list(Path("/usr/lib").glob("*/rsyslog/lmnsd_ossl.so")):
            pytest.skip("rsyslog has no TLS here (Debian: apt-get install rsyslog-openssl)")
        folder.mkdir(parents=True)
        self.port = free_port()
        self.out = folder / "messages"
        self._folder = folder
        tls = ""
        if authority:
            certificate, key = authority.issue("rsyslog", "localhost", "127.0.0.1")
            tls = _GLOBAL.format(ca=authority.ca, certificate=certificate, key=key)
        self._config = folder / "rsyslog.conf"
        self._config.write_text(
            _CONFIG.format(
                folder=folder, tls=tls, driver=_DRIVER if authority else "", out=self.out, port=self.port
            )
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self.program, "-n", "-f", str(self._config), "-i", str(self._folder / "pid")],
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "errors").open("ab"),
        )

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=20)
            self._process = None

    def messages(self) -> list[dict[str, Any]]:
        """What it has written; a line that a killed daemon left half is passed by."""
        if not self.out.exists():
            return []
        found = []
        for line in self.out.read_bytes().split(b"\n")[:-1]:
            try:
                found.append(json.loads(line))
            except ValueError:
                time.sleep(0)
        return found

    def __enter__(self) -> "Rsyslog":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)

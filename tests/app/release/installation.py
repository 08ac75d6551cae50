"""A prefix, a site and a service in one folder, driven by the command line."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from app.core.clock import SystemClock
from app.release.journal import Journal
from app.release.place import Place
from tests.fix_command import run_forked
from tests.fix_process import clean, until
from tests.fix_server import free_port
from tests.media import Makers
from tests.simulators.systemctl import write_systemctl

ROOT = Path(__file__).resolve().parents[3]


class Installation:
    """`prefix`, `data` and `units` below one folder."""

    def __init__(self, folder: Path, makers: Makers) -> None:
        self.folder, self.makers = folder, makers
        self.prefix, self.data, self.units = folder / "prefix", folder / "data", folder / "systemd"
        self.data.mkdir()
        self.units.mkdir()
        write_systemctl(self.units)
        self.port = free_port()
        (self.data / "site.json").write_text(json.dumps({"schema": 1, "starts": [], "rows": 7}))
        (self.data / "profile.yaml").write_text(
            f"listen: {{address: '127.0.0.1:{self.port}', plain_http: loopback}}\n"
        )
        self.keyset = makers.write_keyset(folder / "keyset.json")
        self.place = Place(self.prefix)

    def medium(self, number: int, **members: Any) -> Path:
        """A medium of the makers."""
        return self.makers.release(
            self.folder / f"medium-{number}-{len(list(self.folder.iterdir()))}", number, **members
        )

    def install(self, *words: str) -> None:
        """Install release 1 and start it."""
        given = ("--medium", str(self.medium(1)), "--keyset", str(self.keyset), "--data", str(self.data))
        done = self.run("install", *given, "--units", str(self.units), "--user", "root", *words)
        assert done.returncode == 0, done.stderr
        self.boot()

    def run(self, *words: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
        """A command line to its end: in a forked child, or as a program of its own where it is to die."""
        words = (*words, "--prefix", str(self.prefix))
        if not crash_at:
            ended = run_forked(words, out=self.folder / "out", err=self.folder / "err")
            return subprocess.CompletedProcess(words, ended.code, ended.out, ended.err)
        return subprocess.run(
            [sys.executable, "-m", "app", *words],
            cwd=ROOT,
            env=clean() | {"SALLYPORT_CRASH_AT": crash_at},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def apply(
        self, medium: Path, *, seconds: float = 60, crash_at: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """`update apply`."""
        return self.run("update", "apply", str(medium), "--seconds", str(seconds), crash_at=crash_at)

    def boot(self) -> None:
        """What the host does when it starts: the service, and nothing else."""
        subprocess.run([self.units / "systemctl", "restart", "sallyport.service"], check=True)
        until(lambda: self.answering() or not self.running(), 60)

    def running(self) -> bool:
        """Whether the process of the service is there."""
        file = self.units / "pid"
        return file.exists() and Path(f"/proc/{file.read_text()}/exe").exists()

    def answering(self) -> str:
        """The version that answers on the site's port, ready or not; empty when nothing does."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return answer.headers["X-Version"]
        except urllib.error.HTTPError as error:
            return error.headers["X-Version"]
        except OSError:
            return ""

    def serving(self) -> str:
        """Wait for a version to answer."""
        return until(self.answering, 60)

    @property
    def site(self) -> dict[str, Any]:
        """What the fake has for a database."""
        return json.loads((self.data / "site.json").read_text())

    def steps(self) -> list[str]:
        """The journal."""
        return [step.step for step in Journal(self.place.journal, SystemClock()).steps()]

    def current(self) -> str:
        """The version that `current` leads to."""
        return self.place.release(self.place.linked("current")).version

    def end(self) -> None:
        """Stop what runs."""
        subprocess.run([self.units / "systemctl", "stop", "sallyport.service"], check=True)

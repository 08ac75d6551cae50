"""A prefix, a site and a service manager for real files, as a host has them."""

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from app.core.paths import resources
from app.release.manifest import Schema
from app.release.service import serving_program
from tests.fix_process import until
from tests.fix_server import free_port
from tests.frozen.refit import other_build
from tests.media import Makers
from tests.simulators.systemctl import write_systemctl

SCHEMAS = len(list((resources() / "migrations").glob("*.sql")))


class Host:
    """A prefix, a site and a service manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prefix, self.data, self.units = folder / "prefix", folder / "data", folder / "systemd"
        self.units.mkdir()
        self.data.mkdir()
        write_systemctl(self.units)
        self.address = f"127.0.0.1:{free_port()}"
        (self.data / "profile.yaml").write_text(
            f"listen: {{address: '{self.address}', plain_http: loopback}}\n"
        )
        self.environment = {"PATH": f"{self.units}:/usr/bin:/bin", "HOME": str(folder)}
        where = {"--prefix": self.prefix, "--data": self.data, "--units": self.units, "--user": "root"}
        self.where = [str(word) for pair in where.items() for word in pair]

    def run(self, program: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of some file to its end."""
        return subprocess.run(
            [program, *words], env=self.environment, capture_output=True, text=True, timeout=110, check=False
        )

    def install(self, medium: Path, keyset: Path) -> None:
        """Install the file of a medium and let it serve."""
        given = ("--medium", str(medium), "--keyset", str(keyset))
        done = self.run(medium / "sallyport", "install", *given, *self.where)
        assert done.returncode == 0, done.stderr
        self.systemctl("restart", "sallyport.service")
        until(self.ready, 60)

    def installed(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the installed file."""
        return self.run(self.prefix / "bin" / "sallyport", *words)

    def systemctl(self, *words: str) -> None:
        """As people and updates do."""
        subprocess.run([self.units / "systemctl", *words], env=self.environment, check=True)

    def serving(self) -> str:
        """The version whose program serves."""
        program = until(lambda: serving_program(self.data), 60)
        assert program.is_relative_to(self.prefix / "releases"), program
        return program.relative_to(self.prefix / "releases").parts[0].split("-")[0]

    def ready(self) -> bool:
        """Whether the server says so."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def status(self) -> dict[str, Any]:
        """`update status`."""
        return json.loads(self.installed("update", "status", "--json").stdout)

    def steps(self) -> list[str]:
        """The journal."""
        return [step["step"] for step in self.status()["journal"]]

    def log(self) -> str:
        """What the servers said."""
        return (self.units / "log").read_text()


def medium(
    makers: Makers, folder: Path, number: int, *, bundle: Path, version: str, **migrations: str
) -> Path:
    """A signed medium with the bundle under another version, and with more migrations."""
    folder.mkdir()
    other_build(bundle, folder / "sallyport", version, **migrations)
    schema = Schema(first=1, last=SCHEMAS + len(migrations))
    makers.list_files(folder, number, version=version, schema=schema)
    makers.sign(folder)
    return folder

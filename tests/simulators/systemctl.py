"""A stand-in for systemd: `systemctl` that starts and stops the ExecStart of a unit in the folder where it stands."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path


def write_systemctl(folder: Path) -> Path:
    """Put `systemctl` into a folder, which also gets the units."""
    path = folder / "systemctl"
    text = Path(__file__).read_text(encoding="utf-8")
    path.write_text(f"#!{sys.executable}\n{text}\nmain(sys.argv[1:])\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def main(words: list[str]) -> None:
    """The verbs that an installation uses."""
    words = [word for word in words if not word.startswith("--")]
    folder = Path(__file__).parent
    with (folder / "calls").open("a") as calls:
        calls.write(" ".join(words) + "\n")
    if words[0] in ("stop", "restart", "disable"):
        stop(folder)
    if words[0] in ("start", "restart"):
        start(folder, folder / words[1])


def stop(folder: Path) -> None:
    """End the server and wait for it."""
    file = folder / "pid"
    if not file.exists():
        return
    pid = int(file.read_text())
    file.unlink()
    try:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
            os.kill(pid, 0)
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
    except (ProcessLookupError, FileNotFoundError):
        pass


def start(folder: Path, unit: Path) -> None:
    """Start the server and leave it alone."""
    (line,) = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            shlex.split(line.removeprefix("ExecStart=")),
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / "pid").write_text(str(process.pid))

"""`scripts/bench start`: size, start and memory of the one file, and what each consists of.

Times by stage come from strace, which is told to look at few calls only; the totals beside them are measured without.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tests.bench.bench_bundle import BUNDLE, ROOT, figures, served

SHOWN = 14
_CALL = re.compile(r"^(\d+) +(\d+\.\d+) (\w+)\((.*)$")


def main() -> int:
    """Print the tables; 1 when a figure is over its target."""
    measured = figures(quick="--quick" in sys.argv[1:])
    over = [entry for entry in measured if entry["value"] > entry["target"]]
    _say("| | value | target | |\n|---|---:|---:|---|")
    for entry in measured:
        verdict = "**over**" if entry in over else "met"
        _say(
            f"| {entry['metric'].removeprefix('bundle: ')} | {entry['value']:g} | {entry['target']:g} | {verdict} |"
        )
    _say("\nThe file, by part (compressed one by one, so the shares count):\n")
    _table(_parts())
    folder = Path(tempfile.mkdtemp(prefix="sp-bench-"))
    folder.chmod(0o755)
    try:
        environment = {"PATH": "/usr/bin:/bin", "SALLYPORT_RUNTIME_DIR": str(folder / "rt")}
        with served(folder / "site", environment):
            pass
        _say("\nFrom exec to ready, with strace looking on:\n")
        _table(_stages(folder, environment))
        _say("\nMemory when idle, kB (resident; of which private and written to):\n")
        _table(_memory(folder, environment))
    finally:
        shutil.rmtree(folder)
    _say("\nWhat is imported, with the source of this checkout and its Python, by package:\n")
    _table(_imports())
    return 1 if over else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _table(rows: Iterator[tuple[str, str]]) -> None:
    for name, value in rows:
        _say(f"  {value:>28}  {name}")


def _parts() -> Iterator[tuple[str, str]]:
    facts = json.loads((ROOT / "dist" / "facts.json").read_text())
    total = sum(part["compressed"] for part in facts["parts"])
    for part in facts["parts"][:SHOWN]:
        share = 100 * part["compressed"] / total
        yield part["part"], f"{share:.1f} %, {part['bytes'] / 1e6:.1f} MB unpacked"
    rest = sum(part["compressed"] for part in facts["parts"][SHOWN:])
    yield f"{len(facts['parts'][SHOWN:])} others", f"{100 * rest / total:.1f} %"


def _stages(folder: Path, environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Milliseconds between the marks that the system calls of one start leave."""
    if shutil.which("strace") is None:
        yield "strace is not here", "-"
        return
    trace = folder / "trace"
    looking = (
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-ttt",
        "-s",
        "200",
        "-e",
        "trace=execve,connect,listen,accept4",
    )
    with served(folder / "site", environment, before=(*looking, "-o", str(trace))):
        pass
    marks = _marks(trace.read_text().splitlines())
    for (_, begin), (name, end) in pairwise(marks):
        yield name, f"{(end - begin) * 1000:.0f} ms"
    yield "all of it", f"{(marks[-1][1] - marks[0][1]) * 1000:.0f} ms"


def _marks(lines: list[str]) -> list[tuple[str, float]]:
    """The first call of each kind, in order."""
    wanted = [
        ("begin", "execve", str(BUNDLE)),
        ("launcher: choose a folder, look whether all is there", "execve", "/sallyport"),
        ("Python, and what must be imported before the database is started", "execve", "/bin/postgres"),
        (
            "rooms and doors are imported, PostgreSQL starts meanwhile: until its first answer",
            "connect",
            " = 0",
        ),
        ("schema, record, keys, policies, identities, seal: until the door opens", "listen", "1024"),
    ]
    found: list[tuple[str, float]] = []
    for line in lines:
        if len(found) == len(wanted):
            break
        name, call, text = wanted[len(found)]
        match = _CALL.match(line)
        if match and match[3] == call and text in match[4] and ("PGSQL" in line or call != "connect"):
            found.append((name, float(match[2])))
    return found


def _memory(folder: Path, environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    resident: dict[str, int] = defaultdict(int)
    written: dict[str, int] = defaultdict(int)
    with served(folder / "site", environment) as process:
        time.sleep(1.0)
        place = ""
        for line in Path(f"/proc/{process.pid}/smaps").read_text().splitlines():
            name, _, value = line.partition(":")
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                place = Path(line.split()[-1]).name if "/" in line else "heap and other anonymous memory"
            elif name == "Rss":
                resident[place] += int(value.split()[0])
            elif name == "Private_Dirty":
                written[place] += int(value.split()[0])
    for place, size in sorted(resident.items(), key=lambda item: -item[1])[:SHOWN]:
        yield place, f"{size} ({written[place]})"
    yield "all of it", f"{sum(resident.values())} ({sum(written.values())})"


def _imports() -> Iterator[tuple[str, str]]:
    """`-X importtime` of five runs, of each module the fastest, because other work disturbs single ones."""
    code = "from app.core.lean import enter; enter(); import app.cli.serve, app.server.serve as s; s._import_site()"
    best: dict[str, int] = {}
    for _ in range(5):
        command = [sys.executable, "-OO", "-X", "importtime", "-c", code]
        said = subprocess.run(
            command, cwd=ROOT, check=True, capture_output=True, text=True, env=dict(os.environ)
        ).stderr
        for spent, name in re.findall(r"import time: +(\d+) \| +\d+ \| +(\S+)", said):
            best[name] = min(best.get(name, int(spent)), int(spent))
    packages: dict[str, int] = defaultdict(int)
    for name, spent in best.items():
        parts = name.split(".")
        packages[".".join(parts[:2]) if parts[0] == "app" else parts[0]] += spent
    for package, spent in sorted(packages.items(), key=lambda item: -item[1])[:SHOWN]:
        yield package, f"{spent / 1000:.1f} ms"
    yield f"{len(best)} modules", f"{sum(best.values()) / 1000:.0f} ms"


if __name__ == "__main__":
    sys.exit(main())

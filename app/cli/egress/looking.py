"""The parts of `egress verify` in their order: try, find the server, watch it, ask which other layers there are."""

import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

from app.cli.egress.show import known_places, unbound
from app.cli.egress.verdict import Layer, Report, judged
from app.config import Profile
from app.core.errors import ConfigError, SallyportError
from app.egress.sandbox.offered import offered
from app.egress.watching import attempts, find_server, listening_on, watch
from app.egress.watching.processes import filtered
from app.server.host.asking import Ask, asked
from app.server.process import all_places

_TABLE = ("inet", "sallyport_egress")


def looked(profile: Profile, folder: Path, *, seconds: float, against: str, alone: bool) -> Report:
    """ConfigError when no server runs here."""
    server = _server(folder, against)
    # First of all, before anything here makes a thread.
    tried = attempts(all_places(profile), kernel=profile.egress.enforce != "off")
    # The resolver is asked before the capture begins.
    found = known_places(profile, resolve=True)
    watched = watch(
        server,
        places=found,
        seconds=seconds,
        grants=bool(unbound(profile)),
        alone=alone,
        now=time.monotonic,
    )
    others = [_running(profile, folder, server), _programs(), _packet_filter()]
    return judged(watched, tried, others, server=server, seconds=seconds)


def _server(folder: Path, against: str) -> int:
    if against:
        parts = urlsplit(against)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
        found, where = listening_on(port), against
    else:
        found, where = find_server(folder), str(folder)
    if found is None:
        raise ConfigError(
            f"No running server can be seen for {where}.",
            remedy="Start it, and run this on its host, as root or as the user that serves.",
        )
    return found


def _running(profile: Profile, folder: Path, server: int) -> Layer:
    """Whether the server that runs now is held: what it says, and what the kernel says of it."""
    name = "kernel: the running server"
    if profile.egress.enforce == "off":
        return Layer(name=name, state="absent", how="egress.enforce is off")
    try:
        told = asked(folder, Ask(ask="egress"))
    except SallyportError as error:
        return Layer(name=name, state="absent", how=f"it cannot be asked: {error}")
    said = ", ".join(f"{measure} ({how})" for measure, how in told.held.items()) if told is not None else ""
    if not filtered(server):
        return Layer(name=name, state="broken" if said else "absent", how="no filter holds its process")
    return Layer(name=name, state="present", how=said or "a filter; it cannot be asked which")


def _programs() -> Layer:
    """A program without grants, confined here and now."""
    level, name = offered(), "tool programs without a grant"
    if "network" in level.on:
        return Layer(name=name, state="verified", how=level.on["network"])
    return Layer(name=name, state="absent", how=level.off.get("network", "cannot be confined"))


def _packet_filter() -> Layer:
    name = "nftables"
    tool = shutil.which("nft", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if tool is None:
        return Layer(name=name, state="absent", how="nft is not installed")
    done = subprocess.run([tool, "list", "table", *_TABLE], capture_output=True, text=True, check=False)
    if done.returncode:
        why = done.stderr.strip().splitlines()
        return Layer(name=name, state="absent", how=f"no table {_TABLE[1]} ({why[0] if why else 'unknown'})")
    rules = sum(" accept" in line or " drop" in line for line in done.stdout.splitlines())
    return Layer(name=name, state="present", how=f"table {_TABLE[1]} with {rules} rules; loaded, not tried")

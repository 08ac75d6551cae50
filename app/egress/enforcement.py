"""The kernel's hold on this very process: asked for once, before any thread, and inherited by all that it starts.

A tool program with `network: true` must not inherit it, and one with a port is reached in a network of its own: both
need a thread that was made before (outside.py).
"""

import os
from collections.abc import Iterable, Mapping

import msgspec

from app.config.schema import Profile
from app.config.tools import McpServer
from app.confined import outward
from app.core.errors import ConfigError
from app.egress.destinations import Destination
from app.egress.outside import Outside
from app.egress.rules.place import nameless

MEASURES = ("ports", "sockets", "datagrams")


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel refuses this process, by measure, and what it does not, with the reason."""

    on: Mapping[str, str] = {}
    off: Mapping[str, str] = {}
    outside: Outside | None = None
    """For programs that may use the network or have a port; None where there were none, or nothing is held."""
    ports: frozenset[int] = frozenset()
    """What it may connect to, where ports are held."""

    def gives(self, places: Iterable[Destination]) -> bool:
        """Whether these places can be reached from inside."""
        ports, names = wanted(places)
        return not ("ports" in self.on and set(ports) - self.ports) and not ("datagrams" in self.on and names)

    @property
    def text(self) -> str:
        """In one line, for logs."""
        held = ", ".join(f"{name} ({how})" for name, how in self.on.items()) or "nothing"
        missing = "; ".join(f"no {name}: {why}" for name, why in self.off.items())
        return held + (f"; {missing}" if missing else "")


def wanted(places: Iterable[Destination]) -> tuple[list[int], bool]:
    """The TCP ports and whether UDP is needed: a name that is not in /etc/hosts is asked for at port 53."""
    found = list(places)
    ports, names = {place.port for place in found}, not nameless(found)
    return sorted(ports | ({53} if names else set())), names


def enforce(profile: Profile, places: Iterable[Destination]) -> Held:
    """Hold this process to these places; ConfigError when the profile requires what the host does not give."""
    mode = profile.egress.enforce
    if mode == "off":
        return Held(off=dict.fromkeys(MEASURES, "egress.enforce is off"))
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - names only
        return _lacking(mode, Held(off=dict.fromkeys(MEASURES, "a thread was there already")))
    ports, names = wanted(places)
    outside = Outside() if any(map(needs_outside, profile.mcp.servers.values())) else None
    on, off = outward.hold(ports, datagrams=names)
    return _lacking(mode, Held(on=on, off=off, outside=outside, ports=frozenset(ports)))


def needs_outside(entry: McpServer) -> bool:
    """Whether a tool program may use the network, or is spoken to on a port of its own network."""
    return bool(entry.command) and (entry.network or entry.transport == "http")


def _lacking(mode: str, held: Held) -> Held:
    """UDP may be missing because the profile needs it; anything else is missing for want of a kernel that can."""
    missing = [name for name in held.off if name != "datagrams" or "ports" not in held.on]
    if mode == "required" and missing:
        why = "; ".join(f"{name}: {held.off[name]}" for name in missing)
        raise ConfigError(
            f"egress.enforce is required, and this host does not give it ({why}).",
            remedy="Use a kernel of 6.7 or newer with Landlock switched on, or write egress.enforce: auto.",
        )
    return held

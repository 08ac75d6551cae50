"""Watch a running site for some seconds: its sockets again and again, and every packet where that is allowed."""

import ipaddress
import select
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import msgspec

from app.egress.rules.place import Place
from app.egress.watching import sockets
from app.egress.watching.packets import Capture, Packet
from app.egress.watching.processes import Process, enter_network, tree

_PAUSE = 0.05
_MOST = 1000
"""Different sightings that are kept."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's way out: `by` is what saw it, `process` whose it is as far as that is known."""

    by: str
    process: str
    transport: str
    address: str
    port: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A sighting and how often it was made."""

    sighting: Sighting
    count: int


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen: to declared places, by programs that may use the network, of unknown owners, and what must not be."""

    processes: int
    apart: int
    """Processes in a network of their own, from which nothing can leave."""
    samples: int
    packets: int
    """Packets of all kinds that the capture saw; 0 without one."""
    lost: int
    capture: str
    """Why there was no capture; empty when there was."""
    declared: list[Seen]
    granted: list[Seen]
    unknown: list[Seen]
    undeclared: list[Seen]


class _Notes:
    def __init__(self) -> None:
        self.declared: Counter[Sighting] = Counter()
        self.granted: Counter[Sighting] = Counter()
        self.unknown: Counter[Sighting] = Counter()
        self.undeclared: Counter[Sighting] = Counter()

    def add(self, kind: Counter[Sighting], sighting: Sighting) -> None:
        if sighting in kind or len(kind) < _MOST:
            kind[sighting] += 1


class _Watch:
    """One run; `network` names the server's network namespace."""

    def __init__(self, server: int, *, places: Sequence[Place], grants: bool, alone: bool) -> None:
        self.notes = _Notes()
        self.processes: list[Process] = []
        self.apart: set[int] = set()
        self._server = server
        self._grants = grants
        self._alone = alone
        self._allowed = {
            (place.transport, address, place.port) for place in places for address in place.addresses
        }
        self._owners: dict[tuple[str, int], Process | None] = {}
        self._counted: set[int] = set()

    def sample(self) -> None:
        """Look at the processes and their sockets once."""
        self.processes = tree(self._server)
        main = next((one.network for one in self.processes if one.main), "")
        here = [one for one in self.processes if one.network == main]
        self.apart |= {one.pid for one in self.processes if one.network != main}
        if not here:
            return
        owner = {inode: process for process in here for inode in sockets.inodes(process.pid)}
        table = sockets.table(self._server)
        listening = {one.local_port for one in table if one.listening}
        for one in table:
            key = (one.transport, one.local_port)
            process = owner.get(one.inode)
            # What was ours stays ours for packets that are read after the socket is gone.
            if process is not None or key not in self._owners:
                self._owners[key] = process
            if process is not None and not one.listening:
                self._judge_socket(one, process, inbound=one.local_port in listening)

    def packet(self, packet: Packet) -> None:
        """Judge one that left."""
        key = (packet.transport, packet.source_port)
        if key not in self._owners:
            self.sample()
        sighting = _sighting(
            "packet", self._owners.get(key), packet.transport, packet.target, packet.target_port
        )
        if (packet.transport, packet.target, packet.target_port) in self._allowed:
            self.notes.add(self.notes.declared, sighting)
        elif key not in self._owners or (self._owners[key] is None and self._alone):
            self.notes.add(self.notes.undeclared if self._alone else self.notes.unknown, sighting)
        elif (process := self._owners[key]) is not None:
            self.notes.add(self.notes.granted if self._may(process) else self.notes.undeclared, sighting)

    def _judge_socket(self, one: sockets.Socket, process: Process, *, inbound: bool) -> None:
        if one.transport == "tcp" and (inbound or not one.peer):
            return
        sighting = _sighting("socket", process, one.transport, one.peer, one.peer_port)
        if (one.transport, one.peer, one.peer_port) in self._allowed or self._sorts(one):
            if one.inode not in self._counted:
                self.notes.add(self.notes.declared, sighting)
        else:
            self.notes.add(self.notes.granted if self._may(process) else self.notes.undeclared, sighting)
        self._counted.add(one.inode)

    def _sorts(self, one: sockets.Socket) -> bool:
        """The C library connects a UDP socket to each address of a name to order them (RFC 6724), and sends nothing."""
        return one.transport == "udp" and any(address == one.peer for _, address, _ in self._allowed)

    def _may(self, process: Process) -> bool:
        """Whether it is a tool program in the host's network, which only a grant of the profile can have put there."""
        return self._grants and not process.main and process.name != "postgres"


def watch(
    server: int,
    *,
    places: Sequence[Place],
    seconds: float,
    grants: bool,
    alone: bool,
    now: Callable[[], float],
) -> Watched:
    """Watch until `seconds` are over or the server ends.

    `grants`: the profile lets tool programs use the network. `alone`: nothing else runs in this network, so that a
    packet whose owner cannot be told is the site's.
    """
    run = _Watch(server, places=places, grants=grants, alone=alone)
    samples, why = 0, ""
    capture: Capture | None = None
    with ExitStack() as stack:
        try:
            if not enter_network(server):
                raise PermissionError(1, "the server has a network of its own")
            capture = stack.enter_context(Capture())
        except OSError as error:
            why = f"packets cannot be watched ({error.strerror}): run it as root"
        end = now() + seconds
        while now() < end:
            run.sample()
            samples += 1
            if not run.processes:
                break
            select.select([capture] if capture else [], [], [], _PAUSE)
            for packet in capture.outgoing() if capture else ():
                run.packet(packet)
    return Watched(
        processes=len(run.processes),
        apart=len(run.apart),
        samples=samples,
        packets=capture.seen if capture else 0,
        lost=capture.lost if capture else 0,
        capture=why,
        declared=_listed(run.notes.declared),
        granted=_listed(run.notes.granted),
        unknown=_listed(run.notes.unknown),
        undeclared=_listed(run.notes.undeclared),
    )


def _sighting(by: str, process: Process | None, transport: str, address: str, port: int) -> Sighting:
    whose = f"{process.name} ({process.pid})" if process is not None else ""
    return Sighting(by=by, process=whose, transport=transport, address=address or "any", port=port)


def _listed(notes: Counter[Sighting]) -> list[Seen]:
    ordered = sorted(notes.items(), key=lambda one: (-one[1], _order(one[0])))
    return [Seen(sighting=sighting, count=count) for sighting, count in ordered]


def _order(sighting: Sighting) -> tuple[str, bytes, int]:
    try:
        packed = ipaddress.ip_address(sighting.address).packed
    except ValueError:
        packed = b""
    return sighting.transport, packed, sighting.port

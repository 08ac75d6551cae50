"""What must be refused, tried in a child that holds itself as `serve` does: nothing of it reaches the network.

Connections are tried to a listener of ours on loopback, so that one that is not refused does no harm and is seen.
"""

import json
import logging
import os
import socket
from collections.abc import Callable, Iterable

import msgspec

from app.confined import outward
from app.core.errors import EgressError
from app.egress.destinations import Destination, Destinations
from app.egress.enforcement import wanted
from app.egress.guard import Guard

_NOBODY = "sallyport-egress-check.invalid"
"""A name that cannot exist (RFC 6761)."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try: `refused` is what has to be, `how` says by what."""

    layer: str
    what: str
    refused: bool
    how: str
    offered: bool = True
    """False where this host or profile has no such layer."""


def attempts(places: Iterable[Destination], *, kernel: bool) -> list[Attempt]:
    """Try them all against the guard, and with `kernel` also with the guard silent; call it before any thread."""
    declared = list(places)
    with _listener({place.port for place in declared}) as listener:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            _be_child(declared, listener.getsockname()[1], writing, kernel=kernel)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read(64 * 1024)
        os.waitpid(child, 0)
    try:
        return [Attempt(**one) for one in json.loads(said)]
    except ValueError:
        return [
            Attempt(layer="kernel", what="a child that tries", refused=False, how="it ended without a word")
        ]


def _listener(declared: set[int]) -> socket.socket:
    """At a port of loopback that the profile does not name."""
    while True:
        listener = socket.create_server(("127.0.0.1", 0))
        if listener.getsockname()[1] not in declared:
            return listener
        listener.close()


def _be_child(declared: list[Destination], port: int, pipe: int, *, kernel: bool) -> None:
    """The child's whole life."""
    code = 1
    logging.disable()
    try:
        found = _by_guard(declared, port)
        if kernel:
            found += _by_kernel(declared, port)
        os.write(pipe, json.dumps(found).encode())
        code = 0
    finally:
        os._exit(code)


def _by_guard(declared: list[Destination], port: int) -> list[dict[str, object]]:
    guard = Guard(Destinations(declared))
    with guard.watching():
        return [
            _tried(
                "guard", "a TCP connection", lambda: socket.create_connection(("127.0.0.1", port), 5).close()
            ),
            _tried("guard", "a datagram", lambda: _datagram().sendto(b"x", ("127.0.0.1", port))),
            _tried("guard", "a question to a name server", lambda: socket.getaddrinfo(_NOBODY, 443)),
        ]


def _by_kernel(declared: list[Destination], port: int) -> list[dict[str, object]]:
    ports, names = wanted(declared)
    on, off = outward.hold(ports, datagrams=names)
    tries: list[tuple[str, str, Callable[[], object]]] = [
        ("ports", "a TCP connection", lambda: socket.create_connection(("127.0.0.1", port), 5).close()),
        ("sockets", "a raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()),
        ("sockets", "a packet socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()),
        ("sockets", "a vsock socket", lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()),
        ("datagrams", "a datagram", lambda: _datagram().close()),
        # With UDP left to the resolver this question would be asked.
        ("datagrams", "a question to a name server", lambda: socket.getaddrinfo(_NOBODY, 443)),
    ]
    return [
        _tried("kernel", what, how, on[measure]) if measure in on else _missing(what, off.get(measure, ""))
        for measure, what, how in tries
    ]


def _tried(layer: str, what: str, attempt: Callable[[], object], how: str = "") -> dict[str, object]:
    try:
        attempt()
    except EgressError as error:
        return {"layer": layer, "what": what, "refused": True, "how": error.message}
    except OSError as error:
        refused = layer == "kernel"
        return {"layer": layer, "what": what, "refused": refused, "how": f"{how}: {error.strerror or error}"}
    return {"layer": layer, "what": what, "refused": False, "how": "it went through"}


def _missing(what: str, why: str) -> dict[str, object]:
    return {"layer": "kernel", "what": what, "refused": False, "how": why or "not held", "offered": False}


def _datagram() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

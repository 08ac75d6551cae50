"""What is asked of the stub and what it answers: JSON through two pipes, so that no secret is an argument."""

import json
import os
from typing import Any, NamedTuple

_CHUNK = 65_536
_MOST = 4 * 1024 * 1024
"""Bytes of an order; environments beyond this cannot be executed anyway."""

MEASURES = (
    "user",
    "privileges",
    "parent",
    "descriptors",
    "group",
    "limits",
    "cgroup",
    "files",
    "network",
    "processes",
    "hidden",
    "signals",
    "syscalls",
)
"""Every measure by name, in the order in which people read them."""


class Order(NamedTuple):
    """Numbers of -1 mean: leave it as it is."""

    command: list[str]
    environment: dict[str, str]
    folder: str
    home: str
    hide: str
    """The data folder: only `home`, and what `read` and `write` name, can be seen in it."""
    read: list[str]
    write: list[str]
    network: bool
    user: int
    group: int
    limits: dict[str, int]
    """Names of `resource.RLIMIT_…` in lower case, and their values."""
    cgroup: str
    """Folder of a control group made for it, or empty."""
    required: list[str]
    """Measures without which it must not start."""
    parent: int
    port: int = 0
    """The TCP port that it serves, 0 for a program without one."""
    channel: int = -1
    """Descriptor of a unix socket: sockets made in the program's own network go out through it."""


def read_order(descriptor: int) -> Order:
    """From the pipe, until its end."""
    data = b""
    while chunk := os.read(descriptor, _CHUNK):
        data += chunk
        if len(data) > _MOST:
            raise ValueError("The order is too long.")
    os.close(descriptor)
    return Order(**json.loads(data))


def written(order: Order) -> bytes:
    """As it goes into the pipe."""
    return json.dumps(order._asdict()).encode()


def program_path(order: Order) -> str:
    """Where the command is, as a shell would find it; empty when it is nowhere."""
    name = order.command[0]
    if "/" in name:
        return os.path.join(order.folder, name)  # noqa: PTH118 - pathlib is slow to import
    for folder in order.environment.get("PATH", "").split(":"):
        path = os.path.join(folder, name)  # noqa: PTH118
        if folder and os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112
            return path
    return ""


class Report:
    """What was reached: each measure on, or off with the reason; one line for each thing that is said."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.on: dict[str, str] = {}
        self.off: dict[str, str] = {}

    def reached(self, measure: str, how: str = "") -> None:
        """The measure holds."""
        self.on[measure] = how

    def missed(self, measure: str, why: str) -> None:
        """This host, or this configuration, does not offer it."""
        self.off[measure] = why

    def say(self, **what: Any) -> None:
        """One line; an error when nobody reads it any more: then nothing may be started."""
        os.write(self.descriptor, json.dumps(what).encode() + b"\n")

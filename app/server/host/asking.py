"""The other end of the control socket: what commands send to the running server, and its answer. It imports little."""

import socket
from pathlib import Path
from typing import Any

import msgspec

from app.core.errors import ConfigError, SallyportError

SECONDS = 10.0
_LIMIT = 16 * 1024 * 1024
_PIECE = 64 * 1024


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request."""

    ask: str
    name: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to what was asked, or an error with its remedy."""

    servers: list[Any] = []
    """Of `app.api.tools.ToolServer`; here as plain values, because to import that imports the whole API."""
    held: dict[str, str] = {}
    """What the kernel refuses the server, by measure."""
    missing: dict[str, str] = {}
    changed: list[str] = []
    waiting: list[str] = []
    opened: list[str] = []
    closed: list[str] = []
    error: str = ""
    remedy: str = ""


def control_path(folder: Path) -> Path:
    """Where the socket of a data folder is."""
    return folder / "control"


def asked(folder: Path, request: Ask) -> Told | None:
    """What the running server says; None when none runs for this folder, ConfigError when it may not be asked."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(SECONDS)
        try:
            sock.connect(str(control_path(folder)))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise ConfigError(
                f"The server of {folder} cannot be asked ({error.strerror or error}).",
                remedy="Run this as the user that serves.",
            ) from None
        line = _line(sock, msgspec.json.encode(request) + b"\n")
    if not line.endswith(b"\n"):
        raise SallyportError("The running server did not answer.", remedy="See its log.")
    told = msgspec.json.decode(line, type=Told)
    if told.error:
        raise SallyportError(told.error, remedy=told.remedy)
    return told


def _line(sock: socket.socket, request: bytes) -> bytes:
    """Everything up to the end of the line, or what came before the server went."""
    pieces: list[bytes] = []
    try:
        sock.sendall(request)
        while sum(map(len, pieces)) < _LIMIT and (piece := sock.recv(_PIECE)):
            pieces.append(piece)
            if piece.endswith(b"\n"):
                break
    except (TimeoutError, ConnectionError):
        return b""
    return b"".join(pieces)

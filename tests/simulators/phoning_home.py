"""Sallyport with code inside that phones home: `python -m tests.simulators.phoning_home PORT FILE serve …`.

At SIGUSR1 it connects to PORT of loopback, by Python and by C, as an extension or a library might, keeps what it got,
and writes into FILE what became of each way.
"""

import ctypes
import json
import os
import signal
import socket
import struct
import sys
import threading
from pathlib import Path

from app.cli import main
from app.core.errors import SallyportError

KEPT: list[object] = []


def by_python(port: int) -> str:
    try:
        KEPT.append(socket.create_connection(("127.0.0.1", port), timeout=10))
    except (SallyportError, OSError) as error:
        return type(error).__name__
    return "connected"


def by_c(port: int) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    sock = libc.socket(2, 1, 0)
    place = struct.pack("=HH4s8x", 2, socket.htons(port), socket.inet_aton("127.0.0.1"))
    if libc.connect(sock, place, len(place)):
        return os.strerror(ctypes.get_errno())
    return "connected"


def phone_home(port: int, said: Path) -> None:
    found = {"python": by_python(port), "c": by_c(port)}
    fresh = said.with_suffix(".new")
    fresh.write_text(json.dumps(found), encoding="utf-8")
    fresh.replace(said)


if __name__ == "__main__":
    port, said, words = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    signal.signal(
        signal.SIGUSR1, lambda *_: threading.Thread(target=phone_home, args=(port, said), daemon=True).start()
    )
    sys.exit(main(words))

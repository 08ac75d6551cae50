"""A signing device: a process with keys of its own, asked over a Unix socket; no answer of it holds a private key.

python -m tests.simulators.signing_device SOCKET ALGORITHM…   (an algorithm given twice: two keys of that kind)
"""

import json
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from app.extensions import RecordKey

_MAKE = {"ed25519": Ed25519PrivateKey.generate, "ml-dsa-44": MLDSA44PrivateKey.generate}
ROOT = Path(__file__).resolve().parent.parent.parent


class Remote:
    """The RecordSigner of an extension: it knows the socket and nothing else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def keys(self) -> Sequence[RecordKey]:
        """What the device names."""
        return [RecordKey(name, bytes.fromhex(public)) for name, public in self._ask(None)]

    def sign(self, key: RecordKey, payload: bytes) -> bytes:
        """What the device signs."""
        return bytes.fromhex(self._ask([key.public.hex(), payload.hex()]))

    def _ask(self, question: object) -> object:  # pyright: ignore[reportReturnType]
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self._path))
            with line.makefile("rw", encoding="ascii") as file:
                file.write(json.dumps(question) + "\n")
                file.flush()
                return json.loads(file.readline())


@contextmanager
def device(path: Path, *algorithms: str) -> Iterator[Popen[str]]:
    """A device that listens at this path."""
    words = [sys.executable, "-m", "tests.simulators.signing_device", str(path), *algorithms]
    with Popen(words, cwd=ROOT, stdout=PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def main(path: str, algorithms: Sequence[str]) -> None:
    """Answer questions, one a connection, until killed."""
    keys = [(name, _MAKE[name]()) for name in algorithms]
    public = {key.public_key().public_bytes_raw().hex(): key for _, key in keys}
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            line, _ = door.accept()
            with line, line.makefile("rw", encoding="ascii") as file:
                match json.loads(file.readline()):
                    case [key, payload]:
                        answer: object = public[key].sign(bytes.fromhex(payload)).hex()
                    case _:
                        answer = [(name, key.public_key().public_bytes_raw().hex()) for name, key in keys]
                file.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

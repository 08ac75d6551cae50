"""The inside of a backup: a POSIX tar (ustar) of regular files, in exactly the spelling that we write.

`age -d FILE | tar x` takes it apart without us. Reading refuses everything else that a tar could hold: links, other
names, other spellings of a header, bytes behind the end.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator

import msgspec

from app.core.errors import InputError

BLOCK = 512
PIECE = 256 * 1024
"""Bytes that are held at once."""
_END = bytes(2 * BLOCK)
_MOST_PARTS = 2_000_000
_MOST_NAME = 100
_NAME = re.compile(
    r"manifest\.json|contents\.json|contents\.note"
    r"|database/[a-z][a-z0-9_]{0,62}/\d{6}\.gz"
    r"|site(/[A-Za-z0-9_][A-Za-z0-9._-]*){1,6}",
    re.ASCII,
)


class Part(msgspec.Struct, frozen=True):
    """A file inside: its name, bytes and SHA-256."""

    name: str
    size: int
    sha256: str


class PartWriter:
    """Parts one after the other; `parts` says what was written."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self.parts: list[Part] = []

    def add(self, name: str, data: bytes) -> None:
        """A part that is in memory."""
        self.stream(name, len(data), [data])

    def stream(self, name: str, size: int, pieces: Iterable[bytes]) -> None:
        """A part of known size."""
        digest, left = hashlib.sha256(), size
        self._write(_header(name, size))
        for piece in pieces:
            digest.update(piece)
            left -= len(piece)
            self._write(piece)
        if left:
            raise InputError(f"{name} changed while it was read.", remedy="Try again.")
        self._write(bytes(-size % BLOCK))
        self.parts.append(Part(name, size, digest.hexdigest()))

    def close(self) -> None:
        """The end of the tar."""
        self._write(_END)


class PartReader:
    """Parts in the order in which they were written. Each is read to its end before the next one begins."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.parts: list[Part] = []

    def __iter__(self) -> Iterator["OpenPart"]:
        names: set[str] = set()
        while True:
            block = self._exactly(BLOCK)
            if block == bytes(BLOCK):
                if self._exactly(BLOCK) != bytes(BLOCK) or self._read(1):
                    raise _foreign("there is something behind its end")
                return
            name, size = _parse(block)
            if name in names or len(names) >= _MOST_PARTS:
                raise _foreign(f"{name} is there twice, or there are too many parts")
            names.add(name)
            part = OpenPart(name, size, self._exactly)
            yield part
            for _ in part:
                pass
            if self._exactly(-size % BLOCK).strip(b"\0"):
                raise _foreign(f"{name} has something behind its end")
            self.parts.append(Part(name, size, part.digest))

    def _exactly(self, size: int) -> bytes:
        data = self._read(size)
        if len(data) != size:
            raise _foreign("it ends too early")
        return data


class OpenPart:
    """A part that is being read; iterating gives what is left of it."""

    def __init__(self, name: str, size: int, exactly: Callable[[int], bytes]) -> None:
        self.name = name
        self.size = size
        self._left = size
        self._exactly = exactly
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 of what was read so far."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        while self._left:
            piece = self._exactly(min(PIECE, self._left))
            self._left -= len(piece)
            self._digest.update(piece)
            yield piece

    def whole(self, most: int) -> bytes:
        """All of it; InputError when it is larger than such a part can be."""
        if self.size > most:
            raise _foreign(f"{self.name} is too large")
        return b"".join(self)


def allowed(name: str) -> bool:
    """Whether a part may have this name."""
    return bool(_NAME.fullmatch(name)) and len(name) <= _MOST_NAME and ".." not in name


def _header(name: str, size: int) -> bytes:
    if not allowed(name):
        raise InputError(f"{name} cannot be in a backup.", remedy="Give the file a shorter, plainer name.")
    import tarfile  # noqa: PLC0415 - only a backup needs it, and serving imports this

    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, 0
    return info.tobuf(tarfile.USTAR_FORMAT)


def _parse(block: bytes) -> tuple[str, int]:
    import tarfile  # noqa: PLC0415 - as above

    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        if info.size < 0 or not allowed(info.name) or _header(info.name, info.size) != block:
            raise _foreign("a part has a name or a kind that no backup has")
    except (tarfile.HeaderError, UnicodeDecodeError):
        raise _foreign("a part has no proper header") from None
    return info.name, info.size


def _foreign(why: str) -> InputError:
    return InputError(f"The file is not a backup as Sallyport writes it: {why}.", remedy="Take another one.")

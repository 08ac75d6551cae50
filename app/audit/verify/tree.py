"""The tree as the verifier sees it (RFC 6962, RFC 9162); not the sealer's code, so that no fault hides in both."""

import hashlib
import re
from collections.abc import Sequence

from app.audit.verify.unreadable import Unreadable

WIDTH = 256
HASH = 32
_sha256 = hashlib.sha256
_PATH = re.compile(r"tile/(entries|\d|[1-5]\d|6[0-3])/((?:x\d{3}/)*\d{3})(?:\.p/(\d{1,3}))?")


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry)."""
    return _sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return _sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows at its right edge and keeps only the roots of its complete subtrees."""

    def __init__(self, size: int = 0, edge: Sequence[tuple[int, bytes]] = ()) -> None:
        self.size = size
        self._edge = list(edge)

    def add(self, value: bytes, height: int = 0) -> None:
        """Append a complete subtree of 2**height leaves; the size must be a multiple of that."""
        self.size += 1 << height
        while self._edge and self._edge[-1][0] == height:
            value, height = node_hash(self._edge.pop()[1], value), height + 1
        self._edge.append((height, value))

    def root(self) -> bytes:
        """The root of the tree so far."""
        if not self._edge:
            return _sha256(b"").digest()
        value = self._edge[-1][1]
        for _, left in reversed(self._edge[:-1]):
            value = node_hash(left, value)
        return value

    def grown(self, leaves: Sequence[bytes]) -> "Tree":
        """A copy with further leaves."""
        tree = Tree(self.size, self._edge)
        for value in leaves:
            tree.add(value)
        return tree


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a full tile."""
    while len(hashes) > 1:
        hashes = [_sha256(b"\x01" + hashes[i] + hashes[i + 1]).digest() for i in range(0, len(hashes), 2)]
    return hashes[0]


def tile_width(size: int, level: int, number: int) -> int:
    """Hashes that a tile of a tree of `size` has: 256, fewer at the edge, none beyond."""
    return max(0, min(WIDTH, (size >> 8 * level) - number * WIDTH))


def tile_path(level: int | str, number: int, width: int) -> str:
    """`tile/L/N[.p/W]` (c2sp.org/tlog-tiles); N is 1234067 as x001/x234/067."""
    digits = f"{number % 1000:03}"
    while number >= 1000:
        number //= 1000
        digits = f"x{number % 1000:03}/{digits}"
    return f"tile/{level}/{digits}" + ("" if width == WIDTH else f".p/{width}")


def tile_of(path: str) -> tuple[str, int] | None:
    """Level and number of a path that looks like a tile's."""
    found = _PATH.fullmatch(path)
    return (found[1], int(found[2].replace("/", "").replace("x", ""))) if found else None


def root_by_path(value: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion path leads to (RFC 9162, 2.1.3.2)."""
    last = size - 1
    for sibling in path:
        if last == 0:
            raise Unreadable("the path is longer than the tree is high")
        if index & 1 or index == last:
            value = node_hash(sibling, value)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        index, last = index >> 1, last >> 1
    if last:
        raise Unreadable("the path is shorter than the tree is high")
    return value

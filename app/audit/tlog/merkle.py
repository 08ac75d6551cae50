"""The Merkle tree of RFC 6962 and RFC 9162: hashes, roots, inclusion and consistency proofs.

A `Node` function gives the hash of the complete subtree of 2**height leaves at an index of that height; everything
here is built on it, so that it does not matter where the hashes are kept.
"""

import hashlib
from collections.abc import Callable, Sequence

from app.core.errors import ProofError

HASH_BYTES = 32
MAX_PATH = 63
"""Hashes of the longest proof (c2sp.org/tlog-witness)."""
Node = Callable[[int, int], bytes]

EMPTY_ROOT = hashlib.sha256().digest()


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over subtrees of one size, of which the last may be incomplete."""
    if not hashes:
        return EMPTY_ROOT
    row = list(hashes)
    while len(row) > 1:
        odd = row[-1:] if len(row) % 2 else []
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)] + odd
    return row[0]


class Frontier:
    """A tree that is only appended to, as the roots of its complete subtrees: constant memory."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its hash."""
        size = self.size
        while size & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            size >>= 1
        self._peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root of the tree so far."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def range_root(begin: int, end: int, node: Node) -> bytes:
    """The root over the leaves [begin, end), a range that a proof may name."""
    count = end - begin
    if count <= 0:
        return EMPTY_ROOT
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return node(height, begin >> height)
    middle = begin + _split(count)
    return node_hash(range_root(begin, middle, node), range_root(middle, end, node))


def inclusion_path(index: int, size: int, node: Node) -> list[bytes]:
    """The hashes that prove a leaf of a tree of `size`, from the leaf upwards (RFC 9162 2.1.3.1)."""
    if not 0 <= index < size:
        raise ProofError(f"A tree of {size} leaves has no leaf {index}.")
    path = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(range_root(middle, end, node))
            end = middle
        else:
            path.append(range_root(begin, middle, node))
            begin = middle
    return path[::-1]


def consistency_path(old: int, new: int, node: Node) -> list[bytes]:
    """The hashes that prove that a tree of `old` leaves is the beginning of one of `new` (RFC 9162 2.1.4.1)."""
    if not 0 <= old <= new:
        raise ProofError(f"A tree of {old} leaves cannot be the beginning of one of {new}.")
    if old in (0, new):
        return []
    path = []
    begin, end = 0, new
    while old < end:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(range_root(middle, end, node))
            end = middle
        else:
            path.append(range_root(begin, middle, node))
            begin = middle
    if begin:
        path.append(range_root(begin, end, node))
    return path[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that a path leads to; ProofError when the path cannot belong to this place (RFC 9162 2.1.3.2)."""
    if not 0 <= index < size:
        raise ProofError(f"A tree of {size} leaves has no leaf {index}.")
    here, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofError("The inclusion proof is too long.")
        if here & 1 or here == last:
            root = node_hash(sibling, root)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        here, last = here >> 1, last >> 1
    if last:
        raise ProofError("The inclusion proof is too short.")
    return root


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """ProofError unless the path proves this leaf hash at this index under this root."""
    if root_from_inclusion(leaf, index, size, path) != root:
        raise ProofError("The inclusion proof leads to another root.")


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """ProofError unless the path proves that the new tree begins with the old one (RFC 9162 2.1.4.2)."""
    if not 0 <= old <= new:
        raise ProofError(f"A tree of {old} leaves cannot be the beginning of one of {new}.")
    if old in (0, new):
        if path or (old == new and old_root != new_root) or (old == 0 and old_root != EMPTY_ROOT):
            raise ProofError("The consistency proof does not lead from one root to the other.")
        return
    if roots_from_consistency(old, new, path, old_root) != (old_root, new_root):
        raise ProofError("The consistency proof does not lead from one root to the other.")


def roots_from_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes) -> tuple[bytes, bytes]:
    """The two roots that a path leads to, for 0 < old < new; ProofError when it cannot belong to these sizes."""
    if old & (old - 1) == 0:
        path = [old_root, *path]
    if not path:
        raise ProofError("The consistency proof is empty.")
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("The consistency proof is too long.")
        if here & 1 or here == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        here, last = here >> 1, last >> 1
    if last:
        raise ProofError("The consistency proof is too short.")
    return first, second


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)

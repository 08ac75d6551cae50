"""The tree in tiles of 256 hashes, and entries in bundles of 256 (c2sp.org/tlog-tiles)."""

import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from app.audit.tlog.merkle import EMPTY_ROOT, HASH_BYTES, Node, fold, range_root
from app.core.errors import ProofError

WIDTH = 256
ENTRY_LIMIT = 65_535
_HEIGHT = 8
_PATH = re.compile(r"^tile/(entries|\d|[1-5]\d|6[0-3])/((?:x\d{3}/)*)(\d{3})(?:\.p/([1-9]\d{0,2}))?$")


class Tile(msgspec.Struct, frozen=True, order=True):
    """Level (-1: a bundle of entries), index, and how many of the 256 are there."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """`tile/<L>/<N>[.p/<W>]`."""
        level = "entries" if self.level < 0 else str(self.level)
        digits = f"{self.index:d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        return f"tile/{level}/{number}" + (f".p/{self.width}" if self.width < WIDTH else "")


def parse_tile_path(path: str) -> Tile:
    """The tile of a path; ProofError for any other spelling than the one it has."""
    found = _PATH.match(path)
    if found is None:
        raise ProofError(f"{path!r} is not the path of a tile.")
    level, groups, last, width = found.groups()
    index = int(groups.replace("x", "").replace("/", "") + last)
    tile = Tile(-1 if level == "entries" else int(level), index, int(width or WIDTH))
    if tile.path != path:
        raise ProofError(f"{path!r} is not the path of a tile.")
    return tile


def tiles_of(size: int, *, entries: bool = False) -> Iterator[Tile]:
    """All tiles of a tree of `size`, full ones first in each level; bundles of entries if asked for."""
    level, count = 0, size
    while count:
        full, rest = divmod(count, WIDTH)
        for place in (-1, 0) if entries and level == 0 else (level,):
            yield from (Tile(place, index) for index in range(full))
            if rest:
                yield Tile(place, full, rest)
        level, count = level + 1, full


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries with their length in two bytes before each."""
    parts = []
    for entry in entries:
        if len(entry) > ENTRY_LIMIT:
            raise ProofError(f"An entry has {len(entry)} bytes; at most {ENTRY_LIMIT} are possible.")
        parts += [struct.pack(">H", len(entry)), entry]
    return b"".join(parts)


def decode_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle; ProofError when it ends in the middle of one."""
    entries = []
    place = 0
    while place < len(data):
        begin = place + 2
        end = begin + int.from_bytes(data[place:begin], "big")
        if begin > len(data) or end > len(data) or len(entries) == WIDTH:
            raise ProofError("A bundle of entries is cut off or too long.")
        entries.append(data[begin:end])
        place = end
    return entries


def split_hashes(data: bytes) -> list[bytes]:
    """The hashes of a tile."""
    if len(data) % HASH_BYTES:
        raise ProofError("A tile is cut off in the middle of a hash.")
    return [data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]


Place = tuple[int, int]
"""Level and index of a tile."""


def node_in_tiles(tiles: Mapping[Place, bytes]) -> Node:
    """A `Node` function over tiles by level and index; ProofError for one that is missing or too short."""

    def node(height: int, index: int) -> bytes:
        level, up = divmod(height, _HEIGHT)
        first = index << up
        data = tiles.get((level, first // WIDTH), b"")
        begin = first % WIDTH * HASH_BYTES
        end = begin + (HASH_BYTES << up)
        if len(data) < end:
            raise ProofError(f"The tile {Tile(level, first // WIDTH).path} is missing or too short.")
        return data[begin:end] if up == 0 else fold(split_hashes(data[begin:end]))

    return node


def places_for(walk: Callable[[Node], object]) -> list[Place]:
    """Which tiles a computation will ask for, so that they can be read first."""
    places: dict[Place, None] = {}

    def node(height: int, index: int) -> bytes:
        level, up = divmod(height, _HEIGHT)
        places[level, (index << up) // WIDTH] = None
        return EMPTY_ROOT

    walk(node)
    return list(places)


def root_at(size: int, node: Node) -> bytes:
    """The root that the tree had at this size."""
    return range_root(0, size, node)


class Edge:
    """The growing right edge of a tree: its last tile of each level, never a full one."""

    def __init__(self, size: int = 0, tiles: Mapping[Place, bytes] | None = None) -> None:
        self.size = size
        self._levels: list[bytearray] = []
        for place, width in edge_places(size):
            data = (tiles or {}).get(place, b"")[: width * HASH_BYTES]
            if len(data) != width * HASH_BYTES:
                raise ProofError(f"The tile {Tile(*place).path} is missing or too short.")
            self._levels.append(bytearray(data))

    def extend(self, leaves: bytes) -> dict[Place, bytes]:
        """Add leaf hashes, given one after the other, and return every tile that changed."""
        changed: dict[Place, bytes] = {}
        self._push(0, self.size // WIDTH, leaves, changed)
        self.size += len(leaves) // HASH_BYTES
        return changed

    def _push(self, level: int, index: int, hashes: bytes, changed: dict[Place, bytes]) -> None:
        if level == len(self._levels):
            self._levels.append(bytearray())
        tile = self._levels[level]
        first, full = index, bytearray()
        begin = 0
        while begin < len(hashes):
            room = WIDTH * HASH_BYTES - len(tile)
            tile += hashes[begin : begin + room]
            begin += room
            changed[level, index] = bytes(tile)
            if len(tile) == WIDTH * HASH_BYTES:
                full += fold(split_hashes(bytes(tile)))
                tile.clear()
                index += 1
        if full:
            self._push(level + 1, first // WIDTH, bytes(full), changed)

    def root(self) -> bytes:
        """The root of the whole tree."""
        below: list[bytes] = []
        for tile in self._levels:
            hashes = split_hashes(bytes(tile)) + below
            below = [fold(hashes)] if hashes else []
        return below[0] if below else EMPTY_ROOT


def edge_places(size: int) -> Iterator[tuple[Place, int]]:
    """The last tile of each level of a tree of `size`, and how many hashes it holds, which may be none."""
    level = 0
    while size:
        yield (level, size // WIDTH), size % WIDTH
        level, size = level + 1, size // WIDTH

"""Going through a tree tile by tile: each tile hashes to its place above, the edge to the root, and earlier roots fit."""

from collections.abc import Awaitable, Callable, Sequence

from app.audit.verify.report import Report
from app.audit.verify.tree import WIDTH, Tree, tile_path, tile_root, tile_width

Hashes = Sequence[bytes]
ReadTile = Callable[[int, int], Awaitable[Hashes | None]]
"""Level and number; None if it is not there as it should be, which has then been reported."""


class Walk:
    """One tree of a size and root; memory holds one tile a level."""

    def __init__(self, report: Report, size: int, root: bytes, tile: ReadTile) -> None:
        self.size = size
        self.tiles = -(-size // WIDTH)
        self._report = report
        self._root = root
        self._read = tile
        self._held: dict[int, tuple[int, Hashes | None]] = {}
        self._roots: dict[int, list[tuple[str, bytes]]] = {}
        self._tree = Tree()

    async def tile(self, level: int, number: int) -> Hashes | None:
        """The hashes of a tile; the last one of each level is remembered."""
        held = self._held.get(level)
        if held is None or held[0] != number:
            held = self._held[level] = (number, await self._read(level, number))
        return held[1]

    def expect(self, size: int, root: bytes, name: str) -> None:
        """The tree must have had this root at this size, says the checkpoint of that name."""
        self._roots.setdefault(size, []).append((name, root))

    async def upper(self) -> None:
        """Every tile above level 0, and the edge."""
        edge: list[tuple[int, Hashes]] = []
        level = 0
        while count := self.size >> 8 * level:
            for number in range(0 if level else count // WIDTH, -(-count // WIDTH)):
                hashes = await self.tile(level, number)
                if hashes is not None and tile_width(self.size, level, number) == WIDTH:
                    await self.parent(level, number, tile_root(hashes))
                elif hashes is not None:
                    edge.append((8 * level, hashes))
            level += 1
        tree = Tree()
        for height, hashes in reversed(edge):
            for value in hashes:
                tree.add(value, height)
        if tree.size != self.size or tree.root() != self._root:
            self._report.fault("the tiles do not lead to the checkpoint's root", file="checkpoint")

    async def parent(self, level: int, number: int, value: bytes) -> None:
        """A full tile must hash to its place one level up."""
        above = await self.tile(level + 1, number // WIDTH)
        if above is not None and above[number % WIDTH] != value:
            file = tile_path(level, number, WIDTH)
            self._report.fault("the tile does not hash to its place one level up", file=file)

    async def step(self, number: int, hashes: Hashes | None) -> None:
        """Pass the next tile of level 0; None for one outside the range, whose place above is believed."""
        self._check_roots(hashes)
        if hashes is None:
            above = await self.tile(1, number // WIDTH)
            self._tree.add(above[number % WIDTH] if above is not None else b"", 8)
        elif len(hashes) == WIDTH:
            value = tile_root(hashes)
            await self.parent(0, number, value)
            self._tree.add(value, 8)

    def _check_roots(self, hashes: Hashes | None) -> None:
        start = self._tree.size
        inside = [size for size in self._roots if start <= size < start + WIDTH and size < self.size]
        for size in sorted(inside):
            expected = self._roots.pop(size)
            if size > start and hashes is None:
                for name, _ in expected:
                    self._report.notices.append(f"{name} lies outside the exported range")
                continue
            root = self._tree.grown((hashes or ())[: size - start]).root()
            self._compare(size, root, expected)

    def finish(self) -> None:
        """Checkpoints of the whole size."""
        for size in sorted(self._roots):
            self._compare(size, self._root, self._roots[size])

    def _compare(self, size: int, root: bytes, expected: list[tuple[str, bytes]]) -> None:
        for name, wanted in expected:
            if wanted != root:
                self._report.fault(f"{name} has another root than the tree of {size} rows", file=name)

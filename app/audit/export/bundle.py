"""Writing an export: a static tlog-tiles log (c2sp.org/tlog-tiles) with what is needed to judge it."""

import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from app import __version__
from app.audit.event import Event
from app.audit.export.folder import Folder
from app.audit.export.manifest import Contents, Manifest, signed_text
from app.audit.export.source import Context, Head, Source
from app.audit.tlog.tiles import WIDTH, Tile, encode_bundle, tiles_of
from app.core.canonical import canonical
from app.core.paths import resources

REVEALED = "revealed.jsonl"
_PERSON = re.compile(rb'"(?:resource_)?subject":"')
Reveal = Callable[[Sequence[Event]], Awaitable[list[Event]]]
"""Rows with the values of persons opened, as readers see them."""
Sign = Callable[[str], bytes]
"""A signed note of this text, by the keys of the record."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which leaves, by which words, when, and who signs (nobody where the keys are not at hand)."""

    first: int
    end: int
    words: dict[str, Any] = {}
    made: str
    unsealed: dict[str, Any] = {}
    sign: Sign | None = None
    reveal: Reveal | None = None
    progress: Callable[[int], None] = lambda _: None


class _Beside(msgspec.Struct):
    """The body of a row, as far as it names contents."""

    contents: list[str] = []


class _Row(msgspec.Struct):
    body: _Beside = msgspec.field(default_factory=_Beside)


class Bundle:
    """One export under way; memory holds one batch of rows, and the names of contents and files beside."""

    def __init__(self, folder: Folder, source: Source, head: Head, asked: Asked) -> None:
        self._folder = folder
        self._source = source
        self._head = head
        self._asked = asked
        self._contents: set[str] = set()
        self._content_bytes = 0
        self._waiting: list[bytes] = []
        self._index = asked.first // WIDTH
        self.rows = 0
        self.absent = 0

    async def write(self) -> Manifest:
        """Write everything; the manifest comes last."""
        await self._tiles()
        if self._asked.reveal is None:
            await self._entries(None)
        else:
            with self._folder.lines(REVEALED) as write:
                await self._entries(write)
        context = await self._source.context()
        self._papers(context)
        manifest = self._manifest(context)
        data = manifest.encoded()
        self._folder.write("manifest.json", data)
        if self._asked.sign is not None:
            self._folder.write("manifest.note", self._asked.sign(signed_text(self._head.origin, data)))
        return manifest

    async def _tiles(self) -> None:
        """All upper levels; of level 0 the tiles of the range and the one at the edge."""
        size = self._head.size
        for tile in tiles_of(size):
            if tile.level or tile.width < WIDTH or self._in_range(tile.index):
                hashes = await self._source.tile(tile.level, tile.index)
                self._folder.write(tile.path, hashes[: 32 * tile.width])

    def _in_range(self, index: int) -> bool:
        first, end = self._asked.first, self._asked.end
        return first < end and first // WIDTH <= index <= (end - 1) // WIDTH

    async def _entries(self, revealed: Callable[[bytes], None] | None) -> None:
        # Leaves outside the range that share a tile with it are left empty, like dropped ones.
        first, end = self._asked.first, self._asked.end
        if first == end:
            return
        self._waiting = [b""] * (first % WIDTH)
        async for batch in self._source.entries(first, end):
            for entry in batch:
                await self._entry(entry)
            if revealed is not None and self._asked.reveal is not None:
                sealed = [entry for entry in batch if entry and _PERSON.search(entry)]
                for event in await self._asked.reveal(
                    [msgspec.json.decode(one, type=Event) for one in sealed]
                ):
                    revealed(canonical(event))
            self._asked.progress(self.rows + self.absent)
        if self._waiting:
            width = min(WIDTH, self._head.size - self._index * WIDTH)
            self._waiting += [b""] * (width - len(self._waiting))
            self._flush(width)

    async def _entry(self, entry: bytes | None) -> None:
        if entry is None:
            self.absent += 1
        else:
            self.rows += 1
            if b'"contents":[' in entry:
                await self._keep(entry)
        self._waiting.append(entry or b"")
        if len(self._waiting) == WIDTH:
            self._flush(WIDTH)

    def _flush(self, width: int) -> None:
        self._folder.write(Tile(-1, self._index, width).path, encode_bundle(self._waiting))
        self._waiting = []
        self._index += 1

    async def _keep(self, entry: bytes) -> None:
        try:
            names: Sequence[str] = msgspec.json.decode(entry, type=_Row).body.contents
        except msgspec.DecodeError:
            return  # an argument of that name
        for digest in names:
            name = digest.partition(":")[2]
            if name in self._contents:
                continue
            data = await self._source.content(digest)
            if data is not None:
                self._folder.write(f"contents/{name[:2]}/{name}", data)
                self._contents.add(name)
                self._content_bytes += len(data)

    def _papers(self, context: Context) -> None:
        write = self._folder.write
        write("checkpoint", self._head.note, listed=True)
        for size, note in context.checkpoints:
            if size < self._head.size:
                write(f"checkpoints/{size:020d}", note, listed=True)
        write("keys/log.vkey", _lines(context.log_keys), listed=True)
        write("keys/witnesses.vkey", _lines(context.witness_keys), listed=True)
        for number, note in enumerate(context.statements):
            write(f"statements/{number:06d}.note", note, listed=True)
        for name in ("verify.py", "README.txt"):
            write(name, (resources() / "assets" / "record" / name).read_bytes(), listed=True)

    def _manifest(self, context: Context) -> Manifest:
        return Manifest(
            program=f"sallyport {__version__}",
            made=self._asked.made,
            epoch=self._head.epoch,
            origin=self._head.origin,
            size=self._head.size,
            root=base64.b64encode(self._head.root).decode(),
            first=self._asked.first,
            end=self._asked.end,
            rows=self.rows,
            absent=self.absent,
            asked=self._asked.words,
            contents=Contents(names=sorted(self._contents), bytes=self._content_bytes),
            unsealed=self._asked.unsealed,
            epochs=list(context.epochs),
            rotations=list(context.rotations),
            files=self._folder.files,
            signed=self._asked.sign is not None,
        )


def _lines(texts: Sequence[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()

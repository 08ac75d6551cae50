"""A sealed log in memory: rows as the recorder writes them, a tree, signers; the source of exports in tests."""

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from app.audit.event import Event
from app.audit.export import Asked, Bundle, Context, Folder, Head, Manifest
from app.audit.tlog.checkpoint import Checkpoint
from app.audit.tlog.merkle import leaf_hash
from app.audit.tlog.note import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, ED25519
from app.audit.tlog.signing import SeedSigner, signed
from app.audit.tlog.tiles import Edge

ORIGIN = "site.example/audit"
MADE = "2026-11-21T12:00:00Z"


def signers(seed: int = 1, name: str = ORIGIN) -> list[SeedSigner]:
    """The two keys of a log."""
    return [
        SeedSigner(name, ED25519, bytes([seed]) * 32),
        SeedSigner(name, COSIGNATURE_ML_DSA_44, bytes([seed]) * 32),
    ]


def witness() -> SeedSigner:
    """The key of a witness."""
    return SeedSigner("witness.example", COSIGNATURE_ED25519, b"w" * 32)


def uuid(number: int) -> str:
    """A readable id."""
    return str(UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0000 + number))


def call_rows(calls: int, *, boots: int = 1, contents: Sequence[bytes] = ()) -> list[bytes]:
    """Intent and outcome of so many calls, spread over boots; the first calls keep a content beside each."""
    seqs = [0] * boots
    rows: list[bytes] = []
    for number in range(calls):
        boot = number % boots
        for kind in ("intent", "outcome"):
            body: dict[str, Any] = {"arguments": {"path": f"/reports/{number}.txt"}}
            if kind == "outcome":
                body = {"result": {"text": f"result {number}"}}
                if number < len(contents):
                    body["contents"] = ["sha256:" + hashlib.sha256(contents[number]).hexdigest()]
            rows.append(
                Event(
                    id=uuid(2 * number + (kind == "outcome")),
                    time=f"2026-11-{1 + number % 20:02}T10:00:00.{number % 1000000:06}Z",
                    kind=kind,
                    call=uuid(2 * number),
                    node=f"node-{boot}",
                    boot=uuid(10**9 + boot),
                    seq=seqs[boot],
                    action="tool.call",
                    actor="robot",
                    body=body,
                ).entry()
            )
            seqs[boot] += 1
    return rows


class SealedLog:
    """Entries with their tree; None for one that was dropped."""

    def __init__(
        self, entries: Sequence[bytes], *, contents: Sequence[bytes] = (), steps: Sequence[int] = ()
    ) -> None:
        self.rows: list[bytes | None] = list(entries)
        self.beside = {"sha256:" + hashlib.sha256(data).hexdigest(): data for data in contents}
        self.signers = signers()
        self.statements: list[bytes] = []
        self.rotations: list[str] = []
        self.keys = [str(signer.key) for signer in self.signers]
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.checkpoints: list[tuple[int, bytes]] = []
        self._edge = Edge()
        for size in [*steps, len(entries)]:
            leaves = b"".join(leaf_hash(entry) for entry in entries[self._edge.size : size])
            self.tiles |= self._edge.extend(leaves)
            self.checkpoints.append((size, self.note(size, self._edge.root())))
        self.head = Head(
            origin=ORIGIN, size=len(entries), root=self._edge.root(), note=self.checkpoints.pop()[1]
        )

    def note(self, size: int, root: bytes) -> bytes:
        """A signed and cosigned checkpoint."""
        return str(
            signed(str(Checkpoint(ORIGIN, size, root)), [*self.signers, witness()], seconds=1_800_000_000)
        ).encode()

    def drop(self, first: int, end: int) -> None:
        """Drop rows under a statement."""
        self.rows[first:end] = [None] * (end - first)
        said = json.dumps({"leaves": [[first, end]], "statement": "drop"}, separators=(",", ":"))
        self.statements.append(self.sign(f"sallyport-statement/1\n{ORIGIN}\n{said}\n"))

    def sign(self, text: str) -> bytes:
        """A note of the log's Ed25519 key."""
        return str(signed(text, self.signers[:1], seconds=0)).encode()

    async def entries(self, first: int, end: int) -> AsyncIterator[Sequence[bytes | None]]:
        for start in range(first, end, 100):
            yield self.rows[start : min(start + 100, end)]

    async def tile(self, level: int, index: int) -> bytes:
        return self.tiles[level, index]

    async def content(self, digest: str) -> bytes | None:
        return self.beside.get(digest)

    async def context(self) -> Context:
        return Context(
            log_keys=self.keys,
            witness_keys=[str(witness().key)],
            checkpoints=self.checkpoints,
            statements=self.statements,
            rotations=self.rotations,
        )

    async def export(
        self, path: Path, first: int = 0, end: int | None = None, *, sign: bool = True
    ) -> Manifest:
        """Write a bundle."""
        folder = Folder(path)
        asked = Asked(
            first=first,
            end=self.head.size if end is None else end,
            made=MADE,
            sign=self.sign if sign else None,
        )
        manifest = await Bundle(folder, self, self.head, asked).write()
        folder.finish()
        return manifest


def resigned(path: Path) -> None:
    """What somebody without the keys can do: make the manifest fit and claim that it never was signed."""
    manifest = json.loads((path / "manifest.json").read_bytes())
    manifest["signed"] = False
    manifest["files"] = {
        name: hashlib.sha256((path / name).read_bytes()).hexdigest()
        for name in manifest["files"]
        if (path / name).exists()
    }
    (path / "manifest.json").write_text(json.dumps(manifest))
    (path / "manifest.note").unlink(missing_ok=True)


__all__ = ["MADE", "ORIGIN", "SealedLog", "call_rows", "resigned", "signers", "uuid", "witness"]

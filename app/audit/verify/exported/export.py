"""Verifying an export: offline, with nothing but its folder and, better, a key from elsewhere."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from app.audit.verify import notes
from app.audit.verify.anchors import Anchors
from app.audit.verify.exported import manifest as manifests
from app.audit.verify.exported.folder import Files, content_path, read_file
from app.audit.verify.notes import Trust
from app.audit.verify.report import Report
from app.audit.verify.rows import Rows, claims
from app.audit.verify.statements import Dropped
from app.audit.verify.tree import WIDTH, leaf_hash, tile_path, tile_width
from app.audit.verify.unreadable import Unknown, Unreadable
from app.audit.verify.walk import Hashes, Walk


async def verify_export(folder: Path, anchors: Anchors) -> Report:
    """All that can be said about an export."""
    report = Report()
    try:
        await _Export(folder, anchors, report).verify()
    except Unknown as error:
        report.doubts.append(str(error))
    except Unreadable as error:
        report.fault(str(error))
    return report


class _Export:
    def __init__(self, folder: Path, anchors: Anchors, report: Report) -> None:
        if not (folder / "manifest.json").is_file():
            raise Unknown(f"{folder} is not an export: it has no manifest.json")
        self.report = report
        self.anchors = anchors
        self.manifest = manifests.parse(read_file(folder / "manifest.json"))
        self.files = Files(folder, self.manifest)
        self.witnesses = [*notes.keys([self._text("keys/witnesses.vkey")]), *anchors.witnesses]
        bundled = notes.keys([self._text("keys/log.vkey")])
        rotations = [rotation.encode() for rotation in self.manifest.rotations]
        self.trust = Trust(given=anchors.keys, bundled=bundled, rotations=rotations, report=report)
        self.dropped = Dropped()
        self.absent = 0
        whole = self.manifest.first == 0 and self.manifest.epoch == 1
        self.rows = Rows(report, whole=whole)

    def _text(self, name: str) -> str:
        return self.files.read(name).decode("utf-8", "replace")

    async def verify(self) -> None:
        """In the order in which the checks rely on each other."""
        self.files.listed(self.report)
        self._manifest_note()
        walk = self._head()
        await walk.upper()
        self._checkpoints(walk)
        for name in sorted(self.manifest.files):
            if name.startswith("statements/"):
                self.dropped.add(name, self._read(name), self.trust, self.report)
        for number in range(walk.tiles):
            await self._tile(walk, number)
        walk.finish()
        self.rows.finish(self.absent)
        self._numbers()

    def _read(self, name: str) -> bytes:
        try:
            return self.files.read(name)
        except Unreadable:
            return b""  # reported as not being as listed

    def _manifest_note(self) -> None:
        if not self.manifest.signed:
            self.report.notices.append(
                "the manifest is not signed: only what follows from the tree is certain"
            )
            return
        try:
            text = self.trust.signed(self.files.read("manifest.note"), "manifest.note")
        except Unreadable as error:
            self.report.fault(f"manifest.note: {error}", file="manifest.note")
            return
        if text != manifests.signed_text(self.manifest.origin, self.files.read("manifest.json")):
            self.report.fault("manifest.json is not the one that was signed", file="manifest.json")

    def _head(self) -> Walk:
        data = self.files.read("checkpoint")
        origin, size, root = self.trust.checkpoint(data, "checkpoint", witnesses=self.witnesses, old=False)
        if (origin, size) != (self.manifest.origin, self.manifest.size):
            raise Unreadable("checkpoint and manifest do not belong together")
        signers = {(name, key_id) for name, key_id, _ in notes.note(data)[1]}
        for witness in self.anchors.witnesses:
            if witness.place not in signers:
                self.report.doubts.append(f"the checkpoint carries no cosignature of {witness.name}")
        return Walk(self.report, size, root, self._hashes)

    async def _hashes(self, level: int, number: int) -> Hashes | None:
        width = tile_width(self.manifest.size, level, number)
        name = tile_path(level, number, width)
        try:
            data = self.files.read(name)
        except Unreadable as error:
            self.report.fault(str(error), file=name)
            return None
        if len(data) != 32 * width:
            self.report.fault(f"the tile holds {len(data)} bytes instead of {32 * width}", file=name)
            return None
        return [data[i : i + 32] for i in range(0, len(data), 32)]

    def _checkpoints(self, walk: Walk) -> None:
        names = [name for name in sorted(self.manifest.files) if name.startswith("checkpoints/")]
        given = [(name, self._read(name)) for name in names] + list(self.anchors.checkpoints)
        former = {str(epoch.get("origin")) for epoch in self.manifest.epochs}
        for name, data in given:
            try:
                origin, size, root = self.trust.checkpoint(data, name, witnesses=self.witnesses)
            except Unreadable as error:
                self.report.fault(f"{name}: {error}", file=name)
                continue
            if origin != walk_origin(self.manifest, origin, former):
                self.report.fault(f"{name} is of another log, {origin}", file=name)
            elif origin != self.manifest.origin:
                self.report.notices.append(f"{name} is of {origin}, another epoch of this record")
            elif size > walk.size:
                self.report.doubts.append(
                    f"{name} is newer than the export ({size} rows against {walk.size})"
                )
            else:
                walk.expect(size, root, name)
        self.report.checked["checkpoints"] = 1 + len(given)

    async def _tile(self, walk: Walk, number: int) -> None:
        inside = self.files.inside(number)
        edge = tile_width(walk.size, 0, number) < WIDTH
        hashes = await walk.tile(0, number) if inside or edge else None
        if hashes is None and (inside or edge):
            raise Unreadable(f"the rows from leaf {number * WIDTH} on could not be checked")
        if inside and hashes is not None:
            self._bundle(number, hashes)
            self._contents()
        await walk.step(number, hashes)

    def _bundle(self, number: int, hashes: Hashes) -> None:
        name = tile_path("entries", number, len(hashes))
        try:
            entries = split(self.files.read(name))
        except Unreadable as error:
            self.report.fault(str(error), file=name)
            return
        found = [leaf_hash(entry) for entry in entries]
        first, end = self.manifest.first, self.manifest.end
        if found == hashes and first <= number * WIDTH and number * WIDTH + len(hashes) <= end:
            for leaf, entry in enumerate(entries, number * WIDTH):
                self.rows.add(leaf, entry)
        else:
            self._compare(number * WIDTH, name, hashes, [entry or None for entry in entries], found)

    def _compare(
        self, start: int, name: str, hashes: Hashes, entries: list[bytes | None], found: list[bytes]
    ) -> None:
        if len(entries) != len(hashes):
            self.report.fault(f"the file holds {len(entries)} rows instead of {len(hashes)}", file=name)
        for i, wanted in enumerate(hashes):
            leaf = start + i
            entry = entries[i] if i < len(entries) else None
            inside = self.manifest.first <= leaf < self.manifest.end
            if entry is not None and found[i] == wanted and inside:
                self.rows.add(leaf, entry)
            elif entry is not None and not inside:
                self.report.fault("there is a row outside the exported range", leaf=leaf, file=name)
            elif (
                entry is None
                and i < len(entries)
                and (not inside or self.dropped.covers(self.manifest.epoch, leaf))
            ):
                self.absent += inside
            else:
                what = difference(wanted, i, hashes, entries, found)
                self.report.fault(what, leaf=leaf, file=name, **claims(entry))
        for entry in entries[len(hashes) :]:
            self.report.fault("a row too many", file=name, **claims(entry))

    def _contents(self) -> None:
        for digest, place in self.rows.contents:
            name = digest.partition(":")[2]
            try:
                data = self.files.read(content_path(name)) if name in self.files.contents else None
            except Unreadable:
                data = None
            if data is None:
                self.report.fault(f"the content {digest} of the row is missing", **place.named())
            elif hashlib.sha256(data).hexdigest() != name:
                self.report.fault(f"the content {digest} of the row was changed", **place.named())
        self.rows.contents.clear()

    def _numbers(self) -> None:
        said, report = self.manifest, self.report
        for name, value, claimed in (
            ("rows", self.rows.rows, said.rows),
            ("absent", self.absent, said.absent),
        ):
            if value != claimed:
                report.fault(f"the manifest says {claimed} {name}, found {value}", file="manifest.json")
        report.checked |= {
            "rows": self.rows.rows,
            "leaves": f"{said.first} to {said.end} of {said.size}",
            "boots": len(self.rows.boots),
            "contents": len(self.files.contents),
            "statements": self.dropped.statements,
            "origin": said.origin,
        }
        if self.absent:
            report.notices.append(f"{self.absent} rows were dropped under a signed statement")
        if said.unsealed:
            report.notices.append(
                f"{said.unsealed.get('rows')} rows were not yet sealed: no part of the proof"
            )
        if self.trust.own:
            report.notices.append(
                "the keys came from the export itself: this shows that it is whole, not whose it is"
            )


def walk_origin(manifest: manifests.Manifest, origin: str, former: set[str]) -> str:
    """The origin that a checkpoint should have: the tree's, or that of another epoch of the same record."""
    return origin if origin in former else manifest.origin


def split(data: bytes) -> list[bytes]:
    """Entries with a big-endian length of two bytes before each."""
    entries = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise Unreadable("a file of entries ends in the middle of a row")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def difference(
    wanted: bytes, i: int, hashes: Hashes, entries: Sequence[bytes | None], found: Sequence[bytes]
) -> str:
    """What became of the row whose hash is wanted at place `i` of its tile."""
    if wanted in found:
        return f"the row was moved by {found.index(wanted) - i} places"
    if i >= len(entries) or entries[i] is None or found[i] in hashes:
        return "the row was removed"
    return "the row was edited, or its hash was"

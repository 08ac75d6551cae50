#!/usr/bin/env python3
"""Verify an export of Sallyport's record without Sallyport.

    python3 verify.py FOLDER            an export: every row, the tree, the checkpoints, the keys, the statements
    python3 verify.py ROW.tlog-proof    the proof of one row; the row itself stands beside it as ROW.entry

It ends with 0 if everything is intact, 1 if anything was changed, and 2 if it cannot tell.

It needs Python 3.9 and `cryptography`, from which it takes Ed25519 and, where it has it, ML-DSA-44. Everything else is
below, from the bottom up: RFC 6962 trees; C2SP signed-note, tlog-checkpoint and tlog-cosignature; which keys count; what
must hold between rows; an export (C2SP tlog-tiles); the proof of one row (C2SP tlog-proof). Rows are read one tile of
256 at a time, so memory does not grow with the record. README.txt beside it describes the formats.
"""

import argparse
import base64
import bisect
import hashlib
import itertools
import json
import os
import re
import sys
from collections import Counter, OrderedDict
from contextlib import contextmanager

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None
try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError:
    MLDSA44PublicKey = None

EXPORT = "sallyport.record/export/v1"
STATEMENT = "sallyport-statement/1"
ROTATION = "sallyport.record/key-rotation/v1"
PROOF = "c2sp.org/tlog-proof@v1"
ED25519, ED25519_COSIGNATURE, MLDSA44_COSIGNATURE = (
    1,
    4,
    6,
)  # types of keys; None: this Python does not know it
SCHEMES = {
    ED25519: Ed25519PublicKey,
    ED25519_COSIGNATURE: Ed25519PublicKey,
    MLDSA44_COSIGNATURE: MLDSA44PublicKey,
}
WIDTH = 256  # hashes in a tile
RECENT = 65536  # closed calls that are remembered, so that a second outcome is not one without its intent
SHOWN = 1000  # faults that are listed; all are counted


class Unreadable(ValueError):
    """Something is not what it should be; the message says how."""


MALFORMED = (ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError)


class Report:
    """What was checked, what is wrong, what could not be checked, and what is worth knowing."""

    def __init__(self):
        self.checked, self.count, self.faults, self.doubts, self.notices = {}, 0, [], [], []

    def fault(self, what, **where):
        self.count += 1
        if len(self.faults) < SHOWN:
            self.faults.append({"what": what, **where})

    @contextmanager
    def about(self, **where):
        """Whatever turns out to be malformed inside is a fault there."""
        try:
            yield
        except MALFORMED as error:
            self.fault(
                str(error) if isinstance(error, Unreadable) else f"it is malformed: {error!r}", **where
            )

    def note(self, count, words):
        if count:
            self.notices.append(f"{count} {words}")

    def verdict(self):
        return "tampered" if self.count else "cannot tell" if self.doubts else "intact"


# ---- RFC 6962: trees
def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes):
    """Pairs are hashed until one is left; a last one without a partner moves up as it is."""
    while len(hashes) > 1:
        pairs = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2])]
        hashes = pairs + hashes[2 * len(pairs) :]
    return hashes[0] if hashes else hashlib.sha256(b"").digest()


def root_by_path(value, index, size, path):
    """The root that an inclusion path leads to: a tree is split at the largest power of two below its size."""
    if (size == 1) != (not path):
        raise Unreadable("the path is longer or shorter than the tree is high")
    if size == 1:
        return value
    middle, rest = 1 << (size - 1).bit_length() - 1, path[:-1]
    if index < middle:
        return node_hash(root_by_path(value, index, middle, rest), path[-1])
    return node_hash(path[-1], root_by_path(value, index - middle, size - middle, rest))


# ---- files, JSON, base64
def blocks(path):
    """A plain file in pieces; a link or a folder in its place is not read."""
    if os.path.islink(path) or not os.path.isfile(path):
        raise Unreadable(f"{path} is missing, or not a plain file")
    with open(path, "rb") as file:
        yield from iter(lambda: file.read(1 << 20), b"")


def read(path):
    return b"".join(itertools.islice(blocks(path), 1024))  # no file that is read at once is larger than 1 GiB


def digest_of(path):
    hashed = hashlib.sha256()
    for block in blocks(path):
        hashed.update(block)
    return hashed.hexdigest()


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Unreadable("a JSON object has a member twice")
    return members


def json_object(data):
    value = json.loads(data.decode(), object_pairs_hook=unique)
    if not isinstance(value, dict):
        raise Unreadable("it is not a JSON object")
    return value


def unbase64(text, length=None):
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text or length not in (None, len(raw)):
        raise Unreadable("it holds base64 of another length or spelling")
    return raw


# ---- C2SP signed-note, tlog-checkpoint, tlog-cosignature
class Key:
    """A verifier key, `name+hex(id)+base64(type, key)`."""

    def __init__(self, text):
        found = re.fullmatch(r"([^+\s]+)\+([0-9a-f]{8})\+(\S+)", text.strip())
        if not found:
            raise Unreadable(f"not a verifier key: {text:.60}")
        name, raw = found[1], unbase64(found[3])
        self.who, self.type, self.public = (name, bytes.fromhex(found[2])), raw[0], raw[1:]
        if hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4] != self.who[1]:
            raise Unreadable(f"the verifier key of {name} does not have its own id")

    def verifies(self, text, signature):
        """Whether this key signed the text; None if this Python cannot tell."""
        if SCHEMES.get(self.type) is None:
            return None
        time = b"" if self.type == ED25519 else signature[:8]  # cosignatures begin with it
        try:
            key = SCHEMES[self.type].from_public_bytes(self.public)
            key.verify(signature[len(time) :], self.message(text, time))
        except UnsupportedAlgorithm:
            return None
        except (InvalidSignature, ValueError):
            return False
        return True

    def message(self, text, time):
        """The bytes that a key of this type signs."""
        if self.type == ED25519:
            return text.encode()
        if self.type == ED25519_COSIGNATURE:
            return f"cosignature/v1\ntime {int.from_bytes(time, 'big')}\n{text}".encode()
        origin, size, root = parse_checkpoint(text)
        name, origin = self.who[0].encode(), origin.encode()
        names = bytes([len(name)]) + name + time + bytes([len(origin)]) + origin
        return b"subtree/v1\n\0" + names + bytes(8) + size.to_bytes(8, "big") + root


def keys_of(text):
    """The keys in a file, one a line, or a key itself."""
    lines = read(text).decode() if os.path.isfile(text) else text
    return [Key(line) for line in lines.splitlines() if line.strip()]


def by_name(keys):
    return {key.who: key for key in keys}


class Note:
    """A text and the signatures under it, each with the name and the id of its key."""

    def __init__(self, data):
        text, found, tail = data.decode().rpartition("\n\n")
        if not found or not tail.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", text + tail):
            raise Unreadable("it is not a signed note")
        self.text, self.signatures = text + "\n", []
        for line in tail[:-1].split("\n"):
            dash, name, data = line.split(" ")
            raw = unbase64(data)
            if dash != "\u2014" or len(raw) < 5:
                raise Unreadable("a signature line of the note is malformed")
            self.signatures.append(((name, raw[:4]), raw[4:]))

    def results(self, key):
        """For each signature that claims to be of this key: is it?"""
        return [key.verifies(self.text, signature) for who, signature in self.signatures if who == key.who]


def parse_checkpoint(text):
    found = re.fullmatch(r"([^\n]*)\n(0|[1-9][0-9]{0,18})\n([^\n]*)\n", text)
    if not found:
        raise Unreadable("it is not a checkpoint of origin, size and root")
    return found[1], int(found[2]), unbase64(found[3], 32)


# ---- which keys count
class Trust:
    """Keys whose signatures count: those given (without any, the export's own), and what follows from rotations.

    `former` keys came before one that counts: they may have signed what is old, but not the newest checkpoint.
    Signatures of all other `known` keys are checked, and count for nothing.
    """

    def __init__(self, given, bundled, rotations, report):
        self.report, self.own, self.former, sides = report, not given, {}, []
        self.keys = by_name(given or bundled)
        for note in rotations:
            with report.about():
                sides.append(self.rotation(Note(note.encode())))
        for old, new in sides * len(sides):  # whatever their order, each can follow from each
            if old[0].who in self.keys:
                self.keys.update(by_name(new))
            elif new[0].who in self.keys or new[0].who in self.former:
                self.former.update(by_name(old))
        self.known = {**by_name(bundled), **self.former, **self.keys}
        if self.own:
            report.notices.append("the keys came along with it: this shows that it is whole, not whose it is")

    def rotation(self, note):
        """Old and new keys. The first of each side must have signed; only those two can vouch for the other side."""
        lines = note.text.split("\n")
        old, new = ([Key(line[4:]) for line in lines if line.startswith(side)] for side in ("old ", "new "))
        signed = [note.results(side[0]) for side in (old, new)]
        if lines[0] != ROTATION or not all(signed) or any(False in results for results in signed):
            raise Unreadable("a change of keys is not signed by the old and the new key")
        return old, new

    def signed(self, data, what, newest=False):
        """A signed note. A wrong signature of a known key is a fault, and so is none that counts."""
        note = Note(data)
        results = {who: note.results(key) for who, key in self.known.items()}
        for (name, _), found in results.items():
            if False in found:
                self.report.fault(f"the signature of {name} under {what} is wrong", file=what)
        counts = self.keys if newest else {**self.former, **self.keys}
        counted = [result for who in counts for result in results[who]]
        if True in counted:
            return note
        if None in counted or (any(results.values()) and not self.own):
            self.report.doubts.append(
                f"no signature under {what} is of a key that counts and can be checked here"
            )
        else:
            self.report.fault(f"{what} is not signed by a key of the record", file=what)
        return note

    def checkpoint(self, data, what, newest=False):
        """Origin, size and root of a checkpoint. It needs a signature of each type of key that the log has."""
        note = self.signed(data, what, newest)
        types = {key.type for key in self.known.values()}
        for missing in types - {self.known[who].type for who, _ in note.signatures if who in self.known}:
            self.report.fault(f"{what} lacks a signature of type {missing}", file=what)
        return parse_checkpoint(note.text)


# ---- what must hold between rows
def row_of(entry):
    """A row and its place; both are empty if it is none."""
    try:
        row = json_object(entry)
    except MALFORMED:
        return {}, {}
    return row, {name: row.get(name) for name in ("id", "node", "boot", "seq")}


class Rows:
    """Numbers without gaps in each boot, an intent before its outcome."""

    def __init__(self, report, whole):
        self.report, self.whole = report, whole  # whole: nothing comes before the first row
        self.boots = {}  # boot: node, last number, how many numbers are missing
        self.open, self.early, self.closed = {}, {}, OrderedDict()  # calls
        self.count, self.subjects, self.erased, self.breaks = 0, Counter(), set(), []

    def add(self, row, place):
        self.count += 1
        self.number(row["node"], row["boot"], row["seq"], place)
        self.call(row["kind"], row["call"], place)
        self.subjects.update({row.get("subject"), row.get("resource_subject")} - {None, ""})
        if (row["kind"], row["action"]) == ("event", "record.subject.erase"):
            self.erased.add(row["body"].get("subject") or row["resource"])
        if (row["kind"], row["action"]) == ("event", "record.restore"):
            self.breaks += row["body"].get("breaks") or ()

    def number(self, node, boot, seq, place):
        known = self.boots.setdefault(boot, [node, -1 if self.whole else seq - 1, 0])
        if known[0] != node:
            self.report.fault("the row names another node than its boot's other rows", **place)
        if seq <= known[1]:
            self.report.fault(
                f"the row's number was there before: it follows {known[1]} of its boot", **place
            )
        known[1:] = max(seq, known[1]), known[2] + max(0, seq - known[1] - 1)

    def call(self, kind, call, place):
        if kind == "intent":
            early = self.early.pop(call, None)
            if early is None:
                self.open[call] = place
            elif early["boot"] == place["boot"]:
                self.report.fault("the intent comes after its outcome", **place)
            else:  # another node closed it, and was sealed first
                self.close(call)
        elif kind in ("outcome", "lost"):
            if self.open.pop(call, None):
                self.close(call)
            elif call not in self.closed:
                self.early[call] = place

    def close(self, call):
        self.closed[call] = True
        if len(self.closed) > RECENT:
            self.closed.popitem(last=False)

    def finish(self, absent):
        """What can only be said at the end; `absent` rows are covered by statements."""
        missing = {boot: found[2] for boot, found in self.boots.items() if found[2]}
        for boot in [boot for boot in missing if any(boot in said for said in self.breaks)]:
            self.report.note(missing.pop(boot), f"rows of boot {boot} were lost by a declared restore")
        if sum(missing.values()) > absent:
            gaps = ", ".join(f"{boot}: {count}" for boot, count in itertools.islice(missing.items(), 10))
            self.report.fault(f"{sum(missing.values()) - absent} rows are missing between others ({gaps})")
        for place in self.early.values() if self.whole and not absent else ():
            self.report.fault("an outcome without its intent", **place)
        self.report.note(len(self.open), "calls have no outcome here (under way, or yet to be closed)")


# ---- an export
def tile_path(level, number, width):
    """Where a tile stands (tlog-tiles): 1234067 is x001/x234/067."""
    digits = f"{number % 1000:03}"
    while number >= 1000:
        number //= 1000
        digits = f"x{number % 1000:03}/{digits}"
    return f"tile/{level}/{digits}" + ("" if width == WIDTH else f".p/{width}")


def split(data):
    """Entries with a big-endian length of two bytes before each."""
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise Unreadable("a file of entries ends in the middle of a row")
        yield data[at + 2 : end]
        at = end


class Export:
    """An export's folder, checked file by file."""

    def __init__(self, folder, options, report):
        self.folder, self.options, self.report = folder, options, report
        self.manifest = said = json_object(read(self.path("manifest.json")))
        self.origin, self.size, self.first, self.end = (
            said[name] for name in ("origin", "size", "from", "to")
        )
        self.files, self.contents = dict(said["files"]), set(said["contents"]["names"])
        if said.get("format") != EXPORT or not 0 <= self.first <= self.end <= self.size:
            raise Unreadable(f"manifest.json is not of the format {EXPORT}")
        bundled = keys_of(self.path("keys/log.vkey"))
        self.trust = Trust(options.keys, bundled, said.get("rotations") or (), report)
        self.rows = Rows(report, self.first == 0 and said.get("epoch") == 1)
        self.absent = 0  # rows that a statement explains

    def path(self, name):
        return os.path.join(self.folder, name)

    def listed(self, folder):
        return [name for name in sorted(self.files) if name.startswith(folder)]

    def verify(self):
        """All checks, in the order in which they rely on each other."""
        self.check_files()
        self.check_manifest()
        self.check_head()
        for name in self.listed("checkpoints/") + self.options.checkpoints:
            with self.report.about(file=name):
                self.check_older(name)
        dropped = sorted(leaves for name in self.listed("statements/") for leaves in self.statement(name))
        self.starts = [first for first, _ in dropped]
        self.ends = list(itertools.accumulate((end for _, end in dropped), max))
        for level in reversed(range(8)):
            if self.size >> 8 * level & 255:  # the tile at the edge, and what is below it
                self.check_tile(level, self.size >> 8 * level + 8)
        self.rows.finish(self.absent)
        self.finish()

    def check_files(self):
        """Each file is there as the manifest lists it, and no file is there that nothing accounts for."""
        for name, digest in sorted(self.files.items()):
            with self.report.about(file=name):
                if ".." in name.split("/") or name.startswith("/") or digest_of(self.path(name)) != digest:
                    raise Unreadable(f"{name} was changed")
        accounted = {*self.files, "manifest.json"} | (
            {"manifest.note"} if self.manifest.get("signed") else set()
        )
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), self.folder).replace(os.sep, "/")
                content = name in self.contents and path == f"contents/{name[:2]}/{name}"
                if not (path in accounted or content or self.is_tile(path)):
                    self.report.fault(f"{path} does not belong to the export", file=path)

    def is_tile(self, path):
        """Whether a tile of that name is in such an export."""
        found = re.fullmatch(r"tile/(entries|[0-7])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/[0-9]{1,3})?", path)
        if not found:
            return False
        kind, number = found[1], int(re.sub("[x/]", "", found[2]))
        level = 0 if kind == "entries" else int(kind)
        edge = kind != "entries" and number == self.size // WIDTH
        width = self.width(level, number)
        return (level or edge or self.in_range(number)) and width and path == tile_path(kind, number, width)

    def in_range(self, number):
        """Whether a tile of this number at level 0 has leaves of the range."""
        return self.first < self.end and self.first // WIDTH <= number <= (self.end - 1) // WIDTH

    def width(self, level, number):
        """Hashes in a tile: 256, fewer at the edge, none beyond."""
        return max(0, min(WIDTH, (self.size >> 8 * level) - number * WIDTH))

    def check_manifest(self):
        """The manifest is signed, if the keys were at hand when the export was made."""
        if not self.manifest.get("signed"):
            self.report.notices.append(
                "the manifest is not signed: only what follows from the tree is certain"
            )
            return
        with self.report.about(file="manifest.note"):
            note = self.trust.signed(read(self.path("manifest.note")), "manifest.note")
            if note.text != f"{EXPORT}\n{self.origin}\nsha256:{digest_of(self.path('manifest.json'))}\n":
                raise Unreadable("manifest.json is not the one that was signed")

    def check_head(self):
        """The newest checkpoint, against which everything else is checked."""
        data = read(self.path("checkpoint"))
        origin, size, root = self.trust.checkpoint(data, "checkpoint", newest=True)
        if (origin, size) != (self.origin, self.size):
            raise Unreadable(f"the checkpoint is of {origin} at {size}, the manifest says otherwise")
        for witness in self.options.witnesses:
            results = Note(data).results(witness)
            if False in results:
                self.report.fault(f"the cosignature of {witness.who[0]} is wrong", file="checkpoint")
            elif True not in results:
                self.report.doubts.append(f"the checkpoint carries no cosignature of {witness.who[0]}")
        with self.report.about(file="checkpoint"):
            if self.root_at(size) != root:
                raise Unreadable("the tiles do not lead to the checkpoint's root")

    def check_older(self, name):
        """The tree had the root of an earlier checkpoint when it had that size."""
        origin, size, root = self.trust.checkpoint(read(self.path(name)), name)
        number = size // WIDTH
        if origin != self.origin:
            if origin not in [epoch.get("origin") for epoch in self.manifest.get("epochs") or ()]:
                raise Unreadable(f"{name} is of another log, {origin}")
            self.report.notices.append(f"{name} is of {origin}, before a declared restore")
        elif size > self.size:
            self.report.doubts.append(f"{name} is newer than the export ({size} > {self.size})")
        elif size % WIDTH and not self.in_range(number) and number != self.size // WIDTH:
            self.report.notices.append(f"the checkpoint at {size} lies outside the exported range")
        elif self.root_at(size) != root:
            raise Unreadable(f"{name} has another root than the tree at {size} had")

    def root_at(self, size):
        """The root that the tree had at that size: of the hashes at its edge, level by level."""
        root = []
        for level in range(8):
            width = size >> 8 * level & 255
            hashes = self.tile(level, size >> 8 * level + 8)[:width] if width else []
            root = [root_of(hashes + root)] if hashes + root else []
        return root_of(root)

    def tile(self, level, number):
        """The hashes of a tile."""
        width = self.width(level, number)
        name = tile_path(level, number, width)
        data = read(self.path(name))
        if len(data) != 32 * width:
            raise Unreadable(f"{name} holds {len(data)} bytes instead of {32 * width}")
        return [data[at : at + 32] for at in range(0, len(data), 32)]

    def statement(self, name):
        """Ranges of leaves that a signed statement allows to be absent."""
        with self.report.about(file=name):
            kind, _, text = self.trust.signed(read(self.path(name)), name).text.split("\n", 2)
            said = json_object(text.encode())
            if (kind, said["statement"], said.get("epoch", 1)) == (
                STATEMENT,
                "drop",
                self.manifest.get("epoch"),
            ):
                return [(int(first), int(end)) for first, end in said["leaves"]]
        return []

    def dropped(self, leaf):
        at = bisect.bisect_right(self.starts, leaf)
        return at > 0 and leaf < self.ends[at - 1]

    def check_tile(self, level, number, wanted=None):
        """A tile hashes to its place one level up; then the tiles and the rows below it, from left to right."""
        width = self.width(level, number)
        file, rows = tile_path(level, number, width), tile_path("entries", number, width)
        hashes = (
            [] if wanted == b"" else [b""] * width
        )  # unknown: it goes on below one such tile, not below two
        with self.report.about(file=file):
            hashes = self.tile(level, number)
            if wanted and root_of(hashes) != wanted:
                self.report.fault("the tile does not hash to its place one level up", file=file)
            if level == 0 and self.in_range(number):
                with self.report.about(file=rows):
                    self.check_rows(number * WIDTH, hashes, rows)
        for below, value in enumerate(hashes, number * WIDTH):
            if level > 1 or (level == 1 and self.in_range(below)):
                self.check_tile(level - 1, below, value)

    def check_rows(self, start, hashes, file):
        """The rows in a file hash to the leaves in their tile."""
        entries = list(split(read(self.path(file))))
        found = [leaf_hash(entry) if entry else None for entry in entries]
        if len(entries) != len(hashes):
            self.report.fault(f"the file holds {len(entries)} rows instead of {len(hashes)}", file=file)
        for i, wanted in enumerate(hashes):
            leaf, (entry, here) = start + i, (entries[i], found[i]) if i < len(found) else (b"", b"")
            inside = self.first <= leaf < self.end
            if here == wanted and inside:
                with self.report.about(leaf=leaf, file=file):
                    self.check_row(leaf, entry)
                continue
            if here is None and (not inside or self.dropped(leaf)):
                self.absent += inside
                continue
            if here and not inside:
                what = "the row is outside the exported range"
            elif wanted in found:
                what = f"the row was moved; it stands at leaf {start + found.index(wanted)}"
            elif not here or here in hashes:
                what = "the row was removed"
            else:
                what = "the row was edited, or its hash was"
            self.report.fault(what, leaf=leaf, file=file, **row_of(entry)[1])
        for entry in entries[len(hashes) :]:
            self.report.fault("an inserted row", file=file, **row_of(entry)[1])

    def check_row(self, leaf, entry):
        """What must hold between rows, and the contents beside a row are what their digests say."""
        row, place = row_of(entry)
        place = {"leaf": leaf, **place}
        self.rows.add(row, place)
        for digest in (row.get("body") or {}).get("contents") or ():
            name = digest.partition(":")[2]
            with self.report.about(**place):
                if name not in self.contents:
                    raise Unreadable(f"the content {digest} of the row is missing")
                if digest_of(self.path(f"contents/{name[:2]}/{name}")) != name:
                    raise Unreadable(f"the content {digest} of the row was changed")

    def finish(self):
        """What the manifest says, held against what was found, and what is worth knowing."""
        said, rows, note = self.manifest, self.rows, self.report.note
        if (said.get("rows"), said.get("absent")) != (rows.count, self.absent):
            what = f"the manifest's numbers are not what was found: {rows.count} rows, {self.absent} absent"
            self.report.fault(what, file="manifest.json")
        leaves = f"{self.first} to {self.end} of {self.size}"
        self.report.checked = {"rows": rows.count, "leaves": leaves, "boots": len(rows.boots)}
        for name in ("contents", "checkpoints", "statements"):
            self.report.checked[name] = len(self.contents if name == "contents" else self.listed(name))
        note(self.absent, "rows were dropped under a signed statement")
        note(
            (said.get("unsealed") or {}).get("rows"), "rows were not yet sealed and are not part of the proof"
        )
        erased = [rows.subjects[subject] for subject in rows.erased if subject in rows.subjects]
        if erased:
            about = f"{sum(erased)} rows about {len(erased)} erased persons are intact"
            self.report.notices.append(f"shredded: {about}, and nobody can read their personal values")


# ---- the proof of one row
def verify_proof(options, report):
    """A path leads from the row to a root that a key of the record signed."""
    head, found, note = read(options.path).partition(b"\n\n")
    match = re.fullmatch(
        re.escape(PROOF) + r"\n(?:extra (\S*)\n)?index (0|[1-9][0-9]{0,18})((?:\n\S+){0,63})", head.decode()
    )
    if not found or not match:
        raise Unreadable(f"it is not a {PROOF}")
    extra = json_object(unbase64(match[1])) if match[1] else {}
    index, path = int(match[2]), [unbase64(line, 32) for line in match[3].split()]
    bundled = [Key(text) for text in extra.get("keys") or ()]
    trust = Trust(options.keys, bundled, extra.get("rotations") or (), report)
    origin, size, root = trust.checkpoint(note, "checkpoint")
    entry = read(re.sub(r"\.tlog-proof$", "", options.path) + ".entry")
    place = {"leaf": index, **row_of(entry)[1]}
    with report.about(**place):
        if index >= size or root_by_path(leaf_hash(entry), index, size, path) != root:
            raise Unreadable("the path does not lead from this row to the checkpoint's root")
    report.checked = {"row": place, "origin": origin, "size": size}


# ---- command line
def arguments(words):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path")
    for name, dest, kind, words_of_help in (
        (
            "--key",
            "keys",
            keys_of,
            "a verifier key of the record that you got from elsewhere, or a file of them",
        ),
        ("--witness", "witnesses", keys_of, "a witness that must have cosigned the newest checkpoint"),
        (
            "--checkpoint",
            "checkpoints",
            os.path.abspath,
            "a checkpoint that you kept: the export must contain it",
        ),
    ):
        parser.add_argument(name, dest=dest, type=kind, action="append", default=[], help=words_of_help)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of sentences")
    options = parser.parse_args(words)
    options.keys, options.witnesses = sum(options.keys, []), sum(options.witnesses, [])
    return options


def main(words=None):
    options, report = arguments(words), Report()
    with report.about():
        if os.path.isfile(options.path):
            verify_proof(options, report)
        elif os.path.isfile(os.path.join(options.path, "manifest.json")):
            Export(options.path, options, report).verify()
        else:
            report.doubts.append(f"{options.path} is neither an export nor a proof: it has no manifest.json")
    if options.json:
        print(json.dumps({"verdict": report.verdict(), **vars(report)}))
    else:
        print(f"{options.path}: {report.verdict().upper()}\n  checked {report.checked}")
        for kind, lines in (
            ("FAULT", report.faults),
            ("cannot tell", report.doubts),
            ("note", report.notices),
        ):
            for line in lines:
                print(f"  {kind}: {line}")
    return {"intact": 0, "tampered": 1, "cannot tell": 2}[report.verdict()]


if __name__ == "__main__":
    sys.exit(main())

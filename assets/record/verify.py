#!/usr/bin/env python3
"""Verify an export of Sallyport's record without Sallyport.

    python3 verify.py FOLDER        an export: every row, the tree, the checkpoints, the keys, the statements
    python3 verify.py ROW.tlog-proof    the proof of one row; the row itself stands beside it as ROW.entry

    --key VKEY        a verifier key of the record that you got from elsewhere, or a file of them; without one the
                      keys in the export itself are used, and the report says so. May be repeated.
    --checkpoint FILE a checkpoint that you kept from elsewhere: the export must contain it
    --witness VKEY    a witness that must have cosigned the newest checkpoint
    --json            one JSON object instead of sentences

It ends with 0 if everything is intact, 1 if anything was changed, and 2 if it cannot tell.

It needs Python 3.9 and `cryptography`, from which it takes Ed25519 and, where it has it, ML-DSA-44. Everything else is
below: RFC 6962 trees and C2SP tlog-tiles, signed-note, tlog-checkpoint, tlog-cosignature and tlog-proof. Rows are read
one tile of 256 at a time, so memory does not grow with the record. The formats are described in README.txt beside it.
"""

from __future__ import annotations

import argparse
import base64
import bisect
import hashlib
import json
import os
import re
import struct
import sys
from collections import OrderedDict

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None
try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError:
    MLDSA44PublicKey = None

EXPORT, STATEMENT, ROTATION, PROOF = (
    "sallyport.record/export/v1",
    "sallyport-statement/1",
    "sallyport.record/key-rotation/v1",
    "c2sp.org/tlog-proof@v1",
)
WIDTH = 256  # hashes in a tile
SHOWN = 1000  # faults that are listed; all are counted
ED25519, ED25519_COSIGNATURE, MLDSA44_COSIGNATURE = 1, 4, 6


class Unreadable(Exception):
    """A file is not what it should be; the message says how."""


class Unknown(Unreadable):
    """There is nothing here that could be judged."""


class Report:
    """What was checked, what is wrong, what could not be checked, and what is worth knowing."""

    def __init__(self):
        self.faults, self.doubts, self.notices, self.checked, self.count = [], [], [], {}, 0

    def fault(self, what, **where):
        self.count += 1
        if len(self.faults) < SHOWN:
            self.faults.append({"what": what, **where})

    @property
    def verdict(self):
        return "tampered" if self.count else "cannot tell" if self.doubts else "intact"


# ---- RFC 6962 ----------------------------------------------------------------------------------------------------


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows at its right edge and keeps only the roots of its complete subtrees."""

    def __init__(self):
        self.size, self.edge = 0, []  # (height, hash), heights falling

    def add(self, value, height=0):
        """Append a complete subtree of 2**height leaves; the tree's size must be a multiple of that."""
        self.size += 1 << height
        while self.edge and self.edge[-1][0] == height:
            value, height = node_hash(self.edge.pop()[1], value), height + 1
        self.edge.append((height, value))

    def root(self):
        if not self.edge:
            return hashlib.sha256(b"").digest()
        value = self.edge[-1][1]
        for _, left in reversed(self.edge[:-1]):
            value = node_hash(left, value)
        return value


def tile_root(hashes):
    """The root of a full tile."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]


def root_by_path(value, index, size, path):
    """The root that an inclusion path leads to (RFC 9162, 2.1.3.2)."""
    last, path = size - 1, list(path)
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


# ---- C2SP signed-note, tlog-checkpoint, tlog-cosignature ---------------------------------------------------------


class Key:
    """A verifier key, `name+hex(id)+base64(type‖key)`."""

    def __init__(self, text):
        self.text = text.strip()
        try:
            self.name, key_id, data = self.text.split("+", 2)
            raw = base64.b64decode(data, validate=True)
            self.id, self.type, self.public = bytes.fromhex(key_id), raw[0], raw[1:]
        except (ValueError, IndexError):
            raise Unreadable(f"not a verifier key: {self.text:.60}") from None
        if hashlib.sha256(self.name.encode() + b"\n" + raw).digest()[:4] != self.id:
            raise Unreadable(f"the verifier key of {self.name} does not have its own id")

    def verifies(self, text, signature):
        """Whether the signature under the text is this key's; None if this Python cannot tell."""
        try:
            if self.type == ED25519 and Ed25519PublicKey:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
            elif self.type == ED25519_COSIGNATURE and Ed25519PublicKey:
                time = struct.unpack(">Q", signature[:8])[0]
                Ed25519PublicKey.from_public_bytes(self.public).verify(
                    signature[8:], b"cosignature/v1\ntime %d\n" % time + text
                )
            elif self.type == MLDSA44_COSIGNATURE and MLDSA44PublicKey:
                MLDSA44PublicKey.from_public_bytes(self.public).verify(
                    signature[8:], self._subtree(text, signature[:8])
                )
            else:
                return None
        except (InvalidSignature, ValueError, struct.error):
            return False
        return True

    def _subtree(self, text, time):
        origin, size, root = parse_checkpoint(text)
        name, origin = self.name.encode(), origin.encode()
        return b"".join(
            (
                b"subtree/v1\n\0",
                bytes([len(name)]),
                name,
                time,
                bytes([len(origin)]),
                origin,
                struct.pack(">QQ", 0, size),
                root,
            )
        )


def parse_note(data):
    """The text of a signed note, and (name, key id, signature) of each signature under it."""
    body, found, tail = data.rpartition(b"\n\n")
    if not found or not tail.endswith(b"\n") or len(data) > 1 << 20 or re.search(rb"[\x00-\x09\x0b-\x1f]", data):
        raise Unreadable("it is not a signed note")
    signatures = []
    for line in tail[:-1].split(b"\n"):
        parts = line.split(b" ")
        try:
            if len(parts) != 3 or parts[0] != "\u2014".encode():
                raise ValueError
            raw = base64.b64decode(parts[2], validate=True)
            if base64.b64encode(raw) != parts[2] or len(raw) < 5:
                raise ValueError
            signatures.append((parts[1].decode(), raw[:4], raw[4:]))
        except ValueError:
            raise Unreadable("a signature line of the note is malformed") from None
    return body + b"\n", signatures


def parse_checkpoint(text):
    """Origin, size and root of a checkpoint's text."""
    lines = text.decode("utf-8", "replace").split("\n")
    if len(lines) != 4 or lines[3] or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
        raise Unreadable("it is not a checkpoint of origin, size and root")
    return lines[0], int(lines[1]), unbase64(lines[2])


def unbase64(text):
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 32 or base64.b64encode(raw).decode() != text:
        raise Unreadable("it holds something that is not the base64 of a SHA-256 hash")
    return raw


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands there twice")
    return members


def json_object(data, what):
    try:
        value = json.loads(data.decode(), object_pairs_hook=unique)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is not a JSON object")
    return value


def read(path, limit=1 << 24):
    """The bytes of a plain file; Unreadable if there is none."""
    try:
        if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > limit:
            raise Unreadable(f"{os.path.basename(path)} is missing, or not a plain file of sensible size")
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Unreadable(f"{os.path.basename(path)} cannot be read: {error.strerror}") from None


class Trust:
    """Keys whose signatures count: those given (without any, the export's own), and what follows from rotations.

    `former` keys came before one that counts: they may have signed what is old, but not the newest checkpoint.
    """

    def __init__(self, given, bundled, rotations, report):
        self.report, self.own = report, not given
        self.keys = {(key.name, key.id): key for key in given or bundled}
        self.known = {(key.name, key.id): key for key in bundled}
        self.former = {}
        left = [change for change in map(self.rotation, rotations) if change]
        while True:
            followed = [change for change in left if self.follow(*change)]
            if not followed:
                break
            left = [change for change in left if change not in followed]

    def rotation(self, data):
        """Old and new keys of a rotation that both have signed; any other is a fault."""
        try:
            text, signatures = parse_note(data)
            lines = text.decode().split("\n")
            old, new = ([Key(line[4:]) for line in lines if line.startswith(word)] for word in ("old ", "new "))
            if lines[0] != ROTATION or not old or not new:
                raise Unreadable("it is not a rotation")
            for key in (old[0], new[0]):
                under = [value for name, key_id, value in signatures if (name, key_id) == (key.name, key.id)]
                if not under or any(key.verifies(text, value) is False for value in under):
                    raise Unreadable("it is not signed by both")
        except (Unreadable, ValueError):
            self.report.fault("a change of keys is not signed by the old and the new key")
            return None
        return old, new

    def follow(self, old, new):
        """Whoever trusts one signer of a rotation learns the other side; keys that did not sign it vouch for nothing."""
        if (old[0].name, old[0].id) in self.keys:
            self.keys.update({(key.name, key.id): key for key in new})
        elif (new[0].name, new[0].id) in {**self.keys, **self.former}:
            self.former.update({(key.name, key.id): key for key in old})
        else:
            return False
        return True

    def checkpoint(self, data, what, old=True):
        """Origin, size and root of a checkpoint that a key of each kind of the log has signed."""
        text = self.signed(data, what, old)
        known = {**self.known, **self.former, **self.keys}
        signed = {known[line[:2]].type for line in parse_note(data)[1] if line[:2] in known}
        for kind in {key.type for key in known.values()} - signed:
            self.report.fault(f"{what} lacks a signature of kind {kind}", file=what)
        return parse_checkpoint(text)

    def signed(self, data, what, old=True):
        """The text of a note by the log. A wrong signature of a known key is a fault, as is none that counts."""
        text, signatures = parse_note(data)
        counts = {**self.former, **self.keys} if old else self.keys
        known = {**self.known, **self.former, **self.keys}
        good = doubtful = 0
        for name, key_id, signature in signatures:
            key = known.get((name, key_id))
            if key is None:
                continue
            result = key.verifies(text, signature)
            if result is False:
                self.report.fault(f"the signature of {name} under {what} is wrong", file=what)
            elif (name, key_id) in counts:
                good, doubtful = good + (result is True), doubtful + (result is None)
        if not good:
            if doubtful or (not self.own and any((name, key_id) in known for name, key_id, _ in signatures)):
                self.report.doubts.append(
                    f"no signature under {what} is of a key that counts and can be checked here"
                )
            else:
                self.report.fault(f"{what} is not signed by a key of the record", file=what)
        return text


# ---- the rows ----------------------------------------------------------------------------------------------------


class Rows:
    """What must hold between rows: numbers without gaps in each boot, an intent before its outcome."""

    RECENT = 65536

    def __init__(self, report, whole):
        self.report, self.whole = report, whole  # whole: nothing comes before the first row
        self.boots, self.open, self.early, self.closed = {}, {}, {}, OrderedDict()
        self.rows = self.missing = self.sealed = self.again = 0
        self.erased, self.subjects, self.contents, self.breaks = set(), {}, [], []

    def add(self, leaf, entry):
        """Look at one row; its place for messages."""
        try:
            row = json_object(entry, "the row")
            place = {"leaf": leaf, **{name: row[name] for name in ("id", "node", "boot", "seq")}}
            node, boot, seq = str(row["node"]), str(row["boot"]), int(row["seq"])
            kind, call = row["kind"], row["call"]
        except (Unreadable, KeyError, TypeError, ValueError):
            self.report.fault("the row is not an entry of the record", leaf=leaf)
            return
        self.rows += 1
        self._number(node, boot, seq, place)
        self._call(kind, call, boot, place)
        body = row.get("body") or {}
        for subject in {row.get("subject"), row.get("resource_subject")} - {None, ""}:
            self.subjects[subject] = self.subjects.get(subject, 0) + 1
        if row.get("action") == "record.subject.erase" and kind == "event":
            self.erased.add(str(body.get("subject") or row.get("resource")))
        if row.get("action") == "record.restore" and kind == "event":
            self.breaks += [str(said) for said in body.get("breaks") or ()]
        for digest in body.get("contents") or ():
            self.contents.append((str(digest), place))

    def _number(self, node, boot, seq, place):
        known = self.boots.get(boot)
        if known is None:
            known = self.boots[boot] = [node, seq, seq - 1, 0]
            if self.whole:
                self.missing += seq  # numbers before the first
                known[3] = seq
        if known[0] != node:
            self.report.fault("the row names another node than its boot's other rows", **place)
        if seq <= known[2]:
            self.report.fault(f"the row's number was there before: it follows {known[2]} of its boot", **place)
        self.missing += max(0, seq - known[2] - 1)
        if seq > known[2] + 1:
            known[3] += seq - known[2] - 1
        known[2] = max(seq, known[2])

    def _call(self, kind, call, boot, place):
        if kind == "intent":
            early = self.early.pop(call, None)
            if early is None:
                self.open[call] = place["leaf"]
            elif early["boot"] == boot:
                self.report.fault("the intent comes after its outcome", **place)
            else:
                self._close(call)
        elif kind in ("outcome", "lost"):
            if self.open.pop(call, None) is not None:
                self._close(call)
            elif call in self.closed:
                self.again += 1
            else:
                self.early[call] = place

    def _close(self, call):
        self.closed[call] = True
        if len(self.closed) > self.RECENT:
            self.closed.popitem(last=False)

    def finish(self, absent):
        """What can only be said at the end; `absent` rows are covered by statements."""
        for boot, found in self.boots.items():
            if found[3] and any(boot in said for said in self.breaks):
                self.report.notices.append(f"{found[3]} rows of boot {boot} were lost by a declared restore")
                self.missing, found[3] = self.missing - found[3], 0
        if self.missing > absent:
            gaps = [f"{boot}: {found[3]}" for boot, found in self.boots.items() if found[3]][:10]
            self.report.fault(
                "{} rows are missing between others ({})".format(self.missing - absent, ", ".join(gaps))
            )
        if self.whole and not absent:
            for place in self.early.values():
                self.report.fault("an outcome without its intent", **place)
        if self.open:
            self.report.notices.append(
                f"{len(self.open)} calls have no outcome here (under way, or yet to be closed)"
            )
        if self.again:
            self.report.notices.append(f"{self.again} calls have a second outcome")


# ---- an export ---------------------------------------------------------------------------------------------------


def tile_path(level, number, width):
    """Where a tile stands (tlog-tiles): 1234067 is x001/x234/067."""
    digits = f"{number % 1000:03}"
    while number >= 1000:
        number //= 1000
        digits = f"x{number % 1000:03}/{digits}"
    return "tile/{}/{}{}".format(level, digits, "" if width == WIDTH else f".p/{width}")


class Export:
    """An export's folder, checked file by file."""

    def __init__(self, folder, options, report):
        self.folder, self.options, self.report = folder, options, report

    def file(self, name, limit=1 << 24):
        return read(os.path.join(self.folder, *name.split("/")), limit)

    def verify(self):
        """All checks, in the order in which they rely on each other."""
        if not os.path.isfile(os.path.join(self.folder, "manifest.json")):
            raise Unknown(f"{self.folder} is not an export: it has no manifest.json")
        self.manifest = json_object(self.file("manifest.json", 1 << 30), "manifest.json")
        try:
            self.origin, self.size = str(self.manifest["origin"]), int(self.manifest["size"])
            self.first, self.end = int(self.manifest["from"]), int(self.manifest["to"])
            self.files = {str(name): str(value) for name, value in self.manifest["files"].items()}
            known = {str(name) for name in self.manifest["contents"]["names"]}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Unreadable("manifest.json lacks a member or has one of another kind") from None
        if self.manifest.get("format") != EXPORT or not 0 <= self.first <= self.end <= self.size:
            raise Unreadable(f"manifest.json is not of the format {EXPORT}")
        self.known_contents = known
        bundled = keys_of(self.file("keys/log.vkey").decode("utf-8", "replace"))
        rotations = [str(note).encode() for note in self.manifest.get("rotations") or ()]
        self.trust = Trust(self.options.keys, bundled, rotations, self.report)
        self.listed()
        self.sealed_manifest()
        self.head()
        self.tiles()
        self.older()
        self.statements()
        self.entries()

    def listed(self):
        """Each file is there as the manifest lists it, and no other file is."""
        for name, digest in sorted(self.files.items()):
            try:
                if ".." in name.split("/") or name.startswith("/") or self.hash(name) != digest:
                    self.report.fault(f"{name} was changed", file=name)
            except Unreadable as error:
                self.report.fault(str(error), file=name)
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), self.folder).replace(os.sep, "/")
                if path not in self.files and path != "manifest.json" and not self.belongs(path):
                    self.report.fault(f"{path} does not belong to the export", file=path)

    def hash(self, name):
        """SHA-256 of a file of any size."""
        path, hashed = os.path.join(self.folder, *name.split("/")), hashlib.sha256()
        if os.path.islink(path) or not os.path.isfile(path):
            raise Unreadable(f"{name} is missing")
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                hashed.update(block)
        return hashed.hexdigest()

    def belongs(self, path):
        found = re.fullmatch(
            r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?", path
        )
        if found:
            level = 0 if found[1] == "entries" else int(found[1])
            number = int(found[2].replace("/", "").replace("x", ""))
            width = self.width(level, number)
            wanted = self.in_range(number) or (level == 0 and found[1] != "entries" and number == self.size // WIDTH)
            return width > 0 and path == tile_path(found[1], number, width) and (level > 0 or wanted)
        name = path.split("/")[-1]
        if path == "manifest.note":
            return bool(self.manifest.get("signed"))
        return name in self.known_contents and path == f"contents/{name[:2]}/{name}"

    def in_range(self, number):
        return self.first < self.end and self.first // WIDTH <= number <= (self.end - 1) // WIDTH

    def width(self, level, number):
        """Hashes in a tile of the tree: 256, fewer at the edge, none beyond."""
        return max(0, min(WIDTH, (self.size >> 8 * level) - number * WIDTH))

    def sealed_manifest(self):
        """The manifest is signed, if the keys were at hand when the export was made."""
        if not self.manifest.get("signed"):
            self.report.notices.append("the manifest is not signed: only what follows from the tree is certain")
            return
        text = "{}\n{}\nsha256:{}\n".format(
            EXPORT, self.origin, hashlib.sha256(self.file("manifest.json")).hexdigest()
        )
        try:
            if self.trust.signed(self.file("manifest.note"), "manifest.note") != text.encode():
                self.report.fault("manifest.json is not the one that was signed", file="manifest.json")
        except Unreadable as error:
            self.report.fault(f"manifest.note: {error}", file="manifest.note")

    def head(self):
        """The newest checkpoint: what everything else is checked against."""
        note = self.file("checkpoint")
        origin, size, self.root = self.trust.checkpoint(note, "checkpoint", old=False)
        if (origin, size) != (self.origin, self.size):
            self.report.fault(
                f"the checkpoint is of {origin} at {size}, the manifest says otherwise", file="checkpoint"
            )
            raise Unreadable("checkpoint and manifest do not belong together")
        _, signatures = parse_note(note)
        for witness in self.options.witnesses:
            under = [s for name, key_id, s in signatures if (name, key_id) == (witness.name, witness.id)]
            results = [witness.verifies(text, signature) for signature in under]
            if False in results:
                self.report.fault(f"the cosignature of {witness.name} is wrong", file="checkpoint")
            elif True not in results:
                self.report.doubts.append(f"the checkpoint carries no cosignature of {witness.name}")

    def tile(self, level, number):
        """The hashes of a tile, or None after a fault."""
        width = self.width(level, number)
        name = tile_path(level, number, width)
        try:
            data = self.file(name)
        except Unreadable as error:
            self.report.fault(str(error), file=name)
            return None
        if len(data) != 32 * width:
            self.report.fault(f"the tile holds {len(data)} bytes instead of {32 * width}", file=name)
            return None
        return [data[i : i + 32] for i in range(0, len(data), 32)]

    def tiles(self):
        """Upper levels: every full tile hashes to its place one level up, and the edge to the root."""
        edge, level = [], 0
        while self.size >> 8 * level:
            count = self.size >> 8 * level
            for number in range(0 if level else count // WIDTH, (count + WIDTH - 1) // WIDTH):
                hashes = self.tile(level, number)
                if hashes is not None and len(hashes) == WIDTH:
                    self.parent(level, number, tile_root(hashes))
                elif hashes is not None:
                    edge.append((8 * level, hashes))
            level += 1
        tree = Tree()
        for height, hashes in reversed(edge):
            for value in hashes:
                tree.add(value, height)
        if tree.size != self.size or tree.root() != self.root:
            self.report.fault("the tiles do not lead to the checkpoint's root", file="checkpoint")

    def parent(self, level, number, value):
        above = self.tile(level + 1, number // WIDTH)
        if above is not None and above[number % WIDTH] != value:
            self.report.fault(
                "the tile does not hash to its place one level up", file=tile_path(level, number, WIDTH)
            )
            return False
        return above is not None

    def older(self):
        """Earlier checkpoints, and those from elsewhere: what root must the tree have had, and when?"""
        self.roots = {}
        names = [(name, self.file(name)) for name in sorted(self.files) if name.startswith("checkpoints/")]
        names += [(path, read(path)) for path in self.options.checkpoints]
        for name, note in names:
            try:
                origin, size, root = self.trust.checkpoint(note, name)
            except Unreadable as error:
                self.report.fault(f"{name}: {error}", file=name)
                continue
            if origin != self.origin and self.epoch(origin):
                self.report.notices.append(f"{name} is of {origin}, before a declared restore")
            elif origin != self.origin:
                self.report.fault(f"{name} is of another log, {origin}", file=name)
            elif size > self.size:
                self.report.doubts.append(f"{name} is newer than the export ({size} > {self.size})")
            else:
                self.roots.setdefault(size, []).append((name, root))
        self.report.checked["checkpoints"] = 1 + len(names)

    def epoch(self, origin):
        return origin in [str(epoch.get("origin")) for epoch in self.manifest.get("epochs") or ()]

    def statements(self):
        """Leaf ranges that signed statements allow to be absent."""
        self.dropped = []
        for name in sorted(self.files):
            if not name.startswith("statements/"):
                continue
            try:
                lines = self.trust.signed(self.file(name), name).split(b"\n", 2)
                said = json_object(lines[2], name)
                if lines[0].decode() != STATEMENT or said["statement"] != "drop":
                    continue
                if said.get("epoch", 1) == self.manifest.get("epoch"):
                    self.dropped += [(int(first), int(end)) for first, end in said["leaves"]]
            except (Unreadable, IndexError, KeyError, TypeError, ValueError) as error:
                self.report.fault(f"{name} cannot be read as a statement: {error}", file=name)
        merged = []
        for first, end in sorted(self.dropped):
            if merged and first <= merged[-1][1]:
                first, end = merged[-1][0], max(end, merged.pop()[1])
            merged.append((first, end))
        self.dropped = merged

    def entries(self):
        """Every row in the range hashes to its leaf; the tree passes through every earlier root."""
        rows, tree, absent = Rows(self.report, self.first == 0 and self.manifest.get("epoch") == 1), Tree(), 0
        self.root_at(tree, [])
        for number in range((self.size + WIDTH - 1) // WIDTH):
            inside = self.in_range(number)
            if inside or self.width(0, number) < WIDTH:
                hashes = self.tile(0, number)
                if hashes is None:
                    self.report.doubts.append(f"rows from leaf {number * WIDTH} on could not be checked")
                    break
                if inside:
                    absent += self.bundle(number, hashes, rows)
                    self.contents(rows)
                self.root_at(tree, hashes)
                if len(hashes) == WIDTH:
                    if inside:
                        self.parent(0, number, tile_root(hashes))
                    tree.add(tile_root(hashes), 8)
            else:
                self.root_at(tree, None)
                above = self.tile(1, number // WIDTH)
                if above is None:
                    break
                tree.add(above[number % WIDTH], 8)
        for size, wanted in self.roots.items():
            if size == self.size and any(root != self.root for _, root in wanted):
                self.report.fault("a checkpoint of the same size has another root", file=wanted[0][0])
        rows.finish(absent)
        self.numbers(rows, absent)

    def root_at(self, tree, hashes):
        """Compare the roots of checkpoints that lie inside the tile that comes next."""
        for size in [size for size in self.roots if tree.size <= size < tree.size + WIDTH and size < self.size]:
            if size > tree.size and hashes is None:
                self.report.notices.append(f"the checkpoint at {size} lies outside the exported range")
                del self.roots[size]
                continue
            grown = Tree()
            grown.size, grown.edge = tree.size, list(tree.edge)
            for value in (hashes or ())[: size - tree.size]:
                grown.add(value)
            if grown.size == size:
                for name, root in self.roots.pop(size):
                    if grown.root() != root:
                        self.report.fault(f"{name} has another root than the tree at {size} had", file=name)

    def bundle(self, number, hashes, rows):
        """Compare one file of entries with its tile; how many rows a statement explains."""
        start, absent = number * WIDTH, 0
        name = tile_path("entries", number, len(hashes))
        try:
            entries = list(split(self.file(name)))
        except Unreadable as error:
            self.report.fault(str(error), file=name)
            return 0
        found = [leaf_hash(entry) if entry else None for entry in entries]
        wanted = {value: start + i for i, value in enumerate(hashes)}
        if len(entries) != len(hashes):
            self.report.fault(f"the file holds {len(entries)} rows instead of {len(hashes)}", file=name)
        for i, value in enumerate(hashes):
            leaf, value_there = start + i, found[i] if i < len(found) else None
            if value_there == value:
                if self.first <= leaf < self.end:
                    rows.add(leaf, entries[i])
                else:
                    self.report.fault("the row is outside the exported range", leaf=leaf, file=name)
            elif value_there is None and i < len(found) and self.covered(leaf):
                absent += self.first <= leaf < self.end
            else:
                self.differs(leaf, i, entries, found, value, wanted, name)
        for i in range(len(hashes), len(entries)):
            self.report.fault("an inserted row", file=name, **place_of(entries[i]))
        return absent

    def covered(self, leaf):
        at = bisect.bisect_right(self.dropped, (leaf, 1 << 63)) - 1
        return not self.first <= leaf < self.end or (at >= 0 and leaf < self.dropped[at][1])

    def differs(self, leaf, i, entries, found, value, wanted, name):
        """Say of a leaf that does not hold its row what happened."""
        if value in found:
            what = f"the row was moved; it stands at leaf {leaf - i + found.index(value)}"
        elif i >= len(found) or found[i] is None or found[i] in wanted:
            what = "the row was removed"
        else:
            what = "the row was edited, or its hash was"
        self.report.fault(what, leaf=leaf, file=name, **(place_of(entries[i]) if i < len(found) else {}))

    def contents(self, rows):
        """Contents beside the rows just read: each is there, and is what its digest says."""
        for digest, place in rows.contents:
            name = digest.partition(":")[2]
            path = f"contents/{name[:2]}/{name}"
            if name not in self.known_contents:
                self.report.fault(f"the content {digest} of the row is missing", **place)
                continue
            try:
                if hashlib.sha256(self.file(path, 1 << 30)).hexdigest() != name:
                    self.report.fault(f"the content {digest} of the row was changed", **place)
            except Unreadable as error:
                self.report.fault(f"the content {digest} of the row: {error}", **place)
        rows.contents.clear()

    def numbers(self, rows, absent):
        """What the manifest says, held against what was found."""
        report, said = self.report, self.manifest
        for name, value in (("rows", rows.rows), ("absent", absent)):
            if said.get(name) != value:
                report.fault(f"the manifest says {said.get(name)} {name}, found {value}", file="manifest.json")
        report.checked.update(
            rows=rows.rows,
            leaves=f"{self.first} to {self.end} of {self.size}",
            boots=len(rows.boots),
            contents=len(self.known_contents),
            statements=len(self.dropped),
        )
        shredded = {subject: rows.subjects[subject] for subject in rows.erased if subject in rows.subjects}
        if absent:
            report.notices.append(f"{absent} rows were dropped under a signed statement")
        if shredded:
            report.notices.append(
                f"shredded: {sum(shredded.values())} rows about {len(shredded)} erased persons are intact, and nobody can read their personal values"
            )
        if said.get("unsealed"):
            report.notices.append(
                "{} rows were not yet sealed and are not part of the proof".format(said["unsealed"].get("rows"))
            )
        if self.trust.own:
            report.notices.append(
                "the keys came from the export itself: this shows that it is whole, not whose it is"
            )


def split(data):
    """Entries with a big-endian length of two bytes before each."""
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise Unreadable("a file of entries ends in the middle of a row")
        yield data[at + 2 : end]
        at = end


def place_of(entry):
    """Id and place that a row claims, for messages."""
    try:
        row = json_object(entry, "the row")
        return {name: row[name] for name in ("id", "node", "boot", "seq") if name in row}
    except Unreadable:
        return {}


def keys_of(text):
    return [Key(line) for line in text.splitlines() if line.strip()]


# ---- the proof of one row ----------------------------------------------------------------------------------------


def verify_proof(path, options, report):
    """A tlog-proof and its row: does the path lead from the row to a root that a key of the record signed?"""
    if not os.path.isfile(path):
        raise Unknown(f"{path} is neither an export nor a proof")
    head, found, note = read(path).partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    if not found or lines.pop(0) != PROOF or not lines:
        raise Unreadable(f"it is not a {PROOF}")
    extra = {}
    if lines[0].startswith("extra "):
        try:
            extra = json_object(base64.b64decode(lines.pop(0)[6:], validate=True), "extra")
        except ValueError:
            raise Unreadable("the extra line of the proof is not base64") from None
    if not lines or not re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines[0]) or len(lines) > 64:
        raise Unreadable("the proof has no index")
    index = int(lines.pop(0)[6:])
    rotations = [str(rotation).encode() for rotation in extra.get("rotations") or ()]
    trust = Trust(options.keys, [Key(str(text)) for text in extra.get("keys") or ()], rotations, report)
    origin, size, root = trust.checkpoint(note, "checkpoint")
    entry = read(options.entry or re.sub(r"\.tlog-proof$", "", path) + ".entry")
    place = {"leaf": index, **place_of(entry)}
    if index >= size:
        report.fault("the row's leaf lies outside the tree", **place)
    elif root_by_path(leaf_hash(entry), index, size, [unbase64(line) for line in lines]) != root:
        report.fault("the path does not lead from this row to the checkpoint's root", **place)
    report.checked.update(row=place, origin=origin, size=size)
    if trust.own:
        report.notices.append("the keys came from the proof itself: this shows that it is whole, not whose it is")


# ---- command line ------------------------------------------------------------------------------------------------


def arguments(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path")
    parser.add_argument("--key", action="append", default=[], dest="keys")
    parser.add_argument("--witness", action="append", default=[], dest="witnesses")
    parser.add_argument("--checkpoint", action="append", default=[], dest="checkpoints")
    parser.add_argument("--entry")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(words)
    for name in ("keys", "witnesses"):
        texts = [
            read(text).decode("utf-8", "replace") if os.path.isfile(text) else text for text in getattr(options, name)
        ]
        setattr(options, name, [key for text in texts for key in keys_of(text)])
    return options


def show(report, path):
    print(f"{path}: {report.verdict.upper()}")
    for name, value in report.checked.items():
        print(f"  checked {name}: {value}")
    for fault in report.faults:
        print("  FAULT {} ({})".format(fault["what"], ", ".join(f"{k} {v}" for k, v in fault.items() if k != "what")))
    if report.count > len(report.faults):
        print(f"  and {report.count - len(report.faults)} faults more")
    for doubt in report.doubts:
        print("  cannot tell: " + doubt)
    for notice in report.notices:
        print("  note: " + notice)


def main(words=None):
    report = Report()
    try:
        options = arguments(words)
    except Unreadable as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return 2
    try:
        if os.path.isdir(options.path):
            Export(options.path, options, report).verify()
        else:
            verify_proof(options.path, options, report)
    except Unknown as error:
        report.doubts.append(str(error))
    except Unreadable as error:
        report.fault(str(error))
    if options.json:
        print(
            json.dumps(
                {
                    "verdict": report.verdict,
                    "checked": report.checked,
                    "count": report.count,
                    "faults": report.faults,
                    "doubts": report.doubts,
                    "notices": report.notices,
                }
            )
        )
    else:
        show(report, options.path)
    return {"intact": 0, "tampered": 1, "cannot tell": 2}[report.verdict]


if __name__ == "__main__":
    sys.exit(main())

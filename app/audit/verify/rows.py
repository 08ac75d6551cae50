"""What must hold between rows: numbers without gaps in each boot, an intent before its outcome."""

from collections import OrderedDict
from typing import Any

import msgspec

from app.audit.verify.report import Report

_RECENT = 65_536


class Place(msgspec.Struct, frozen=True):
    """Where a row says that it stands."""

    leaf: int
    id: str
    node: str
    boot: str
    seq: int

    def named(self) -> dict[str, Any]:
        """For a fault."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


class Body(msgspec.Struct):
    """The part of a body that verification looks at."""

    contents: list[str] = []
    subject: str = ""
    breaks: list[str] = []


class Entry(msgspec.Struct):
    """The members of an entry that verification looks at."""

    id: str
    kind: str
    call: str
    node: str
    boot: str
    seq: int
    time: str = ""
    action: str = ""
    resource: str = ""
    subject: str = ""
    resource_subject: str = ""
    body: msgspec.Raw = msgspec.Raw()


class Boot(msgspec.Struct):
    """Rows of one writer so far."""

    node: str
    last: int
    missing: int = 0


_decoder = msgspec.json.Decoder(Entry)
_bodies = msgspec.json.Decoder(Body)


def read(entry: bytes) -> Entry | None:
    """The row, if it is one."""
    try:
        return _decoder.decode(entry)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def claims(entry: bytes | None) -> dict[str, Any]:
    """The place that a row claims, for a fault about it."""
    row = read(entry) if entry else None
    return {} if row is None else {"id": row.id, "node": row.node, "boot": row.boot, "seq": row.seq}


class Rows:
    """Sees each row once, in the order of the tree; `whole` if there is nothing before the first of them."""

    def __init__(self, report: Report, *, whole: bool) -> None:
        self.report = report
        self.whole = whole
        self.rows = 0
        self.boots: dict[str, Boot] = {}
        self.subjects: dict[str, int] = {}
        self.erased: set[str] = set()
        self.contents: list[tuple[str, Place]] = []
        self._open: dict[str, int] = {}
        self._early: dict[str, Place] = {}
        self._closed: OrderedDict[str, bool] = OrderedDict()
        self._missing = 0
        self._again = 0
        self._breaks: list[str] = []

    def add(self, leaf: int, entry: bytes) -> None:
        """Look at a row whose bytes have been checked."""
        row = read(entry)
        if row is None:
            self.report.fault("the row is not an entry of the record", leaf=leaf)
            return
        self.rows += 1
        self._number(leaf, row)
        if row.kind not in ("event", "denial"):
            self._call(leaf, row)
        if row.subject or row.resource_subject:
            for subject in {row.subject, row.resource_subject} - {""}:
                self.subjects[subject] = self.subjects.get(subject, 0) + 1
        if row.kind == "event" and row.action == "record.subject.erase":
            self.erased |= {row.resource, _body(row).subject} - {""}
        elif row.kind == "event" and row.action == "record.restore":
            self._breaks += _body(row).breaks
        if b'"contents":[' in entry:
            place = _place(leaf, row)
            self.contents += [(name, place) for name in _body(row).contents]

    def _number(self, leaf: int, row: Entry) -> None:
        boot = self.boots.get(row.boot)
        if boot is None:
            boot = self.boots[row.boot] = Boot(row.node, row.seq - 1)
            if self.whole:
                boot.missing = row.seq
                self._missing += row.seq
        if boot.node != row.node:
            self.report.fault(
                "the row names another node than its boot's other rows", **_place(leaf, row).named()
            )
        if row.seq == boot.last + 1:
            boot.last = row.seq
        elif row.seq <= boot.last:
            what = f"the row's number comes after {boot.last} of the same boot"
            self.report.fault(what, **_place(leaf, row).named())
        else:
            boot.missing += row.seq - boot.last - 1
            self._missing += row.seq - boot.last - 1
            boot.last = row.seq

    def _call(self, leaf: int, row: Entry) -> None:
        call = row.call
        if row.kind == "intent":
            early = self._early.pop(call, None)
            if early is None:
                self._open[call] = leaf
            elif early.boot == row.boot:
                self.report.fault("the intent comes after its outcome", **_place(leaf, row).named())
            else:
                self._close(call)
        elif self._open.pop(call, None) is not None:
            self._close(call)
        elif call in self._closed:
            self._again += 1
        else:
            self._early[call] = _place(leaf, row)

    def _close(self, call: str) -> None:
        self._closed[call] = True
        if len(self._closed) > _RECENT:
            self._closed.popitem(last=False)

    def declared(self, boot: str) -> bool:
        """Whether a declared restore says that rows of this boot are gone."""
        return any(boot in said for said in self._breaks)

    def finish(self, absent: int) -> None:
        """What can only be said at the end; so many rows are absent under statements."""
        for name, boot in self.boots.items():
            if boot.missing and self.declared(name):
                self.report.notices.append(
                    f"{boot.missing} rows of boot {name} were lost by a declared restore"
                )
                self._missing -= boot.missing
                boot.missing = 0
        if self._missing > absent:
            gaps = [f"boot {name}: {boot.missing}" for name, boot in self.boots.items() if boot.missing]
            self.report.fault(
                f"{self._missing - absent} rows are missing between others ({', '.join(gaps[:10])})"
            )
        if self.whole and not absent:
            for place in self._early.values():
                self.report.fault("an outcome without its intent", **place.named())
        if self._open:
            self.report.notices.append(
                f"{len(self._open)} calls have no outcome here: under way, or closed after the newest row"
            )
        if self._again:
            self.report.notices.append(f"{self._again} calls have a second outcome")
        self._shredded()

    def _shredded(self) -> None:
        shredded = [self.subjects[name] for name in self.erased if name in self.subjects]
        if shredded:
            self.report.notices.append(
                f"shredded: {sum(shredded)} rows about {len(shredded)} erased persons are intact, and nobody can read"
                " their personal values"
            )


def _place(leaf: int, row: Entry) -> Place:
    return Place(leaf, row.id, row.node, row.boot, row.seq)


def _body(row: Entry) -> Body:
    try:
        return _bodies.decode(row.body)
    except msgspec.DecodeError:
        return Body()

"""Whether a sealed record is whole, asked of the database and of what left it, beside the sealer's own code."""

import json
from collections import defaultdict
from pathlib import Path

import psycopg

from app.audit.tlog.checkpoint import Checkpoint, parse_checkpoint
from app.audit.tlog.merkle import Frontier, leaf_hash
from app.audit.tlog.note import parse_note


def checkpoints_outside(data: Path) -> list[Checkpoint]:
    """Every checkpoint that a data folder has kept, oldest first, the newest head last."""
    lines = (data / "record" / "checkpoints").read_text(encoding="utf-8").splitlines()
    notes = [json.loads(line)["checkpoint"] for line in lines]
    return [
        parse_checkpoint(parse_note(note).text) for note in (*notes, (data / "record" / "head").read_text())
    ]


def unsound(database: str, *folders: Path) -> list[str]:
    """What is wrong: a row sealed twice, out of order or not at all, a root that was signed and cannot be shown."""
    faults: list[str] = []
    with psycopg.connect(database) as conn:
        origins = dict(conn.execute("SELECT origin, epoch FROM audit_epochs").fetchall())
        roots: dict[int, list[bytes]] = {}
        sealed: dict[str, list[int]] = defaultdict(list)
        for epoch in origins.values():
            frontier = Frontier()
            roots[epoch] = [frontier.root()]
            for leaf, boot, seq, entry in conn.execute(
                "SELECT l.leaf, l.boot::text, l.seq, e.entry FROM audit_leaves l"
                " JOIN audit_events e ON e.id = l.event WHERE l.epoch = %s ORDER BY l.leaf",
                (epoch,),
            ):
                if leaf != frontier.size:
                    faults.append(f"leaf {leaf} of tree {epoch} stands at {frontier.size}")
                frontier.append(leaf_hash(bytes(entry)))
                roots[epoch].append(frontier.root())
                sealed[boot].append(seq)
        faults += [f"{boot}: {seqs}" for boot, seqs in sealed.items() if seqs != list(range(len(seqs)))]
        (rows,) = conn.execute("SELECT count(*) FROM audit_events").fetchone() or (0,)
        if rows != sum(map(len, sealed.values())):
            faults.append(f"{rows} rows, {sum(map(len, sealed.values()))} leaves")
        signed = [
            Checkpoint(origin, size, bytes(root))
            for origin, size, root in conn.execute(
                "SELECT origin, size, root FROM audit_epochs JOIN audit_heads USING (epoch)"
                " UNION ALL SELECT origin, size, root FROM audit_epochs JOIN audit_checkpoints USING (epoch)"
            )
        ]
    for folder in folders:
        signed += checkpoints_outside(folder)
    for one in signed:
        known = roots.get(origins.get(one.origin, 0), [])
        if one.size >= len(known) or known[one.size] != one.root:
            faults.append(f"{one.origin} was signed with {one.size} leaves and another root")
    return faults

"""What the verifier says of a site's record, asked as an auditor asks: by the command, in a process of its own."""

import json
from typing import Any

from tests.fix_process import Program, until


def verdict(program: Program) -> dict[str, Any]:
    """What `audit verify` reports now, whatever has just happened."""
    done = program.run("audit", "verify", "--json")
    assert done.returncode in (0, 1, 2), done.stderr
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def unsealed(program: Program) -> list[dict[str, Any]]:
    """Rows that are not leaves yet."""
    return program.rows("SELECT e.id FROM audit_events e WHERE NOT audit_is_sealed(e.boot, e.seq) LIMIT 3")


def assert_unaccused(program: Program) -> None:
    """Right after a death: not all may be sealed, but nobody cries tampering."""
    report = verdict(program)
    assert report["faults"] == [], report


def assert_intact(program: Program) -> None:
    """Once it serves again and has sealed everything, the record is intact and complete."""
    with program.serving():
        until(lambda: not unsealed(program))
        report = verdict(program)
    assert (report["verdict"], report["faults"]) == ("intact", []), report

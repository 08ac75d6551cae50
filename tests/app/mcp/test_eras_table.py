"""The table of what is carried between the eras names tests that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent.parent
TABLE = (ROOT / "docs" / "developers" / "eras.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TABLE)


def test_every_row_is_shown_by_a_test():
    rows = [line for line in TABLE.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    assert [row for row in rows if "::test_" not in row] == []


def test_every_test_that_is_named_is_there():
    missing = [f"{path}::{name}" for path, name in NAMED if f"def {name}(" not in (ROOT / path).read_text()]
    assert missing == []

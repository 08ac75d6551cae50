"""docs/conformance.md: a row for each set; a run has to agree with it, or writes it (`scripts/conformance`)."""

import os
import re
import sys
from pathlib import Path

from tests.conformance.kit import Run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
PUBLISHES = os.environ.get("CONFORMANCE_PAGE") == "write"


def publish(name: str, run: Run) -> None:
    """Print the line of a set; then write its row, or fail where the page says something else of it."""
    row = f"| {name} | {_share(run.scored)} | {_share(run.unscored)} | {_failed(run)} |"
    sys.stdout.write(f"{name}: {_share(run.scored)}\n")
    text = PAGE.read_text(encoding="utf-8")
    before = re.search(rf"(?m)^\| {re.escape(name)} \|.*$", text)
    assert before is not None, f"docs/conformance.md has no row {name!r}"
    if PUBLISHES:
        text = text[: before.start()] + row + text[before.end() :]
        PAGE.write_text(text, encoding="utf-8")
    else:
        assert before[0] == row, "docs/conformance.md says something else: scripts/conformance writes it anew"
    _, _, reasons = text.partition("\n## What does not pass")
    unexplained = [scenario for scenario in run.failed if f"`{scenario}`" not in reasons]
    assert unexplained == [], f"docs/conformance.md gives no reason for these:\n{run.output}"


def _share(scenarios: dict[str, bool]) -> str:
    return f"{sum(scenarios.values())}/{len(scenarios)}" if scenarios else "none"


def _failed(run: Run) -> str:
    return ", ".join(f"`{name}`" for name in sorted(run.failed)) or "nothing"

"""`python -m tests.bench`: measure, print, and with --write keep."""

import argparse
import sys
from datetime import UTC, datetime

from tests.bench import bench_bundle
from tests.bench.conditions import conditions
from tests.bench.figures import Figure, bundle_figure, compute
from tests.bench.measure import Results, measure, say
from tests.bench.ours import ROOT
from tests.bench.process import BenchError
from tests.bench.report import json_lines, tables, write


def main() -> int:
    """0 when everything could be measured that should be, whatever the values."""
    given = _arguments()
    folder = ROOT / ".cache" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    before = conditions(folder)
    say(f"before the run {before}")
    try:
        results = measure(folder, quick=given.quick, peers=not given.no_peers, first=given.first)
    except BenchError as error:
        say(f"error: {error}")
        return 1
    figures = compute(results)
    if not given.no_bundle:
        figures += _bundle(quick=given.quick, results=results)
    text = tables(figures, results, now=datetime.now(UTC), rounds=1 if given.quick else 3)
    text += f"- Before the run {before}; after it {conditions(folder)}.\n"
    if given.write:
        write(ROOT / "docs" / "performance.md", text)
    sys.stdout.write(f"{json_lines(figures)}\n" if given.json else text)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--quick", action="store_true", help="one short round; installs and builds nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object a figure")
    parser.add_argument("--write", action="store_true", help="keep the tables in docs/performance.md")
    parser.add_argument(
        "--first", action="store_true", help="ahead of all other work, which it starves for minutes"
    )
    parser.add_argument("--no-peers", action="store_true", help="only our own server")
    parser.add_argument("--no-bundle", action="store_true", help="without the one file")
    return parser.parse_args()


def _bundle(*, quick: bool, results: Results) -> list[Figure]:
    """The one file's own figures; a quick run does not wait for a file to be built."""
    if quick and not bench_bundle.BUNDLE.exists():
        results.missing["the one file"] = "not built; scripts/bundle"
        return []
    say("measuring the one file")
    try:
        return [bundle_figure(entry) for entry in bench_bundle.figures(quick)]
    except Exception as error:  # noqa: BLE001 - the other figures stand; the reason is reported
        results.missing["the one file"] = f"{type(error).__name__}: {error}"
        return []


if __name__ == "__main__":
    sys.exit(main())

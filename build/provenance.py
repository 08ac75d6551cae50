"""Write from what and how the file was made: an in-toto statement (v1) with SLSA provenance (v1), unsigned.

Usage: python build/provenance.py inside SOURCE TREE      (into TREE, about the tree without that statement)
       python build/provenance.py beside SOURCE TREE FILE (as FILE.provenance.json, about the file)

It holds no time, no host and no user, so that equal inputs give equal bytes; the signature travels beside it.
"""

import hashlib
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pack import archived, version

STATEMENT = "about/provenance.json"
LOCKS = ("runtime", "postgres", "bundle")
WHEELS = Path("/wheels")
Resource = dict[str, Any]


def main() -> int:
    """Write one of the two."""
    where, source, tree = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if where == "inside":
        content, _ = archived(tree, leave_out=f"_internal/{STATEMENT}")
        subject, target = {"name": f"sallyport-{version()}.tree"}, tree / "_internal" / STATEMENT
    else:
        file = Path(sys.argv[4])
        content, subject, target = file.read_bytes(), {"name": file.name}, Path(f"{file}.provenance.json")
    digest = {"sha256": hashlib.sha256(content).hexdigest()}
    document = statement([{**subject, "digest": digest}], source)
    target.write_text(json.dumps(document, sort_keys=True, indent=1) + "\n")
    return 0


def statement(subject: list[Resource], source: Path) -> dict[str, Any]:
    """The whole statement; `urn:` names stand for addresses, because there is none to ask."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "urn:sallyport:build:bundle:1",
                "externalParameters": {"version": version(), "machine": platform.machine(), "mode": "onedir"},
                "internalParameters": {"source_date_epoch": 1767225600, "debian": "trixie"},
                "resolvedDependencies": [sources(source), *packages(source), *debian()],
            },
            "runDetails": {"builder": {"id": "urn:sallyport:builder:scripts/bundle"}},
        },
    }


def sources(source: Path) -> Resource:
    """The source tree: sha256 over the lines that `sha256sum` prints for its files, sorted by path."""
    files = sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(source)}\n" for path in files
    ]
    return {"name": "source", "digest": {"sha256": hashlib.sha256("".join(lines).encode()).hexdigest()}}


def packages(source: Path) -> Iterator[Resource]:
    """The locked packages, each by the one file of it that was used."""
    locked = set()
    for lock in LOCKS:
        text = (source / "build" / f"{lock}.txt").read_text()
        locked |= set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))
    for path in sorted(WHEELS.iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest in locked:
            name, release = path.name.removesuffix(".tar.gz").split("-")[:2]
            yield {
                "uri": f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{release}",
                "name": path.name,
                "digest": {"sha256": digest},
            }


def debian() -> Iterator[Resource]:
    """What is installed in the build root."""
    form = "${Package} ${Version} ${Architecture}\n"
    listed = subprocess.run(
        ["dpkg-query", "-W", "-f", form], check=True, capture_output=True, text=True
    ).stdout
    for line in sorted(listed.splitlines()):
        name, release, machine = line.split()
        yield {"uri": f"pkg:deb/debian/{name}@{release}?arch={machine}&distro=trixie"}


if __name__ == "__main__":
    sys.exit(main())

"""Who wrote what is inside the bundle, and under which terms."""

import hashlib
import re
from pathlib import Path
from typing import Any

from belongs import normal
from sbom import runtime_names

WORK = Path("/work")


def licences(packages: Path, debian: list[str]) -> dict[str, Any]:
    """Who wrote what under which terms; equal texts are stored once, by digest."""
    texts: dict[str, str] = {}
    entries = [
        *(
            python_licence(info, texts)
            for info in sorted(packages.glob("*.dist-info"))
            if normal(info.name.split("-")[0]) in runtime_names()
        ),
        *(plain_licence(name, [Path("/usr/share/doc") / name / "copyright"], texts) for name in debian),
    ]
    if debian:
        entries.append(plain_licence("pyinstaller-bootloader", [WORK / "pyinstaller" / "COPYING.txt"], texts))
        postgres = [Path("/usr/share/doc/libpq5/copyright"), WORK / "postgres" / "LICENSE.packaging"]
        entries.append(plain_licence("postgresql", postgres, texts))
    return {"components": entries, "texts": texts}


def python_licence(info: Path, texts: dict[str, str]) -> dict[str, Any]:
    """A Python package's terms from its metadata and the texts beside it."""
    metadata = (info / "METADATA").read_text(errors="replace").split("\n\n", 1)[0]
    fields = dict(re.findall(r"^(Name|Version|License-Expression|License): (.+)$", metadata, re.MULTILINE))
    classifiers = re.findall(r"^Classifier: License :: (?:OSI Approved :: )?(.+)$", metadata, re.MULTILINE)
    stated = (
        fields.get("License-Expression") or " / ".join(classifiers) or fields.get("License", "see the text")
    )
    files = [
        path for path in sorted(info.rglob("*")) if re.match(r"(?i)(licen[cs]e|copying|notice)", path.name)
    ]
    entry = plain_licence(fields["Name"].lower(), [path for path in files if path.is_file()], texts)
    return {**entry, "version": fields["Version"], "license": stated}


def plain_licence(name: str, files: list[Path], texts: dict[str, str]) -> dict[str, Any]:
    """A component whose terms stand in files."""
    digests = []
    for path in files:
        text = path.read_text(errors="replace")
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        texts[digest] = text
        digests.append(digest)
    return {"name": name, "version": "", "license": "see the text", "texts": digests}

"""Which component each file of the tree came with; a file that nobody accounts for fails the build.

CycloneDX has a place for it: `evidence.occurrences`, paths relative to the tree. One that ends in `/` is a folder;
`sallyport#NAME` is a Python package or module inside the program.
"""

import csv
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from PyInstaller.archive.readers import CArchiveReader  # pyright: ignore[reportMissingImports]

Component = dict[str, Any]
ABOUT = "_internal/about/"
OURS = (
    ABOUT,
    "_internal/assets/",
    "_internal/docs/",
    "_internal/migrations/",
    "_internal/LICENSE",
)
POSTGRES = "_internal/postgres/"
PROGRAM = "sallyport"  # the bootloader, with the compiled Python modules behind it
DEBIANS_OWN = ("_sysconfigdata_", "_sysconfig_vars_", "sitecustomize", "_distutils_system_mod")
STANDARD_LIBRARY = re.compile(r"_internal/(python3\.\d+/lib-dynload/|base_library\.zip)")


def add_occurrences(sbom: Component, *, tree: Path, packages: Path, libraries: dict[str, str]) -> list[str]:
    """Note with each component what of the tree is its; the files that are nobody's.

    `libraries` says which Debian package brought a library of the tree's top folder.
    """
    owners = Owners(sbom, wheel_files(packages), libraries)
    files = (path for path in sorted(tree.rglob("*")) if path.is_symlink() or not path.is_dir())
    claims = [(str(path.relative_to(tree)), *owners.of_file(path, tree)) for path in files]
    claims += [(f"{PROGRAM}#{top}", owners.of_module(top), f"{PROGRAM}#{top}") for top in modules(tree)]
    places: dict[str, set[str]] = defaultdict(set)
    places[sbom["metadata"]["component"]["bom-ref"]].add(ABOUT)  # where this document itself will be written
    for _, owner, place in claims:
        if owner is not None:
            places[owner["bom-ref"]].add(place)
    for component in (*sbom["components"], sbom["metadata"]["component"]):
        if found := places.get(component["bom-ref"]):
            component["evidence"] = {"occurrences": [{"location": place} for place in sorted(found)]}
    return [name for name, owner, _ in claims if owner is None]


class Owners:
    """Whose a file or a module is: the component, and the place to name for it."""

    def __init__(
        self, sbom: Component, wheels: dict[str, tuple[str, str]], libraries: dict[str, str]
    ) -> None:
        self._product: Component = sbom["metadata"]["component"]
        self._wheels = wheels
        self._libraries = libraries
        self._named: dict[str, Component] = {normal(item["name"]): item for item in sbom["components"]}
        self._vendored = {
            Path(item["description"]).name: item for item in sbom["components"] if is_vendored(item)
        }
        self._standard = next((item for name, item in self._named.items() if name.endswith("-stdlib")), None)

    def of_file(self, path: Path, tree: Path) -> tuple[Component | None, str]:
        """By its path in the tree."""
        name = str(path.relative_to(tree))
        for place in OURS:
            if name.startswith(place):
                return self._product, place
        if name.startswith(POSTGRES):
            return self._named.get("postgresql"), POSTGRES
        if name == PROGRAM:
            return self._named.get("pyinstaller-bootloader"), name
        if match := STANDARD_LIBRARY.match(name):
            return self._standard, match[0]
        inner = name.removeprefix("_internal/")
        library = path.readlink().name if path.is_symlink() else inner
        if library in self._libraries:
            return self._named.get(normal(self._libraries[library])), name
        if inner in self._vendored:
            return self._vendored[inner], name
        top = inner.partition("/")[0] + "/"
        distribution, place = self._wheels.get(inner, self._wheels.get(top, ("", "")))
        return self._named.get(normal(distribution)), f"_internal/{place}"

    def of_module(self, top: str) -> Component | None:
        """By its first name."""
        if top == "app":
            return self._product
        if top in sys.stdlib_module_names or top.startswith(DEBIANS_OWN):
            return self._standard
        distribution, _ = self._wheels.get(f"{top}/", self._wheels.get(f"{top}.py", ("", "")))
        return self._named.get(normal(distribution))


def modules(tree: Path) -> list[str]:
    """Top-level packages and modules that PyInstaller compiled into the program."""
    program = CArchiveReader(str(tree / PROGRAM))
    archive = program.open_embedded_archive(next(name for name in program.toc if name.startswith("PYZ")))
    return sorted({name.partition(".")[0] for name in archive.toc})


def wheel_files(packages: Path) -> dict[str, tuple[str, str]]:
    """By file or top folder (with `/`) of the site-packages: the distribution and the place to name for it."""
    owners: dict[str, tuple[str, str]] = {}
    claims: dict[str, set[str]] = defaultdict(set)
    for record in sorted(packages.glob("*.dist-info/RECORD")):
        distribution = record.parent.name.split("-")[0]
        with record.open(newline="") as lines:
            for name, *_ in csv.reader(lines):
                top, slash, _ = name.partition("/")
                claims[top + slash].add(distribution)
                owners[name] = (distribution, top + slash)
    for top, distributions in claims.items():
        if top.endswith("/") and len(distributions) == 1:
            owners.setdefault(top, (next(iter(distributions)), top))
    return owners


def is_vendored(component: dict[str, Any]) -> bool:
    """Whether it is a library that a wheel carries beside its package."""
    return component.get("description", "").startswith("file ")


def normal(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()

"""Components of the bundle: Python packages, Debian libraries, PostgreSQL, what wheels have compiled in (CycloneDX)."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from belongs import add_occurrences, normal

ROOT = Path(__file__).resolve().parent.parent
Component = dict[str, Any]
BUILD_PACKAGES = {  # compiled into the launcher or the bootloader: no file of the tree tells
    "libzstd1": "zstd decoder, inside the launcher",
    "musl": "C library of the launcher",
    "libc6": "C library of the tree",
    "libgcc-s1": "compiler runtime",
    "libpython3.13-stdlib": "CPython",
    "libpython3.13-minimal": "CPython",
}
NOT_INSIDE = {"pycparser"}  # cffi needs it to compile, not to run


def bill_of_materials(*, runtime: Path, packages: Path, tree: Path, debian: dict[str, str]) -> dict[str, Any]:
    """The CycloneDX document of everything inside."""
    sbom = python_sbom(runtime)
    known = {(component["name"], component.get("version")) for component in sbom["components"]}
    for component in [
        *(debian_component(name, note) for name, note in sorted(debian.items())),
        *postgres_component(tree),
        *pyinstaller_component(),
        *vendored_components(packages, tree),
        *(component for path in embedded_sboms(packages) for component in components_of(path)),
    ]:
        # two files without a version are two, though their names be the same
        identity = (component["name"], component.get("version") or component["bom-ref"])
        if identity not in known:
            known.add(identity)
            sbom["components"].append(component)
    if tree.is_dir():
        lost = add_occurrences(sbom, tree=tree, packages=packages, libraries=debian_libraries(tree))
        if lost:
            raise SystemExit(f"error: no component accounts for {', '.join(lost)}")
    return sbom


def python_sbom(runtime: Path) -> dict[str, Any]:
    """The Python packages, as cyclonedx-py reads them from the environment; Sallyport itself at the top."""
    command = [
        Path(sys.executable).with_name("cyclonedx-py"),
        "environment",
        "--output-reproducible",
        "--of",
        "JSON",
    ]
    result = subprocess.run(
        [*command, runtime / "bin" / "python"], check=True, capture_output=True, text=True
    )
    sbom = json.loads(result.stdout)
    inside = runtime_names()
    sbom["components"] = [item for item in sbom["components"] if normal(item["name"]) in inside]
    listed = {item["bom-ref"] for item in sbom["components"]}
    sbom["dependencies"] = [item for item in sbom.get("dependencies", []) if item["ref"] in listed]
    for item in sbom["dependencies"]:
        if "dependsOn" in item:
            item["dependsOn"] = [reference for reference in item["dependsOn"] if reference in listed]
    sbom.setdefault("metadata", {})["component"] = {
        "type": "application",
        "bom-ref": "sallyport",
        "name": "sallyport",
        "version": product_version(),
        "licenses": [{"license": {"id": "Apache-2.0"}}],
    }
    return sbom


def runtime_names() -> set[str]:
    """The locked packages that end up in the bundle; a shared environment holds others too."""
    lock = (ROOT / "build" / "runtime.txt").read_text()
    return {normal(name) for name in re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)} - NOT_INSIDE


def product_version() -> str:
    """The program's version, from its one place."""
    text = (ROOT / "app" / "__init__.py").read_text()
    return re.findall(r'__version__ = "([^"]+)"', text)[0]


def debian_packages(tree: Path) -> dict[str, str]:
    """Debian packages whose libraries the tree holds, with what they are for."""
    packages = dict(BUILD_PACKAGES)
    for name, package in debian_libraries(tree).items():
        packages.setdefault(package, f"library {name}")
    return packages


def debian_libraries(tree: Path) -> dict[str, str]:
    """The Debian package of each library in the tree's top folder that came from Debian."""
    return {
        path.name: owner(folder / path.name)
        for folder in sorted(Path("/usr/lib").glob("*-linux-gnu"))
        for path in sorted((tree / "_internal").glob("*.so*"))
        if (folder / path.name).exists() and not path.is_symlink()
    }


def owner(path: Path) -> str:
    """The Debian package that installed the file."""
    for name in (path, path.resolve(), Path("/") / path.relative_to("/usr")):
        result = subprocess.run(["dpkg", "-S", name], check=False, capture_output=True, text=True)
        if result.returncode == 0:
            return result.stdout.split(":")[0]
    raise SystemExit(f"error: no Debian package owns {path}")


def debian_component(name: str, note: str) -> Component:
    """One Debian package as a component."""
    version = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", name], check=True, capture_output=True, text=True
    ).stdout
    purl = f"pkg:deb/debian/{name}@{version}?distro=trixie"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "description": note,
        "purl": purl,
    }


def postgres_component(tree: Path) -> list[Component]:
    """The embedded server; its version as the program itself states it."""
    program = tree / "_internal" / "postgres" / "bin" / "postgres"
    if not program.exists():
        return []
    version = re.findall(rb"PostgreSQL (\d+\.\d+)", program.read_bytes())[0].decode()
    reference = f"pkg:generic/postgresql@{version}"
    return [
        {
            "type": "application",
            "bom-ref": reference,
            "name": "postgresql",
            "version": version,
            "purl": reference,
            "licenses": [{"license": {"id": "PostgreSQL"}}],
        }
    ]


def pyinstaller_component() -> list[Component]:
    """The bootloader is part of the file; the rest of PyInstaller is not."""
    lock = (ROOT / "build" / "bundle.txt").read_text()
    version = re.findall(r"^pyinstaller==(\S+)", lock, re.MULTILINE)[0]
    reference = f"pkg:pypi/pyinstaller@{version}#bootloader"
    return [
        {
            "type": "application",
            "bom-ref": reference,
            "name": "pyinstaller-bootloader",
            "version": version,
            "purl": reference,
            "licenses": [{"expression": "GPL-2.0-or-later WITH Bootloader-exception"}],
        }
    ]


def vendored_components(packages: Path, tree: Path) -> list[Component]:
    """Libraries that a wheel carries beside its package; only some state their version in the file.

    Those that build/tree.py replaced by a link to one of ours are not inside.
    """
    versions = {"libcrypto": rb"OpenSSL (\d+\.\d+\.\d+) ", "libssl": rb"OpenSSL (\d+\.\d+\.\d+) "}
    components = []
    for path in sorted(packages.glob("*.libs/*.so*")):
        replaced = (tree / "_internal" / path.name).is_symlink()
        if replaced or normal(path.parent.name.removesuffix(".libs")) not in runtime_names():
            continue
        content, name = path.read_bytes(), path.name.split("-")[0]
        found = re.findall(versions.get(name, rb"(?!)"), content)
        reference = f"{path.parent.name.removesuffix('.libs')}/{path.name}"
        component = {
            "type": "library",
            "bom-ref": reference,
            "name": name,
            "description": f"file {reference}",
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}],
        }
        components.append({**component, "version": found[0].decode()} if found else component)
    return components


def embedded_sboms(packages: Path) -> list[Path]:
    """What wheels say about the code compiled into them (PEP 770)."""
    found = sorted(packages.glob("*.dist-info/sboms/*.json"))
    return [path for path in found if normal(path.parent.parent.name.split("-")[0]) in runtime_names()]


def components_of(path: Path) -> list[Component]:
    """The components of one embedded SBOM, made unique by the package that carries them."""
    carrier = path.parent.parent.name.removesuffix(".dist-info")
    components = []
    for component in json.loads(path.read_text()).get("components", []):
        if (
            component.get("name", "").replace("_", "-").lower()
            != carrier.split("-")[0].replace("_", "-").lower()
        ):
            kept = {key: value for key, value in component.items() if key not in {"components", "bom-ref"}}
            components.append(
                {**kept, "bom-ref": f"{carrier}/{component.get('bom-ref', component.get('name'))}"}
            )
    return components

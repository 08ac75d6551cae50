"""Two builds are one and the same file, and it is made of what it says."""

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing

from tests.frozen.conftest import ROOT, Run

pytestmark = [pytest.mark.slow, pytest.mark.frozen]
SCHEMAS = "work/tools/lib/python3*/site-packages/cyclonedx/schema/_res"


@pytest.fixture(scope="module")
def tree(bundle: Path, runtime: Path) -> Path:
    """What the file unpacks."""
    environment = {"PATH": "/usr/bin:/bin", "SALLYPORT_RUNTIME_DIR": str(runtime)}
    said = subprocess.run(
        [bundle, "version", "--verbose", "--json"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return Path(json.loads(said.stdout)["runs-from"])


@pytest.fixture(scope="module")
def sbom(tree: Path) -> dict[str, Any]:
    """The bill of materials."""
    return json.loads((tree / "_internal" / "about" / "sbom.cdx.json").read_text())


@pytest.mark.timeout(600)
def test_second_build_elsewhere_by_somebody_else_has_the_same_bytes(bundle: Path) -> None:
    """Another folder, user, umask, time zone, locale, hash seed, and times of the sources."""
    if os.geteuid() != 0 or not (ROOT / ".cache" / "trixie").exists():
        pytest.skip("needs the build root, which only root can make")
    before = hashlib.sha256(bundle.read_bytes()).hexdigest()
    result = subprocess.run(
        [ROOT / "scripts" / "bundle", "--twin"], check=False, capture_output=True, text=True, timeout=550
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert f"the twin has the same bytes: sha256 {before}" in result.stderr


def test_every_file_belongs_to_a_component(tree: Path, sbom: dict[str, Any]) -> None:
    places = tuple(place for place in _places(sbom) if "#" not in place)
    files = [str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_symlink() or path.is_file()]
    assert len(files) > 500
    lost = [name for name in files if name != ".ok" and not name.startswith(places)]
    assert lost == []


def test_every_place_that_a_component_names_is_there(tree: Path, sbom: dict[str, Any]) -> None:
    empty = [place for place in _places(sbom) if "#" not in place and not (tree / place).exists()]
    assert empty == []


def normal(name: str) -> str:
    """A package's name as installers compare it; a dot and a dash are the same."""
    return re.sub(r"[-_.]+", "-", name.lower())


def test_every_python_package_of_the_lock_has_a_place(sbom: dict[str, Any]) -> None:
    placed = {normal(item["name"]) for item in sbom["components"] if item.get("evidence")}
    lock = (ROOT / "build" / "runtime.txt").read_text()
    assert set(re.findall(r"^(\S+?)==", lock, re.MULTILINE)) - placed <= {"pycparser", "tzdata"}


def test_sbom_follows_the_published_schema(sbom: dict[str, Any]) -> None:
    """SPDX identifiers of licences are part of it."""
    found = sorted((ROOT / ".cache" / "trixie").glob(SCHEMAS))
    if not found:
        pytest.skip("the schema travels with the tools of the build root, which is not here")
    schemas = {path.name: json.loads(path.read_text()) for path in found[0].glob("*.SNAPSHOT.schema.json")}
    resources = [(name, referencing.Resource.from_contents(schema)) for name, schema in schemas.items()]
    base = schemas["bom-1.6.SNAPSHOT.schema.json"]["$id"].rpartition("/")[0]
    registry = referencing.Registry().with_resources(
        [*resources, *((f"{base}/{name}", resource) for name, resource in resources)]
    )
    wanted = schemas[f"bom-{sbom['specVersion']}.SNAPSHOT.schema.json"]
    errors = list(jsonschema.Draft7Validator(wanted, registry=registry).iter_errors(sbom))
    assert [f"{error.json_path}: {error.message[:200]}" for error in errors] == []


def test_versions_are_those_that_the_libraries_state(run: Run, sbom: dict[str, Any]) -> None:
    said = json.loads(run("version", "--verbose", "--json").stdout)
    listed = {item["name"]: item.get("version", "") for item in sbom["components"]}
    assert listed["libpython3.13-stdlib"].startswith(said["python"])
    assert f"OpenSSL {listed['libssl3t64'].partition('-')[0]} " in said["openssl"]
    assert said["zlib"] in listed["zlib1g"]
    assert listed["libexpat1"].startswith(said["expat"])
    assert said["postgresql"] == f"{listed['postgresql']}, embedded"
    assert said["libc"] == f"glibc {listed['libc6'].partition('-')[0]}, its own"
    assert said["cryptography"].startswith(listed["cryptography"])


def test_provenance_names_every_package_by_its_digest(run: Run, bundle: Path, sbom: dict[str, Any]) -> None:
    inside = json.loads(run("provenance").stdout)
    beside = json.loads(bundle.with_name("sallyport.provenance.json").read_text())
    assert inside["_type"] == beside["_type"] == "https://in-toto.io/Statement/v1"
    assert inside["predicateType"] == "https://slsa.dev/provenance/v1"
    assert inside["predicate"] == beside["predicate"]
    assert beside["subject"] == [
        {"name": "sallyport", "digest": {"sha256": hashlib.sha256(bundle.read_bytes()).hexdigest()}}
    ]
    materials = inside["predicate"]["buildDefinition"]["resolvedDependencies"]
    named = {normal(item["uri"]) for item in materials if "digest" in item and "uri" in item}
    wanted = {
        normal(item["purl"])
        for item in sbom["components"]
        if item.get("purl", "").startswith("pkg:pypi/") and "#" not in item["purl"]
    }
    assert wanted <= named


def _places(sbom: dict[str, Any]) -> list[str]:
    components = [*sbom["components"], sbom["metadata"]["component"]]
    return [
        place["location"] for item in components for place in item.get("evidence", {}).get("occurrences", [])
    ]

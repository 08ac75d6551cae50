import json
import re

import pytest

from app import __version__
from tests.frozen.conftest import ROOT, Run

pytestmark = [pytest.mark.slow, pytest.mark.frozen]


def test_version_is_that_of_the_source(run: Run) -> None:
    assert run("--version").stdout == f"sallyport {__version__}\n"
    assert run("version").stdout == f"sallyport {__version__}\n"


def test_version_is_told_without_unpacking(bundle, folder, environment) -> None:
    import subprocess

    runtime = folder / "runtime"
    subprocess.run([bundle, "--version"], env={"SALLYPORT_RUNTIME_DIR": str(runtime)}, check=True)
    assert not runtime.exists()


def test_verbose_version_names_its_own_python_and_database(run: Run) -> None:
    facts = json.loads(run("version", "--verbose", "--json").stdout)
    assert facts["postgresql"].endswith(", embedded")
    assert facts["openssl"].startswith("OpenSSL 3")


def test_help_names_the_commands(run: Run) -> None:
    result = run("--help")
    assert result.returncode == 0
    assert {"serve", "demo", "version", "licenses", "sbom"} <= set(
        re.findall(r"^  (\S+)", result.stdout, re.MULTILINE)
    )


def test_unknown_command_is_refused(run: Run) -> None:
    assert run("no-such-command").returncode == 2


def test_every_component_has_its_licence(run: Run) -> None:
    document = json.loads(run("licenses", "--json").stdout)
    names = {entry["name"] for entry in document["components"]}
    assert {"aiohttp", "cryptography", "psycopg", "libc6", "musl", "postgresql"} <= names
    assert [entry["name"] for entry in document["components"] if not entry["texts"]] == []
    assert "Permission to use, copy, modify" in run("licenses", "postgresql").stdout
    assert "Apache License" in run("licenses", "sallyport").stdout


def test_licence_of_a_stranger_is_refused(run: Run) -> None:
    result = run("licenses", "left-pad")
    assert result.returncode != 0
    assert "left-pad is not inside this file" in result.stderr


def test_sbom_lists_packages_and_compiled_libraries(run: Run) -> None:
    sbom = json.loads(run("sbom").stdout)
    names = {component["name"] for component in sbom["components"]}
    assert sbom["bomFormat"] == "CycloneDX"
    assert sbom["metadata"]["component"]["version"] == __version__
    assert {"aiohttp", "libssl3t64", "libc6", "musl", "postgresql", "pyinstaller-bootloader", "pyo3"} <= names


def test_every_locked_runtime_package_is_in_the_sbom(run: Run) -> None:
    lock = (ROOT / "build" / "runtime.txt").read_text()
    locked = set(re.findall(r"^(\S+?)==", lock, re.MULTILINE)) - {"pycparser", "tzdata"}
    listed = {
        re.sub(r"[-_.]+", "-", item["name"].lower()) for item in json.loads(run("sbom").stdout)["components"]
    }
    assert locked - listed == set()


def test_nothing_that_is_imported_late_was_left_out(run: Run) -> None:
    result = run("selftest")
    assert (result.returncode, result.stderr) == (0, "")

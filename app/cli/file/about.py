"""`version`, `licenses`, `sbom`, `provenance`, `selftest`: what this file is, of what, and whether it is whole."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from app import __version__
from app.core.paths import frozen, postgres_home, resources


@click.command()
@click.option("--verbose", is_flag=True, help="Also what it was built with and where it runs from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def version(verbose: bool, as_json: bool) -> None:
    """Print the version of this file."""
    facts = {"sallyport": __version__, **(_surroundings() if verbose else {})}
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        click.echo(f"{name} {value}")


@click.command()
@click.argument("component", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print everything, texts included, as one JSON object.")
def licenses(component: str | None, as_json: bool) -> None:
    """List what is inside and under which terms; with COMPONENT, print its licence texts."""
    document = _document("licenses.json")
    if as_json:
        click.echo(json.dumps(document))
    elif component is None:
        click.echo((resources() / "LICENSE").read_text(encoding="utf-8").split("\n\n", 1)[0].strip())
        for entry in document["components"]:
            click.echo(f"{entry['name']} {entry['version']}: {entry['license']}")
        click.echo("`sallyport licenses COMPONENT` prints the text; `sallyport` names Sallyport's own.")
    else:
        click.echo(_licence_text(document, component))


@click.command()
def sbom() -> None:
    """Print the bill of materials (CycloneDX JSON)."""
    click.echo((_about("sbom.cdx.json")).read_text(encoding="utf-8"), nl=False)


@click.command()
def provenance() -> None:
    """Print from what and how this file was built (in-toto statement with SLSA provenance, unsigned)."""
    click.echo((_about("provenance.json")).read_text(encoding="utf-8"), nl=False)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def selftest(as_json: bool) -> int:
    """Import every part of this file: proves that nothing was left out or damaged."""
    import importlib

    missing = []
    for name in _document("modules.json"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing.append(f"{name}: {error}")
    if as_json:
        click.echo(json.dumps({"missing": missing}))
    else:
        click.echo("\n".join(missing) or "every part is there", err=bool(missing))
    return int(bool(missing))


def _surroundings() -> dict[str, str]:
    """Versions of what travels inside, and the folder it was unpacked into."""
    import os
    import platform
    import pyexpat
    import ssl
    import zlib

    import cryptography
    from cryptography.hazmat.backends.openssl import backend

    return {
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "cryptography": f"{cryptography.__version__} with {backend.openssl_version_text()}",
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "expat": pyexpat.EXPAT_VERSION.removeprefix("expat_"),
        "postgresql": _postgres_version(),
        "libc": f"{os.confstr('CS_GNU_LIBC_VERSION')}, {'its own' if any(resources().glob('ld-linux*')) else 'the host'}",
        "machine": platform.machine(),
        "runs-from": str(resources().parent if frozen() else resources()),
        "executable": sys.executable,
    }


def _postgres_version() -> str:
    """As the embedded server itself says it."""
    import subprocess

    program = postgres_home() / "bin" / "postgres"
    if not program.is_file():
        return "not embedded"
    said = subprocess.run([program, "--version"], check=False, capture_output=True, text=True, timeout=30)
    return f"{said.stdout.strip().rpartition(' ')[2]}, embedded"


def _licence_text(document: dict[str, Any], component: str) -> str:
    if component == "sallyport":
        return (resources() / "LICENSE").read_text(encoding="utf-8")
    from app.core.errors import NotFoundError

    for entry in document["components"]:
        if entry["name"] == component:
            return "\n\n".join(document["texts"][digest] for digest in entry["texts"])
    raise NotFoundError(f"{component} is not inside this file.", remedy="See `sallyport licenses`.")


def _document(name: str) -> Any:
    return json.loads(_about(name).read_text(encoding="utf-8"))


def _about(name: str) -> Path:
    """A list that scripts/bundle makes; a checkout has none."""
    from app.core.errors import NotFoundError

    path = resources() / "about" / name
    if not path.is_file():
        raise NotFoundError(
            "This is a checkout: the list is made for the bundle.", remedy="Run scripts/bundle."
        )
    return path

"""`release new-key|keyset|manifest|sign`: for those who make media, on machines without a network."""

import time
from pathlib import Path

import click

from app.audit.signing.keys import read_signers
from app.cli.site import Output, json_option
from app.release.keyset import parse_keyset
from app.release.making import keys as making_keys
from app.release.making.manifest import write_manifest
from app.release.making.sign import sign_keyset, sign_medium
from app.release.manifest import BUNDLES, RELEASE, Schema

_FILE = click.Path(path_type=Path, dir_okay=False)
_THERE = click.Path(path_type=Path, exists=True)


@click.group()
def release() -> None:
    """Make and sign media of releases and of data. `sallyport help releases` describes the ceremony."""


@release.command("new-key")
@click.argument("holder")
@click.argument("file", type=_FILE)
@json_option
def new_key(holder: str, file: Path, as_json: bool) -> None:
    """Make a private key for HOLDER in a new FILE and print the public lines."""
    public = [str(key) for key in making_keys.new_key(holder, file)]
    Output(as_json=as_json).value({"public": public}, "\n".join(public))


@release.command()
@click.argument("file", type=_FILE)
@click.argument("public", nargs=-1, required=True, type=_THERE)
@click.option("--name", default="sallyport", show_default=True, help="Whose releases these are.")
@click.option("--number", type=click.IntRange(1), default=1, help="One more than the keyset before.")
@click.option("--threshold", type=click.IntRange(1), required=True, help="How many holders must sign.")
@click.option(
    "--development", is_flag=True, help="For tests only: installations refuse it unless told not to."
)
@json_option
def keyset(
    file: Path,
    *,
    public: tuple[Path, ...],
    name: str,
    number: int,
    threshold: int,
    development: bool,
    as_json: bool,
) -> None:
    """Write a keyset of the holders in PUBLIC files, each with the lines that new-key printed, into FILE."""
    data = making_keys.make_keyset(
        public, name=name, number=number, threshold=threshold, development=development
    )
    file.write_bytes(data)
    fingerprint = parse_keyset(data).fingerprint
    Output(as_json=as_json).value(
        {"file": str(file), "sha256": fingerprint}, f"{file}: SHA-256 {fingerprint}"
    )


@release.command()
@click.argument("folder", type=_THERE)
@click.option("--kind", type=click.Choice([RELEASE, *BUNDLES]), default=RELEASE, show_default=True)
@click.option("--name", default="sallyport", show_default=True, help="The name in the keyset.")
@click.option("--version", required=True, help="For people.")
@click.option(
    "--number", type=click.IntRange(1), required=True, help="Larger than that of any release before."
)
@click.option("--minimum", type=click.IntRange(0), default=0, help="The number that it may follow at least.")
@click.option("--program", default="", help="The program's path in the folder (releases).")
@click.option("--schemas", type=(int, int), help="Schemas that the program opens: first and last (releases).")
@json_option
def manifest(folder: Path, *, schemas: tuple[int, int] | None, as_json: bool, **members: str | int) -> None:
    """List everything in FOLDER in a manifest, to be signed."""
    schema = Schema(first=schemas[0], last=schemas[1]) if schemas else None
    made = write_manifest(folder, schema=schema, **members)  # pyright: ignore[reportArgumentType]
    facts = {"kind": made.kind, "number": made.number, "files": len(made.files)}
    text = f"{folder / 'manifest.json'}: {made.kind} {made.number}, {len(made.files)} files"
    Output(as_json=as_json).value(facts, text)


@release.command()
@click.argument("what", type=_THERE)
@click.option(
    "--key", "key_files", type=_FILE, multiple=True, required=True, help="A private key; may be repeated."
)
@json_option
def sign(what: Path, key_files: tuple[Path, ...], as_json: bool) -> None:
    """Add signatures to WHAT: a medium's folder, or a keyset's file."""
    names: list[str] = []
    for file in key_files:
        signers = read_signers(file)
        now = int(time.time())
        done = sign_medium if what.is_dir() else sign_keyset
        done(what, signers, seconds=now)
        names.append(signers[0].key.name)
    Output(as_json=as_json).value({"signed": names}, "\n".join(f"Signed by {name}." for name in names))

"""Signatures of one holder on a medium or a keyset, added to those that are there."""

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.audit.tlog.note import ED25519, cosigned, parse_note
from app.audit.tlog.signing import SeedSigner, signed
from app.core.errors import InputError, ProofError
from app.release.keyset import parse_keyset, statement
from app.release.making.manifest import SUMS
from app.release.manifest import parse_manifest


def sign_medium(folder: Path, signers: Sequence[SeedSigner], *, seconds: int) -> Path:
    """Sign the manifest, and SHA256SUMS in a form that openssl checks; the folder of the latter."""
    data = (folder / "manifest.json").read_bytes()
    manifest = parse_manifest(data)
    _add(
        folder / "manifest.note",
        statement(manifest.name, manifest.kind, manifest.number, data),
        signers,
        seconds,
    )
    (plain,) = [signer for signer in signers if signer.key.algorithm == ED25519]
    target = folder / "signatures"
    target.mkdir(exist_ok=True)
    pem = Ed25519PublicKey.from_public_bytes(plain.key.public).public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    (target / f"{plain.key.name}.pem").write_bytes(pem)
    (target / f"{plain.key.name}.sig").write_bytes(plain.sign((folder / SUMS).read_bytes()))
    return target


def sign_keyset(path: Path, signers: Sequence[SeedSigner], *, seconds: int) -> Path:
    """Sign a keyset; the note beside it. A new one needs the holders of the old one, and its own."""
    data = path.read_bytes()
    keyset = parse_keyset(data)
    note = path.with_suffix(".note")
    _add(note, statement(keyset.name, "keyset", keyset.number, data), signers, seconds)
    return note


def _add(path: Path, text: str, signers: Sequence[SeedSigner], seconds: int) -> None:
    made = signed(text, signers, seconds=seconds)
    if path.exists():
        try:
            there = parse_note(path.read_bytes())
        except ProofError as error:
            raise InputError(f"{path}: {error.message}", remedy="Remove it and sign again.") from None
        if there.text != text:
            raise InputError(f"{path} signs another document.", remedy="Remove it and sign again.")
        names = {signer.key.name for signer in signers}
        kept = [line for line in there.signatures if line.name not in names]
        made = cosigned(made, kept)
    path.write_text(str(made), encoding="utf-8")

"""Who vouches for a backup: the record's own keys, held against what the operator brings along."""

from collections.abc import Sequence

import msgspec

from app.audit.sealing.outside import base_origin
from app.audit.tlog.note import Note, VerifierKey, parse_key, parse_note
from app.audit.tlog.signing import verified
from app.backup.contents import statement
from app.backup.reading import Checked
from app.core.errors import InputError, ProofError


class Vouched(msgspec.Struct, frozen=True):
    """The log that a backup is of, the key that signed it, and whether the operator named that key."""

    origin: str
    key: str
    known: bool


def vouched(checked: Checked, given: Sequence[str]) -> Vouched:
    """InputError unless a key signed exactly these contents: one of the given ones, or the backup's own."""
    try:
        note = parse_note(checked.note)
        keys = [parse_key(text) for text in given or checked.manifest.keys]
        signers = verified(note, keys)
    except ProofError as error:
        raise InputError(
            f"The backup is not signed as it should be: {error.message}", remedy="Take another backup."
        ) from None
    if not signers or not _says(note, checked, signers[0]):
        raise InputError(
            "The backup was not signed by the keys of its record.",
            remedy="Give --key as `sallyport audit keys` of that site shows it, or take another backup.",
        )
    return Vouched(note.text.splitlines()[1], str(signers[0]), bool(given))


def _says(note: Note, checked: Checked, signer: VerifierKey) -> bool:
    """Whether the note is about these contents, and about the log of that key."""
    sealed = checked.manifest.sealed
    origin = sealed.origin if sealed else signer.name
    return base_origin(origin) == signer.name and note.text == statement(checked.contents_bytes, origin)

"""Keys of the people who sign releases, and the keysets that name them."""

from collections.abc import Sequence
from pathlib import Path

from app.audit.signing.keys import new_signers, write_signers
from app.audit.tlog.note import VerifierKey, check_name, parse_key
from app.core.canonical import canonical
from app.core.errors import InputError, ProofError
from app.release.keyset import MAX_BYTES, NAME, Keyset, parse_keyset


def new_key(holder: str, file: Path) -> list[VerifierKey]:
    """Make a holder's two private keys in a new file; the public halves."""
    try:
        check_name(holder)
    except ProofError as error:
        raise InputError(error.message, remedy="A name is one word without a plus sign.") from None
    if not NAME.fullmatch(holder):
        raise InputError(
            f"{holder!r} is not a holder's name.", remedy="Use small letters, digits, - and dots."
        )
    signers = new_signers(holder)
    write_signers(file, signers)
    return [signer.key for signer in signers]


def make_keyset(
    public: Sequence[Path], *, name: str, number: int, threshold: int, development: bool = False
) -> bytes:
    """The bytes of a keyset of these holders, each given by a file with the lines that `new-key` printed."""
    holders: dict[str, tuple[str, ...]] = {}
    for path in public:
        lines = [line for line in path.read_text(encoding="utf-8")[:MAX_BYTES].splitlines() if line.strip()]
        try:
            keys = [parse_key(line) for line in lines]
        except ProofError as error:
            raise InputError(
                f"{path}: {error.message}", remedy="Give the lines that new-key printed."
            ) from None
        if not keys or keys[0].name in holders:
            raise InputError(f"{path} names nobody, or a holder that another file names.")
        holders[keys[0].name] = tuple(str(key) for key in keys)
    keyset = Keyset(
        kind="keyset", name=name, number=number, threshold=threshold, holders=holders, development=development
    )
    parse_keyset(data := canonical(keyset) + b"\n")
    return data

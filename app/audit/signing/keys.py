"""The keys that sign the record: files of the data folder, a file of the operator's, or a systemd credential.

A key file has a line for each kind of signature, `PRIVATE+KEY+NAME+ID+base64(algorithm ‖ seed)`. Keys are never in the
database, and never made anew once the log has begun.
"""

import base64
import os
import secrets
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from app.audit.signing.files import replace_file
from app.audit.signing.statements import remember
from app.audit.tlog.note import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, ED25519, decode
from app.audit.tlog.signing import SEED_BYTES, SeedSigner, Signer
from app.core.errors import ConfigError, ProofError

KINDS = (ED25519, COSIGNATURE_ML_DSA_44)
WITNESS_KINDS = (COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44)
_MARK = "PRIVATE+KEY+"
_MAX_BYTES = 64 * 1024


def new_signers(
    name: str,
    *,
    kinds: Sequence[int] = KINDS,
    unnamed: str = "sallyport-{}/audit",
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> list[SeedSigner]:
    """Fresh keys of both kinds; without a name, `unnamed` with eight digits of the first of them."""
    seeds = [random(SEED_BYTES) for _ in kinds]
    name = name or unnamed.format(SeedSigner("new", kinds[0], seeds[0]).key.fingerprint[:8])
    return [SeedSigner(name, kind, seed) for kind, seed in zip(kinds, seeds, strict=True)]


def render_signers(signers: Sequence[SeedSigner]) -> str:
    """The text of a key file."""
    return "".join(
        f"{_MARK}{one.key.name}+{one.key.id.hex()}"
        f"+{base64.b64encode(bytes([one.key.algorithm]) + one.seed).decode()}\n"
        for one in signers
    )


def parse_signers(text: str, *, kinds: Sequence[int] = KINDS) -> list[SeedSigner]:
    """The keys of a key file; ProofError, which never repeats a line of it, when it is not one."""
    signers = [_signer(line) for line in text.splitlines() if line.strip()]
    if sorted(one.key.algorithm for one in signers) != sorted(kinds):
        raise ProofError("A key file has one Ed25519 and one ML-DSA-44 key.")
    if len({one.key.name for one in signers}) != 1:
        raise ProofError("The keys of a key file have one name.")
    return sorted(signers, key=lambda one: one.key.algorithm)


def _signer(line: str) -> SeedSigner:
    name, _, rest = line.strip().removeprefix(_MARK).partition("+")
    key_id, _, material = rest.partition("+")
    raw = decode(material)
    if not line.startswith(_MARK) or len(raw) != 1 + SEED_BYTES or raw[0] not in (*KINDS, *WITNESS_KINDS):
        raise ProofError("A line of the key file is not a private key.")
    signer = SeedSigner(name, raw[0], raw[1:])
    if signer.key.id.hex() != key_id:
        raise ProofError("A line of the key file is damaged: its id is not that of its key.")
    return signer


class KeyFiles:
    """A KeySource of files. `load` reads again when the file has changed."""

    def __init__(self, *, folder: Path, setting: str, credentials: str | None) -> None:
        self._folder = folder / "keys" / "record"
        self.managed = not setting
        self.path = self._folder / "signing"
        kind, _, rest = setting.partition(":")
        self._credential = kind == "credential"
        if kind == "file":
            self.path = Path(rest)
        elif self._credential:
            if not credentials:
                raise ConfigError(
                    "record.keys names a systemd credential, but this process was given none.",
                    remedy=f"Write LoadCredential={rest}:… into the unit, or use file:PATH.",
                )
            self.path = Path(credentials) / rest
        elif setting:
            raise ConfigError(
                f"record.keys: {setting!r} is none of file:PATH, credential:NAME and extension:NAME.",
                remedy="Leave it empty to keep the keys in the data folder.",
            )
        self._seen: tuple[int, int, int] | None = None
        self._signers: list[SeedSigner] = []

    @property
    def place(self) -> str:
        """The file, for people."""
        return str(self.path)

    @property
    def next_path(self) -> Path:
        """The key that takes over as soon as the log says so."""
        return self._folder / "next"

    def load(self) -> list[SeedSigner]:
        """The signing keys, none if there is no file yet; ConfigError when they cannot be used."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._seen = None
            return []
        except OSError as error:
            raise _unusable(self.path, error.strerror or "it cannot be read") from None
        seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen != self._seen:
            self._signers = read_signers(self.path, private=not self._credential)
            self._seen = seen
        return self._signers

    def create(self, name: str) -> list[SeedSigner]:
        """Make the first keys of a log that has none; only in the data folder."""
        if not self.managed:
            raise ConfigError(
                f"The key file {self.path} is not there.",
                remedy=f"Make it with: sallyport audit new-key {self.path}",
            )
        write_signers(self.path, signers := new_signers(name))
        return signers

    def successors(self, old: Sequence[Signer]) -> Sequence[Signer]:
        """Fresh keys of the kinds of these, under their name; only in the data folder."""
        if not self.managed:
            raise ConfigError(
                f"The key is kept at {self.path}, so the new one has to be given.",
                remedy="Make it with `sallyport audit new-key FILE`, then rotate with --key FILE.",
            )
        return new_signers(old[0].key.name)

    def stage(self, new: Sequence[Signer]) -> None:
        """In the data folder, a file of the keys that are about to take over."""
        seeds = [one for one in new if isinstance(one, SeedSigner)]
        if self.managed and len(seeds) == len(new):
            replace_file(self.next_path, render_signers(seeds).encode(), mode=0o600)

    def take_over(self, keys: Collection[str]) -> bool:
        """The next key becomes the signing key, if the log says so; the old private key is gone."""
        if not self.managed or not self.next_path.exists():
            return False
        if not {str(one.key) for one in read_signers(self.next_path)}.issuperset(keys):
            return False
        self.next_path.replace(self.path)
        return True

    def remember(self, statement: str) -> None:
        """Keep a statement about keys outside the database as well."""
        remember(self._folder, statement)


def read_signers(path: Path, *, private: bool = True, kinds: Sequence[int] = KINDS) -> list[SeedSigner]:
    """The keys of a key file; ConfigError when it is open to others or damaged."""
    try:
        with path.open("rb") as file:
            if private and os.fstat(file.fileno()).st_mode & 0o077:
                raise ConfigError(
                    f"The key file {path} may be read by others than its owner.",
                    remedy=f"chmod 600 {path}; if anybody may have read it, rotate the key.",
                )
            return parse_signers(file.read(_MAX_BYTES).decode("utf-8"), kinds=kinds)
    except (ProofError, UnicodeDecodeError) as error:
        said = error.message if isinstance(error, ProofError) else "It is not text."
        raise _unusable(path, said) from None
    except OSError as error:
        raise _unusable(path, error.strerror or "It cannot be read.") from None


def _unusable(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"The record's key file {path} cannot be used: {why}",
        remedy="Put back the key of this log; a lost one is replaced by `sallyport audit restored`.",
    )


def write_signers(path: Path, signers: Sequence[SeedSigner]) -> None:
    """Write a new key file, for its owner only; FileExistsError rather than replace one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        raise FileExistsError(17, "it is there already, and keys are not overwritten", str(path))
    replace_file(path, render_signers(signers).encode(), mode=0o600)

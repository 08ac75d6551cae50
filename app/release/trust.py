"""Whom to believe: the keyset built into this file, one that was pinned by hand, and what a quorum made of them."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from app.audit.signing.files import replace_file
from app.core.errors import ReleaseError
from app.core.paths import resources
from app.release import manifest
from app.release.keyset import MAX_BYTES, MAX_STEPS, Keyset, Signed, follow, parse_keyset
from app.release.manifest import Verified, verify_manifest
from app.release.medium import Medium


class Believed(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest with the keyset that vouches for it, and that keyset's bytes."""

    verified: Verified
    keyset: Keyset
    keyset_data: bytes


def built_in() -> bytes | None:
    """The keyset of this build, made by a key ceremony; a build from plain sources has none."""
    path = resources() / "build" / "keys" / "keyset.json"
    return path.read_bytes() if path.is_file() else None


def trusted(pinned: Path, *, given: Path | None = None, built: bytes | None = None) -> bytes:
    """The newest keyset that may be believed without anybody's word; ReleaseError when there is none.

    A keyset that is `given` by hand counts only where no other is, so that nobody can be talked into another one.
    """
    known = [data for data in (built, _read(pinned)) if data is not None]
    if not known:
        if given is None:
            raise ReleaseError(
                "This file was built without a keyset, and none was given here before.",
                remedy="Give it once by --keyset FILE, after comparing its SHA-256 with its makers' word.",
            )
        return _small(given)
    if given is not None and _small(given) not in known:
        raise ReleaseError(
            "Another keyset than the given one is trusted here already.",
            remedy="Leave --keyset out: new keysets come with a medium, signed by the holders of the old one.",
        )
    newest = max(known, key=lambda data: parse_keyset(data).number)
    same = [data for data in known if parse_keyset(data).number == parse_keyset(newest).number]
    if any(data != newest for data in same):
        raise ReleaseError(
            "Two different keysets have the same number.",
            remedy=f"Somebody changed {pinned} or this file; find out who before anything is updated.",
        )
    return newest


def believe(medium: Medium, root: bytes, *, development: bool) -> Believed:
    """The medium's manifest under the newest keyset that leads from `root`."""
    keyset_data, keyset = _newest(medium, root)
    if keyset.development and not development:
        raise ReleaseError(
            "The keyset is one for development: anybody may hold its keys.",
            remedy="On a machine for tests say --development; elsewhere get a medium that was really signed.",
        )
    verified = verify_manifest(
        medium.read("manifest.json", most=manifest.MAX_BYTES),
        medium.read("manifest.note", most=MAX_BYTES),
        keyset,
    )
    return Believed(verified=verified, keyset=keyset, keyset_data=keyset_data)


def _newest(medium: Medium, root: bytes) -> tuple[bytes, Keyset]:
    start = parse_keyset(root)
    later: list[Signed] = []
    while len(later) <= MAX_STEPS and medium.has(f"{_step(start, later)}.json"):
        step = _step(start, later)
        later.append(
            (medium.read(f"{step}.json", most=MAX_BYTES), medium.read(f"{step}.note", most=MAX_BYTES))
        )
    return (later[-1][0] if later else root), follow(start, later)


def _step(start: Keyset, later: Sequence[Signed]) -> str:
    return f"keysets/{start.number + len(later) + 1}"


def pin(path: Path, keyset_data: bytes) -> None:
    """Believe this keyset from now on, and none before it."""
    if _read(path) != keyset_data:
        replace_file(path, keyset_data)


def _read(path: Path) -> bytes | None:
    return _small(path) if path.exists() else None


def _small(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ReleaseError(f"The keyset {path} cannot be read ({error.strerror}).") from None
    if len(data) > MAX_BYTES:
        raise ReleaseError(f"{path} is not a keyset: it has more than {MAX_BYTES} bytes.")
    return data

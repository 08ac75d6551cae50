"""Media that lie: whatever is wrong with one, nothing of it is used and the sentence says why."""

import os
import shutil
import socket
from pathlib import Path

import msgspec
import pytest

from app.audit.tlog.signing import signed
from app.core.canonical import canonical
from app.core.errors import ReleaseError
from app.release.keyset import parse_keyset, statement
from app.release.manifest import Item, Manifest, Schema, parse_manifest
from app.release.medium import copy_files, open_medium
from app.release.trust import Believed, believe, trusted
from tests.media import Makers

GOOD = Manifest(
    name="sallyport",
    kind="release",
    version="1.0",
    number=2,
    files=(Item(path="sallyport", bytes=1, sha256="0" * 64),),
    program="sallyport",
    schema=Schema(first=1, last=1),
)


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest as some later release may write it."""

    kind: str
    number: int
    entries: list[str]


@pytest.fixture
def medium(makers: Makers, folder: Path) -> Path:
    return makers.release(folder / "medium", 2)


def believed(medium: Path, makers: Makers, *, development: bool = False) -> Believed:
    with open_medium(medium) as opened:
        return believe(opened, canonical(makers.keyset) + b"\n", development=development)


def staged(medium: Path, makers: Makers) -> Path:
    target = medium.parent / "target"
    target.mkdir()
    with open_medium(medium) as opened:
        found = believe(opened, canonical(makers.keyset) + b"\n", development=False)
        copy_files(opened, found.verified.manifest, target)
    return target


def refused(medium: Path, makers: Makers, said: str) -> None:
    with pytest.raises(ReleaseError, match=said):
        staged(medium, makers)


def test_good_medium_is_copied_as_it_was_signed(medium: Path, makers: Makers) -> None:
    target = staged(medium, makers)
    assert (target / "docs" / "notes.md").read_text() == "What is new.\n"
    assert [os.access(target / name, os.X_OK) for name in ("sallyport", "docs/notes.md")] == [True, False]


def test_stranger_is_refused(medium: Path, makers: Makers) -> None:
    strangers = Makers()  # the same names, other keys
    (medium / "manifest.note").unlink()
    strangers.sign(medium)
    refused(medium, makers, "Signed by nobody")


def test_too_few_holders_are_refused(medium: Path, makers: Makers) -> None:
    (medium / "manifest.note").unlink()
    makers.sign(medium, "ada")
    refused(medium, makers, "Signed by ada; keyset 1 of sallyport asks for 2 of ada, bob, eve")


def test_one_holder_twice_is_one_holder(medium: Path, makers: Makers) -> None:
    (medium / "manifest.note").unlink()
    makers.sign(medium, "ada")
    text, _, lines = (medium / "manifest.note").read_text().rpartition("\n\n")
    (medium / "manifest.note").write_text(f"{text}\n\n{lines}{lines}")
    refused(medium, makers, "Signed by ada")


def test_holder_who_signed_with_one_of_two_keys_does_not_count(medium: Path, makers: Makers) -> None:
    lines = (medium / "manifest.note").read_text().splitlines(keepends=True)
    longest = max(lines, key=len)  # an ML-DSA-44 signature
    (medium / "manifest.note").write_text("".join(line for line in lines if line != longest))
    refused(medium, makers, "asks for 2 of")


@pytest.mark.parametrize("name", ["sallyport", "docs/notes.md", "manifest.json", "manifest.note"])
def test_altered_byte_in_any_file_is_noticed(medium: Path, makers: Makers, name: str) -> None:
    data = bytearray((medium / name).read_bytes())
    data[len(data) // 2] ^= 1
    (medium / name).write_bytes(data)
    with pytest.raises(ReleaseError):
        staged(medium, makers)


def test_swapped_files_are_noticed(medium: Path, makers: Makers) -> None:
    (medium / "sallyport").rename(medium / "x")
    (medium / "docs" / "notes.md").rename(medium / "sallyport")
    (medium / "x").rename(medium / "docs" / "notes.md")
    refused(medium, makers, "is not the one that was signed")


def test_signatures_of_another_medium_are_refused(medium: Path, makers: Makers, folder: Path) -> None:
    other = makers.release(folder / "other", 3)
    shutil.copy(other / "manifest.note", medium / "manifest.note")
    refused(medium, makers, "of another document")


def test_number_is_the_one_that_was_signed(medium: Path, makers: Makers) -> None:
    """A manifest under the right digest, whose note claims another number: the first line is signed too."""
    note = (medium / "manifest.note").read_text().replace("sallyport/release/2", "sallyport/release/9", 1)
    (medium / "manifest.note").write_text(note)
    refused(medium, makers, "cannot be believed")


@pytest.mark.parametrize("what", ["link", "folder link", "hard link", "fifo", "socket", "folder", "missing"])
def test_anything_but_a_plain_file_is_refused(medium: Path, makers: Makers, what: str) -> None:
    notes = medium / "docs" / "notes.md"
    kept = medium / "docs" / "kept"
    notes.rename(kept)
    if what == "link":
        notes.symlink_to(kept)
    elif what == "folder link":
        kept.rename(notes)
        (medium / "docs").rename(medium / "real")
        (medium / "docs").symlink_to(medium / "real")
    elif what == "hard link":
        notes.hardlink_to(kept)
    elif what == "fifo":
        os.mkfifo(notes)
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(notes))
    elif what == "folder":
        notes.mkdir()
    refused(medium, makers, "docs/notes.md")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_device_is_refused_without_being_opened(medium: Path, makers: Makers) -> None:
    (medium / "docs" / "notes.md").unlink()
    os.mknod(medium / "docs" / "notes.md", 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero
    refused(medium, makers, "not a regular file")


def test_medium_that_was_cut_off_is_refused(medium: Path, makers: Makers) -> None:
    with (medium / "sallyport").open("r+b") as file:
        file.truncate(100)
    refused(medium, makers, "100 bytes instead of")


def test_file_that_vanishes_after_the_manifest_was_read_is_an_error(medium: Path, makers: Makers) -> None:
    with open_medium(medium) as opened:
        found = believe(opened, canonical(makers.keyset) + b"\n", development=False)
        (medium / "sallyport").unlink()
        (target := medium.parent / "target").mkdir()
        with pytest.raises(ReleaseError, match="cannot be read from the medium"):
            copy_files(opened, found.verified.manifest, target)


@pytest.mark.parametrize("name", ["manifest.json", "manifest.note", "keysets/2.json"])
def test_oversized_texts_are_not_read(medium: Path, makers: Makers, name: str) -> None:
    (medium / "keysets").mkdir()
    with (medium / name).open("ab") as file:
        file.truncate(2**34)
    refused(medium, makers, "at most")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../up",
        "a/../../b",
        "a//b",
        ".hidden",
        "a/.b",
        "",
        "a\nb",
        "a/b/c/d/e/f",
        "x" * 300,
        "manifest.json",
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    files = (*GOOD.files, Item(path=path, bytes=1, sha256="0" * 64))
    with pytest.raises(ReleaseError, match="path that is not allowed"):
        parse_manifest(canonical(msgspec.structs.replace(GOOD, files=files)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"number": 0}, "numbers"),
        ({"number": 2**60}, "numbers"),
        ({"minimum": 2}, "numbers"),
        ({"version": "1.0\n"}, "version"),
        ({"name": "../x"}, "name"),
        ({"kind": "firmware"}, "does not know media"),
        ({"program": "other"}, "names its program"),
        ({"schema": None}, "schemas"),
        ({"schema": Schema(first=3, last=2)}, "schemas"),
        ({"files": ()}, "1 to"),
        ({"files": (*GOOD.files, *GOOD.files)}, "twice"),
        ({"files": (*GOOD.files, Item(path="SALLYPORT", bytes=1, sha256="0" * 64))}, "twice"),
        ({"files": (*GOOD.files, Item(path="sallyport/x", bytes=1, sha256="0" * 64))}, "also a folder"),
        ({"files": (*GOOD.files, Item(path="x", bytes=2**40, sha256="0" * 64))}, "Size"),
        ({"files": (*GOOD.files, Item(path="x", bytes=1, sha256="0"))}, "digest"),
        ({"kind": "prices"}, "no program"),
    ],
)
def test_manifest_out_of_bounds_is_refused(change: dict[str, object], said: str) -> None:
    parse_manifest(canonical(GOOD))
    with pytest.raises(ReleaseError, match=said):
        parse_manifest(canonical(msgspec.structs.replace(GOOD, **change)))


def test_kind_of_a_later_release_is_refused_in_words_and_only_if_it_is_believed(
    makers: Makers, folder: Path
) -> None:
    medium = makers.bundle(folder / "prices", 7, kind="prices", files={"prices.yaml": "prices: {}"})
    data = canonical(Later(kind="skills", number=7, entries=["one"]))
    (medium / "manifest.json").write_bytes(data)
    refused(medium, makers, "another name|another document")
    text = statement("sallyport", "skills", 7, data)
    for signers, said in (
        ([*makers.signers["ada"]], "Signed by ada"),
        ([*makers.signers["ada"], *makers.signers["eve"]], "does not know media of kind 'skills'"),
    ):
        (medium / "manifest.note").write_bytes(str(signed(text, signers, seconds=1)).encode())
        shutil.rmtree(medium.parent / "target", ignore_errors=True)
        refused(medium, makers, said)


@pytest.mark.parametrize("text", [b"[]", b"{}", b'{"name":1,"name":2}', b"\xff", b'{"x":' + b"[" * 50, b""])
def test_manifest_that_is_not_one_is_refused(text: bytes) -> None:
    with pytest.raises(ReleaseError):
        parse_manifest(text)


def test_keysets_follow_one_another_by_quorums(medium: Path, makers: Makers) -> None:
    second, third = Makers("cy", "dan", number=2), Makers("fay", threshold=1, number=3)
    second.write_keyset(medium / "keysets" / "2.json", makers)
    third.write_keyset(medium / "keysets" / "3.json", second)
    (medium / "manifest.note").unlink()
    third.sign(medium, "fay")
    found = believed(medium, makers)
    assert (found.keyset.number, found.verified.signed) == (3, ("fay",))
    # who trusts the second already does not go back to the first
    assert believed(medium, second).keyset.number == 3
    with pytest.raises(ReleaseError, match="Signed by nobody"):
        believed(makers.release(medium.parent / "old", 4), third)


def test_keyset_without_the_old_quorum_is_refused(medium: Path, makers: Makers) -> None:
    Makers("mallory", threshold=1, number=2).write_keyset(medium / "keysets" / "2.json")
    refused(medium, makers, "Signed by nobody; keyset 1")


def test_keyset_whose_own_holders_did_not_sign_is_refused(medium: Path, makers: Makers) -> None:
    other = Makers("cy", "dan", number=2)
    other.signers.pop("dan")  # named in the keyset, and not there to sign
    path = medium / "keysets" / "2.json"
    path.parent.mkdir()
    whole = Makers("cy", "dan", number=2)
    path.write_bytes(canonical(whole.keyset) + b"\n")
    from app.release.making.sign import sign_keyset

    for signers in makers.signers.values():
        sign_keyset(path, signers, seconds=1)
    refused(medium, makers, "Signed by nobody; keyset 2")


def test_keyset_for_development_is_refused_unless_allowed(folder: Path) -> None:
    makers = Makers(development=True)
    medium = makers.release(folder / "medium", 2)
    with pytest.raises(ReleaseError, match="--development"):
        believed(medium, makers)
    assert believed(medium, makers, development=True).keyset.development


def test_keyset_for_development_cannot_take_over(medium: Path, makers: Makers) -> None:
    Makers("cy", "dan", number=2, development=True).write_keyset(medium / "keysets" / "2.json", makers)
    refused(medium, makers, "cannot take over")


def test_keyset_with_one_key_under_two_names_is_refused(makers: Makers) -> None:
    keys = makers.keyset.holders["ada"]
    twin = msgspec.structs.replace(makers.keyset, holders={"ada": keys, "bob": keys}, threshold=2)
    with pytest.raises(ReleaseError, match="in its own name"):
        parse_keyset(canonical(twin))


def test_keyset_is_given_by_hand_only_where_none_is_known(folder: Path, makers: Makers) -> None:
    given = makers.write_keyset(folder / "given.json")
    pinned = folder / "pinned.json"
    with pytest.raises(ReleaseError, match="--keyset"):
        trusted(pinned)
    assert trusted(pinned, given=given) == given.read_bytes()
    newer = Makers(number=2).write_keyset(pinned)
    assert trusted(pinned, built=given.read_bytes()) == newer.read_bytes()
    assert trusted(pinned, given=given, built=given.read_bytes()) == newer.read_bytes()
    with pytest.raises(ReleaseError, match="trusted here already"):
        trusted(pinned, given=given)
    twin = canonical(Makers(number=2).keyset)
    with pytest.raises(ReleaseError, match="same number"):
        trusted(pinned, built=twin)


def test_statement_is_the_head_of_a_log_with_one_entry() -> None:
    assert statement("sallyport", "release", 7, b"x").startswith("sallyport/release/7\n1\n")

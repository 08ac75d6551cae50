"""The inside of a backup is exactly what we would write: no other kind of entry, name, size or order is read."""

import io
import tarfile
import zlib
from pathlib import Path

import pytest

from app.backup.age import Identity
from app.backup.contents import FORMAT, Contents, Database, Manifest, rendered
from app.backup.parts import PartReader, PartWriter
from app.backup.reading import BackupReader, unpacked
from app.backup.writing import STEP, BackupFile
from app.core.errors import InputError

MANIFEST = Manifest(
    format=FORMAT,
    created="2026-05-03T10:00:00+00:00",
    release="0.1.0",
    node="one",
    embedded=True,
    database=Database(version=180000, migrations=[(1, "x")], tables=[], months=[]),
    sealed=None,
    keys=[],
    included=[],
    left_out=[],
    elsewhere=[],
)


def read(data: bytes) -> list[str]:
    reader = PartReader(io.BytesIO(data).read)
    for _ in reader:
        pass
    return [part.name for part in reader.parts]


def written(*parts: tuple[str, bytes]) -> bytes:
    out = bytearray()
    writer = PartWriter(out.extend)
    for name, data in parts:
        writer.add(name, data)
    writer.close()
    return bytes(out)


def entry(name: str, kind: bytes = tarfile.REGTYPE, *, link: str = "", size: int = 0) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode, info.mtime = kind, link, size, 0o600, 0
    return info.tobuf(tarfile.USTAR_FORMAT)


def test_parts_are_read_back_and_any_tar_reads_them():
    data = written(("manifest.json", b"{}"), ("site/keys/record/signing", b"x" * 1000))
    assert read(data) == ["manifest.json", "site/keys/record/signing"]
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert [member.size for member in tar.getmembers()] == [2, 1000]


@pytest.mark.parametrize(
    "header",
    [
        entry("../etc/passwd"),
        entry("site/../../etc/passwd"),
        entry("/etc/passwd"),
        entry("site/.ssh/authorized_keys"),
        entry("site/keys/../../x"),
        entry("site"),
        entry("other"),
        entry("database/Robert'); DROP TABLE/000000.gz"),
        entry("site/a", tarfile.SYMTYPE, link="/etc/passwd"),
        entry("site/a", tarfile.LNKTYPE, link="manifest.json"),
        entry("site/a", tarfile.DIRTYPE),
        entry("site/a", tarfile.CHRTYPE),
        entry("site/a", size=10**9),
        b"x" * 512,
    ],
)
def test_foreign_entries_are_refused(header: bytes):
    with pytest.raises(InputError):
        read(header + bytes(1024))


def test_what_is_there_twice_cut_off_or_behind_the_end_is_refused():
    data = written(("site/a", b"1"), ("site/b", b"2"))
    for altered in (
        written(("site/a", b"1"), ("site/a", b"2")),
        data + b"x",
        data[:-512],
        data[: 512 + 512],
        data[:600] + b"x" + data[601:],
    ):
        with pytest.raises(InputError):
            read(altered)


def test_names_that_cannot_be_carried_are_told_before_anything_is_written(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be in a backup"):
        written(("site/a b", b""))


def test_a_bomb_is_stopped_at_the_size_that_such_a_part_can_have():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(bytes(STEP + 1)) + packer.flush()
    data = written(("database/roles/000000.gz", bomb))
    for part in PartReader(io.BytesIO(data).read):
        with pytest.raises(InputError, match="larger than such a part"):
            for _ in unpacked(part):
                pass


def test_text_of_any_length_is_unpacked_whole():
    for size in (0, 1, 256 * 1024, 256 * 1024 + 1, STEP):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        data = written(("database/roles/000000.gz", packer.compress(bytes(size)) + packer.flush()))
        found = [sum(map(len, unpacked(part))) for part in PartReader(io.BytesIO(data).read)]
        assert found == [size]


def test_a_backup_whose_parts_are_not_those_of_its_list_is_refused(tmp_path: Path):
    identity = Identity.new()
    for name, change in (
        ("same", lambda one: one),
        ("fewer", lambda one: Contents(format=FORMAT, parts=one.parts[:-1], rows={}, bytes=0)),
        ("format", lambda one: Contents(format="another", parts=one.parts, rows={}, bytes=0)),
    ):
        path = tmp_path / name
        file = BackupFile(path, [identity.recipient])
        file.begin(MANIFEST)
        file.add_rows("roles", 0, b"a\tb\n")
        file.seal(rendered(change(file.contents())), b"note")
        file.keep()
        reader = BackupReader(path, [identity])
        if name == "same":
            checked = reader.check(lambda done, total: None)
            assert [part.name for part in checked.contents.parts] == [
                "manifest.json",
                "database/roles/000000.gz",
            ]
            assert list(tmp_path.iterdir()) == [path]
            with pytest.raises(InputError, match="exists already"):
                BackupFile(path, [identity.recipient])
        else:
            with pytest.raises(InputError):
                reader.check(lambda done, total: None)
        reader.close()

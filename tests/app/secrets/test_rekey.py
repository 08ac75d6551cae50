"""Another master key while everything is in use: both are accepted, other nodes follow, a crash loses nothing."""

from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from app.core.errors import BoxError, ConflictError, MasterKeyError
from app.extensions import KnownKey, MasterKey
from app.secrets.keys import FileSource, PassphraseSource, SoftwareKey
from app.secrets.store import change
from tests.app.secrets.world import NEXT, VALUE, given, node, passage


async def stored(secrets, value: bytes = VALUE) -> None:
    await secrets.set(passage("set"), "token", value)
    await secrets.grant(passage("grant"), "token", "server:files")


def held(folder: Path) -> list[str]:
    return [key.id for key in FileSource(folder / "keys" / "master.key").find(())]


async def test_every_box_has_the_new_key_and_values_stay(database: str, tmp_path: Path):
    async with node(database, tmp_path) as secrets:
        await stored(secrets)
        await secrets.rotate(passage("rotate"), "token", NEXT)
        with psycopg.connect(database) as conn:
            before = conn.execute("SELECT value FROM secret_versions ORDER BY version").fetchall()
        done = await secrets.rekey(passage("rekey", "*"))
        assert (done.versions, held(tmp_path)) == (2, [done.before, done.after])
        with psycopg.connect(database) as conn:
            assert conn.execute("SELECT value FROM secret_versions ORDER BY version").fetchall() == before
        assert {one.key for one in await secrets.history("token")} == {done.after}
        assert given(secrets) == NEXT
        await secrets.finish_rekey(passage("rekey", "*"))
        assert held(tmp_path) == [done.after]
        with pytest.raises(ConflictError):
            await secrets.finish_rekey(passage("rekey", "*"))
    async with node(database, tmp_path) as again:
        await again.catalogue.open()
        assert given(again) == NEXT


async def test_other_node_takes_the_new_key_over_and_forgets_the_old(database: str, tmp_path: Path):
    mine, theirs = tmp_path / "one", tmp_path / "two"
    async with node(database, mine) as one, node(database, theirs) as two:
        await stored(one)
        (theirs / "keys").mkdir(parents=True)
        (theirs / "keys" / "master.key").write_bytes((mine / "keys" / "master.key").read_bytes())
        (theirs / "keys" / "master.key").chmod(0o600)
        await two.catalogue.open()
        done = await one.rekey(passage("rekey", "*"))
        assert given(two) == VALUE
        await two.catalogue.follow()
        await one.rotate(passage("rotate"), "token", NEXT)
        await two.catalogue.follow()
        assert given(two) == NEXT
        assert held(theirs) == [done.before, done.after]
        await one.finish_rekey(passage("rekey", "*"))
        await two.catalogue.follow()
        assert held(theirs) == [done.after]
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT DISTINCT handover FROM secret_keys").fetchall() == [(b"",)]


async def test_without_handover_the_other_node_keeps_what_it_knew_until_it_is_given_the_key(
    database: str, tmp_path: Path
):
    mine, theirs = tmp_path / "one", tmp_path / "two"
    async with node(database, mine) as one, node(database, theirs) as two:
        await stored(one)
        (theirs / "keys").mkdir(parents=True)
        path = theirs / "keys" / "master.key"
        path.write_bytes((mine / "keys" / "master.key").read_bytes())
        path.chmod(0o600)
        await two.catalogue.open()
        await one.rekey(passage("rekey", "*"), handover=False)
        with pytest.raises(MasterKeyError, match="which is not here"):
            await two.catalogue.follow()
        assert given(two) == VALUE
        path.write_bytes((mine / "keys" / "master.key").read_bytes())
        await two.catalogue.follow()
        assert given(two) == VALUE


async def test_old_key_alone_opens_nothing_after_a_rekey_without_handover(database: str, tmp_path: Path):
    async with node(database, tmp_path) as secrets:
        await stored(secrets)
        path = tmp_path / "keys" / "master.key"
        old = path.read_bytes()
        await secrets.rekey(passage("rekey", "*"), handover=False)
        await secrets.finish_rekey(passage("rekey", "*"))
        path.write_bytes(old)
    async with node(database, tmp_path) as thief:
        with pytest.raises(MasterKeyError, match="which is not here"):
            await thief.catalogue.open()


async def test_rekey_that_fails_changes_nothing_and_its_key_is_used_next_time(database: str, tmp_path: Path):
    async with node(database, tmp_path) as secrets:
        await stored(secrets)
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute("ALTER TABLE secret_versions ADD CONSTRAINT stuck CHECK (version > 0) NOT VALID")
            conn.execute(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$"
            )
            conn.execute("CREATE TRIGGER t BEFORE INSERT ON secret_keys EXECUTE FUNCTION fail()")
            with pytest.raises(psycopg.Error, match="disk is full"):
                await secrets.rekey(passage("rekey", "*"))
            conn.execute("DROP TRIGGER t ON secret_keys")
        waiting = held(tmp_path)
        async with node(database, tmp_path) as again:
            await again.catalogue.open()
            assert given(again) == VALUE
            done = await again.rekey(passage("rekey", "*"))
        assert held(tmp_path) == waiting == [done.before, done.after]


async def test_rekey_of_a_catalogue_that_somebody_else_touched_is_refused(database: str, tmp_path: Path):
    async with node(database, tmp_path) as one, node(database, tmp_path) as two:
        await stored(one)
        await two.catalogue.open()
        async with change(two.catalogue.pool):
            pass
        with pytest.raises(ConflictError):
            await one.rekey(passage("rekey", "*"))


class Device:
    """A key that never leaves its module, as a PKCS#11 one does."""

    def __init__(self) -> None:
        self._inside = SoftwareKey(b"d" * 32)
        self.id, self.salt = self._inside.id, b""
        self.away = False

    def wrap(self, plain: bytes, about: bytes) -> bytes:
        return self._working().wrap(plain, about)

    def unwrap(self, box: bytes, about: bytes) -> bytes:
        return self._working().unwrap(box, about)

    def tag(self, data: bytes) -> bytes:
        return self._working().tag(data)

    def export(self) -> bytes:
        return b""

    def _working(self) -> SoftwareKey:
        if self.away:
            raise MasterKeyError("The module does not answer.", remedy="Plug it in.")
        return self._inside


class DeviceSource:
    """Registered like any other source."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def ready(self) -> None:
        return None

    def find(self, known: Sequence[KnownKey]) -> Sequence[MasterKey]:
        return [self._device]

    def make(self) -> MasterKey:
        raise MasterKeyError("The module makes no keys.", remedy="Make one with its own tool.")

    def adopt(self, key: bytes) -> MasterKey:
        raise MasterKeyError("The module takes no keys.", remedy="Make one with its own tool.")

    def forget(self, ids: Sequence[str]) -> None:
        return None


async def test_key_in_a_device_is_a_source_like_any_other(database: str, tmp_path: Path):
    device = Device()
    source = DeviceSource(device)
    async with node(database, tmp_path, source=source, source_name="pkcs11") as secrets:
        await stored(secrets)
        assert [(key.source, key.here) for key in (await secrets.check()).keys] == [("pkcs11", True)]
    device.away = True
    async with node(database, tmp_path, source=source) as again:
        with pytest.raises(MasterKeyError, match="does not answer"):
            await again.catalogue.open()
        assert again.catalogue.snapshot.opened == {}


async def test_passphrase_of_another_site_opens_nothing(database: str, tmp_path: Path):
    right = PassphraseSource(lambda new: "correct horse battery", memory_kib=64)
    async with node(database, tmp_path, source=right, source_name="passphrase") as secrets:
        await stored(secrets)
    async with node(database, tmp_path, source=PassphraseSource(lambda new: "wrong", memory_kib=64)) as again:
        with pytest.raises(MasterKeyError, match="not the one"):
            await again.catalogue.open()
    with pytest.raises(MasterKeyError, match="shorter"):
        PassphraseSource(lambda new: "short", memory_kib=64).make()
    with psycopg.connect(database) as conn:
        assert len(conn.execute("SELECT salt FROM secret_keys").fetchall()[0][0]) == 16


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_key_file_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int):
    source = FileSource(tmp_path / "master.key")
    source.ready()
    (tmp_path / "master.key").chmod(mode)
    with pytest.raises(MasterKeyError, match="by others"):
        source.find(())


def test_key_file_that_is_a_link_is_refused(tmp_path: Path):
    FileSource(tmp_path / "real").ready()
    (tmp_path / "master.key").symlink_to(tmp_path / "real")
    with pytest.raises(MasterKeyError, match="cannot be read"):
        FileSource(tmp_path / "master.key").find(())


def test_wrong_lines_are_named_and_not_shown(tmp_path: Path):
    path = tmp_path / "master.key"
    path.write_text("# a note\nsallyport-master-key-1 c2hvcnQ=\n")
    path.chmod(0o600)
    with pytest.raises(MasterKeyError, match="line 2") as caught:
        FileSource(path).find(())
    assert "c2hvcnQ" not in str(caught.value)
    with pytest.raises(BoxError):
        SoftwareKey(b"a" * 32).unwrap(SoftwareKey(b"b" * 32).wrap(b"x", b""), b"")

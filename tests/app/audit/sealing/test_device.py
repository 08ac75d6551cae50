"""Keys that never leave a device: what it signs verifies, and nothing is sealed while it is away, hangs or is another."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.audit.sealing.rotate import rotate
from app.audit.signing.device import DeviceKeys
from app.audit.signing.keys import new_signers, write_signers
from app.audit.signing.source import newest_of
from app.audit.tlog.note import parse_note
from app.audit.tlog.signing import Signer, verified
from app.config import Profile
from app.config.schema import Record
from app.core.errors import ConfigError, SignerError
from app.db import connect
from app.extensions import RecordKey
from app.server.rooms.seal_keys import key_source
from tests.app.audit.sealing.workshop import CLOCK, Workshop, Writer, workshop
from tests.app.audit.verify.test_restored import verified as judged
from tests.fix_process import Program
from tests.simulators.signing_device import Remote, device

BOTH = ("ed25519", "ml-dsa-44")
ORIGIN = "bank.example"


def at(path: Path, folder: Path, *, patience: float = 20.0) -> DeviceKeys:
    """The source of a profile that names this device."""
    return DeviceKeys(
        extension="box", origin=ORIGIN, folder=folder, device=lambda: Remote(path), patience=patience
    )


async def stepping(shop: Workshop, true: Callable[[], bool]) -> None:
    """Steps until this is so; a sealer that was stopped rests between two."""
    async with asyncio.timeout(20):
        while not true():
            await shop.sealer.step()
            await asyncio.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("algorithms", [BOTH, BOTH[:1]])
async def test_a_record_sealed_by_a_device_verifies(
    database: str, tmp_path: Path, algorithms: tuple[str, ...]
) -> None:
    Writer(database).write(5)
    program = Program(tmp_path, database=database)
    data = tmp_path / "data"
    with device(tmp_path / "socket", *algorithms):
        source = at(tmp_path / "socket", data)
        async with workshop(database, data, origin=ORIGIN, source=source) as shop:
            await shop.sealer.step()
            assert shop.state.alarms == {}
            size, _, note = shop.head()
            keys = [one.key for one in source.load()]
    assert (size, len(keys)) == (5, len(algorithms))
    assert note.startswith("bank.example/audit\n5\n")
    assert verified(parse_note(note), keys) == keys
    assert not (data / "keys" / "record" / "signing").exists()
    done = await asyncio.to_thread(program.run, "audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
async def test_a_device_that_is_away_or_hangs_is_an_alarm_until_it_is_back(
    database: str, tmp_path: Path
) -> None:
    path, away = tmp_path / "socket", tmp_path / "away"
    writer = Writer(database)
    with device(path, *BOTH) as process:
        source = at(path, tmp_path, patience=1.0)
        async with workshop(database, tmp_path, origin=ORIGIN, source=source) as shop:
            await shop.sealer.step()
            writer.write(3)
            path.rename(away)
            await shop.sealer.step()
            assert "extension:box does not sign" in shop.state.alarms["key"]
            assert shop.head()[0] == 0
            away.rename(path)
            await stepping(shop, lambda: shop.head()[0] == 3)
            assert shop.state.alarms == {}
            writer.write(2)
            process.send_signal(signal.SIGSTOP)
            await shop.sealer.step()
            assert "no answer within 1 seconds" in shop.state.alarms["key"]
            with pytest.raises(SignerError, match="still not answered"):
                source.load()
            process.send_signal(signal.SIGCONT)
            await stepping(shop, lambda: shop.head()[0] == 5)
            assert shop.state.alarms == {}
    assert [event.action for event in shop.events] == ["record.alarm.key", "record.alarm.key"]


async def test_another_device_is_an_alarm_and_seals_nothing(database: str, tmp_path: Path) -> None:
    writer = Writer(database)
    with device(tmp_path / "one", *BOTH), device(tmp_path / "two", *BOTH):
        async with workshop(database, tmp_path, origin=ORIGIN, source=at(tmp_path / "one", tmp_path)) as shop:
            await shop.sealer.step()
        writer.write(2)
        async with workshop(database, tmp_path, origin=ORIGIN, source=at(tmp_path / "two", tmp_path)) as shop:
            await shop.sealer.step()
            assert "extension:box is not the newest of this log" in shop.state.alarms["key"]
            assert shop.head()[0] == 0


class Liar:
    """Names the key of one device and signs by another."""

    def __init__(self, named: Path, signing: Path) -> None:
        self._named = Remote(named)
        self._signing = Remote(signing)

    @property
    def keys(self) -> list[RecordKey]:
        return list(self._named.keys)

    def sign(self, key: RecordKey, payload: bytes) -> bytes:
        return self._signing.sign(self._signing.keys[0], payload)


async def test_a_signature_that_does_not_verify_is_never_kept(database: str, tmp_path: Path) -> None:
    writer = Writer(database)
    with device(tmp_path / "one", "ed25519"), device(tmp_path / "two", "ed25519"):
        async with workshop(database, tmp_path, origin=ORIGIN, source=at(tmp_path / "one", tmp_path)) as shop:
            await shop.sealer.step()
        writer.write(2)
        liar = DeviceKeys(
            extension="box",
            origin=ORIGIN,
            folder=tmp_path,
            device=lambda: Liar(tmp_path / "one", tmp_path / "two"),
        )
        async with workshop(database, tmp_path, origin=ORIGIN, source=liar) as shop:
            await shop.sealer.step()
            assert "does not verify by the key" in shop.state.alarms["key"]
            assert shop.head()[0] == 0


async def test_a_device_without_a_key_is_never_given_one(database: str, tmp_path: Path) -> None:
    with device(tmp_path / "socket"):
        async with workshop(
            database, tmp_path, origin=ORIGIN, source=at(tmp_path / "socket", tmp_path)
        ) as shop:
            await shop.sealer.step()
            assert "names no key" in shop.state.alarms["key"]
            assert shop.select("SELECT count(*) FROM audit_log_keys") == [(0,)]


async def test_a_log_moves_from_a_file_into_a_device(database: str, tmp_path: Path) -> None:
    write_signers(tmp_path / "key", new_signers("bank.example/audit"))
    writer = Writer(database)
    with device(tmp_path / "weak", "ed25519"), device(tmp_path / "box", *BOTH):
        source = at(tmp_path / "box", tmp_path)
        async with workshop(database, tmp_path, origin=ORIGIN, keys=f"file:{tmp_path / 'key'}") as shop:
            await shop.sealer.step()
            async with await connect(database, purpose="ceremony") as conn:
                parts = {"source": shop.source, "node": "n1", "clock": CLOCK}
                with pytest.raises(ConfigError, match="not of both kinds"):
                    await rotate(conn, given=at(tmp_path / "weak", tmp_path).load(), **parts)
                moved = await rotate(conn, given=source.load(), **parts)
        writer.write(1)
        async with workshop(database, tmp_path, origin=ORIGIN, source=source) as shop:
            await shop.sealer.step()
            assert shop.state.alarms == {}
            keys = [one.key for one in source.load()]
            assert [str(key) for key in keys] == moved.new
            assert verified(parse_note(shop.head()[2]), keys) == keys
            report = await judged(shop)
            assert (report.verdict, report.checked["rows"]) == ("intact", 2)
            async with await connect(database, purpose="ceremony") as conn:
                with pytest.raises(ConfigError, match="names no key but those"):
                    await rotate(conn, given=[], source=source, node="n1", clock=CLOCK)


class FirstOnly(DeviceKeys):
    """A device before its second key was made."""

    def load(self) -> Sequence[Signer]:
        return super().load()[:1]


async def test_a_device_rotates_to_the_key_behind_the_one_that_signs(database: str, tmp_path: Path) -> None:
    with device(tmp_path / "box", "ed25519", "ed25519"):
        first, second = at(tmp_path / "box", tmp_path).load()
        first_only = FirstOnly(
            extension="box", origin=ORIGIN, folder=tmp_path, device=lambda: Remote(tmp_path / "box")
        )
        async with workshop(database, tmp_path, origin=ORIGIN, source=first_only) as shop:
            await shop.sealer.step()
            source = at(tmp_path / "box", tmp_path)
            async with await connect(database, purpose="ceremony") as conn:
                done = await rotate(conn, given=[], source=source, node="n1", clock=CLOCK)
            assert (done.old, done.new) == ([str(first.key)], [str(second.key)])
        async with workshop(database, tmp_path, origin=ORIGIN, source=source) as shop:
            await shop.sealer.step()
            assert shop.state.alarms == {}
            assert verified(parse_note(shop.head()[2]), [first.key, second.key]) == [second.key]
        assert newest_of([first, second]) == [second]


def test_the_profile_chooses_an_extension_by_its_name(tmp_path: Path) -> None:
    chosen = Profile(record=Record(origin=ORIGIN, keys="extension:box"))
    with device(tmp_path / "socket", "ed25519"):
        signers = {"box": lambda profile, folder: Remote(folder / "socket")}
        (signer,) = key_source(chosen, tmp_path, signers=signers).load()
    assert signer.key.name == "bank.example/audit"
    with pytest.raises(ConfigError, match="no extension 'box' that signs"):
        key_source(chosen, tmp_path)
    nameless = Profile(record=Record(keys="extension:box"))
    with pytest.raises(ConfigError, match="needs the name of the log"):
        key_source(nameless, tmp_path, signers=signers)

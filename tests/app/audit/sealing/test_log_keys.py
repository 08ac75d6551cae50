"""Keys: made once, never in silence again, refused when others may read them, rotated by a word that both sign."""

import json
from pathlib import Path

import pytest

from app.audit.sealing.authority import predecessors
from app.audit.sealing.restore import declare, find_break
from app.audit.sealing.rotate import rotate
from app.audit.signing.keys import KeyFiles, new_signers, parse_signers, render_signers, write_signers
from app.audit.tlog.note import parse_note
from app.audit.tlog.signing import verified
from app.core.errors import ConfigError, ProofError
from app.db import connect
from tests.app.audit.sealing.workshop import CLOCK, Workshop, Writer, workshop


async def rotated(shop: Workshop) -> None:
    async with await connect(shop.url, purpose="ceremony") as conn:
        await rotate(conn, source=shop.source, given=[], node="n1", clock=CLOCK)


def test_a_key_file_reads_back() -> None:
    signers = new_signers("")
    assert [one.key for one in parse_signers(render_signers(signers))] == [one.key for one in signers]
    assert signers[0].key.name.endswith("/audit")


@pytest.mark.parametrize("change", [("PRIVATE", "PUBLIC"), ("+", "-"), ("\n", "")])
def test_a_damaged_key_file_is_refused_without_repeating_it(change: tuple[str, str]) -> None:
    text = render_signers(new_signers("log.example/audit"))
    with pytest.raises(ProofError) as caught:
        parse_signers(text.replace(change[0], change[1], 1 if change[0] != "\n" else 2))
    assert not any(word in str(caught.value) for word in text.split("+") if len(word) > 30)


def test_a_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_signers(path, new_signers("log.example/audit"))
    source = KeyFiles(folder=tmp_path, setting=f"file:{path}", credentials=None)
    assert len(source.load()) == 2
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        KeyFiles(folder=tmp_path, setting=f"file:{path}", credentials=None).load()


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    write_signers(tmp_path / "key", new_signers("log.example/audit"))
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(FileExistsError):
        write_signers(tmp_path / "key", new_signers("log.example/audit"))
    assert (tmp_path / "key").read_bytes() == before


def test_a_systemd_credential_is_read_from_its_folder(tmp_path: Path) -> None:
    signers = new_signers("log.example/audit")
    write_signers(tmp_path / "record", signers)
    (tmp_path / "record").chmod(0o440)
    source = KeyFiles(folder=tmp_path, setting="credential:record", credentials=str(tmp_path))
    assert [one.key for one in source.load()] == [one.key for one in signers]
    with pytest.raises(ConfigError, match="LoadCredential"):
        KeyFiles(folder=tmp_path, setting="credential:record", credentials=None)


async def test_the_log_is_named_after_the_operators_own_key(database: str, tmp_path: Path) -> None:
    write_signers(tmp_path / "key", new_signers("bank.example/audit"))
    Writer(database).write(3)
    async with workshop(database, tmp_path, keys=f"file:{tmp_path / 'key'}", origin="bank.example") as shop:
        await shop.sealer.step()
        assert shop.head()[2].startswith("bank.example/audit\n3\n")
    async with workshop(database, tmp_path, keys=f"file:{tmp_path / 'nowhere'}") as shop:
        await shop.sealer.step()
        assert set(shop.state.alarms) == {"key"}


async def test_a_lost_key_is_an_alarm_and_never_replaced_in_silence(database: str, tmp_path: Path) -> None:
    writer = Writer(database)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
    (tmp_path / "keys" / "record" / "signing").unlink()
    writer.write(2)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        assert set(shop.state.alarms) == {"key"}
        assert shop.head()[0] == 0
        assert not (tmp_path / "keys" / "record" / "signing").exists()
        parts = {"source": shop.source, "outside": shop.outside}
        async with await connect(database, purpose="ceremony") as conn:
            broken = await find_break(conn, **parts)
            assert broken.said == ["The key of the log is lost."]
            await declare(conn, broken, reason="lost", node="n1", clock=CLOCK, **parts)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        assert shop.state.alarms == {}
        assert shop.head(2)[0] == 3


async def test_another_key_is_an_alarm(database: str, tmp_path: Path) -> None:
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
    path = tmp_path / "keys" / "record" / "signing"
    name = parse_signers(path.read_text(encoding="utf-8"))[0].key.name
    path.unlink()
    write_signers(path, new_signers(name))
    Writer(database).write(2)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        assert set(shop.state.alarms) == {"key"}
        assert shop.head()[0] == 0


async def test_a_rotation_is_recorded_and_the_checkpoint_of_the_change_is_signed_by_both(
    database: str, tmp_path: Path
) -> None:
    writer = Writer(database)
    writer.write(3)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        old = [one.key for one in shop.source.load()]
        await rotated(shop)
        new = [one.key for one in shop.source.load()]
        assert not set(map(str, old)) & set(map(str, new))
        await shop.sealer.step()
        assert shop.state.alarms == {}
        size, _, note = shop.head()
        assert size == 4
        assert verified(parse_note(note), [*old, *new]) == [*old, *new]
        writer.write(1)
        await shop.sealer.step()
        assert verified(parse_note(shop.head()[2]), [*old, *new]) == new
        event = next(json.loads(entry) for entry in shop.entries() if b"record.key.rotate" in entry)
        assert predecessors(event["body"]["statement"], new[0]) == old
        assert (event["body"]["old"], event["body"]["new"]) == (list(map(str, old)), list(map(str, new)))
        seeds = (tmp_path / "keys" / "record" / "signing").read_text(encoding="utf-8")
        assert str(old[0].id.hex()) not in seeds


async def test_a_rotation_that_was_cut_off_is_finished_by_the_sealer(database: str, tmp_path: Path) -> None:
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        old = (tmp_path / "keys" / "record" / "signing").read_bytes()
        await rotated(shop)
        new = (tmp_path / "keys" / "record" / "signing").read_bytes()
    # As if the process had ended between the commit and the renaming of the file.
    (tmp_path / "keys" / "record" / "signing").write_bytes(old)
    (tmp_path / "keys" / "record" / "next").write_bytes(new)
    (tmp_path / "keys" / "record" / "next").chmod(0o600)
    async with workshop(database, tmp_path) as shop:
        await shop.sealer.step()
        assert shop.state.alarms == {}
        assert (tmp_path / "keys" / "record" / "signing").read_bytes() == new
        assert shop.head()[0] == 1

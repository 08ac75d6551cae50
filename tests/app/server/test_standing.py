"""What doctor and status say of a data folder: keys, clock, certificate, backups, each with its remedy."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from app.backup.age import Identity
from app.config import Profile
from app.config.backup import Backup
from app.config.schema import Tls
from app.server.backup.schedule import drop_older, file_prefix
from app.server.backup.standing import backup_findings
from app.server.checks import Finding
from app.server.folder import prepare, sole_server
from app.server.host.standing import certificate_finding, clock_findings, permission_findings, serves
from app.server.listen.tls import certificate_for

NOW = datetime(2026, 5, 3, 10, tzinfo=UTC)
HEAD = (
    "bank.example/audit\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— bank.example/audit AAAAAAAA\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = prepare(tmp_path / "data")
    (made / "record").mkdir()
    (made / "record" / "head").write_text(HEAD, encoding="utf-8")
    os.utime(made / "record" / "head", (NOW.timestamp(), NOW.timestamp()))
    return made


def states(findings: object) -> list[str]:
    return [finding.state for finding in findings if isinstance(finding, Finding)]  # pyright: ignore[reportGeneralTypeIssues, reportAttributeAccessIssue]


def test_a_key_that_others_can_read_is_named_with_what_to_do(folder: Path):
    key = folder / "keys" / "master.key"
    key.write_text("x")
    key.chmod(0o600)
    assert states(permission_findings(folder)) == ["ok"]
    key.chmod(0o640)
    found = next(permission_findings(folder))
    assert (found.state, f"chmod 600 {key}" in found.remedy) == ("fail", True)
    key.chmod(0o600)
    folder.chmod(0o777)
    assert states(permission_findings(folder)) == ["ok", "fail"]


def test_a_clock_behind_what_was_signed_fails(folder: Path):
    assert "fail" not in states(clock_findings(folder, now=NOW))
    assert states(clock_findings(folder, now=NOW - timedelta(hours=1)))[-1] == "fail"


def test_a_certificate_of_the_sites_own_is_missed_before_it_expires(folder: Path):
    assert certificate_finding(Profile(), folder, now=NOW) is None
    certificate_for(Tls(), folder=folder / "tls", names=["localhost"], now=NOW)
    own = Tls(certificate=str(folder / "tls" / "server.pem"), key=str(folder / "tls" / "server.key"))
    given = msgspec.structs.replace(Profile(), listen=msgspec.structs.replace(Profile().listen, tls=own))
    late = NOW + timedelta(days=5000)
    for profile, now, state in (
        (Profile(), NOW, "ok"),
        (given, NOW, "ok"),
        (given, late, "fail"),
        (Profile(), late, "ok"),
    ):
        found = certificate_finding(profile, folder, now=now)
        assert found is not None
        assert found.state == state


def test_old_missing_and_unreadable_backups_are_told(folder: Path, tmp_path: Path):
    place = tmp_path / "kept"
    settings = Backup(folder=str(place), recipients=(str(Identity.new().recipient),), keep=2)
    profile = msgspec.structs.replace(Profile(), backup=settings)
    assert states(backup_findings(Profile(), folder, now=NOW)) == ["warn"]
    assert states(backup_findings(profile, folder, now=NOW)) == ["fail"]
    place.mkdir()
    assert states(backup_findings(profile, folder, now=NOW)) == ["warn", "ok"]
    for day in ("01", "02", "03"):
        (place / f"{file_prefix(folder)}-202605{day}T090000Z.age").write_bytes(b"x")
    (place / "sallyport-another.example-audit-20260503T090000Z.age").write_bytes(b"x")
    assert states(backup_findings(profile, folder, now=NOW)) == ["ok", "ok"]
    assert states(backup_findings(profile, folder, now=NOW + timedelta(days=9))) == ["warn", "ok"]
    assert [name[-20:-12] for name in drop_older(settings, folder)] == ["20260501"]
    assert len(list(place.iterdir())) == 3
    nobody = msgspec.structs.replace(profile, backup=msgspec.structs.replace(settings, recipients=("age1x",)))
    assert states(backup_findings(nobody, folder, now=NOW)) == ["fail"]


def test_a_server_is_seen_by_its_lock(folder: Path):
    assert not serves(folder)
    with sole_server(folder):
        assert serves(folder)
    assert not serves(folder)

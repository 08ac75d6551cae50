"""Updates of an installation whose releases are fakes and whose systemd is one; everything else is real."""

import shutil
import subprocess
import sys

import pytest

from tests.app.release.installation import ROOT, Installation
from tests.fix_process import clean

pytestmark = pytest.mark.slow


def test_newer_release_serves_after_its_health_was_seen(installation: Installation) -> None:
    assert installation.serving() == "0.1.0"
    done = installation.apply(installation.medium(2))
    assert done.returncode == 0, done.stderr
    assert (installation.serving(), installation.current()) == ("0.2.0", "0.2.0")
    assert installation.steps() == [
        "installed",
        "update.verified",
        "update.staged",
        "update.switched",
        "update.settled",
    ]
    back = installation.run("update", "rollback")
    assert back.returncode == 0, back.stderr
    assert (installation.serving(), installation.current()) == ("0.1.0", "0.1.0")
    again = installation.apply(installation.medium(3))
    assert again.returncode == 0, again.stderr
    assert installation.serving() == "0.3.0"
    assert len(list(installation.place.releases.iterdir())) == 2


@pytest.mark.parametrize(
    "behaviour", [{"ready": False}, {"starts": False}], ids=["never ready", "ends at once"]
)
def test_release_that_is_not_healthy_is_undone(
    installation: Installation, behaviour: dict[str, bool]
) -> None:
    medium = installation.medium(2, **behaviour)
    done = installation.apply(medium, seconds=2)
    assert done.returncode == 1
    assert "The update was undone" in done.stderr
    assert (installation.serving(), installation.current()) == ("0.1.0", "0.1.0")
    assert installation.steps()[-2:] == ["update.failed", "update.undone"]
    assert not installation.place.pending.exists()
    # the same number may be tried again, and was seen
    assert "0.1.0" in installation.apply(medium, seconds=1).stderr
    assert installation.place.seen().highest == 2


def test_release_that_fails_its_selftest_is_never_started(installation: Installation) -> None:
    done = installation.apply(installation.medium(2, selftest=3))
    assert done.returncode == 1
    assert "does not pass its selftest (exit code 3)" in done.stderr
    assert installation.site["starts"] == ["0.1.0"]
    assert [path.name for path in installation.place.releases.iterdir()] == [
        installation.place.linked("current")
    ]


def test_change_of_schema_makes_a_backup_while_nothing_serves(installation: Installation) -> None:
    done = installation.apply(installation.medium(2, schema=2))
    assert done.returncode == 0, done.stderr
    assert installation.serving() == "0.2.0"
    assert installation.site["schema"] == 2
    assert (installation.place.state / "backups" / "before-2.age").read_text().count('"schema": 1')
    assert "update.backup" in installation.steps()
    # and there is no way back without that backup
    back = installation.run("update", "rollback")
    assert back.returncode == 1
    assert "changed the database" in back.stderr
    assert installation.serving() == "0.2.0"


def test_undone_change_of_schema_puts_the_database_back(installation: Installation) -> None:
    done = installation.apply(installation.medium(2, schema=2, ready=False), seconds=1)
    assert done.returncode == 1
    assert installation.serving() == "0.1.0"
    assert installation.site == {"schema": 1, "starts": ["0.1.0", "0.1.0"], "rows": 7}
    assert "update.restored" in installation.steps()


def test_update_stops_where_no_backup_can_be_made(installation: Installation) -> None:
    broken = installation.medium(2, backup="fails")
    assert installation.apply(broken).returncode == 0
    done = installation.apply(installation.medium(3, schema=2))
    assert done.returncode == 1
    assert "no room for a backup" in done.stderr
    assert (installation.serving(), installation.current()) == ("0.2.0", "0.2.0")


def test_older_equal_and_unreachable_numbers_are_refused(installation: Installation) -> None:
    old = installation.medium(2)
    assert installation.apply(old).returncode == 0
    assert installation.apply(installation.medium(5)).returncode == 0
    for medium, said in (
        (old, "older than 5"),
        (installation.medium(5, ready=True), "is what is installed"),
        (installation.medium(9, minimum=7), "Install release 7 first"),
        (installation.medium(9, first=4, schema=6), "The database has schema 1"),
    ):
        for verb in ("verify", "apply"):
            refused = installation.run("update", verb, str(medium))
            assert refused.returncode == 1
            assert said in refused.stderr
    assert installation.serving() == "0.5.0"


def test_other_release_of_a_number_that_was_here_is_refused(installation: Installation) -> None:
    assert installation.apply(installation.medium(2, ready=False), seconds=0.5).returncode == 1
    refused = installation.apply(installation.medium(2))
    assert "two media have one number" in refused.stderr


def test_second_update_at_the_same_time_is_refused(installation: Installation) -> None:
    with installation.place.alone():
        refused = installation.apply(installation.medium(2))
    assert refused.returncode == 1
    assert "under way" in refused.stderr
    assert installation.serving() == "0.1.0"


def test_without_systemd_somebody_is_told_and_settles(installation: Installation) -> None:
    installation.end()
    path = installation.place.state / "install.json"
    path.write_text(path.read_text().replace('"system"', '""'))
    done = installation.apply(installation.medium(2))
    assert done.returncode == 0, done.stderr
    assert "Restart the server" in done.stdout
    waiting = installation.run("update", "settle", "--seconds", "0.5")
    assert "update settle" in waiting.stdout
    assert "not settled" in installation.apply(installation.medium(3)).stderr
    installation.boot()
    assert installation.run("update", "settle").returncode == 0
    assert installation.steps()[-1] == "update.settled"
    assert installation.answering() == "0.2.0"


def test_installing_again_changes_nothing_and_uninstalling_keeps_the_data(installation: Installation) -> None:
    medium = next(path for path in installation.folder.iterdir() if path.name.startswith("medium-1"))
    where = ("--data", str(installation.data), "--units", str(installation.units), "--user", "root")
    again = installation.run("install", "--medium", str(medium), *where)
    assert again.stdout.startswith("Everything is in place already.\n"), again.stderr
    # cut off before its last step, installing goes on from there
    (installation.prefix / "current" / "release.json").unlink()
    (installation.prefix / "current").unlink()
    assert installation.run("install", "--medium", str(medium), *where).returncode == 0
    assert installation.current() == "0.1.0"
    other = installation.run("install", "--medium", str(installation.medium(2)), *where)
    assert "update apply" in other.stderr
    planned = installation.run("uninstall", "--plan", "--units", str(installation.units))
    assert f"would remove {installation.prefix}" in planned.stdout
    assert installation.prefix.exists()
    assert "--confirm" in installation.run("uninstall", "--purge", "--units", str(installation.units)).stderr
    gone = installation.run("uninstall", "--units", str(installation.units))
    assert gone.returncode == 0, gone.stderr
    assert not installation.prefix.exists()
    assert not (installation.units / "sallyport.service").exists()
    assert (installation.data / "site.json").exists()
    assert installation.answering() == ""


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
def test_disk_that_is_full_changes_nothing(installation: Installation) -> None:
    medium = installation.medium(2)
    (medium / "docs" / "large.bin").write_bytes(bytes(3_000_000))
    installation.makers.list_files(medium, 2, version="0.2.0")
    installation.makers.sign(medium)
    words = ["update", "apply", str(medium), "--prefix", str(installation.prefix)]
    done = subprocess.run(
        ["prlimit", "--fsize=2000000", sys.executable, "-m", "app", *words],
        cwd=ROOT, env=clean(), capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "cannot be staged" in done.stderr
    assert not list(installation.place.incoming.iterdir())
    assert installation.site["starts"] == ["0.1.0"]
    assert installation.serving() == "0.1.0"

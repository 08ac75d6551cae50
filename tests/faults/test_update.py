"""Power cuts at every step of an update: afterwards the old release serves or the new one does, never neither."""

import re
import signal
from pathlib import Path

import pytest

from app.release.bundles import held, newest
from tests.app.release.conftest import folder, installation, makers
from tests.app.release.installation import Installation
from tests.media import Makers

pytestmark = pytest.mark.slow
__all__ = ["folder", "installation", "makers"]

OLD, NEW = "0.1.0", "0.2.0"
AFTERWARDS = {
    "update.after_stage": (OLD, OLD),
    "update.after_place": (OLD, OLD),
    "update.after_stop": (OLD, OLD),
    "update.after_backup": (OLD, OLD),
    "update.after_pending": (OLD, OLD),
    "update.after_switch": (NEW, NEW),
    "update.after_start": (NEW, NEW),
    "update.before_settle": (NEW, NEW),
}
"""What serves when the host has started again, and what when the update was settled."""


def power_cut(installation: Installation, medium: Path, point: str, *, seconds: float = 60) -> None:
    died = installation.apply(medium, crash_at=point, seconds=seconds)
    assert died.returncode == -signal.SIGKILL, died.stderr
    installation.end()
    installation.boot()


@pytest.mark.parametrize("point", AFTERWARDS)
def test_one_of_both_serves_after_a_power_cut(installation: Installation, point: str) -> None:
    medium = installation.medium(2, schema=2)
    power_cut(installation, medium, point)
    booted, settled = AFTERWARDS[point]
    assert installation.serving() == booted
    installation.run("update", "settle")
    assert (installation.serving(), installation.current()) == (settled, settled)
    assert not installation.place.pending.exists()
    if settled == OLD:
        again = installation.apply(medium)
        assert again.returncode == 0, again.stderr
        assert installation.serving() == NEW
    assert installation.site["schema"] == 2
    assert not list(installation.place.incoming.iterdir())


def test_old_release_serves_when_the_power_goes_while_the_new_one_fails(installation: Installation) -> None:
    power_cut(installation, installation.medium(2, ready=False), "update.after_undo", seconds=0.5)
    assert installation.serving() == OLD
    assert installation.run("update", "settle").returncode == 1
    assert (installation.serving(), installation.current()) == (OLD, OLD)
    assert not installation.place.pending.exists()


def test_broken_release_is_undone_after_a_power_cut(installation: Installation) -> None:
    power_cut(installation, installation.medium(2, starts=False), "update.after_switch")
    assert installation.run("update", "settle", "--seconds", "1").returncode == 1
    assert (installation.serving(), installation.current()) == (OLD, OLD)


def test_backup_that_is_no_longer_fresh_does_not_replace_the_database(installation: Installation) -> None:
    medium = installation.medium(2, schema=2, ready=False)
    died = installation.apply(medium, crash_at="update.after_start")
    assert died.returncode == -signal.SIGKILL
    installation.serving()
    pending = installation.place.pending
    pending.write_text(re.sub(r'"since":"20\d\d', '"since":"2020', pending.read_text()))
    settled = installation.run("update", "settle", "--seconds", "0.5")
    assert settled.returncode == 1
    assert "by hand" in settled.stderr
    assert installation.site["schema"] == 2
    assert (installation.serving(), installation.current()) == (NEW, NEW)
    assert pending.exists()


PRICES = 'version: "b"\nprices:\n  simulated: {input: "2", output: "3"}\n'


@pytest.mark.parametrize("point", ["bundle.after_stage", "bundle.after_place"])
def test_bundle_is_there_whole_or_not_at_all_after_a_power_cut(
    installation: Installation, makers: Makers, folder: Path, point: str
) -> None:
    medium = makers.bundle(folder / "prices", 4, kind="prices", files={"prices.yaml": PRICES})
    died = installation.apply(medium, crash_at=point)
    assert died.returncode == -signal.SIGKILL, died.stderr
    found = newest(installation.data, "prices")
    assert found is None or (found / "prices.yaml").read_text() == PRICES
    assert (found is not None) == (point == "bundle.after_place")
    again = installation.apply(medium)
    assert again.returncode == (0 if found is None else 1)
    assert held(installation.data) == {"prices": 4}

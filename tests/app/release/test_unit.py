"""The units as systemd itself reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.release.installing.unit import server_unit, settle_unit
from app.release.programs import Installed

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def written(folder: Path, prefix: Path, data: str) -> list[Path]:
    for name in ("current", "previous"):
        (prefix / name).mkdir(parents=True)
        shutil.copy("/bin/true", prefix / name / "sallyport")
    site = Installed(data=data, user="root", unit="sallyport.service", scope="system")
    units = {"sallyport.service": server_unit(prefix, site), "sallyport-settle.service": settle_unit(prefix)}
    for name, text in units.items():
        (folder / name).write_text(text)
    return [folder / name for name in units]


def analyze(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_units_are_understood_also_with_odd_paths(folder: Path) -> None:
    units = written(folder, folder / "a 50% $HOME prefix", str(folder / "its data"))
    done = analyze("verify", "--man=no", *units)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"sallyport\S*:\d+|nknown|gnoring", done.stderr), done.stderr


def test_exposure_stays_below_the_documented_figure(folder: Path) -> None:
    unit, _ = written(folder, folder / "prefix", "/var/lib/sallyport")
    told = analyze("security", "--offline=true", "--no-pager", unit).stdout
    found = re.search(r"exposure level for \S+: ([\d.]+)", told)
    if found is None:
        pytest.skip("this systemd-analyze does not judge unit files")
    assert float(found[1]) < 3.5

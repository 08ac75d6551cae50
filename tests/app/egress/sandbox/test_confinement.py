"""What is granted because the command names it, and what is not."""

from pathlib import Path

import pytest

from app.core.errors import ConfigError
from app.egress.sandbox import Level, Limits
from app.egress.sandbox.confinement import named_files, named_user, own_user
from app.egress.sandbox.level import essential


def test_script_brings_its_folder_and_a_named_folder_itself(tmp_path: Path) -> None:
    tool, shared, data = tmp_path / "tool", tmp_path / "shared", tmp_path / "data"
    for folder in (tool, shared, data):
        folder.mkdir()
    script, key = tool / "server.py", data / "key"
    script.touch()
    key.touch()
    command = ("python3", str(script), str(shared), str(key), "relative", "/no/such")
    assert named_files(command, hide=str(data)) == [str(script), str(tool), str(shared)]


def test_folders_of_many_are_not_granted_by_a_file_in_them() -> None:
    assert named_files(("python3", "/etc/passwd"), hide="") == ["/etc/passwd"]
    assert named_files(("python3", "/tmp"), hide="") == []


def test_each_program_of_each_site_has_a_number_of_its_own() -> None:
    numbers = {own_user(Path(data), name) for data in ("/a", "/b") for name in ("x", "y")}
    assert len(numbers) == 4
    assert all(2_000_000_000 <= number < 2_000_000_000 + 2**24 for number in numbers)


def test_unknown_user_is_named_with_a_remedy() -> None:
    with pytest.raises(ConfigError, match="no user 'nobody-like-this'"):
        named_user("nobody-like-this")


def test_no_limit_is_no_rlimit() -> None:
    assert Limits(memory_mb=0, processes=0, files=0, file_mb=0).rlimits() == {"core": 0}
    assert Limits(memory_mb=1).rlimits()["data"] == 1024**2


def test_level_names_what_is_missing_and_not_what_was_granted() -> None:
    level = Level(on={"limits": ""}, off={"network": "the profile grants it", "files": "no Landlock"})
    assert level.text == "without files"
    assert [one.measure for one in level.missing] == ["files"]
    assert level.missing[0].remedy
    assert "network" not in essential(network=True)
